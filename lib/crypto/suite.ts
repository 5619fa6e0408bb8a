/**
 * The cryptographic primitives of the protocol, in two shapes: `Suite` for handshakes, cookies and everything rare,
 * `PacketCipher` for data messages in the arena. Each has several implementations that the same tests hold equal.
 * @module
 */

/** Primitives of whitepaper section 5.4. Pure functions of their arguments; results are fresh arrays. */
export interface Suite {
  /** `noble` or `libcrypto 3.0.19`, as the status shows it. */
  readonly name: string;
  /** BLAKE2s-256 over the parts, one after the other: 32 bytes. */
  hash(...parts: readonly Uint8Array[]): Uint8Array;
  /** Keyed BLAKE2s-128 (MAC): key of 1 to 32 bytes, 16 bytes out. */
  mac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** HMAC-BLAKE2s-256: 32 bytes. */
  hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** The public key of a private one (clamped here): 32 bytes. */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** X25519: 32 bytes, or undefined when the result is all zeros (a point of small order). */
  sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** ChaCha20-Poly1305 (RFC 8439) with the nonce 0^32 || counter (little-endian, 64 bits). Returns ciphertext || tag. */
  seal(key: Uint8Array, counter: bigint, plaintext: Uint8Array, associated: Uint8Array): Uint8Array;
  /** The plaintext, or undefined when the tag is wrong. */
  open(key: Uint8Array, counter: bigint, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
  /** XChaCha20-Poly1305 with a nonce of 24 bytes. Returns ciphertext || tag. */
  xseal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array;
  /** The plaintext, or undefined when the tag is wrong. */
  xopen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
}

/**
 * ChaCha20-Poly1305 without associated data for data messages, over the data plane's arena. Offsets are bytes into it.
 * Keys live in the arena too: 32 bytes at `keyAt`. The arena's owner promises, around every message: 64 writable bytes before it (they may be
 * overwritten; after `seal` the caller writes the 16 header bytes), and 80 writable bytes of slack after it. Nothing is allocated a call.
 */
export interface PacketCipher {
  /** `libcrypto composed`, `libcrypto aead` or `noble`, as the status shows it. */
  readonly name: string;
  /** Encrypts `length` bytes at `at` in place and writes the tag at `at + length`. The counter is two unsigned 32-bit halves. `at` is a multiple of 64. */
  seal(keyAt: number, counterLow: number, counterHigh: number, at: number, length: number): void;
  /**
   * Decrypts `length` bytes at `from` (the tag follows them) to `to`, which is a multiple of 64 and may not overlap, except that `to === from` when allowed by the implementation.
   * Returns false when the tag is wrong; what then stands at `to` is unspecified and must not be used.
   */
  open(keyAt: number, counterLow: number, counterHigh: number, from: number, length: number, to: number): boolean;
}
