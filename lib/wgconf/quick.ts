/**
 * Reads a file of wg-quick(8): the format of wg(8) with nine more keys in [Interface], with ranges
 * that AllowedIPs excludes (`!192.0.2.0/24`), and with comments that describe peers.
 * @module
 */
import { checkCommand } from "../base/command_text.ts";
import { excludeRanges } from "../allowed_ips/exclude.ts";
import { IPV6_MTU_MIN, MTU_MAX, MTU_MIN } from "../base/constants.ts";
import type { IpBytes } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import { isHostName } from "../base/host_name.ts";
import { parseDecimal, parseIp } from "../base/ip_text.ts";
import { numberProblem, quote } from "../base/quote.ts";
import { QUICK_KEYS } from "./foreign_keys.ts";
import { type FileProblem, parseWgConfig, type PeerSettings, type WgConfig } from "./parse.ts";
import type { EntryLine } from "./scan.ts";
import type { AllowedIpSetting, ServicePort } from "./values.ts";

/** The most characters of a command. */
const COMMAND_MAX = 65_536;
/** The most ranges that a list without its excluded ranges may become. */
const RANGES_MAX = 16_384;

/** The keys of commands. */
export const HOOK_KEYS = ["PreUp", "PostUp", "PreDown", "PostDown"] as const;
export type HookKey = typeof HOOK_KEYS[number];

/** An address of the interface with the length of its network. */
export interface QuickAddress {
  /** 4 or 16 bytes. */
  readonly address: IpBytes;
  readonly prefix: number;
}

/** A command, and the line of the file that has it. */
export interface Hook {
  readonly line: number;
  /** The command with `%i` as it is. */
  readonly command: string;
}

/** What a file of wg-quick(8) says. With problems, nothing of it may be applied. */
export interface QuickConfig extends WgConfig {
  readonly addresses: readonly QuickAddress[];
  readonly dns: {
    /** Addresses of name servers as they are written, also with a zone. */
    readonly servers: readonly string[];
    readonly search: readonly string[];
  };
  /** In bytes; undefined to choose it by the route to the endpoints. */
  readonly mtu: number | undefined;
  /** `auto`, `off`, or the number or name of a table. */
  readonly table: string;
  readonly hooks: Readonly<Record<HookKey, readonly Hook[]>>;
  readonly saveConfig: boolean;
}

/** How a file is read. */
export interface QuickOptions {
  /** The name of the file for messages. */
  readonly file: string;
  /** Finds the port of a service that is named in ListenPort or Endpoint. */
  readonly servicePort?: ServicePort;
  /** The smallest port of an endpoint, 0 unless told. */
  readonly endpointPortMin?: 0 | 1;
  /** Whether there is a routing table of this number or name; all are taken without it. */
  readonly hasTable?: (name: string) => boolean;
}

/**
 * Reads a file. The bytes stay the caller's, as for `parseWgConfig`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseQuickConfig } from "./quick.ts";
 *
 * const text = "[Interface]\nAddress = 10.0.0.1/24, fd00::1\nDNS = 10.0.0.53, example.org\n";
 * const config = parseQuickConfig(new TextEncoder().encode(text), { file: "wg0.conf" });
 * assert.ok(config.addresses[1].prefix === 128 && config.dns.search[0] === "example.org");
 * ```
 */
export function parseQuickConfig(bytes: Uint8Array, options: QuickOptions): QuickConfig {
  const keys = new InterfaceKeys(options.hasTable ?? (() => true));
  const config = parseWgConfig(bytes, {
    ...options,
    interfaceKeys: new Map(
      QUICK_KEYS.map((key) => [key.toLowerCase(), (entry: EntryLine) => keys.take(entry)] as const),
    ),
    exclusions: true,
  });
  const problems: FileProblem[] = [...config.problems];
  const peers = config.peers.map((peer) => {
    try {
      return withoutExcluded(peer);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push({
        file: options.file,
        line: peer.line,
        word: error.word,
        problem: error.problem,
      });
      return peer;
    }
  });
  const warnings = [...config.warnings];
  const { servers, search } = keys.dns;
  const warn = (line: number, word: string, problem: string) =>
    warnings.push({ file: options.file, line, word, problem });
  if (servers.length === 0 && search.length > 0) {
    warn(keys.searchLine, "DNS", "search domains without a name server are not used");
  }
  const hasIpv6 = keys.addresses.some(({ address }) => address.length === 16);
  if (keys.mtu !== undefined && keys.mtu < IPV6_MTU_MIN && hasIpv6) {
    warn(
      keys.mtuLine,
      "MTU",
      `IPv6 requires at least ${IPV6_MTU_MIN}; the kernel removes the IPv6 addresses`,
    );
  }
  return {
    ...config,
    peers,
    problems: problems.toSorted((a, b) => a.line - b.line),
    warnings: warnings.toSorted((a, b) => a.line - b.line),
    addresses: keys.addresses,
    dns: keys.dns,
    mtu: keys.mtu,
    table: keys.table,
    hooks: keys.hooks,
    saveConfig: keys.saveConfig,
  };
}

class InterfaceKeys {
  readonly addresses: QuickAddress[] = [];
  readonly dns = { servers: [] as string[], search: [] as string[] };
  /** The line of the first search domain. */
  searchLine = 0;
  mtu: number | undefined;
  table = "auto";
  readonly hooks: Record<HookKey, Hook[]> = { PreUp: [], PostUp: [], PreDown: [], PostDown: [] };
  saveConfig = false;
  /** The line of the MTU. */
  mtuLine = 0;
  readonly #hasTable: (name: string) => boolean;

  constructor(hasTable: (name: string) => boolean) {
    this.#hasTable = hasTable;
  }

  take({ key, value, line }: EntryLine): void {
    const hook = HOOK_KEYS.find((one) => one.toLowerCase() === key.toLowerCase());
    if (hook !== undefined) {
      checkCommand(key, value);
      if (value.length > COMMAND_MAX) {
        throw new ConfigError(key, `the command is too long; at most ${COMMAND_MAX} characters`);
      }
      this.hooks[hook].push({ line, command: value });
      return;
    }
    switch (key.toLowerCase()) {
      case "address":
        this.addresses.push(...listOf(value).map((text) => parseAddress(key, text)));
        return;
      case "dns":
        for (const text of listOf(value)) this.#dns(key, text, line);
        return;
      case "mtu":
        this.mtu = value === "" ? undefined : parseMtu(key, value);
        this.mtuLine = line;
        return;
      case "table":
        this.table = parseTable(key, value, this.#hasTable);
        return;
      case "saveconfig":
        this.saveConfig = parseBoolean(key, value);
        return;
    }
  }

  /** What consists of digits and dots, or has a colon, is a server and no search domain. */
  #dns(key: string, text: string, line: number): void {
    if (/^[0-9.]+$/.test(text) || text.includes(":")) {
      const [address, zone] = text.split("%");
      const zoneIsFine = zone === undefined || /^[A-Za-z0-9_=+.-]{1,15}$/.test(zone);
      if (parseIp(address) === undefined || !zoneIsFine) {
        throw new ConfigError(key, `${quote(text)} is not an address of a name server`);
      }
      this.dns.servers.push(text);
      return;
    }
    // `~example.org` is a domain of systemd-resolved that is routed and not searched.
    if (text !== "~." && !isHostName(text.replace(/^~/, ""))) {
      throw new ConfigError(
        key,
        `${quote(text)} is neither an address of a name server nor a search domain`,
      );
    }
    this.dns.search.push(text);
    this.searchLine ||= line;
  }
}

/** The parts of a list with commas or white space between them. */
const listOf = (value: string): string[] => value.split(/[\s,]+/).filter((text) => text !== "");

/** An address with its prefix length or, for IPv4, its netmask. Without them it is one address. */
function parseAddress(word: string, text: string): QuickAddress {
  const [addressText, ...rest] = text.split("/");
  const address = parseIp(addressText);
  const bits = (address?.length ?? 0) * 8;
  const prefix = rest.length === 0
    ? bits
    : rest.length === 1
    ? parseDecimal(rest[0], bits) ?? (bits === 32 ? prefixOfMask(rest[0]) : undefined)
    : undefined;
  if (address === undefined || prefix === undefined) {
    throw new ConfigError(
      word,
      `${quote(text)} is not an address; one as 10.0.0.1/24 or fd00::1/64 is required`,
    );
  }
  return { address, prefix };
}

/** The prefix length of a netmask such as 255.255.255.0. */
function prefixOfMask(text: string): number | undefined {
  const mask = parseIp(text);
  if (mask?.length !== 4) return undefined;
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : undefined;
}

function parseMtu(word: string, value: string): number {
  const mtu = parseDecimal(value, MTU_MAX);
  if (mtu === undefined || mtu < MTU_MIN) {
    throw new ConfigError(word, numberProblem(value, MTU_MIN, MTU_MAX));
  }
  return mtu;
}

function parseTable(word: string, value: string, hasTable: (name: string) => boolean): string {
  if (value === "" || /^(?:auto|off)$/i.test(value)) return value.toLowerCase() || "auto";
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(value) && hasTable(value)) return value;
  throw new ConfigError(
    word,
    `${quote(value)} is not a table; auto, off, a number or a name of rt_tables is required`,
  );
}

function parseBoolean(word: string, value: string): boolean {
  if (/^(?:true|false)$/i.test(value)) return value.toLowerCase() === "true";
  throw new ConfigError(word, `${quote(value)} is neither true nor false`);
}

/** Replaces the ranges of a peer that has excluded ones by what is left of them. */
function withoutExcluded(peer: PeerSettings): PeerSettings {
  const isExcluded = ({ sign }: AllowedIpSetting) => sign === "!";
  const excluded = peer.allowedIps.filter(isExcluded).map(({ range }) => range);
  if (excluded.length === 0) return peer;
  const included = peer.allowedIps.filter((setting) => !isExcluded(setting));
  if (included.some(({ sign }) => sign !== "")) {
    throw new ConfigError("AllowedIPs", "a list with ! must not have + or -");
  }
  if (included.length === 0) {
    throw new ConfigError("AllowedIPs", "! excludes a range from others; there are no others");
  }
  const ranges = excludeRanges(included.map(({ range }) => range), excluded);
  if (ranges.length > RANGES_MAX) {
    throw new ConfigError(
      "AllowedIPs",
      `the excluded ranges leave ${ranges.length} ranges; at most ${RANGES_MAX} are allowed`,
    );
  }
  return {
    ...peer,
    allowedIps: ranges.map((range) => ({ sign: "", range, hostBits: false })),
  };
}
