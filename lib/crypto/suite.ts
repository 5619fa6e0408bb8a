/**
 * The cryptographic primitives of the protocol, in two shapes: `Suite` for handshakes, cookies and everything rare,
 * `PacketCipher` for data messages in the arena. Each has several implementations that the same tests hold equal.
 * @module
 */

/** Primitives of whitepaper section 5.4. Pure functions of their arguments; results are fresh arrays. A key or nonce of a wrong length throws a RangeError. */
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
  open(
    key: Uint8Array,
    counter: bigint,
    sealed: Uint8Array,
    associated: Uint8Array,
  ): Uint8Array | undefined;
  /** XChaCha20-Poly1305 with a nonce of 24 bytes. Returns ciphertext || tag. */
  xseal(
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    associated: Uint8Array,
  ): Uint8Array;
  /** The plaintext, or undefined when the tag is wrong. */
  xopen(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    associated: Uint8Array,
  ): Uint8Array | undefined;
}

/** @throws RangeError when `bytes` has another length; its content is never in the message */
export function expectLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new RangeError(`${what}: ${bytes.length} bytes; ${length} bytes are required`);
  }
}

/**
 * ChaCha20-Poly1305 without associated data for data messages, over the data plane's arena. Offsets are bytes into it.
 * Keys live in the arena too: 32 bytes at `keyAt`, of any alignment. No argument is checked.
 *
 * Room that the arena's owner promises around every message: 64 bytes before it that may be overwritten, and 80 bytes of slack
 * after it. Offsets should come from a small set that is used again and again: pointers to them are made once and kept.
 */
export interface PacketCipher {
  /** `ipsec-mb 1.3.0`, `libcrypto composed`, `libcrypto aead` or `noble`, as the status shows it. */
  readonly name: string;
  /**
   * Encrypts `length` bytes (0 to 65,520) at `at`, a multiple of 64, in place and writes the tag at `at + length`. The counter is two unsigned 32-bit halves.
   * The 64 bytes before the message are overwritten (the caller writes the 16 header bytes afterwards), and of what follows the tag up to 64 bytes.
   */
  seal(keyAt: number, counterLow: number, counterHigh: number, at: number, length: number): void;
  /**
   * Decrypts `length` bytes (0 to 65,520) at `from`, with the tag after them, to `to`, a multiple of 64. `from` has any alignment; the two messages with their rooms may not overlap.
   * The 64 bytes before `from` and the tag are overwritten: of a run of datagrams in one buffer, open the first first, and read a header before its datagram is opened.
   * What lies after the tag at `from` stays as it is. At `to`, 64 bytes before and 80 after the message are overwritten.
   * Returns false when the tag is wrong; what then stands at `to` must not be used.
   */
  open(
    keyAt: number,
    counterLow: number,
    counterHigh: number,
    from: number,
    length: number,
    to: number,
  ): boolean;
  /** Call after the bytes of any key in the arena changed: a session was installed or wiped. Nothing of earlier keys is kept. */
  forget(): void;
}
