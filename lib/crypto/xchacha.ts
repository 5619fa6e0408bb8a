/**
 * XChaCha20 made from ChaCha20, for suites without XChaCha20 (draft-irtf-cfrg-xchacha-03).
 * @module
 */
import { hchacha } from "npm:@noble/ciphers@2.4.0/chacha.js";

/** "expand 32-byte k", the first four words of a ChaCha state (RFC 8439 section 2.3). */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** Bytes of the nonce from which the subkey is made. The other 8 become the inner nonce. */
export const HCHACHA_NONCE_LENGTH = 16;

/**
 * The HChaCha20 subkey, from a block of the ChaCha20 key stream (section 2.2 of the draft).
 *
 * A block is the state after 20 rounds plus the state before them. HChaCha20 is the first and the
 * last row of the state after the rounds. Before the rounds these rows are public: they are the
 * constants, and the 16 bytes of counter and nonce. So subtracting them gives the subkey.
 * @param block the 64-byte block whose counter and nonce are the first 16 bytes of `nonce`
 * @param nonce at least 16 bytes
 * @returns the subkey, 32 bytes
 */
export function subkeyOfBlock(block: Uint8Array, nonce: Uint8Array): Uint8Array {
  const words = new DataView(block.buffer, block.byteOffset, 64);
  const before = new DataView(nonce.buffer, nonce.byteOffset, HCHACHA_NONCE_LENGTH);
  const subkey = new Uint8Array(32);
  const out = new DataView(subkey.buffer);
  for (let i = 0; i < 4; i++) {
    out.setUint32(i * 4, words.getUint32(i * 4, true) - CONSTANTS[i], true);
    out.setUint32(
      16 + i * 4,
      words.getUint32(48 + i * 4, true) - before.getUint32(i * 4, true),
      true,
    );
  }
  return subkey;
}

/**
 * HChaCha20 (section 2.2 of the draft), by @noble: the subkey with which XChaCha20-Poly1305 seals
 * under nonces that begin with the same 16 bytes.
 * @param key 32 bytes
 * @param nonce the first 16 bytes of the nonces
 * @param subkey gets the subkey, 32 bytes
 */
export function hchacha20(key: Uint8Array, nonce: Uint8Array, subkey: Uint8Array): void {
  const words = (bytes: Uint8Array) => new Uint32Array(bytes.slice().buffer);
  const keyWords = words(key);
  const subkeyWords = new Uint32Array(8);
  hchacha(Uint32Array.from(CONSTANTS), keyWords, words(nonce), subkeyWords);
  subkey.set(new Uint8Array(subkeyWords.buffer));
  subkeyWords.fill(0);
  keyWords.fill(0);
}

/** The nonce of the inner ChaCha20-Poly1305: 4 zero bytes and the last 8 bytes of `nonce`. */
export function innerNonce(nonce: Uint8Array): Uint8Array {
  const inner = new Uint8Array(12);
  inner.set(nonce.subarray(HCHACHA_NONCE_LENGTH, HCHACHA_NONCE_LENGTH + 8), 4);
  return inner;
}
