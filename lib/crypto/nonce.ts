/**
 * The AEAD nonce of the protocol: 32 zero bits and the 64-bit counter, little-endian (whitepaper
 * section 5.4).
 * @module
 */

/** Bytes of a ChaCha20-Poly1305 nonce. */
export const NONCE_LENGTH = 12;
/** Bytes of an XChaCha20-Poly1305 nonce. */
export const XNONCE_LENGTH = 24;

/** Writes the nonce of a counter below 2^53 to `nonce`, 12 bytes. */
export function writeCounterNonce(nonce: Uint8Array, counter: number): void {
  nonce.fill(0);
  for (let i = 4, rest = counter; rest > 0; i++) {
    nonce[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** The nonce of a 64-bit counter, 12 bytes. */
export function counterNonce(counter: bigint): Uint8Array {
  const nonce = new Uint8Array(NONCE_LENGTH);
  new DataView(nonce.buffer).setBigUint64(4, counter, true);
  return nonce;
}
