/**
 * The running transcript of a handshake: chaining key and hash (Noise Protocol Framework section 5.2, whitepaper section 5.4).
 * @module
 */
import { kdf1, kdf2, kdf3 } from "../crypto/kdf.ts";
import type { Suite } from "../crypto/suite.ts";

const EMPTY = new Uint8Array(0);

/** Where a handshake begins: chaining key and hash that depend on nothing but the protocol's name and prologue, 32 bytes each. */
export interface NoiseStart {
  readonly chainingKey: Uint8Array;
  readonly hash: Uint8Array;
}

/**
 * The start of every handshake of a protocol.
 * @param protocol its Noise name, of more than 32 bytes (a shorter one would be padded, not hashed)
 * @param prologue what both sides agree on beforehand; WireGuard's is its identifier
 */
export function noiseStart(suite: Suite, protocol: string, prologue: Uint8Array): NoiseStart {
  const chainingKey = suite.hash(new TextEncoder().encode(protocol));
  return { chainingKey, hash: suite.hash(chainingKey, prologue) };
}

/** Chaining key and hash of one handshake. Keys that it hands out are for one message and wiped by whoever took them. */
export class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;

  constructor(readonly suite: Suite, start: NoiseStart) {
    this.#chainingKey = start.chainingKey.slice();
    this.#hash = start.hash.slice();
  }

  /** A copy: what a message does to it is undone by dropping it, when the message turns out to be a forgery. */
  clone(): SymmetricState {
    return new SymmetricState(this.suite, { chainingKey: this.#chainingKey, hash: this.#hash });
  }

  /** Takes public data into the hash. */
  mixHash(data: Uint8Array): void {
    this.#hash = this.suite.hash(this.#hash, data);
  }

  /** Takes a secret, or a public key in a handshake with preshared key, into the chaining key alone. */
  mixKey(input: Uint8Array): void {
    const next = kdf1(this.suite, this.#chainingKey, input);
    this.#chainingKey.fill(0);
    this.#chainingKey = next;
  }

  /** Takes a secret into the chaining key and seals `plaintext` under the key that falls out; the result goes into the hash. */
  mixKeyAndSeal(secret: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const key = this.#mixCipherKey(secret);
    const sealed = this.suite.seal(key, 0n, plaintext, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return sealed;
  }

  /** The counterpart of `mixKeyAndSeal`; undefined when the tag is wrong, and then the state is of no more use. */
  mixKeyAndOpen(secret: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const key = this.#mixCipherKey(secret);
    const plaintext = this.suite.open(key, 0n, sealed, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return plaintext;
  }

  /** Takes the preshared key (32 bytes) into chaining key and hash, and seals. */
  mixPskAndSeal(presharedKey: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const key = this.#mixPsk(presharedKey);
    const sealed = this.suite.seal(key, 0n, plaintext, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return sealed;
  }

  /** The counterpart of `mixPskAndSeal`. */
  mixPskAndOpen(presharedKey: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    const key = this.#mixPsk(presharedKey);
    const plaintext = this.suite.open(key, 0n, sealed, this.#hash);
    key.fill(0);
    this.mixHash(sealed);
    return plaintext;
  }

  /** The two transport keys: the initiator's sending key first. Call once, at the end, then `wipe`. */
  split(): [Uint8Array, Uint8Array] {
    return kdf2(this.suite, this.#chainingKey, EMPTY);
  }

  /** Erases the secrets. */
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
