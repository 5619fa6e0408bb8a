/**
 * Takes the keys that only `wg quick` reads out of a file. Everything else stays, byte by byte,
 * except blanks and tabs around lines, which wg-quick(8) takes away too.
 * @module
 */
import { QUICK_KEYS } from "../../wgconf/foreign_keys.ts";

const NEWLINE = 10;
const BLANKS = [32, 9];
const KEYS: ReadonlySet<string> = new Set(QUICK_KEYS.map((key) => key.toLowerCase()));

/** A file for `wg setconf`. */
export interface StrippedFile {
  /** The bytes, with keys. Fill them with zeros after use. */
  readonly text: Uint8Array;
  /** Whether the file began with a byte order mark, which is left out. */
  readonly byteOrderMark: boolean;
}

/** The lines of a file that wg(8) reads, and an empty line at the end, as wg-quick(8) prints. */
export function strippedFile(file: Uint8Array): StrippedFile {
  const byteOrderMark = file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf;
  // A line is never longer in the result, but the last one may lack its end in the file.
  const text = new Uint8Array(file.length + 2);
  let length = 0;
  let inInterface = false;
  for (let at = byteOrderMark ? 3 : 0; at < file.length;) {
    let end = file.indexOf(NEWLINE, at);
    if (end < 0) end = file.length;
    const line = withoutBlanks(file.subarray(at, end));
    at = end + 1;
    const key = keyOf(line);
    if (key.startsWith("[")) inInterface = key === "[interface]";
    if (inInterface && KEYS.has(key)) continue;
    text.set(line, length);
    length += line.length;
    text[length++] = NEWLINE;
  }
  text[length++] = NEWLINE;
  return { text: text.subarray(0, length), byteOrderMark };
}

function withoutBlanks(line: Uint8Array): Uint8Array {
  let from = 0, to = line.length;
  while (from < to && BLANKS.includes(line[from])) from++;
  while (to > from && BLANKS.includes(line[to - 1])) to--;
  return line.subarray(from, to);
}

/** The key of a line in lower case. A line without `=` and `#` is its own key. */
function keyOf(line: Uint8Array): string {
  const end = line.findIndex((byte) => byte === 35 || byte === 61);
  const key = line.subarray(0, end < 0 ? line.length : end);
  // Longer text is no key of this file, and may be a secret in a wrong place.
  return key.length > 64 ? "" : new TextDecoder().decode(key).trim().toLowerCase();
}
