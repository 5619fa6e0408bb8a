/**
 * The symmetric state of a handshake: chaining key and hash (Noise Protocol Framework section 5.2,
 * whitepaper section 5.4).
 * @module
 */
import { secretCopy } from "../base/secret_bytes.ts";
import { kdf1, kdf2, kdf3 } from "../crypto/kdf.ts";
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

/** The chaining key and hash of one handshake. The names of the methods are those of Noise. */
export class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;

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
    this.#hash = this.suite.hash(this.#hash, data);
  }

  /** Mixes a shared secret, or an ephemeral public key, into the chaining key. */
  mixKey(input: Uint8Array): void {
    const next = kdf1(this.suite, this.#chainingKey, input);
    this.#chainingKey.fill(0);
    this.#chainingKey = next;
  }

  /**
   * Mixes a shared secret into the chaining key and encrypts `plaintext` with the derived key. The
   * ciphertext is mixed into the hash.
   */
  mixKeyAndSeal(secret: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const key = this.#mixCipherKey(secret);
    const sealed = this.suite.seal(key, 0n, plaintext, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return sealed;
  }

  /** Decrypts what `mixKeyAndSeal` made. After undefined (a wrong tag) the state is useless. */
  mixKeyAndOpen(secret: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const key = this.#mixCipherKey(secret);
    const plaintext = this.suite.open(key, 0n, sealed, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return plaintext;
  }

  /** Mixes the preshared key (32 bytes) into chaining key and hash, and encrypts `plaintext`. */
  mixPskAndSeal(presharedKey: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const key = this.#mixPsk(presharedKey);
    const sealed = this.suite.seal(key, 0n, plaintext, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return sealed;
  }

  /** Decrypts what `mixPskAndSeal` made. After undefined (a wrong tag) the state is useless. */
  mixPskAndOpen(presharedKey: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const key = this.#mixPsk(presharedKey);
    const plaintext = this.suite.open(key, 0n, sealed, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return plaintext;
  }

  /**
   * The two transport keys, first the one that the initiator sends with. Call `wipe` afterwards.
   */
  split(): [Uint8Array, Uint8Array] {
    return kdf2(this.suite, this.#chainingKey, EMPTY);
  }

  /** Erases the chaining key and the hash. */
  wipe(): void {
    this.#chainingKey.fill(0);
    this.#hash.fill(0);
  }

  #mixCipherKey(secret: Uint8Array): Uint8Array {
    const [next, key] = kdf2(this.suite, this.#chainingKey, secret);
    this.#chainingKey.fill(0);
    this.#chainingKey = next;
    return key;
  }

  #mixPsk(presharedKey: Uint8Array): Uint8Array {
    const [next, tau, key] = kdf3(this.suite, this.#chainingKey, presharedKey);
    this.#chainingKey.fill(0);
    this.#chainingKey = next;
    this.mixHash(tau);
    tau.fill(0);
    return key;
  }
}
