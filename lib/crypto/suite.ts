/**
 * The interfaces of the cryptographic primitives: `Suite` for handshakes and cookies,
 * `PacketCipher` for data messages in the arena. The same tests run on all implementations of each.
 * @module
 */
import { KEY_LENGTH } from "../base/constants.ts";

/**
 * The base point of X25519 (RFC 7748 section 4.1): its product with a private key is the public
 * key.
 */
export const BASE_POINT: Uint8Array = new Uint8Array(KEY_LENGTH);
BASE_POINT[0] = 9;

/**
 * The primitives of whitepaper section 5.4. They throw a RangeError for a key or nonce of the wrong
 * length. Most return new arrays; those that write their results to arrays of the caller are for
 * what handshakes and floods do most. What `sharedSecret`, `products`, `open` and `xopen` return
 * lies in memory of secret_bytes.ts, and is the caller's to erase.
 */
export interface Suite {
  /** The name that the status shows, e.g. `noble` or `libcrypto 3.0.19`. */
  readonly name: string;
  /** BLAKE2s-256 of the concatenated parts (RFC 7693): 32 bytes. */
  hash(...parts: readonly Uint8Array[]): Uint8Array;
  /** Writes `hash` of the parts to `to`, 32 bytes, which may be one of the parts. */
  hashTo(to: Uint8Array, ...parts: readonly Uint8Array[]): void;
  /** Keyed BLAKE2s-128 of the concatenated parts: 16 bytes. The key has 1 to 32 bytes. */
  mac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /**
   * Writes `mac` of one part to `to`, 16 bytes. It makes no array, because floods have many macs
   * computed.
   */
  macTo(to: Uint8Array, key: Uint8Array, part: Uint8Array): void;
  /**
   * The whitepaper's KDF with as many outputs as are given: HKDF with HMAC-BLAKE2s and an empty
   * `info` (RFC 5869). Each output has 32 bytes, and may be the key.
   * @param key the chaining key, 32 bytes
   * @param input the input key material, of any length
   */
  kdf(key: Uint8Array, input: Uint8Array, ...outputs: readonly Uint8Array[]): void;
  /** The public key of a private key, 32 bytes. The private key need not be clamped. */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** X25519 (RFC 7748): 32 bytes, or undefined for zeros, the result of a point of small order. */
  sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /**
   * X25519 of one private key with each of the points, in their order, as `sharedSecret`. This
   * costs less than one at a time. The product with BASE_POINT is the public key.
   */
  products(privateKey: Uint8Array, ...points: readonly Uint8Array[]): (Uint8Array | undefined)[];
  /**
   * Encrypts with ChaCha20-Poly1305 (RFC 8439). The nonce is 32 zero bits and the counter, 64 bits
   * little-endian. Returns ciphertext and tag.
   */
  seal(key: Uint8Array, counter: bigint, plaintext: Uint8Array, associated: Uint8Array): Uint8Array;
  /**
   * Writes what `seal` returns to `to`, whose length is that of plaintext and tag. It makes no
   * array. The counter is below 2^53.
   */
  sealTo(
    to: Uint8Array,
    key: Uint8Array,
    counter: number,
    plaintext: Uint8Array,
    associated: Uint8Array,
  ): void;
  /** Decrypts what `seal` made. Returns the plaintext, or undefined when the tag is wrong. */
  open(
    key: Uint8Array,
    counter: bigint,
    sealed: Uint8Array,
    associated: Uint8Array,
  ): Uint8Array | undefined;
  /**
   * Writes what `open` returns to `to`, whose length is that of the plaintext. The counter is below
   * 2^53.
   * @returns false when the tag is wrong; `to` is not changed then
   */
  openTo(
    to: Uint8Array,
    key: Uint8Array,
    counter: number,
    sealed: Uint8Array,
    associated: Uint8Array,
  ): boolean;
  /** Encrypts with XChaCha20-Poly1305 and a nonce of 24 bytes. Returns ciphertext and tag. */
  xseal(
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    associated: Uint8Array,
  ): Uint8Array;
  /** Decrypts what `xseal` made. Returns the plaintext, or undefined when the tag is wrong. */
  xopen(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    associated: Uint8Array,
  ): Uint8Array | undefined;
}

/**
 * Checks the length of a key or nonce.
 * @throws RangeError that names `what` and the lengths, but not the bytes
 */
export function expectLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new RangeError(`${what}: ${bytes.length} bytes; ${length} bytes are required`);
  }
}

/**
 * ChaCha20-Poly1305 without associated data, for data messages in the arena.
 *
 * All offsets are in bytes from the start of the arena. Keys are in the arena too: 32 bytes at
 * `keyAt`, of any alignment. The counter is given as two unsigned 32-bit halves. Arguments are not
 * checked.
 *
 * The caller provides room around every message: 64 bytes before it and 80 bytes after it, which
 * may be overwritten. Offsets should come from a small set, because an implementation keeps a
 * pointer for each.
 */
export interface PacketCipher {
  /** The name that the status shows, e.g. `ipsec-mb 1.3.0`, `libcrypto composed` or `noble`. */
  readonly name: string;
  /**
   * Encrypts `length` bytes (0 to 65,520) at `at` in place and writes the 16-byte tag after them.
   * `at` is a multiple of 64. The 64 bytes before the message are overwritten, so write the message
   * header afterwards. Up to 64 bytes after the tag are overwritten too.
   */
  seal(keyAt: number, counterLow: number, counterHigh: number, at: number, length: number): void;
  /**
   * Decrypts `length` bytes (0 to 65,520) at `from`, which the tag follows, to `to`.
   *
   * `from` has any alignment, `to` is a multiple of 64. The two messages and the room around them
   * must not overlap. The tag and the 64 bytes before `from` are overwritten; bytes after the tag
   * are not. So datagrams that follow each other in a buffer are opened in order, and the header of
   * each is read before. At `to`, 64 bytes before and 80 bytes after the message are overwritten.
   * @returns false when the tag is wrong; the bytes at `to` must not be used then
   */
  open(
    keyAt: number,
    counterLow: number,
    counterHigh: number,
    from: number,
    length: number,
    to: number,
  ): boolean;
  /**
   * Forgets all keys that the implementation has kept. Call it after the bytes of a key in the
   * arena changed, which is when a session was installed or wiped. It costs nothing when no message
   * was sealed or opened since the last call.
   */
  forget(): void;
}
