/**
 * The words of `wg set`.
 * @module
 */
import type { Draft } from "../../base/config.ts";
import { ConfigError } from "../../base/errors.ts";
import { formatRange } from "../../base/ip_text.ts";
import { findPeer, keyOfWord, type NamedPeer } from "../../base/peer_name.ts";
import { displayValue } from "../../base/quote.ts";
import { type PeerValues, publicKeyOf, replaces } from "../../wgconf/parse.ts";
import {
  compact,
  parseAllowedIps,
  parseEndpointText,
  parseFwMark,
  parseKeepalive,
  parsePort,
  type ServicePort,
} from "../../wgconf/values.ts";

/** A peer of the command line. Its preshared key is in a file. */
export type PeerWords = Omit<PeerValues, "presharedKey"> & {
  readonly presharedKeyFile: string | undefined;
};

/** A command line of `wg set`. Keys are in files, which are read when all words were checked. */
export interface SetLine {
  readonly name: string;
  readonly listenPort: number | undefined;
  readonly fwmark: number | undefined;
  readonly privateKeyFile: string | undefined;
  readonly peers: readonly PeerWords[];
  /** Ranges whose addresses have host bits, which are left out, for warnings. */
  readonly cut: readonly string[];
}

/** The words with an operand, and what it is. */
const INTERFACE_WORDS: ReadonlyMap<string, string> = new Map([
  ["listen-port", "a port"],
  ["fwmark", "a firewall mark"],
  ["private-key", "the name of a file with the key"],
]);
const PEER_WORDS: ReadonlyMap<string, string> = new Map([
  ["preshared-key", "the name of a file with the key"],
  ["endpoint", "HOST:PORT"],
  ["persistent-keepalive", "a number of seconds"],
  ["allowed-ips", "a list of ranges"],
]);
/** Characters up to which an unknown word is shown. A key in base64, or a part of it, has more. */
const SHOWN_MAX = 24;

/**
 * Reads `set INTERFACE WORD ...`.
 * @param servicePort finds the port of a service
 * @param named the peers that may be meant by their descriptions
 * @throws ConfigError that names the word; no message has a key
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseSetLine } from "./words.ts";
 *
 * assert.ok(parseSetLine(["wg1", "listen-port", "7111"]).listenPort === 7111);
 * ```
 */
export function parseSetLine(
  args: readonly string[],
  servicePort?: ServicePort,
  named: readonly NamedPeer[] = [],
): SetLine {
  const [name, ...words] = args;
  if (name === undefined || words.length === 0) {
    throw new ConfigError("set", "an interface and words are required; `wg help set` lists them");
  }
  const peers: Draft<PeerWords>[] = [];
  const cut: string[] = [];
  const line: Draft<SetLine> = {
    name,
    listenPort: undefined,
    fwmark: undefined,
    privateKeyFile: undefined,
    peers,
    cut,
  };
  for (let at = 0; at < words.length;) {
    const word = words[at++];
    const peer = peers.at(-1);
    checkPlace(word, peer !== undefined);
    if (word === "remove" && peer !== undefined) {
      peer.remove = true;
      continue;
    }
    const operand = words[at++];
    if (operand === undefined) {
      const what = INTERFACE_WORDS.get(word) ?? PEER_WORDS.get(word) ?? "a public key";
      throw new ConfigError(word, `${what} is required after it`);
    }
    if (word === "peer") peers.push(newPeer(word, operand, named));
    else if (peer !== undefined) takePeerWord(peer, word, operand, servicePort);
    else takeWord(line, word, operand, servicePort);
  }
  for (const { allowedIps } of peers) {
    for (const { range, hostBits } of allowedIps) if (hostBits) cut.push(formatRange(range));
  }
  return line;
}

/** Whether a line names a peer with something else than a key, which may be its description. */
export const namesPeers = (args: readonly string[]): boolean =>
  args.some((word, at) => args[at - 1] === "peer" && keyOfWord(word) === undefined);

/** Throws an error if a word is unknown, or is not allowed where it is. */
function checkPlace(word: string, afterPeer: boolean): void {
  if (word === "peer") return;
  if (INTERFACE_WORDS.has(word)) {
    if (!afterPeer) return;
    throw new ConfigError(word, "a word of the interface; it is required before the first peer");
  }
  if (!PEER_WORDS.has(word) && word !== "remove") {
    throw new ConfigError(
      word.length <= SHOWN_MAX ? displayValue(word) : `a word of ${word.length} characters`,
      "unknown word; `wg help set` lists the words",
    );
  }
  if (!afterPeer) throw new ConfigError(word, "`peer PUBLICKEY` is required before it");
}

const newPeer = (
  word: string,
  text: string,
  named: readonly NamedPeer[],
): Draft<PeerWords> => ({
  publicKey: named.length > 0 && keyOfWord(text) === undefined
    ? findPeer(word, text, named).publicKey
    : publicKeyOf(word, text),
  presharedKeyFile: undefined,
  endpoint: undefined,
  persistentKeepalive: undefined,
  allowedIps: [],
  replaceAllowedIps: false,
  remove: false,
});

function takeWord(
  line: Draft<SetLine>,
  word: string,
  operand: string,
  servicePort: ServicePort | undefined,
): void {
  switch (word) {
    case "listen-port":
      line.listenPort = parsePort(word, operand, servicePort);
      return;
    case "fwmark":
      line.fwmark = parseFwMark(word, operand);
      return;
    case "private-key":
      line.privateKeyFile = operand;
      return;
  }
}

function takePeerWord(
  peer: Draft<PeerWords>,
  word: string,
  operand: string,
  servicePort: ServicePort | undefined,
): void {
  switch (word) {
    case "preshared-key":
      peer.presharedKeyFile = operand;
      return;
    case "endpoint":
      peer.endpoint = parseEndpointText(word, operand, servicePort);
      return;
    case "persistent-keepalive":
      peer.persistentKeepalive = parseKeepalive(word, operand);
      return;
    case "allowed-ips": {
      const list = parseAllowedIps(word, compact(operand), "+-");
      peer.allowedIps = [...peer.allowedIps, ...list];
      peer.replaceAllowedIps = replaces(list);
      return;
    }
  }
}
