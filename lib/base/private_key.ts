/**
 * Compares private keys.
 * @module
 */
import { sameBytes } from "./endpoint.ts";
import { secretBytes } from "./secret_bytes.ts";

/**
 * Whether Curve25519 uses two private keys of 32 bytes alike: it ignores five of their bits (RFC
 * 7748 section 5). An interface reports its key without these bits.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { samePrivateKey } from "./private_key.ts";
 *
 * const key = new Uint8Array(32);
 * assert.ok(samePrivateKey(key, key.with(0, 7)) && !samePrivateKey(key, key.with(0, 8)));
 * ```
 */
export function samePrivateKey(a: Uint8Array, b: Uint8Array): boolean {
  const [left, right] = [clamped(a), clamped(b)];
  const same = sameBytes(left, right);
  left.fill(0);
  right.fill(0);
  return same;
}

function clamped(key: Uint8Array): Uint8Array {
  const copy = secretBytes(key.length);
  copy.set(key);
  copy[0] &= 248;
  copy[31] = copy[31] & 127 | 64;
  return copy;
}
