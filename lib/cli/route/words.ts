/**
 * The command line of route(8), checked and typed; nothing is looked up and nothing is done here.
 * @module
 */
import { RDOMAIN_MAX } from "../../base/constants.ts";
import type { IpBytes } from "../../base/endpoint.ts";
import { ConfigError } from "../../base/errors.ts";
import { maskAddress, parseDecimal, parseIp } from "../../base/ip_text.ts";

/** Where traffic goes: a prefix. */
export interface Destination {
  /** As the user wrote it. */
  readonly word: string;
  readonly address: IpBytes;
  readonly prefix: number;
}

/** A gateway: an address, with the zone of a link-local one; or an interface. */
export type Gateway =
  | { readonly type: "address"; readonly word: string; readonly address: IpBytes; readonly zone: string | undefined }
  | { readonly type: "interface"; readonly name: string };

/** `add`, `change` and `delete`. */
export interface RouteChangeCommand {
  readonly type: "add" | "change" | "delete";
  readonly destination: Destination;
  readonly gateway: Gateway | undefined;
  readonly kind: "unicast" | "blackhole" | "unreachable";
  /** `-ifp NAME`: the interface to leave by, beside a gateway. */
  readonly interfaceName: string | undefined;
  /** `-ifa ADDRESS`: the source address to prefer. */
  readonly source: IpBytes | undefined;
  /** `-priority N`: the route's metric. */
  readonly priority: number | undefined;
  readonly mtu: number | undefined;
}

/** What route(8) is asked to do. */
export type RouteCommand =
  | RouteChangeCommand
  | { readonly type: "get"; readonly address: IpBytes; readonly word: string }
  | {
    readonly type: "show";
    readonly family: 4 | 6 | undefined;
    readonly gateway: IpBytes | undefined;
    readonly priority: number | undefined;
  }
  | {
    readonly type: "flush";
    readonly family: 4 | 6 | undefined;
    readonly interfaceName: string | undefined;
    readonly priority: number | undefined;
  }
  | { readonly type: "exec"; readonly command: readonly string[] };

/** A whole command line. */
export interface RouteLine {
  /** `-T N`; undefined is the rdomain the command was started in. */
  readonly rtable: number | undefined;
  /** `-q`: print nothing. */
  readonly quiet: boolean;
  readonly json: boolean;
  readonly command: RouteCommand;
}

const PRIORITY_MAX = 0xffff_ffff;
const MTU_MAX = 0xffff_ffff;

/**
 * Reads `route [-nqtv] [-T rtable] [--json] COMMAND ...`.
 * @throws ConfigError that names the word
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 * deepEqual(parseRoute(["-T1", "exec", "ping", "-c", "3", "192.168.5.2"]).command, {
 *   type: "exec",
 *   command: ["ping", "-c", "3", "192.168.5.2"],
 * });
 * ```
 */
export function parseRoute(args: readonly string[]): RouteLine {
  const words = new Words(args);
  let rtable: number | undefined;
  let quiet = false;
  let json = false;
  for (let word = words.peek(); word?.startsWith("-"); word = words.peek()) {
    words.next();
    if (word === "--json") {
      json = true;
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const flag = word[i];
      if (flag === "T") {
        rtable = parseRtable(word.length > i + 1 ? word.slice(i + 1) : words.value("-T", "a routing table"));
        break;
      }
      if (flag === "q") quiet = true;
      else if (!"nv".includes(flag)) throw new ConfigError(word, "unknown flag; try wg help route");
    }
    if (word === "-") throw new ConfigError(word, "unknown flag; try wg help route");
  }
  return { rtable, quiet, json, command: parseCommand(words) };
}

/** Reads the number after -T. @throws ConfigError */
export function parseRtable(word: string): number {
  const rtable = parseDecimal(word, RDOMAIN_MAX);
  if (rtable === undefined) throw new ConfigError("-T", `not a routing table from 0 to ${RDOMAIN_MAX}: ${word}`);
  return rtable;
}

function parseCommand(words: Words): RouteCommand {
  const word = words.next();
  switch (word) {
    case "add":
    case "change":
    case "delete":
    case "del":
      return parseChange(word === "del" ? "delete" : word, words);
    case "get":
      return parseGet(words);
    case "show":
      return parseShow(words);
    case "flush":
      return parseFlush(words);
    case "exec": {
      const command = words.rest();
      if (command.length === 0) throw new ConfigError("exec", "a command is missing");
      return { type: "exec", command };
    }
    case "monitor":
    case "nameserver":
    case "sourceaddr":
      throw new ConfigError(word, "not on Linux; see ip-monitor(8), resolv.conf(5), ip-route(8)");
    case undefined:
      throw new ConfigError("route", "a command is missing: add, change, delete, get, show, flush or exec");
    default:
      throw new ConfigError(word, "unknown command; there are add, change, delete, get, show, flush and exec");
  }
}

function parseChange(type: RouteChangeCommand["type"], words: Words): RouteChangeCommand {
  let family: 4 | 6 | undefined;
  let shape: "net" | "host" | undefined;
  let prefix: { word: string; length: number | IpBytes } | undefined;
  let toInterface = false;
  let kind: RouteChangeCommand["kind"] = "unicast";
  let interfaceName: string | undefined;
  let source: IpBytes | undefined;
  let priority: number | undefined;
  let mtu: number | undefined;
  const operands: string[] = [];
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (!word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    switch (word) {
      case "-inet":
        family = 4;
        break;
      case "-inet6":
        family = 6;
        break;
      case "-net":
      case "-host":
        shape = word === "-net" ? "net" : "host";
        break;
      case "-prefixlen":
        prefix = { word, length: words.number(word, 128) };
        break;
      case "-netmask":
        prefix = { word, length: words.address(word) };
        break;
      case "-iface":
      case "-interface":
      case "-link":
        toInterface = true;
        break;
      case "-blackhole":
        kind = "blackhole";
        break;
      case "-reject":
        kind = "unreachable";
        break;
      case "-ifp":
        interfaceName = words.value(word, "an interface");
        break;
      case "-ifa":
        source = words.address(word);
        break;
      case "-priority":
        priority = words.number(word, PRIORITY_MAX);
        break;
      case "-mtu":
        mtu = words.number(word, MTU_MAX);
        break;
      case "-static":
      case "-nostatic":
      case "-gateway":
        break;
      case "-mpath":
      case "-label":
      case "-cloning":
      case "-llinfo":
      case "-proto1":
      case "-proto2":
      case "-expire":
      case "-tag":
        throw new ConfigError(word, "Linux has no such thing for a route");
      default:
        throw new ConfigError(word, `unknown word for ${type}`);
    }
  }
  const [first, second, extra] = operands;
  if (first === undefined) throw new ConfigError(type, "a destination is missing");
  if (extra !== undefined) throw new ConfigError(extra, "one destination and one gateway are all there can be");
  const destination = parseDestination(first, family ?? familyOfWord(second), shape, prefix);
  const gateway = second === undefined ? undefined : parseGateway(second, toInterface, destination);
  if (second === undefined && toInterface) throw new ConfigError("-iface", "an interface is missing");
  if (type !== "delete" && kind === "unicast" && gateway === undefined && interfaceName === undefined) {
    throw new ConfigError(first, "a gateway is missing");
  }
  if (source !== undefined && source.length !== destination.address.length) {
    throw new ConfigError("-ifa", "an address of the other family than the destination");
  }
  return { type, destination, gateway, kind, interfaceName, source, priority, mtu };
}

/** `default`, `ADDRESS`, `ADDRESS/PREFIX`, and OpenBSD's short networks `10/8`, `192.168.5/24`. */
function parseDestination(
  word: string,
  family: 4 | 6 | undefined,
  shape: "net" | "host" | undefined,
  given: { word: string; length: number | IpBytes } | undefined,
): Destination {
  if (word === "default") {
    if (given !== undefined) throw new ConfigError(given.word, "the default route has no prefix");
    return { word, address: new Uint8Array(family === 6 ? 16 : 4), prefix: 0 };
  }
  const slash = word.indexOf("/");
  const text = slash < 0 ? word : word.slice(0, slash);
  const address = parseIp(text) ?? (slash < 0 && given === undefined ? undefined : parseShortNetwork(text));
  if (address === undefined) throw new ConfigError(word, "not an address, a network or `default`");
  if (family !== undefined && address.length !== (family === 4 ? 4 : 16)) {
    throw new ConfigError(word, `not an address of the family ${family === 4 ? "inet" : "inet6"}`);
  }
  const bits = 8 * address.length;
  if (slash >= 0 && given !== undefined) throw new ConfigError(given.word, `${word} has a prefix already`);
  let prefix = bits;
  if (slash >= 0) {
    const length = parseDecimal(word.slice(slash + 1), bits);
    if (length === undefined) throw new ConfigError(word, `a prefix is a number from 0 to ${bits}`);
    prefix = length;
  } else if (given !== undefined) {
    prefix = typeof given.length === "number" ? given.length : maskLength(given.word, given.length, address);
    if (prefix > bits) throw new ConfigError(given.word, `a prefix is a number from 0 to ${bits}`);
  } else if (shape === "net") {
    throw new ConfigError(word, "a network needs its prefix: ADDRESS/PREFIX");
  }
  if (shape === "host" && prefix !== bits) throw new ConfigError(word, "a host has no prefix");
  const network = maskAddress(address, prefix);
  return { word, address: network, prefix };
}

function parseShortNetwork(text: string): IpBytes | undefined {
  const missing = 4 - text.split(".").length;
  return missing < 1 || missing > 3 ? undefined : parseIp(text + ".0".repeat(missing));
}

function maskLength(word: string, mask: IpBytes, address: IpBytes): number {
  if (mask.length !== address.length) throw new ConfigError(word, "a mask of the other family than the destination");
  let length = 0;
  while (length < 8 * mask.length && (mask[length >>> 3] & 128 >>> (length & 7)) !== 0) length++;
  if (maskAddress(mask, length).some((byte, i) => byte !== mask[i])) {
    throw new ConfigError(word, "a mask has its ones before its zeros");
  }
  return length;
}

function parseGateway(word: string, toInterface: boolean, destination: Destination): Gateway {
  const percent = word.indexOf("%");
  const address = parseIp(percent < 0 ? word : word.slice(0, percent));
  if (address === undefined) {
    if (toInterface) return { type: "interface", name: word };
    throw new ConfigError(word, "not a gateway's address (for an interface say -iface)");
  }
  // An IPv4 destination may have an IPv6 gateway (RFC 5549); the other way round there is nothing.
  if (address.length === 4 && destination.address.length === 16) {
    throw new ConfigError(word, "a gateway of the other family than the destination");
  }
  if (percent === word.length - 1) throw new ConfigError(word, "an interface is missing after %");
  return { type: "address", word, address, zone: percent < 0 ? undefined : word.slice(percent + 1) };
}

function familyOfWord(word: string | undefined): 4 | 6 | undefined {
  if (word === undefined) return undefined;
  return parseIp(word.split("%")[0])?.length === 16 ? 6 : undefined;
}

function parseGet(words: Words): RouteCommand {
  let family: 4 | 6 | undefined;
  let word = words.next();
  for (; word?.startsWith("-"); word = words.next()) {
    if (word === "-inet") family = 4;
    else if (word === "-inet6") family = 6;
    else if (word !== "-host" && word !== "-net") throw new ConfigError(word, "unknown word for get");
  }
  if (word === undefined) throw new ConfigError("get", "an address is missing");
  const address = parseDestination(word, family, undefined, undefined).address;
  words.end("get");
  return { type: "get", address, word };
}

function parseShow(words: Words): RouteCommand {
  let family: 4 | 6 | undefined;
  let gateway: IpBytes | undefined;
  let priority: number | undefined;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "-inet") family = 4;
    else if (word === "-inet6") family = 6;
    else if (word === "-gateway") gateway = words.address(word);
    else if (word === "-priority") priority = words.number(word, PRIORITY_MAX);
    else if (word !== "-n") throw new ConfigError(word, "unknown word for show");
  }
  return { type: "show", family, gateway, priority };
}

function parseFlush(words: Words): RouteCommand {
  let family: 4 | 6 | undefined;
  let interfaceName: string | undefined;
  let priority: number | undefined;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "-inet") family = 4;
    else if (word === "-inet6") family = 6;
    else if (word === "-iface") interfaceName = words.value(word, "an interface");
    else if (word === "-priority") priority = words.number(word, PRIORITY_MAX);
    else if (word !== "-n") throw new ConfigError(word, "unknown word for flush");
  }
  return { type: "flush", family, interfaceName, priority };
}

/** The words of a command line, taken one by one. */
class Words {
  #at = 0;
  constructor(readonly words: readonly string[]) {}

  peek(): string | undefined {
    return this.words[this.#at];
  }

  next(): string | undefined {
    return this.words[this.#at++];
  }

  rest(): string[] {
    const rest = this.words.slice(this.#at);
    this.#at = this.words.length;
    return rest;
  }

  value(word: string, what: string): string {
    const value = this.next();
    if (value === undefined) throw new ConfigError(word, `${what} is missing`);
    return value;
  }

  number(word: string, max: number): number {
    const text = this.value(word, "a number");
    const value = parseDecimal(text, max);
    if (value === undefined) throw new ConfigError(word, `not a number from 0 to ${max}: ${text}`);
    return value;
  }

  address(word: string): IpBytes {
    const text = this.value(word, "an address");
    const address = parseIp(text);
    if (address === undefined) throw new ConfigError(word, `not an address: ${text}`);
    return address;
  }

  end(command: string): void {
    const word = this.next();
    if (word !== undefined) throw new ConfigError(word, `one word too many for ${command}`);
  }
}
