/**
 * The words of `wg client`.
 * @module
 */
import { MTU_MAX } from "../../base/constants.ts";
import { IPV6_MTU_MIN } from "../../base/constants.ts";
import { parseDate } from "../../base/date_text.ts";
import type { IpBytes } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { isHostName } from "../../base/host_name.ts";
import { formatRange, parseDecimal, parseIp, parseRange } from "../../base/ip_text.ts";
import { checkDescription } from "../../base/labels.ts";
import { displayValue, numberProblem, quote } from "../../base/quote.ts";
import { descriptionOf, mayBeKey } from "../../wgconf/description.ts";
import { parseKeepalive } from "../../wgconf/values.ts";

/** What `wg client` does. */
export const ACTIONS = ["add", "list", "show", "remove", "disable", "enable", "expire"] as const;
export type Action = typeof ACTIONS[number];

/** The host of a client's Endpoint; without a port that of the interface is used. */
export interface EndpointWord {
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

/** The content of a command line. What was not given is undefined. */
export interface ClientLine {
  readonly action: Action;
  readonly interface: string | undefined;
  /** The client; empty for `list`. */
  readonly name: string;
  readonly json: boolean;
  /** The file of the interface; false for none. */
  readonly file: string | false | undefined;
  /** The date of `expire` and `add --expires`: Unix time in ms, 0 for `never`. */
  readonly expiresUnixMs: number | undefined;
  /** Where the client's configuration goes, for `add`. */
  readonly out: string | undefined;
  readonly qr: boolean;
  readonly png: string | undefined;
  readonly svg: string | undefined;
  readonly endpoint: EndpointWord | undefined;
  /** Name servers and search domains. */
  readonly dns: readonly string[];
  /** What the client sends through the tunnel. */
  readonly allowedIps: readonly string[] | undefined;
  /** In seconds. */
  readonly keepalive: number;
  readonly mtu: number | undefined;
  readonly psk: boolean;
  readonly addresses: readonly IpBytes[];
}

/** The keepalive of a client, which is most often behind a NAT. */
const KEEPALIVE_S = 25;
/** All addresses. */
const EVERYTHING = ["0.0.0.0/0", "::/0"];

type Draft = { -readonly [K in keyof ClientLine]: ClientLine[K] };
type Take = (line: Draft, value: string, word: string) => void;

/** An option: its operand in a message, or undefined if it has none, and its effect. */
type Option = readonly [operand: string | undefined, take: Take];

const FILE_OPTIONS: Readonly<Record<string, Option>> = {
  "--file": ["the file of the interface", (line, value) => line.file = value],
  "--no-file": [undefined, (line) => line.file = false],
};
const JSON_OPTION: Readonly<Record<string, Option>> = {
  "--json": [undefined, (line) => line.json = true],
};
const ADD_OPTIONS: Readonly<Record<string, Option>> = {
  "-o": ["the name of a new file", (line, value) => line.out = value],
  "--qr": [undefined, (line) => line.qr = true],
  "--png": ["the name of a new file", (line, value) => line.png = value],
  "--svg": ["the name of a new file", (line, value) => line.svg = value],
  "--endpoint": ["HOST or HOST:PORT", (line, value, word) => line.endpoint = endpoint(word, value)],
  "--dns": ["a list of name servers and domains", (line, value, word) => {
    line.dns = listOf(word, value, (text) => {
      if (parseIp(text) === undefined && !isHostName(text)) {
        throw new ConfigError(word, `${quote(text)} is neither an address nor a domain`);
      }
      return text;
    });
  }],
  "--allowed-ips": ["a list of ranges", (line, value, word) => {
    line.allowedIps = listOf(word, value, (text) => {
      const range = parseRange(text);
      if (range !== undefined) return formatRange(range);
      throw new ConfigError(
        word,
        `${quote(text)} is not a range; one as 192.168.5.0/24 or fd00::/64 is required`,
      );
    });
  }],
  "--all": [undefined, (line) => line.allowedIps = EVERYTHING],
  "--keepalive": [
    "a number of seconds",
    (line, value, word) => line.keepalive = parseKeepalive(word, value),
  ],
  "--mtu": ["a number of bytes", (line, value, word) => {
    line.mtu = parseDecimal(value, MTU_MAX);
    if (line.mtu === undefined || line.mtu < IPV6_MTU_MIN) {
      throw new ConfigError(word, numberProblem(value, IPV6_MTU_MIN, MTU_MAX));
    }
  }],
  "--no-psk": [undefined, (line) => line.psk = false],
  "--address": ["a list of addresses", (line, value, word) => {
    line.addresses = listOf(word, value, (text) => {
      const address = parseIp(text);
      if (address !== undefined) return address;
      throw new ConfigError(word, `${quote(text)} is not an address; one as 10.0.0.2 is required`);
    });
  }],
  "--expires": ["a date", (line, value, word) => line.expiresUnixMs = parseDate(word, value)],
};

const OPTIONS: Readonly<Record<Action, Readonly<Record<string, Option>>>> = {
  add: { ...ADD_OPTIONS, ...FILE_OPTIONS, ...JSON_OPTION },
  list: JSON_OPTION,
  show: JSON_OPTION,
  remove: FILE_OPTIONS,
  disable: FILE_OPTIONS,
  enable: FILE_OPTIONS,
  expire: FILE_OPTIONS,
};
/** Options that do not go together, and why. */
const EXCLUSIVE: readonly (readonly [one: string, other: string, why: string])[] = [
  ["--all", "--allowed-ips", "one of them says what the client sends"],
  ["--file", "--no-file", "one of them is required"],
  ["--qr", "--json", "the output is one of them; --png and --svg make files"],
];
/** The words of each action besides the interface, which may be before them. */
const REQUIRED: Readonly<Record<Action, readonly string[]>> = {
  add: ["NAME"],
  list: [],
  show: ["NAME"],
  remove: ["NAME"],
  disable: ["NAME"],
  enable: ["NAME"],
  expire: ["NAME", "DATE"],
};

/**
 * Reads a command line.
 * @throws ConfigError that names the word
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseClientLine } from "./words.ts";
 *
 * const line = parseClientLine(["add", "wg1", "ann", "--dns", "10.0.0.1"]);
 * assert.ok(line.interface === "wg1" && line.name === "ann" && line.dns[0] === "10.0.0.1");
 * ```
 */
export function parseClientLine([word, ...args]: readonly string[]): ClientLine {
  const action = ACTIONS.find((one) => one === word);
  if (action === undefined) {
    throw new ConfigError(
      word === undefined ? "client" : displayValue(word),
      `${ACTIONS.slice(0, -1).join(", ")} or ${ACTIONS.at(-1)} is required`,
    );
  }
  const line: Draft = {
    action,
    interface: undefined,
    name: "",
    json: false,
    file: undefined,
    expiresUnixMs: undefined,
    out: undefined,
    qr: false,
    png: undefined,
    svg: undefined,
    endpoint: undefined,
    dns: [],
    allowedIps: undefined,
    keepalive: KEEPALIVE_S,
    mtu: undefined,
    psk: true,
    addresses: [],
  };
  const words = takeOptions(line, args);
  const required = REQUIRED[action];
  const missing = required[words.length];
  if (missing !== undefined) throw new ConfigError(action, `${missing} is required`);
  if (words.length > required.length + 1) {
    throw new ConfigError(
      displayValue(words[required.length + 1]),
      `unexpected word; client ${action} takes [INTERFACE] ${required.join(" ")}`.trimEnd(),
    );
  }
  if (words.length > required.length) line.interface = words.shift();
  const [name, date] = words;
  if (name !== undefined) line.name = name;
  if (action === "add") checkName(name);
  if (date !== undefined) line.expiresUnixMs = date === "never" ? 0 : parseDate("expire", date);
  return line;
}

/** Takes the options of an action. Returns the other words. */
function takeOptions(line: Draft, args: readonly string[]): string[] {
  const words: string[] = [];
  const options = OPTIONS[line.action];
  const given = new Set<string>();
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (!word.startsWith("-")) {
      words.push(word);
      continue;
    }
    if (!Object.hasOwn(options, word)) {
      throw new ConfigError(
        displayValue(word),
        `unknown option of client ${line.action}; \`wg help client\` lists them`,
      );
    }
    const [operand, take] = options[word];
    const value = operand === undefined ? "" : args[++at];
    if (value === undefined || operand !== undefined && value === "") {
      throw new ConfigError(word, `requires ${operand}`);
    }
    take(line, value, word);
    given.add(word);
  }
  for (const [one, other, why] of EXCLUSIVE) {
    if (given.has(one) && given.has(other)) {
      throw new ConfigError(one, `${other} is given too; ${why}`);
    }
  }
  return words;
}

/** Checks that a file can keep the name of a client behind [Peer]. */
function checkName(name: string): void {
  checkDescription("add", name);
  if (name !== "" && descriptionOf({ above: [], behind: name, below: [] }) === name) return;
  if (mayBeKey(name)) {
    throw new ConfigError(
      "add",
      "the name may be a key, which a file must not keep as a name: fewer than 42 letters and " +
        "digits in a row are required",
    );
  }
  throw new ConfigError(
    "add",
    `${quote(name)} cannot be kept in a file as a name; letters and digits are required, ` +
      "without # and without signs at the ends",
  );
}

function endpoint(word: string, text: string): EndpointWord {
  const [, bracketed, rest] = /^\[([^\]]*)\](.*)$/.exec(text) ?? [];
  const isBareIpv6 = bracketed === undefined && text.split(":").length > 2;
  const colon = isBareIpv6 ? -1 : text.lastIndexOf(":");
  const host = bracketed ?? (colon < 0 ? text : text.slice(0, colon));
  const portText = bracketed !== undefined
    ? rest === "" ? undefined : rest.startsWith(":") ? rest.slice(1) : ""
    : colon < 0
    ? undefined
    : text.slice(colon + 1);
  if (parseIp(host) === undefined && !isHostName(host)) {
    throw new ConfigError(
      word,
      `${quote(text)} is no endpoint; a name or an address, with or without :PORT, is required`,
    );
  }
  const port = portText === undefined ? undefined : parseDecimal(portText, 0xffff) ?? 0;
  if (port === 0) throw new ConfigError(word, numberProblem(portText ?? "", 1, 0xffff));
  return { host, port };
}

function listOf<T>(word: string, text: string, read: (text: string) => T): T[] {
  const list = text.split(",").map((one) => one.trim()).filter((one) => one !== "");
  if (list.length === 0) throw new ConfigError(word, "the list is empty");
  return list.map(read);
}
