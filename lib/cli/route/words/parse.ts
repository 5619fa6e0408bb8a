/**
 * Parses a command line of route(8). The names of hosts stay names until `settleRoute` (hosts.ts).
 * @module
 */
import type { IpBytes } from "../../../base/endpoint.ts";
import { ConfigError } from "../../../base/errors.ts";
import { parseIp } from "../../../base/ip_text.ts";
import { displayValue } from "../../../base/quote.ts";
import {
  type Family,
  familyOfAddress,
  type GivenPrefix,
  parseDestination,
  parseGateway,
  type ScopedAddress,
} from "./destination.ts";
import type { CommandDraft, RouteChangeDraft, RouteDraft } from "./line.ts";
import { Words } from "./reader.ts";
import { parseRule } from "./rule.ts";

export { parseRtable } from "./reader.ts";

const PRIORITY_MAX = 0xffff_ffff;
const MTU_MAX = 0xffff_ffff;
const COMMANDS = "add, change, delete, get, show, flush, rule or exec";

/**
 * Reads `route [-nqv] [-T rtable] [--json] COMMAND ...`. The options may also follow the command,
 * except for `exec`.
 * @throws ConfigError that names the word
 *
 * @example
 * ```ts
 * import { deepEqual } from "node:assert/strict";
 * deepEqual(parseRoute(["-T1", "exec", "ping", "-c", "3", "192.168.5.2"]).command, {
 *   type: "exec",
 *   command: ["ping", "-c", "3", "192.168.5.2"],
 * });
 * ```
 */
export function parseRoute(args: readonly string[]): RouteDraft {
  const words = new Words(args);
  for (let word = words.peek(); word?.startsWith("-"); word = words.peek()) {
    words.next();
    if (!words.readOption(word) && !words.readFlags(word)) {
      throw new ConfigError(
        displayValue(word),
        "unknown option; `wg help route` lists the options",
      );
    }
  }
  const command = parseCommand(words);
  return { rtable: words.rtable, quiet: words.quiet, json: words.json, command };
}

function parseCommand(words: Words): CommandDraft {
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
    case "rule":
      return parseRule(words);
    case "exec": {
      const command = words.rest();
      if (command.length === 0) throw new ConfigError("exec", "requires a command");
      return { type: "exec", command };
    }
    case "monitor":
    case "nameserver":
    case "sourceaddr":
      throw new ConfigError(
        word,
        "not available on Linux; see ip-monitor(8), resolv.conf(5) or ip-route(8)",
      );
    case undefined:
      throw new ConfigError("route", `requires a command: ${COMMANDS}`);
    default:
      throw new ConfigError(displayValue(word), `unknown command; ${COMMANDS} is required`);
  }
}

function parseChange(type: RouteChangeDraft["type"], words: Words): RouteChangeDraft {
  let family: Family | undefined;
  let shape: "net" | "host" | undefined;
  let given: GivenPrefix | undefined;
  let toInterface = false;
  let kind: RouteChangeDraft["kind"] = "unicast";
  let interfaceName: string | undefined;
  let source: IpBytes | undefined;
  let priority: number | undefined;
  let mtu: number | undefined;
  let table: string | undefined;
  let named: { destination?: string; gateway?: string } = {};
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
        given = { word, length: words.number(word, "a number of bits", 128) };
        break;
      case "-netmask":
        given = { word, length: words.address(word, "a mask") };
        break;
      case "-dst":
        named = { ...named, destination: words.value(word, "a destination") };
        break;
      case "-gateway":
        named = { ...named, gateway: words.value(word, "a gateway") };
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
        source = words.address(word, "an address");
        break;
      case "-priority":
        priority = words.number(word, "a metric", PRIORITY_MAX);
        break;
      case "-mtu":
        mtu = words.number(word, "a number of bytes", MTU_MAX);
        break;
      case "-table":
        table = words.value(word, "a routing table, by number or name");
        break;
      case "-static":
      case "-nostatic":
        break;
      case "-mpath":
        throw new ConfigError(
          word,
          "not available; use `ip route add DESTINATION nexthop via GATEWAY ...`",
        );
      case "-expire":
        throw new ConfigError(word, "not available; use `ip -6 route add ... expires SECONDS`");
      case "-label":
      case "-tag":
        throw new ConfigError(word, "Linux has no route labels; see proto of ip-route(8)");
      case "-cloning":
      case "-llinfo":
      case "-proto1":
      case "-proto2":
        throw new ConfigError(word, "not available on Linux");
      default:
        if (!words.readOption(word)) {
          throw new ConfigError(
            displayValue(word),
            `unknown option of ${type}; \`wg help route\` lists the options`,
          );
        }
    }
  }
  const destinationWord = named.destination ?? operands.shift();
  const gatewayWord = named.gateway ?? operands.shift();
  if (destinationWord === undefined) throw new ConfigError(type, "requires a destination");
  const [mask, extra] = operands;
  if (mask !== undefined) given = operandMask(mask, destinationWord, given);
  if (extra !== undefined) {
    throw new ConfigError(
      displayValue(extra),
      "unexpected word; one destination, one gateway and one mask are allowed",
    );
  }
  const gateway = gatewayWord === undefined ? undefined : parseGateway(gatewayWord, toInterface);
  // The default route has the family of its gateway.
  if (gateway?.type === "address" && destinationWord === "default") {
    family ??= familyOfAddress(gateway.address);
  }
  const modifiers = { family, shape, given };
  const destination = parseDestination(destinationWord, modifiers);
  if (toInterface && gateway === undefined) {
    throw new ConfigError("-iface", "requires an interface");
  }
  if (
    type === "add" && kind === "unicast" && gateway === undefined && interfaceName === undefined
  ) {
    throw new ConfigError(displayValue(destinationWord), "requires a gateway");
  }
  return {
    type,
    destination,
    gateway,
    modifiers,
    kind,
    interfaceName,
    source,
    priority,
    mtu,
    table,
  };
}

/** A mask after the gateway: `-net 10.52.0.0 10.0.0.2 255.255.0.0`. */
function operandMask(
  word: string,
  destination: string,
  given: GivenPrefix | undefined,
): GivenPrefix {
  const mask = parseIp(word);
  if (mask === undefined) throw new ConfigError(displayValue(word), "not a mask");
  if (given !== undefined || destination.includes("/")) {
    throw new ConfigError(word, `${destination} has a prefix already`);
  }
  return { word, length: mask };
}

function parseGet(words: Words): CommandDraft {
  let family: Family | undefined;
  let shape: "net" | "host" | undefined;
  const operands: string[] = [];
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "-inet") family = 4;
    else if (word === "-inet6") family = 6;
    else if (word === "-host" || word === "-net") shape = word === "-net" ? "net" : "host";
    else if (!word.startsWith("-")) operands.push(word);
    else if (!words.readOption(word)) {
      throw new ConfigError(
        displayValue(word),
        "unknown option of get; `wg help route` lists the options",
      );
    }
  }
  const [word, extra] = operands;
  if (word === undefined) throw new ConfigError("get", "requires an address");
  if (extra !== undefined) {
    throw new ConfigError(displayValue(extra), "unexpected word; get takes one destination");
  }
  const destination = parseDestination(word, { family, shape, given: undefined });
  return { type: "get", destination, family };
}

function parseShow(words: Words): CommandDraft {
  let family: Family | undefined;
  let gateway: ScopedAddress | "any" | undefined;
  let priority: number | undefined;
  let table: string | undefined;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "-inet") family = 4;
    else if (word === "-inet6") family = 6;
    else if (word === "-table") table = words.value(word, "a routing table, by number or name");
    else if (word === "-gateway") {
      gateway = /^[^-]/.test(words.peek() ?? "") ? words.scoped(word, "an address") : "any";
    } else if (word === "-priority") priority = words.number(word, "a metric", PRIORITY_MAX);
    else if (!words.readOption(word)) {
      throw new ConfigError(
        displayValue(word),
        "unknown word of show; `wg help route` lists the words",
      );
    }
  }
  return { type: "show", family, gateway, priority, table };
}

function parseFlush(words: Words): CommandDraft {
  let family: Family | undefined;
  let interfaceName: string | undefined;
  let priority: number | undefined;
  let table: string | undefined;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "-inet") family = 4;
    else if (word === "-inet6") family = 6;
    else if (word === "-table") table = words.value(word, "a routing table, by number or name");
    else if (word === "-iface") interfaceName = words.value(word, "an interface");
    else if (word === "-priority") priority = words.number(word, "a metric", PRIORITY_MAX);
    else if (!words.readOption(word)) {
      throw new ConfigError(
        displayValue(word),
        "unknown word of flush; `wg help route` lists the words",
      );
    }
  }
  return { type: "flush", family, interfaceName, priority, table };
}
