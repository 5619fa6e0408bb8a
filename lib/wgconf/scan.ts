/**
 * Splits a file of wg(8) or wg-quick(8) into its lines. Each line keeps its number, its bytes and
 * its comment. Values of secret keys are never made into strings.
 *
 * The format is that of wireguard-tools: `[Section]` and `Key = value` in any case, a comment from
 * `#` to the end of the line, and white space that does not count. Lines may end in CRLF.
 * @module
 */
import { readKeyText } from "../base/key_text.ts";

/** A line of a file. */
interface LineOfFile {
  /** The number of the line; the first is 1. */
  readonly line: number;
  /** The bytes of the line without its end. A part of the file's bytes: it is erased with them. */
  readonly raw: Uint8Array;
  /** The text after `#`, without white space around it; undefined without a `#`. */
  readonly comment: string | undefined;
}

/** An empty line, or one that has only a comment. */
export interface BlankLine extends LineOfFile {
  readonly type: "blank";
}

/** A line `[NAME]`. */
export interface SectionLine extends LineOfFile {
  readonly type: "section";
  /** The name as it is written, without white space. */
  readonly name: string;
}

/** A line `KEY = VALUE`. */
export interface EntryLine extends LineOfFile {
  readonly type: "entry";
  /** The key as it is written, without white space. */
  readonly key: string;
  /** The value without white space around it; empty for a secret key. */
  readonly value: string;
  /**
   * For `PrivateKey` and `PresharedKey` the 32 bytes of the key, or "wrong" if the value is not a
   * key; undefined for other keys. Fill it with zeros after use.
   */
  readonly secret: Uint8Array | "wrong" | undefined;
}

/** Any other line. */
export interface OtherLine extends LineOfFile {
  readonly type: "other";
  /** The text without white space. It may be a key: it must not be shown as it is. */
  readonly text: string;
}

/** A line of any kind. */
export type ScannedLine = BlankLine | SectionLine | EntryLine | OtherLine;

/** The lines of a file. */
export interface ScannedFile {
  readonly lines: readonly ScannedLine[];
  /** Whether the file begins with a byte order mark, which is not part of the first line. */
  readonly byteOrderMark: boolean;
}

/** Keys of a file whose values are secret, in lower case. */
const SECRETS: ReadonlySet<string> = new Set(["privatekey", "presharedkey"]);
const NEWLINE = 10;
const RETURN = 13;
const HASH = 35;
const EQUALS = 61;

/** What is said of a file for which `isUtf16` is true. */
export const UTF16_PROBLEM =
  "the file is in UTF-16, as editors of Windows write it; UTF-8 is required";

/**
 * Whether a text is in UTF-16: it begins with that byte order mark, or with an ASCII character of
 * two bytes.
 */
export function isUtf16([first, second]: Uint8Array): boolean {
  if (first === 0xfe && second === 0xff || first === 0xff && second === 0xfe) return true;
  return first === 0 && isAscii(second) || second === 0 && isAscii(first);
}

const isAscii = (byte: number | undefined) => byte !== undefined && byte > 0 && byte < 0x80;

/**
 * Splits a file into lines. The bytes stay the caller's; fill them with zeros when the lines are no
 * longer needed.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { scanLines } from "./scan.ts";
 *
 * const [first, second] = scanLines(new TextEncoder().encode("[Peer] # Ann\r\n")).lines;
 * assert.ok(first.type === "section" && first.comment === "Ann");
 * assert.ok(second === undefined);
 * ```
 */
export function scanLines(bytes: Uint8Array): ScannedFile {
  const byteOrderMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const lines: ScannedLine[] = [];
  for (let at = byteOrderMark ? 3 : 0, line = 1; at < bytes.length; line++) {
    let end = bytes.indexOf(NEWLINE, at);
    if (end < 0) end = bytes.length;
    const length = end > at && bytes[end - 1] === RETURN ? end - 1 : end;
    lines.push(scanLine(bytes.subarray(at, length), line));
    at = end + 1;
  }
  return { lines, byteOrderMark };
}

function scanLine(raw: Uint8Array, line: number): ScannedLine {
  const hash = raw.indexOf(HASH);
  const content = trim(hash < 0 ? raw : raw.subarray(0, hash));
  const comment = hash < 0 ? undefined : commentText(raw.subarray(hash + 1));
  const base = { line, raw, comment };
  if (content.length === 0) return { type: "blank", ...base };
  const equals = content.indexOf(EQUALS);
  if (equals >= 0) {
    const key = textOf(withoutSpace(content.subarray(0, equals)));
    const value = content.subarray(equals + 1);
    if (!SECRETS.has(key.toLowerCase())) {
      return { type: "entry", ...base, key, value: textOf(trim(value)), secret: undefined };
    }
    const packed = withoutSpace(value);
    const secret = readKeyText(packed) ?? "wrong";
    packed.fill(0);
    return { type: "entry", ...base, key, value: "", secret };
  }
  const text = textOf(withoutSpace(content));
  const section = /^\[(.*)\]$/.exec(text);
  return section === null
    ? { type: "other", ...base, text }
    : { type: "section", ...base, name: section[1] };
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const textOf = (bytes: Uint8Array) => DECODER.decode(bytes);

/** A comment without the key of an entry that was commented out. */
function commentText(bytes: Uint8Array): string {
  const hidden = bytes.slice();
  const name = textOf(withoutSpace(bytes)).toLowerCase();
  if ([...SECRETS].some((secret) => name.includes(`${secret}=`))) {
    const equals = hidden.indexOf(EQUALS);
    hidden.fill(42, equals + 1);
  }
  const text = textOf(trim(hidden));
  hidden.fill(0);
  return text;
}

/** Space, tab, line feed, vertical tab, form feed and carriage return. */
const isSpace = (byte: number) => byte === 32 || byte >= 9 && byte <= 13;

function trim(bytes: Uint8Array): Uint8Array {
  let from = 0, to = bytes.length;
  while (from < to && isSpace(bytes[from])) from++;
  while (to > from && isSpace(bytes[to - 1])) to--;
  return bytes.subarray(from, to);
}

/** A copy without white space. It may hold a key. */
function withoutSpace(bytes: Uint8Array): Uint8Array {
  // More than 64 bytes, so that they lie outside of the runtime's heap and never move.
  const packed = new Uint8Array(Math.max(bytes.length, 65));
  let length = 0;
  for (const byte of bytes) if (!isSpace(byte)) packed[length++] = byte;
  return packed.subarray(0, length);
}
