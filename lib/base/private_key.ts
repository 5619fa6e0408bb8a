/**
 * Private keys of Curve25519, which ignores five of their bits (RFC 7748 section 5).
 * @module
 */
import { KEY_LENGTH } from "./constants.ts";

const LAST = KEY_LENGTH - 1;

/**
 * Whether two private keys of 32 bytes differ in no other bits than those five. No copy is made. An
 * interface reports its key without these bits.
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
  return a.length === b.length && a.every((byte, i) => ((byte ^ b[i]) & usedBits(i)) === 0);
}

/**
 * Sets the five bits of a private key of 32 bytes as Curve25519 uses them. Linux stores and shows
 * keys in this form.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { clamp } from "./private_key.ts";
 *
 * const key = new Uint8Array(32).fill(255);
 * clamp(key);
 * assert.deepEqual([key[0], key[1], key[31]], [248, 255, 127]);
 * ```
 */
export function clamp(privateKey: Uint8Array): void {
  for (const i of [0, LAST]) privateKey[i] &= usedBits(i);
  privateKey[LAST] |= 0x40;
}

/** The bits of byte `i` of a private key that make a difference. */
const usedBits = (i: number): number => i === 0 ? 0xf8 : i === LAST ? 0x3f : 0xff;
