/**
 * Takes secret keys out of the bytes of an operation before these become strings, which cannot be
 * erased.
 * @module
 */
import { KEY_LENGTH } from "../base/constants.ts";
import { secretBytes } from "../base/secret_bytes.ts";

const NEWLINE = 10;
const STAR = 42;
const NAMES = ["private_key=", "preshared_key="].map((name) => new TextEncoder().encode(name));

/**
 * Takes the values of `private_key=` and `preshared_key=` out of `bytes`, where each is 64
 * hexadecimal digits, and writes stars in their place, which `parseSet` refuses without the keys.
 * Other values are left for it to refuse.
 * @returns the keys by the number of their line; the first line has the number 0
 */
export function takeKeys(bytes: Uint8Array): Map<number, Uint8Array> {
  const keys = new Map<number, Uint8Array>();
  for (let line = 0, at = 0; at < bytes.length; line++) {
    let end = bytes.indexOf(NEWLINE, at);
    if (end < 0) end = bytes.length;
    for (const name of NAMES) {
      if (end - at !== name.length + 2 * KEY_LENGTH || !startsWith(bytes, at, name)) continue;
      const key = takeHex(bytes, at + name.length);
      if (key !== undefined) keys.set(line, key);
    }
    at = end + 1;
  }
  return keys;
}

function startsWith(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}

function takeHex(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const key = secretBytes(KEY_LENGTH);
  for (let i = 0; i < KEY_LENGTH; i++) {
    const high = digit(bytes[at + 2 * i]), low = digit(bytes[at + 2 * i + 1]);
    if (high < 0 || low < 0) {
      key.fill(0);
      return undefined;
    }
    key[i] = high << 4 | low;
  }
  bytes.fill(STAR, at, at + 2 * KEY_LENGTH);
  return key;
}

/** The value of a hexadecimal digit; -1 for any other character. */
function digit(character: number): number {
  if (character >= 48 && character <= 57) return character - 48;
  const letter = character | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
