/**
 * Reads keys from files and standard input, and prints keys, as wg(8) does. Keys are bytes in
 * memory that is erased.
 * @module
 */
import { KEY_LENGTH } from "../base/constants.ts";
import { ConfigError } from "../base/errors.ts";
import { KEY_TEXT_LENGTH, readKeyText, writeKeyText } from "../base/key_text.ts";
import { displayPath } from "../base/quote.ts";
import { secretBytes } from "../base/secret_bytes.ts";
import { complain, printBytes } from "./output.ts";
import { isStandardInput, readInto } from "./read_bytes.ts";

/** The most white space after a key that is read. */
const FILE_MAX = 65_536;
const REQUIRED = `${KEY_TEXT_LENGTH} characters of base64 are required`;

/**
 * Reads a key from a file, or from standard input for `-` and `/dev/stdin`.
 * @param word how errors name the key
 * @returns 32 bytes; zeros for an empty file such as /dev/null
 * @throws ConfigError that does not show the key
 */
export function readKeyFile(word: string, path: string): Uint8Array {
  return readKey(word, path) ?? secretBytes(KEY_LENGTH);
}

/**
 * Reads a key from standard input up to its end.
 * @throws ConfigError that does not show the key
 */
export function readKeyFromInput(word: string): Uint8Array {
  const key = readKey(word, "-");
  if (key === undefined) throw new ConfigError(word, `standard input is empty; ${REQUIRED}`);
  return key;
}

/** The key; undefined if the file is empty. */
function readKey(word: string, path: string): Uint8Array | undefined {
  // Who gives a key in place of a file must not see it in a log.
  if (readKeyText(new TextEncoder().encode(path)) !== undefined) {
    throw new ConfigError(word, "a key was given; the name of a file with the key is required");
  }
  const text = new Uint8Array(FILE_MAX);
  try {
    const length = readInto(path, text);
    if (length === 0) return undefined;
    const key = keyAndSpace(text.subarray(0, length));
    if (typeof key !== "string") return key;
    throw new ConfigError(word, isStandardInput(path) ? key : `"${displayPath(path)}": ${key}`);
  } finally {
    text.fill(0);
  }
}

/** The key at the beginning of a text with nothing but white space after it, or the problem. */
function keyAndSpace(text: Uint8Array): Uint8Array | string {
  // The original takes zeros for white space.
  const isSpace = (byte: number) => byte === 32 || byte === 0 || byte >= 9 && byte <= 13;
  if (!text.subarray(KEY_TEXT_LENGTH).every(isSpace)) {
    return `there is more than a key; ${REQUIRED}`;
  }
  return readKeyText(text.subarray(0, KEY_TEXT_LENGTH)) ?? `not a key; ${REQUIRED}`;
}

/**
 * Prints a key in base64 on a line. A secret key is erased.
 * @param secret whether to warn if others can read the file that standard output is
 */
export function printKey(key: Uint8Array, secret: boolean): void {
  if (secret && isOpenToOthers()) {
    complain(
      "warning: the key is written to a file that other users can access; " +
        "`umask 077` before the command keeps them out",
    );
  }
  // More than 64 bytes, so that they lie outside of the runtime's heap and never move.
  const text = new Uint8Array(65).subarray(0, KEY_TEXT_LENGTH + 1);
  writeKeyText(text, 0, key);
  text[KEY_TEXT_LENGTH] = 10;
  if (secret) key.fill(0);
  printBytes(text);
  text.fill(0);
}

/** Whether standard output is a file that all users have a right to. */
function isOpenToOthers(): boolean {
  try {
    const { isFile, mode } = Deno.statSync("/dev/fd/1");
    return isFile && ((mode ?? 0) & 0o007) !== 0;
  } catch {
    return false;
  }
}
