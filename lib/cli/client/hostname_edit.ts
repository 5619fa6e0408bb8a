/**
 * Reads and edits the peers of a hostname.if(5) file. Only lines that have nothing but the words of
 * one peer are edited; the others stay byte by byte.
 * @module
 */
import { formatDate } from "../../base/date_text.ts";
import type { AllowedIp } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { parseRange } from "../../base/ip_text.ts";
import { shellQuote } from "../../base/quote.ts";
import type { CommentSettings } from "../../wgconf/peer_settings.ts";
import type { NewPeer } from "../../wgconf/edit.ts";
import { findWord } from "../ifconfig/words/table.ts";
import { parseHostnameFile } from "../netstart/hostname_if.ts";

/** The words of a peer in a line of the file. */
interface PeerLine {
  /** The number of the line; the first is 1. */
  readonly line: number;
  /** The public key in base64, as it is written. */
  readonly key: string;
  /** The words of the whole line. */
  readonly words: readonly string[];
  readonly name: string | undefined;
  readonly allowedIps: readonly AllowedIp[];
  /** Whether the line has nothing but words of this peer. */
  readonly isAlone: boolean;
}

/** The peers of a file by their keys in base64. Lines that a shell evaluates are left out. */
export function hostnamePeers(text: string, name: string): readonly PeerLine[] {
  return ifconfigLines(text, name).flatMap(({ line, words }) => {
    const found: PeerLine[] = [];
    let others = 0;
    let peer: { key: string; name?: string; allowedIps: AllowedIp[] } | undefined;
    for (let at = 0; at < words.length;) {
      const word = findWord(words[at]);
      const operands = words.slice(at + 1, at + 1 + (word?.operands.length ?? 0));
      at += 1 + operands.length;
      if (word?.name === "wgpeer") {
        peer = { key: operands[0], allowedIps: [] };
        found.push({ line, words, name: undefined, isAlone: true, ...peer });
      } else if (peer === undefined || word?.section !== "peer") {
        others++;
      } else {
        const range = word.name === "wgaip" ? parseRange(operands[0]) : undefined;
        const last = found[found.length - 1];
        found[found.length - 1] = {
          ...last,
          ...(word.name === "wgdescription" && { name: operands[0] }),
          ...(range !== undefined && { allowedIps: [...last.allowedIps, range] }),
        };
      }
    }
    const isAlone = found.length === 1 && others === 0;
    return found.map((one) => ({ ...one, isAlone }));
  });
}

function ifconfigLines(text: string, name: string) {
  return parseHostnameFile(text, name).steps.flatMap((step) =>
    step.type === "ifconfig" ? [{ line: step.line, words: step.words.slice(1) }] : []
  );
}

/** The file with a peer at its end. */
export function withHostnamePeer(text: string, peer: NewPeer): string {
  const words = [
    ...["wgpeer", peer.publicKey.toBase64(), "wgdescr", peer.name],
    ...(peer.presharedKey === undefined ? [] : ["wgpsk", peer.presharedKey.toBase64()]),
    ...peer.allowedIps.flatMap((range) => ["wgaip", range]),
    ...settingWords(peer.settings),
  ];
  const end = text === "" || text.endsWith("\n") ? "" : "\n";
  return `${text}${end}${words.map(shellQuote).join(" ")}\n`;
}

const settingWords = ({ disabled, expiresUnixMs }: CommentSettings): string[] => [
  ...(disabled === undefined ? [] : ["wgdisabled"]),
  ...(expiresUnixMs === undefined ? [] : ["wgexpires", formatDate(expiresUnixMs)]),
];

/**
 * The file without the lines of a peer.
 * @throws ConfigError for a line that has other words too
 */
export function withoutHostnamePeer(text: string, name: string, key: string): string {
  const gone = linesOf(text, name, key).map(({ line }) => line);
  return text.split("\n").filter((_, index) => !gone.includes(index + 1)).join("\n");
}

/**
 * The file with other settings of a peer, in the first of its lines.
 * @throws ConfigError for a line that cannot be edited
 */
export function withHostnameSettings(
  text: string,
  name: string,
  key: string,
  settings: CommentSettings,
): string {
  const lines = text.split("\n");
  const own = linesOf(text, name, key);
  for (const [index, { line, words }] of own.entries()) {
    const added = index === 0 ? settingWords(settings) : [];
    const wanted = [...words.slice(0, 2), ...added, ...withoutSettings(words.slice(2))];
    const bare = lines[line - 1]
      .replaceAll(/\s+-?wgdisabled(?=\s|$)|\s+-wgexpires(?=\s|$)|\s+wgexpires\s+\S+/g, "");
    const at = bare.indexOf(key) + key.length;
    lines[line - 1] = bare.slice(0, at) + added.map((word) => ` ${word}`).join("") +
      bare.slice(at);
    const is = ifconfigLines(lines.join("\n"), name).find((one) => one.line === line)?.words;
    if (is?.join("\0") !== wanted.join("\0")) throw notEditable(line);
  }
  return lines.join("\n");
}

/** The words of a peer without those of its settings. */
function withoutSettings(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length;) {
    const word = findWord(words[at]);
    const count = 1 + (word?.operands.length ?? 0);
    if (!/^-?wg(?:disabled|expires)$/.test(word?.name ?? "")) {
      kept.push(...words.slice(at, at + count));
    }
    at += count;
  }
  return kept;
}

function linesOf(text: string, name: string, key: string): PeerLine[] {
  const lines = text.split("\n");
  const own = hostnamePeers(text, name).filter((one) => one.key === key);
  for (const { line, isAlone } of own) {
    if (!isAlone || lines[line - 1].endsWith("\\") || !lines[line - 1].includes(key)) {
      throw notEditable(line);
    }
  }
  return own;
}

const notEditable = (line: number): ConfigError =>
  new ConfigError(
    `line ${line}`,
    "has more than the words of one peer, or continues; edit the file by hand",
  );
