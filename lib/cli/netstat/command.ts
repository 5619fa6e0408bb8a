/**
 * netstat(1): the sockets, routes and interfaces of a network namespace, in OpenBSD's columns. All
 * ports and addresses are numbers.
 * @module
 */
import { RDOMAIN_MAX } from "../../base/constants.ts";
import { ConfigError } from "../../base/errors.ts";
import { checkInterfaceName } from "../../base/interface_name.ts";
import { displayValue } from "../../base/quote.ts";
import { NetNamespace } from "../../linux/namespace.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { inetSockets } from "../../linux/sockets.ts";
import type { Command } from "../command.ts";
import { parseRtable } from "../route/words/parse.ts";
import type { SocketSelection } from "./socket_table.ts";

export const command: Command = { run: (args) => netstat(args) };

/** The content of a command line of netstat. */
export interface NetstatLine {
  readonly show: "sockets" | "routes" | "interfaces";
  readonly selection: SocketSelection;
  /** The interface of `-I`; undefined without it. */
  readonly interfaceName: string | undefined;
  readonly family: 4 | 6 | undefined;
  readonly protocol: "tcp" | "udp" | undefined;
  readonly rtable: number | undefined;
  readonly json: boolean;
}

/**
 * Reads `netstat [-ailnr] [-I interface] [-f inet|inet6] [-p tcp|udp] [-T rtable] [--json]`.
 * @throws ConfigError that names the word
 */
export function parseNetstat(args: readonly string[]): NetstatLine {
  let show: NetstatLine["show"] = "sockets";
  let selection: SocketSelection = "connected";
  let interfaceName: string | undefined;
  let family: 4 | 6 | undefined;
  let protocol: "tcp" | "udp" | undefined;
  let rtable: number | undefined;
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "--json") {
      json = true;
      continue;
    }
    if (!/^-[^-]/.test(word)) {
      throw new ConfigError(word, "unknown word; `wg help netstat` shows the usage");
    }
    for (let i = 1; i < word.length; i++) {
      const flag = word[i];
      if (Object.hasOwn(REQUIRED, flag)) {
        const value = word.length > i + 1 ? word.slice(i + 1) : args[++at];
        if (value === undefined) throw new ConfigError(`-${flag}`, `requires ${REQUIRED[flag]}`);
        if (flag === "T") rtable = parseRtable(value);
        else if (flag === "f") family = parseFamily(value);
        else if (flag === "p") protocol = parseProtocol(value);
        else [show, interfaceName] = ["interfaces", checkInterfaceName(value)];
        break;
      }
      if (flag === "l") selection = "listening";
      else if (flag === "a") selection = selection === "listening" ? selection : "all";
      else if (flag === "r") show = "routes";
      else if (flag === "i") show = "interfaces";
      else if (flag !== "n" && flag !== "v") {
        throw new ConfigError(word, "unknown option; `wg help netstat` lists the options");
      }
    }
  }
  return { show, selection, interfaceName, family, protocol, rtable, json };
}

/** The values that flags require. */
const REQUIRED: Readonly<Record<string, string>> = {
  I: "an interface",
  f: "inet or inet6",
  p: "tcp or udp",
  T: `a routing domain, 0 to ${RDOMAIN_MAX}`,
};

function parseFamily(word: string): 4 | 6 {
  if (word === "inet") return 4;
  if (word === "inet6") return 6;
  throw new ConfigError("-f", `${displayValue(word)} is not a family; inet or inet6 is required`);
}

function parseProtocol(word: string): "tcp" | "udp" {
  if (word === "tcp" || word === "udp") return word;
  throw new ConfigError("-p", `${displayValue(word)} is not a protocol; tcp or udp is required`);
}

/**
 * Runs the command and prints to standard output.
 * @returns the exit status
 * @throws ConfigError, OsError
 */
export async function netstat(args: readonly string[]): Promise<number> {
  const line = parseNetstat(args);
  using namespace = NetNamespace.rdomain(line.rtable ?? 0);
  switch (line.show) {
    case "sockets":
      console.log(await showSockets(namespace, line));
      break;
    case "routes":
      console.log(await showRoutes(namespace, line));
      break;
    case "interfaces":
      console.log(await showInterfaces(namespace, line));
      break;
  }
  return 0;
}

async function showSockets(namespace: NetNamespace, line: NetstatLine): Promise<string> {
  const { formatSockets, selectSockets, socketsAsJson } = await import("./socket_table.ts");
  const wanted = inetSockets(namespace).filter(({ family, protocol }) =>
    family === (line.family ?? family) && protocol === (line.protocol ?? protocol)
  );
  const sockets = selectSockets(wanted, line.selection);
  if (!line.json) return formatSockets(sockets, line.selection);
  const { interfaceNames, publicFacts } = await import("../../daemon/client.ts");
  const owners = new Map<number, string>();
  for (const name of interfaceNames()) {
    const facts = publicFacts(name);
    if (facts !== undefined && facts.rtable === (line.rtable ?? 0)) {
      owners.set(facts.listenPort, name);
    }
  }
  return JSON.stringify(socketsAsJson(sockets, owners), undefined, 2);
}

async function showRoutes(namespace: NetNamespace, line: NetstatLine): Promise<string> {
  const { formatRoutes, isShown, routesAsJson } = await import("../route/table.ts");
  using kernel = RouteSocket.open(namespace);
  const routes = kernel.routes(line.family === undefined ? {} : { family: line.family }).filter(
    isShown,
  );
  const names = new Map(kernel.links().map((link) => [link.index, link.name]));
  return line.json
    ? JSON.stringify(routesAsJson(routes, names), undefined, 2)
    : formatRoutes(routes, names);
}

async function showInterfaces(namespace: NetNamespace, line: NetstatLine): Promise<string> {
  const { formatInterfaces, interfacesAsJson } = await import("./interface_table.ts");
  using kernel = RouteSocket.open(namespace);
  const { interfaceName, family } = line;
  const links = interfaceName === undefined ? kernel.links() : [kernel.requireLink(interfaceName)];
  const addresses = kernel.addresses(family === undefined ? {} : { family });
  return line.json
    ? JSON.stringify(interfacesAsJson(links, addresses), undefined, 2)
    : formatInterfaces(links, addresses);
}
