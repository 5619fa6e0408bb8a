/**
 * XChaCha20 for suites that have ChaCha20 only (draft-irtf-cfrg-xchacha-03).
 * @module
 */

/** "expand 32-byte k", the first four words of a ChaCha state (RFC 8439 section 2.3). */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];

/** Bytes of the nonce that make the subkey; the other 8 become the inner nonce. */
export const HCHACHA_NONCE_LENGTH = 16;

/**
 * HChaCha20 out of a ChaCha20 key stream (section 2.2 of the draft). A block is the state after 20 rounds plus the state before them, and HChaCha20 is the first
 * and last row after the rounds; what stood in those rows before is public: the constants, and the 16 bytes given as counter and nonce.
 * @param block the 64 bytes that ChaCha20 makes with the first 16 bytes of the nonce in the place of counter and nonce
 * @param nonce at least those 16 bytes
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

/** The nonce of the inner ChaCha20-Poly1305: four zero bytes and the last 8 of the nonce. */
export function innerNonce(nonce: Uint8Array): Uint8Array {
  const inner = new Uint8Array(12);
  inner.set(nonce.subarray(HCHACHA_NONCE_LENGTH, HCHACHA_NONCE_LENGTH + 8), 4);
  return inner;
}
