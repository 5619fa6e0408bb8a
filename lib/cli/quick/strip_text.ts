/**
 * Takes the keys that only `wg quick` reads out of a file, and writes ranges without those that
 * `!` excludes. Everything else stays, byte by byte, except blanks and tabs around lines, which
 * wg-quick(8) takes away too.
 * @module
 */
import { formatRange } from "../../base/ip_text.ts";
import { QUICK_KEYS } from "../../wgconf/foreign_keys.ts";
import type { QuickConfig } from "../../wgconf/quick.ts";
import type { ScannedLine } from "../../wgconf/scan.ts";
import { joinText } from "../../wgconf/text_parts.ts";

const NEWLINE = 10;
const BLANKS = [32, 9];
const KEYS: ReadonlySet<string> = new Set(QUICK_KEYS.map((key) => key.toLowerCase()));
const ALLOWED_IPS = "allowedips";

/** A file for `wg setconf`. */
export interface StrippedFile {
  /** The bytes, with keys. Fill them with zeros after use. */
  readonly text: Uint8Array;
  /** Whether the file began with a byte order mark, which is left out. */
  readonly byteOrderMark: boolean;
}

/**
 * The lines of a file that wg(8) reads, and an empty line at the end, as wg-quick(8) prints.
 * @param ranges the value of AllowedIPs by the line of [Peer], for the peers of `rangesOfExcluding`
 */
export function strippedFile(
  file: Uint8Array,
  ranges: ReadonlyMap<number, string> = new Map(),
): StrippedFile {
  const byteOrderMark = file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf;
  const parts: (string | Uint8Array)[] = [];
  let inInterface = false;
  /** The ranges of the present section, until they are written; undefined to keep its lines. */
  let allowed: string | undefined;
  for (let at = byteOrderMark ? 3 : 0, number = 1; at < file.length; number++) {
    let end = file.indexOf(NEWLINE, at);
    if (end < 0) end = file.length;
    const line = withoutBlanks(file.subarray(at, end));
    at = end + 1;
    const key = keyOf(line);
    if (key.startsWith("[")) {
      inInterface = key === "[interface]";
      allowed = ranges.get(number);
    }
    if (inInterface && KEYS.has(key)) continue;
    if (key !== ALLOWED_IPS || allowed === undefined) parts.push(line, "\n");
    else if (allowed !== "") parts.push(`AllowedIPs = ${allowed}\n`);
    if (key === ALLOWED_IPS && allowed !== undefined) allowed = "";
  }
  return { text: joinText([...parts, "\n"]), byteOrderMark };
}

/** Whether a line is a list of ranges that excludes some. */
export const excludesRange = (line: ScannedLine): boolean =>
  line.type === "entry" && line.key.toLowerCase() === ALLOWED_IPS && line.value.includes("!");

/**
 * What is left of the ranges of the peers that exclude some with `!`, by the line of [Peer]. wg(8)
 * reads no `!`.
 */
export function rangesOfExcluding(
  { lines, peers }: Pick<QuickConfig, "lines" | "peers">,
): ReadonlyMap<number, string> {
  const excluding = new Set<number>();
  let section = 0;
  for (const line of lines) {
    if (line.type === "section") section = line.line;
    else if (excludesRange(line)) excluding.add(section);
  }
  return new Map(
    peers.filter(({ line }) => excluding.has(line)).map(({ line, allowedIps }) =>
      [line, allowedIps.map(({ range }) => formatRange(range)).join(", ")] as const
    ),
  );
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
