/**
 * The key derivation of the handshake: HKDF with HMAC-BLAKE2s and an empty `info` (whitepaper
 * section 5.4, RFC 5869).
 * @module
 */
import type { Suite } from "./suite.ts";

const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);
const THREE = Uint8Array.of(3);

/** KDF1: one key of 32 bytes, from the chaining key `key` and an `input` of any length. */
export function kdf1(suite: Suite, key: Uint8Array, input: Uint8Array): Uint8Array {
  const secret = suite.hmac(key, input);
  const first = suite.hmac(secret, ONE);
  secret.fill(0);
  return first;
}

/** KDF2: two keys of 32 bytes each. */
export function kdf2(suite: Suite, key: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const secret = suite.hmac(key, input);
  const first = suite.hmac(secret, ONE);
  const second = suite.hmac(secret, first, TWO);
  secret.fill(0);
  return [first, second];
}

/** KDF3: three keys of 32 bytes each. */
export function kdf3(
  suite: Suite,
  key: Uint8Array,
  input: Uint8Array,
): [Uint8Array, Uint8Array, Uint8Array] {
  const secret = suite.hmac(key, input);
  const first = suite.hmac(secret, ONE);
  const second = suite.hmac(secret, first, TWO);
  const third = suite.hmac(secret, second, THREE);
  secret.fill(0);
  return [first, second, third];
}
