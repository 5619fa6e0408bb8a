/**
 * Edits the peers of a file of wg-quick(8). Lines that are not of the edited peer stay byte by
 * byte. The results have the file's keys: fill them with zeros after use.
 * @module
 */
import type { PublicKey } from "../base/brands.ts";
import { sameBytes } from "../base/endpoint.ts";
import type { WgConfig } from "./parse.ts";
import { type CommentSettings, formatPeerSettings, isPeerSetting } from "./peer_settings.ts";
import type { ScannedLine } from "./scan.ts";
import { type Section, sectionsOf } from "./sections.ts";
import { joinText, type TextPart } from "./text_parts.ts";

/** A peer to add. */
export interface NewPeer {
  /** The comment behind [Peer], which is the description. */
  readonly name: string;
  readonly publicKey: Uint8Array;
  /** Undefined for none. */
  readonly presharedKey: Uint8Array | undefined;
  /** Ranges as text. */
  readonly allowedIps: readonly string[];
  readonly settings: CommentSettings;
}

/** The end of the file's lines: that of its first one. */
export function lineEndOf(file: Uint8Array): "\n" | "\r\n" {
  const newline = file.indexOf(10);
  return newline > 0 && file[newline - 1] === 13 ? "\r\n" : "\n";
}

/** The file with a peer at its end. */
export function withPeer(file: Uint8Array, peer: NewPeer): Uint8Array {
  const end = lineEndOf(file);
  const parts: TextPart[] = [file];
  if (file.length > 0 && file[file.length - 1] !== 10) parts.push(end);
  parts.push(`${end}[Peer] # ${peer.name}${end}`);
  for (const comment of formatPeerSettings(peer.settings)) parts.push(comment, end);
  parts.push("PublicKey = ", { key: peer.publicKey }, end);
  if (peer.presharedKey !== undefined) {
    parts.push("PresharedKey = ", { key: peer.presharedKey }, end);
  }
  parts.push(`AllowedIPs = ${peer.allowedIps.join(", ")}${end}`);
  return joinText(parts);
}

/**
 * The file without a peer: its lines up to the last value, and the comments directly above it. An
 * empty line before it goes too.
 */
export function withoutPeer(file: Uint8Array, config: WgConfig, key: PublicKey): Uint8Array {
  const kept: ScannedLine[] = [];
  for (const section of sectionsOf(config.lines)) {
    const { above, head, body } = section;
    if (!isOfPeer(section, config, key)) {
      kept.push(...above, ...(head === undefined ? [] : [head]), ...body);
    } else {
      if (isEmpty(kept.at(-1))) kept.pop();
      kept.push(...body.slice(body.findLastIndex(({ type }) => type === "entry") + 1));
    }
  }
  const whole = wholeLines(file, config.lines);
  return joinText([...markOf(file), ...kept.map(whole)]);
}

const isEmpty = (line: ScannedLine | undefined) =>
  line?.type === "blank" && line.comment === undefined;

/** The file with other settings of a peer. Undefined stands for none. */
export function withSettings(
  file: Uint8Array,
  config: WgConfig,
  key: PublicKey,
  settings: CommentSettings,
): Uint8Array {
  const end = lineEndOf(file);
  const parts: TextPart[] = markOf(file);
  const whole = wholeLines(file, config.lines);
  for (const section of sectionsOf(config.lines)) {
    const { above, head, body } = section;
    parts.push(...above.map(whole));
    if (head === undefined || !isOfPeer(section, config, key)) {
      parts.push(...(head === undefined ? body : [head, ...body]).map(whole));
      continue;
    }
    parts.push(isPeerSetting(head.comment) ? `[Peer]${end}` : whole(head));
    for (const comment of formatPeerSettings(settings)) parts.push(comment, end);
    parts.push(...body.filter(({ comment }) => !isPeerSetting(comment)).map(whole));
  }
  return joinText(parts);
}

function isOfPeer({ head }: Section, config: WgConfig, key: PublicKey): boolean {
  const peer = head && config.peers.find(({ line }) => line === head.line);
  return peer !== undefined && sameBytes(peer.publicKey, key);
}

/** The bytes of a line with its end, which are a part of the file's. */
function wholeLines(
  file: Uint8Array,
  lines: readonly ScannedLine[],
): (line: ScannedLine) => Uint8Array {
  const startOf = ({ raw }: ScannedLine) => raw.byteOffset - file.byteOffset;
  return (line) => {
    // Lines are numbered from 1.
    const next = lines[line.line];
    return file.subarray(startOf(line), next === undefined ? file.length : startOf(next));
  };
}

/** The byte order mark, if the file begins with one: it is not part of the first line. */
const markOf = (file: Uint8Array): TextPart[] =>
  file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf ? [file.subarray(0, 3)] : [];
