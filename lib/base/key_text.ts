/**
 * Keys as base64 in bytes. A string cannot be erased, so secret keys are read from bytes and
 * written to bytes.
 * @module
 */
import { KEY_LENGTH } from "./constants.ts";
import { secretBytes } from "./secret_bytes.ts";

/** The length of a key in base64, in characters. */
export const KEY_TEXT_LENGTH = 44;

const ALPHABET = new TextEncoder().encode(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
);
const PAD = 61;

/**
 * Reads a key of 44 characters of base64 (RFC 4648) from bytes.
 * @returns the key of 32 bytes in memory that never moves, or undefined if the text is not exactly
 * one key. Unused bits of the last character must be zero.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readKeyText } from "./key_text.ts";
 *
 * const text = new TextEncoder().encode("A".repeat(43) + "=");
 * assert.ok(readKeyText(text)?.length === 32);
 * assert.ok(readKeyText(text.subarray(1)) === undefined);
 * ```
 */
export function readKeyText(text: Uint8Array): Uint8Array | undefined {
  if (text.length !== KEY_TEXT_LENGTH || text[KEY_TEXT_LENGTH - 1] !== PAD) return undefined;
  const key = secretBytes(KEY_LENGTH);
  let bits = 0, have = 0, at = 0;
  for (let i = 0; i < KEY_TEXT_LENGTH - 1; i++) {
    const digit = digitOf(text[i]);
    if (digit < 0) {
      key.fill(0);
      return undefined;
    }
    bits = bits << 6 | digit;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    key[at++] = bits >> have;
    bits &= (1 << have) - 1;
  }
  if (bits === 0) return key;
  key.fill(0);
  return undefined;
}

/** The value of a character of base64; -1 for any other character. */
function digitOf(character: number): number {
  if (character >= 65 && character <= 90) return character - 65;
  if (character >= 97 && character <= 122) return character - 71;
  if (character >= 48 && character <= 57) return character + 4;
  return character === 43 ? 62 : character === 47 ? 63 : -1;
}

/**
 * Writes a key of 32 bytes as 44 characters of base64 into `into` at `at`. Erase `into` after use.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { KEY_TEXT_LENGTH, writeKeyText } from "./key_text.ts";
 *
 * const text = new Uint8Array(KEY_TEXT_LENGTH);
 * writeKeyText(text, 0, new Uint8Array(32));
 * assert.ok(new TextDecoder().decode(text) === "A".repeat(43) + "=");
 * ```
 */
export function writeKeyText(into: Uint8Array, at: number, key: Uint8Array): void {
  let bits = 0, have = 0, written = at;
  for (let i = 0; i < KEY_LENGTH; i++) {
    bits = (bits << 8 | key[i]) & 0xffff;
    have += 8;
    while (have >= 6) {
      have -= 6;
      into[written++] = ALPHABET[bits >> have & 63];
    }
  }
  into[written++] = ALPHABET[bits << (6 - have) & 63];
  into[written] = PAD;
}
