/**
 * Randomness from the operating system.
 * @module
 */

/** Most bytes of one crypto.getRandomValues (Web Cryptography API section 10.1.1). */
const CHUNK_BYTES = 65_536;

/** Fills `into` with random bytes fit for keys. */
export function fillRandom(into: Uint8Array): void {
  for (let at = 0; at < into.length; at += CHUNK_BYTES) {
    crypto.getRandomValues(into.subarray(at, at + CHUNK_BYTES) as Uint8Array<ArrayBuffer>);
  }
}
