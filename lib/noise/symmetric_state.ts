/**
 * The symmetric state of a handshake: chaining key and hash (Noise Protocol Framework section 5.2,
 * whitepaper section 5.4).
 * @module
 */
import { KEY_LENGTH, TAG_LENGTH } from "../base/constants.ts";
import { secretBytes, secretCopy } from "../base/secret_bytes.ts";
import type { Suite } from "../crypto/suite.ts";

const EMPTY = new Uint8Array(0);

/** The initial chaining key and hash of a protocol, 32 bytes each. */
export interface NoiseStart {
  readonly chainingKey: Uint8Array;
  readonly hash: Uint8Array;
}

/**
 * Computes the initial chaining key and hash of a protocol.
 * @param protocol the Noise protocol name, of more than 32 bytes; Noise pads shorter ones
 * @param prologue the Noise prologue, WireGuard's identifier
 */
export function noiseStart(suite: Suite, protocol: string, prologue: Uint8Array): NoiseStart {
  const chainingKey = suite.hash(new TextEncoder().encode(protocol));
  return { chainingKey, hash: suite.hash(chainingKey, prologue) };
}

/**
 * The chaining key and hash of one handshake. The names of the methods are those of Noise. What is
 * computed stays in the same arrays, where `wipe` erases it.
 */
export class SymmetricState {
  readonly #chainingKey: Uint8Array;
  readonly #hash: Uint8Array;
  /** The key for one message, and tau of the whitepaper. They are zeros between two calls. */
  readonly #key = secretBytes(KEY_LENGTH);
  readonly #tau = secretBytes(KEY_LENGTH);

  constructor(readonly suite: Suite, start: NoiseStart) {
    this.#chainingKey = secretCopy(start.chainingKey);
    this.#hash = start.hash.slice();
  }

  /** A copy, on which a message is tried that may be forged. */
  clone(): SymmetricState {
    return new SymmetricState(this.suite, { chainingKey: this.#chainingKey, hash: this.#hash });
  }

  /** Mixes public data into the hash. */
  mixHash(data: Uint8Array): void {
    this.suite.hashTo(this.#hash, this.#hash, data);
  }

  /** Mixes a shared secret, or an ephemeral public key, into the chaining key. */
  mixKey(input: Uint8Array): void {
    this.suite.kdf(this.#chainingKey, input, this.#chainingKey);
  }

  /**
   * Mixes a shared secret into the chaining key and encrypts `plaintext` with the derived key. The
   * ciphertext is mixed into the hash.
   */
  mixKeyAndSeal(secret: Uint8Array, plaintext: Uint8Array): Uint8Array {
    this.suite.kdf(this.#chainingKey, secret, this.#chainingKey, this.#key);
    return this.#seal(plaintext);
  }

  /**
   * Decrypts what `mixKeyAndSeal` made, to `plaintext`. After false (a wrong tag) the state is
   * useless.
   */
  mixKeyAndOpen(secret: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array): boolean {
    this.suite.kdf(this.#chainingKey, secret, this.#chainingKey, this.#key);
    return this.#open(sealed, plaintext);
  }

  /** Mixes the preshared key (32 bytes) into chaining key and hash, and encrypts `plaintext`. */
  mixPskAndSeal(presharedKey: Uint8Array, plaintext: Uint8Array): Uint8Array {
    this.#mixPsk(presharedKey);
    return this.#seal(plaintext);
  }

  /**
   * Decrypts what `mixPskAndSeal` made, to `plaintext`. After false (a wrong tag) the state is
   * useless.
   */
  mixPskAndOpen(presharedKey: Uint8Array, sealed: Uint8Array, plaintext: Uint8Array): boolean {
    this.#mixPsk(presharedKey);
    return this.#open(sealed, plaintext);
  }

  /**
   * The two transport keys, first the one that the initiator sends with. Call `wipe` afterwards.
   */
  split(): [Uint8Array, Uint8Array] {
    const first = secretBytes(KEY_LENGTH), second = secretBytes(KEY_LENGTH);
    this.suite.kdf(this.#chainingKey, EMPTY, first, second);
    return [first, second];
  }

  /** Erases everything, also what is left when the suite has thrown an error. */
  wipe(): void {
    this.#key.fill(0);
    this.#tau.fill(0);
    this.#chainingKey.fill(0);
    this.#hash.fill(0);
  }

  #mixPsk(presharedKey: Uint8Array): void {
    this.suite.kdf(this.#chainingKey, presharedKey, this.#chainingKey, this.#tau, this.#key);
    this.mixHash(this.#tau);
    this.#tau.fill(0);
  }

  #seal(plaintext: Uint8Array): Uint8Array {
    const sealed = new Uint8Array(plaintext.length + TAG_LENGTH);
    this.suite.sealTo(sealed, this.#key, 0, plaintext, this.#hash);
    this.#key.fill(0);
    this.mixHash(sealed);
    return sealed;
  }

  #open(sealed: Uint8Array, plaintext: Uint8Array): boolean {
    const isRight = this.suite.openTo(plaintext, this.#key, 0, sealed, this.#hash);
    this.#key.fill(0);
    this.mixHash(sealed);
    return isRight;
  }
}
