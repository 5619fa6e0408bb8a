/**
 * Reads a configuration file of wg(8): the stages are the lines (scan.ts), the sections and keys
 * (here), the values (values.ts) and the change of an interface (change.ts). All wrong lines are
 * reported.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../base/brands.ts";
import { ConfigError } from "../base/errors.ts";
import { formatRange } from "../base/ip_text.ts";
import { readKeyText } from "../base/key_text.ts";
import { displayValue, quote } from "../base/quote.ts";
import { originOfKey, originOfSection } from "./foreign_keys.ts";
import {
  type CommentSettings,
  isPeerSetting,
  looksLikeSetting,
  misplacedSetting,
  readPeerSetting,
  strangeSetting,
} from "./peer_settings.ts";
import {
  type EntryLine,
  isUtf16,
  scanLines,
  type ScannedLine,
  type SectionLine,
  UTF16_PROBLEM,
} from "./scan.ts";
import {
  type AllowedIpSetting,
  compact,
  type EndpointSetting,
  parseAllowedIps,
  parseEndpointText,
  parseFwMark,
  parseKeepalive,
  parsePort,
  type ServicePort,
} from "./values.ts";

/** A message about a line of a file. It never contains a key. */
export interface FileProblem {
  readonly file: string;
  /** The number of the line; the first is 1. */
  readonly line: number;
  /** The key or section that is wrong. */
  readonly word: string;
  /** What is wrong and what is required. */
  readonly problem: string;
}

/** The values of [Interface]. A value that no line sets is undefined. */
export interface InterfaceSettings {
  readonly privateKey: PrivateKey | undefined;
  readonly listenPort: number | undefined;
  /** SO_MARK of the UDP sockets; 0 for none. */
  readonly fwmark: number | undefined;
}

/** The values of one [Peer]. A value that no line sets is undefined. */
export interface PeerSettings {
  /** The line of [Peer]. */
  readonly line: number;
  readonly publicKey: PublicKey;
  /** The preshared key; zeros remove the present one. */
  readonly presharedKey: PresharedKey | undefined;
  readonly endpoint: EndpointSetting | undefined;
  /** In seconds; 0 switches keepalives off. */
  readonly persistentKeepalive: number | undefined;
  /** The ranges of all lines, in their order. */
  readonly allowedIps: readonly AllowedIpSetting[];
  /** Whether the ranges replace the present ones. A sign `+` or `-` in the last list says no. */
  readonly replaceAllowedIps: boolean;
  /** Whether the peer is removed (`wg set` only). */
  readonly remove: boolean;
  readonly comments: PeerComments;
  /** What comments set (peer_settings.ts). */
  readonly settings: CommentSettings;
}

/** The values of a peer without its place in a file. */
export type PeerValues = Omit<PeerSettings, "line" | "comments" | "settings"> & {
  readonly settings?: CommentSettings;
};

/** The comments about a peer, without their `#` and the white space around them. */
export interface PeerComments {
  /** The comments in the lines directly above [Peer]. */
  readonly above: readonly string[];
  /** The comment behind [Peer] in the same line. */
  readonly behind: string | undefined;
  /** The comments in the lines between [Peer] and its first key. */
  readonly below: readonly string[];
}

/** What a file says. With problems, nothing of it may be applied. */
export interface WgConfig {
  readonly interface: InterfaceSettings;
  readonly peers: readonly PeerSettings[];
  /** The refused lines, in their order. */
  readonly problems: readonly FileProblem[];
  /** What is strange and yet read: a byte order mark, addresses with host bits. */
  readonly warnings: readonly FileProblem[];
  /** All lines. Their `raw` is a part of the file's bytes. */
  readonly lines: readonly ScannedLine[];
}

/** How a file is read. */
export interface ParseOptions {
  /** The name of the file for messages. */
  readonly file: string;
  /**
   * More keys of [Interface] by their names in lower case, for wg-quick's. The function gets the
   * line; it throws a ConfigError for a wrong value. Without them wg(8)'s keys are the only ones.
   */
  readonly interfaceKeys?: ReadonlyMap<string, (entry: EntryLine) => void>;
  /** Whether `!RANGE` in AllowedIPs excludes a range (wg-quick only). */
  readonly exclusions?: boolean;
  /** Finds the port of a service that is named in ListenPort or Endpoint. */
  readonly servicePort?: ServicePort;
  /** The smallest port of an endpoint, 0 unless told: wg(8) takes the port 0. */
  readonly endpointPortMin?: 0 | 1;
}

/** Characters up to which a word is shown. A key in base64, or a part of it, has more. */
const SHOWN_MAX = 24;

type PeerDraft =
  & {
    -readonly [K in keyof Omit<PeerSettings, "publicKey" | "comments" | "settings">]:
      PeerSettings[K];
  }
  & { publicKey: PublicKey | undefined; section: SectionLine; above: string[]; below: string[] }
  & { allowedIps: AllowedIpSetting[]; entered: boolean; refused: boolean }
  & { settings: CommentSettings };

/**
 * Reads a file. The bytes stay the caller's: fill them with zeros after use, and erase the keys of
 * the result (`wipeConfig`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseWgConfig } from "./parse.ts";
 *
 * const text = "[Interface]\nListenPort = 7111\nJc = 4\n";
 * const config = parseWgConfig(new TextEncoder().encode(text), { file: "wg1.conf" });
 * assert.ok(config.interface.listenPort === 7111);
 * assert.ok(config.problems[0].line === 3 && config.problems[0].word === "Jc");
 * ```
 */
export function parseWgConfig(bytes: Uint8Array, options: ParseOptions): WgConfig {
  return new Parser(options).parse(bytes);
}

/** Erases the secret keys of a file's values. */
export function wipeConfig(config: WgConfig): void {
  for (const line of config.lines) {
    if (line.type === "entry" && line.secret instanceof Uint8Array) line.secret.fill(0);
  }
}

/** A problem as a line for the user: `FILE:LINE: WORD: PROBLEM`. */
export const formatProblem = ({ file, line, word, problem }: FileProblem): string =>
  `${displayValue(file)}:${line}: ${word}: ${problem}`;

class Parser {
  readonly #options: ParseOptions;
  readonly #interface: { -readonly [K in keyof InterfaceSettings]: InterfaceSettings[K] } = {
    privateKey: undefined,
    listenPort: undefined,
    fwmark: undefined,
  };
  readonly #peers: PeerDraft[] = [];
  readonly #problems: FileProblem[] = [];
  readonly #warnings: FileProblem[] = [];
  /** The section that lines belong to; "foreign" for one that was refused. */
  #section: "none" | "interface" | "foreign" | PeerDraft = "none";
  /** The comments of the lines directly above. */
  #above: string[] = [];

  constructor(options: ParseOptions) {
    this.#options = options;
  }

  parse(bytes: Uint8Array): WgConfig {
    // Its lines would be refused one by one.
    const readable = !isUtf16(bytes);
    if (!readable) this.#refuse(1, "encoding", UTF16_PROBLEM);
    const { lines, byteOrderMark } = scanLines(readable ? bytes : new Uint8Array());
    if (byteOrderMark) {
      this.#warn(1, "byte order mark", "the file begins with one; wg(8) refuses it");
    }
    for (const line of lines) {
      try {
        this.#take(line);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        this.#refuse(line.line, error.word, error.problem);
      }
    }
    for (const peer of this.#peers) {
      if (peer.publicKey !== undefined || peer.refused) continue;
      this.#refuse(peer.line, "[Peer]", "the peer has no PublicKey, which is required");
    }
    return {
      interface: this.#interface,
      peers: this.#peers.map(settingsOf).filter((peer) => peer !== undefined),
      problems: this.#problems.toSorted((a, b) => a.line - b.line),
      warnings: this.#warnings,
      lines,
    };
  }

  #take(line: ScannedLine): void {
    const above = this.#above;
    this.#above = [];
    if (line.type !== "section" || line.name.toLowerCase() !== "peer") this.#settingOf(line);
    switch (line.type) {
      case "blank":
        if (line.comment === undefined) return;
        this.#above = [...above, line.comment];
        if (typeof this.#section === "object" && !this.#section.entered) {
          this.#section.below.push(line.comment);
        }
        return;
      case "section":
        return this.#enter(line, above);
      case "entry":
        return this.#entry(line);
      case "other":
        this.#refuseRest();
        throw new ConfigError(
          shown(line.text),
          line.text.startsWith(";")
            ? "the line is neither a section nor KEY = VALUE; a comment begins with #"
            : "the line is neither a section nor KEY = VALUE",
        );
    }
  }

  /** Takes a comment that sets something of a peer. */
  #settingOf({ comment, type, line }: ScannedLine): void {
    const section = this.#section;
    if (comment === undefined || !looksLikeSetting(comment)) return;
    const isPlace = typeof section === "object" && !section.entered && type !== "entry";
    if (isPeerSetting(comment)) {
      try {
        if (!isPlace) throw misplacedSetting(comment);
        section.settings = { ...section.settings, ...readPeerSetting(comment) };
      } catch (error) {
        this.#refuseRest();
        throw error;
      }
    } else if (isPlace) {
      const { word, problem } = strangeSetting(comment);
      this.#warn(line, word, problem);
    }
  }

  #enter(line: SectionLine, above: string[]): void {
    switch (line.name.toLowerCase()) {
      case "interface":
        this.#section = "interface";
        return;
      case "peer":
        this.#section = {
          line: line.line,
          section: line,
          above,
          below: [],
          entered: false,
          refused: false,
          publicKey: undefined,
          presharedKey: undefined,
          endpoint: undefined,
          persistentKeepalive: undefined,
          allowedIps: [],
          replaceAllowedIps: true,
          remove: false,
          settings: {},
        };
        this.#peers.push(this.#section);
        this.#settingOf(line);
        return;
    }
    this.#section = "foreign";
    const origin = originOfSection(line.name);
    const what = origin === undefined ? "unknown section" : `unknown section: ${origin}`;
    throw new ConfigError(
      `[${line.name.length <= SHOWN_MAX ? displayValue(line.name) : "..."}]`,
      `${what}; [Interface] or [Peer] is required`,
    );
  }

  #entry(line: EntryLine): void {
    const section = this.#section;
    if (section === "foreign") throw new ConfigError(shown(line.key), "of an unknown section");
    if (section === "none") {
      throw new ConfigError(
        shown(line.key),
        "before any section; [Interface] or [Peer] is required",
      );
    }
    const value = compact(line.value);
    try {
      if (section === "interface") return this.#interfaceKey(line, value);
      section.entered = true;
      this.#peerKey(section, line, value);
    } catch (error) {
      this.#refuseRest();
      throw error;
    }
  }

  /** A peer with a refused line gets no second message about the key that it lacks. */
  #refuseRest(): void {
    if (typeof this.#section === "object") this.#section.refused = true;
  }

  #interfaceKey(line: EntryLine, value: string): void {
    const { key } = line;
    const { servicePort, interfaceKeys } = this.#options;
    switch (key.toLowerCase()) {
      case "privatekey":
        this.#interface.privateKey = secretOf(line) as PrivateKey;
        return;
      case "listenport":
        this.#interface.listenPort = parsePort(key, required(key, value), servicePort);
        return;
      case "fwmark":
        this.#interface.fwmark = parseFwMark(key, required(key, value));
        return;
    }
    const take = interfaceKeys?.get(key.toLowerCase());
    if (take === undefined) throw unknownKey(key, "[Interface]", PEER_KEYS);
    take(line);
  }

  #peerKey(peer: PeerDraft, line: EntryLine, value: string): void {
    const { key } = line;
    const { servicePort, exclusions, endpointPortMin, interfaceKeys } = this.#options;
    switch (key.toLowerCase()) {
      case "publickey":
        peer.publicKey = publicKeyOf(key, value);
        return;
      case "presharedkey":
        peer.presharedKey = secretOf(line) as PresharedKey;
        return;
      case "endpoint":
        peer.endpoint = parseEndpointText(
          key,
          required(key, value),
          servicePort,
          endpointPortMin,
        );
        return;
      case "persistentkeepalive":
        peer.persistentKeepalive = parseKeepalive(key, required(key, value));
        return;
      case "allowedips": {
        const list = parseAllowedIps(key, required(key, value), exclusions ? "+-!" : "+-");
        peer.allowedIps.push(...list);
        peer.replaceAllowedIps = replaces(list);
        for (const { range, hostBits } of list) {
          if (hostBits) {
            this.#warn(line.line, key, `${formatRange(range)} is used: the address has host bits`);
          }
        }
        return;
      }
    }
    // Without wg-quick's keys, [Interface] is no place for them either.
    const others = interfaceKeys === undefined
      ? INTERFACE_KEYS
      : [...INTERFACE_KEYS, ...interfaceKeys.keys()];
    throw unknownKey(key, "[Peer]", others);
  }

  #refuse(line: number, word: string, problem: string): void {
    this.#problems.push({ file: this.#options.file, line, word, problem });
  }

  #warn(line: number, word: string, problem: string): void {
    this.#warnings.push({ file: this.#options.file, line, word, problem });
  }
}

const INTERFACE_KEYS = ["privatekey", "listenport", "fwmark"];
const PEER_KEYS = ["publickey", "presharedkey", "endpoint", "persistentkeepalive", "allowedips"];

/** Whether the ranges of a list replace the present ones. */
export const replaces = (list: readonly AllowedIpSetting[]): boolean =>
  list.every(({ sign }) => sign === "" || sign === "!");

/**
 * A public key in base64.
 * @throws ConfigError that does not show the value, which may be another key
 */
export function publicKeyOf(word: string, text: string): PublicKey {
  const key = readKeyText(new TextEncoder().encode(text));
  if (key === undefined) throw notAKey(word);
  return key as PublicKey;
}

function secretOf({ key, secret }: EntryLine): Uint8Array {
  if (secret instanceof Uint8Array) return secret;
  throw notAKey(key);
}

const notAKey = (word: string) =>
  new ConfigError(word, "not a key; 44 characters of base64 are required");

/** wg(8) does not read a key without a value. */
function required(key: string, value: string): string {
  if (value === "") throw new ConfigError(key, "has no value, which is required");
  return value;
}

function unknownKey(key: string, section: string, ofOther: readonly string[]): ConfigError {
  if (ofOther.includes(key.toLowerCase())) {
    const other = section === "[Peer]" ? "[Interface]" : "[Peer]";
    return new ConfigError(shown(key), `not a key of ${section}; it belongs in ${other}`);
  }
  const origin = originOfKey(key);
  return new ConfigError(
    shown(key),
    origin === undefined ? `unknown key of ${section}` : `unknown key of ${section}: ${origin}`,
  );
}

/** A word for a message. One that may be a secret key or a part of it is not shown. */
function shown(word: string): string {
  if (word.length > SHOWN_MAX) return `a word of ${word.length} characters`;
  return /^[\x21-\x7e]+$/.test(word) ? word : quote(word);
}

function settingsOf(draft: PeerDraft): PeerSettings | undefined {
  const { publicKey, section, above, below, entered: _, refused: __, ...settings } = draft;
  if (publicKey === undefined) return undefined;
  return { ...settings, publicKey, comments: { above, behind: section.comment, below } };
}
