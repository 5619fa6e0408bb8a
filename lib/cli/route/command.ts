/**
 * route(8): shows and changes the routes and rules of a network namespace, and runs commands in
 * one. `-T N` is rdomain N.
 * @module
 */
import { ENETUNREACH, osError } from "../../base/errno.ts";
import { ConfigError, OsError } from "../../base/errors.ts";
import { formatIp, maskAddress } from "../../base/ip_text.ts";
import { displayValue } from "../../base/quote.ts";
import { callerEnvironment } from "../../daemon/caller_environment.ts";
import {
  type Route,
  type RouteRequest,
  RT_TABLE_MAIN,
  RTPROT_KERNEL,
} from "../../netlink/route.ts";
import { NetNamespace } from "../../linux/namespace.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { Command } from "../command.ts";
import { complain } from "../output.ts";
import {
  type Destination,
  type Family,
  familyName,
  familyOfAddress,
  isLinkLocal,
} from "./words/destination.ts";
import { settleRoute } from "./words/hosts.ts";
import type { RouteChangeCommand, RouteLine } from "./words/line.ts";
import { parseRoute } from "./words/parse.ts";
import { addForNetstart, netstartList } from "./netstart_routes.ts";
import { tableOf } from "./tables.ts";

export const command: Command = { run: (args) => route(args) };

/**
 * Runs the command and prints to standard output. If `exec` succeeds it does not return: this
 * process becomes the command.
 * @returns the exit status
 * @throws ConfigError, OsError
 */
export async function route(args: readonly string[]): Promise<number> {
  const line = await settleRoute(parseRoute(args), resolve);
  const { command } = line;
  using namespace = NetNamespace.rdomain(line.rtable ?? 0);
  if (command.type === "exec") {
    const { execIn } = await import("../../linux/exec.ts");
    return execIn(namespace, command.command, callerEnvironment());
  }
  if (command.type === "rule") {
    const { actOnRules } = await import("./rules.ts");
    const text = actOnRules(namespace, command, line.json);
    if (text !== "" && !line.quiet) console.log(text);
    return 0;
  }
  using kernel = RouteSocket.open(namespace);
  const text = await act(kernel, line);
  if (text !== "" && !line.quiet) console.log(text);
  return 0;
}

async function act(kernel: RouteSocket, line: RouteLine): Promise<string> {
  const { command } = line;
  switch (command.type) {
    case "add":
    case "change":
    case "delete":
      return change(kernel, command, line);
    case "get": {
      const { formatRouteGet, routesAsJson } = await import("./table.ts");
      const { way, entry } = findRoute(kernel, command.destination);
      const names = interfaceNames(kernel);
      return line.json
        ? JSON.stringify(
          routesAsJson(
            [{ ...way, prefix: entry.prefix, destination: entry.destination }],
            names,
          )[0],
        )
        : formatRouteGet(command.destination, way, entry, names);
    }
    case "show": {
      const { formatRoutes, isShown, routesAsJson } = await import("./table.ts");
      const { family, gateway, priority } = command;
      const table = tableOf("-table", command.table);
      const zone = gateway === undefined || gateway === "any"
        ? undefined
        : indexOfZone(kernel, gateway.zone);
      const routes = kernel.routes(family === undefined ? {} : { family }).filter((route) =>
        (table === undefined ? isShown(route) : route.table === table) &&
        (priority === undefined || route.metric === priority) &&
        (gateway === undefined ||
          (route.gateway !== undefined &&
              (gateway === "any" || same(route.gateway, gateway.address))) &&
            (zone === undefined || route.interfaceIndex === zone))
      );
      const names = interfaceNames(kernel);
      return line.json
        ? JSON.stringify(routesAsJson(routes, names), undefined, 2)
        : formatRoutes(routes, names);
    }
    case "flush":
      return await flush(kernel, command);
    case "rule":
    case "exec":
      throw new TypeError(`${command.type} does not ask for routes`);
  }
}

/**
 * The address of a host. IPv4 comes before IPv6.
 * @throws ConfigError
 */
async function resolve(host: string, family: Family | undefined): Promise<Uint8Array> {
  const { addressesOfHost } = await import("../host_names.ts");
  const wanted = family === undefined ? undefined : familyName(family);
  const found = await addressesOfHost(host, wanted);
  if (typeof found === "string") throw new ConfigError(displayValue(host), found);
  return found[0];
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : formatIp(a) === formatIp(b);

/**
 * The routes of a table to exactly this destination, the one that the kernel uses first.
 */
function routesTo(
  kernel: RouteSocket,
  { address, prefix, zone }: Destination,
  table: number = RT_TABLE_MAIN,
): Route[] {
  const interfaceIndex = indexOfZone(kernel, zone);
  return kernel.routes({ family: familyOfAddress(address), table, interfaceIndex })
    .filter((route) => route.prefix === prefix && same(route.destination, address))
    .sort((a, b) => a.metric - b.metric);
}

/**
 * The route of packets to an address, and the table entry that it comes from. For a network both
 * are the entry itself: the kernel cannot be asked for `default`, because no packet goes to an
 * address of zeros.
 * @throws OsError if there is none
 */
function findRoute(
  kernel: RouteSocket,
  destination: Destination,
): { readonly way: Route; readonly entry: Route } {
  const { address, prefix } = destination;
  const entry = prefix === 8 * address.length ? undefined : routesTo(kernel, destination)[0];
  if (entry !== undefined) {
    return { way: { ...entry, preferredSource: sourceBy(kernel, entry) }, entry };
  }
  if (prefix === 0) throw osError("RTM_GETROUTE", destination.word, ENETUNREACH);
  try {
    const interfaceIndex = indexOfZone(kernel, destination.zone);
    return {
      way: kernel.getRoute(address, { interfaceIndex }),
      entry: kernel.getRoute(address, { interfaceIndex, match: true }),
    };
  } catch (error) {
    const refusing = error instanceof OsError ? refusingRoute(kernel, address) : undefined;
    if (refusing === undefined) throw error;
    return { way: refusing, entry: refusing };
  }
}

/**
 * The route of the main table that refuses packets to an address. The kernel reports only an error
 * for it.
 */
function refusingRoute(kernel: RouteSocket, address: Uint8Array): Route | undefined {
  const [best] = kernel.routes({ family: familyOfAddress(address), table: RT_TABLE_MAIN })
    .filter((route) => same(maskAddress(address, route.prefix), route.destination))
    .sort((a, b) => b.prefix - a.prefix || a.metric - b.metric);
  return best !== undefined && ["blackhole", "unreachable", "prohibit"].includes(best.type)
    ? best
    : undefined;
}

/**
 * The source address of packets that take a route, from the route or from the route to its gateway.
 */
function sourceBy(
  kernel: RouteSocket,
  { preferredSource, gateway, interfaceIndex }: Route,
): Uint8Array | undefined {
  if (preferredSource !== undefined || gateway === undefined) return preferredSource;
  try {
    return kernel.getRoute(gateway, { interfaceIndex }).preferredSource;
  } catch {
    // The gateway cannot be reached now, but the route exists.
    return undefined;
  }
}

function interfaceNames(kernel: RouteSocket): Map<number, string> {
  return new Map(kernel.links().map((link) => [link.index, link.name]));
}

function change(
  kernel: RouteSocket,
  command: RouteChangeCommand,
  { quiet, rtable = 0 }: RouteLine,
): string {
  const { type, destination, gateway } = command;
  const request = requestOf(kernel, command);
  if (type === "add") {
    if (!add(kernel, request, rtable)) return "";
  } else if (type === "change") kernel.changeRoute(request);
  else kernel.deleteRoute(request);
  if (type !== "delete" && !quiet) warnOfMetric(kernel, command, request.table);
  const host = destination.prefix === 8 * destination.address.length;
  const towards = gateway === undefined
    ? ""
    : `: gateway ${gateway.type === "address" ? gateway.word : gateway.name}`;
  return `${type} ${host ? "host" : "net"} ${destination.word}${towards}`;
}

/** The request for the kernel. */
function requestOf(kernel: RouteSocket, command: RouteChangeCommand): RouteRequest {
  const { type, destination, kind, priority, mtu, source } = command;
  const way = findWay(kernel, command);
  const request: RouteRequest = {
    destination: destination.address,
    prefix: destination.prefix,
    type: kind === "unicast" ? undefined : kind,
    metric: priority,
    mtu,
    preferredSource: way.source ?? source,
    gateway: way.gateway,
    interfaceIndex: way.interfaceIndex,
    table: tableOf("-table", command.table),
  };
  if (type !== "change") return request;
  // The kernel replaces the whole route with the same metric. route(8) keeps what no word sets.
  const old = routesTo(kernel, destination, request.table).find((route) =>
    priority === undefined || route.metric === priority
  );
  if (old === undefined) return request;
  const kept = {
    ...request,
    metric: old.metric,
    protocol: old.protocol,
    mtu: mtu ?? (old.mtu || undefined),
  };
  if (command.gateway !== undefined || command.interfaceName !== undefined || kind !== "unicast") {
    return kept;
  }
  if (old.nextHops.length > 1) {
    throw new ConfigError(destination.word, "the route has several gateways; name the one to keep");
  }
  return {
    ...kept,
    type: old.type,
    gateway: old.gateway,
    interfaceIndex: old.interfaceIndex || undefined,
    preferredSource: source ?? old.preferredSource,
  };
}

/**
 * Adds a route.
 * @returns false if netstart runs again and the route of its file exists already
 */
function add(kernel: RouteSocket, request: RouteRequest, rdomain: number): boolean {
  const list = netstartList();
  if (list !== undefined) return addForNetstart(kernel, rdomain, request, list);
  kernel.addRoute(request);
  return true;
}

/**
 * Warns if a new route with a metric is not used. For IPv4 a route without a metric has metric 0,
 * and no priority comes before it. On OpenBSD it has priority 8, so that `-priority 7` wins.
 */
function warnOfMetric(
  kernel: RouteSocket,
  { destination, priority = 0 }: RouteChangeCommand,
  table: number | undefined,
): void {
  const first = priority === 0 ? undefined : routesTo(kernel, destination, table)[0];
  if (first === undefined || first.metric !== 0 || destination.address.length === 16) return;
  const by = first.gateway === undefined
    ? kernel.link(first.interfaceIndex)?.name
    : formatIp(first.gateway);
  complain(
    `${destination.word}: the route of priority ${priority} is not used while the route` +
      `${by === undefined ? "" : ` by ${by}`} has metric 0; Linux uses the lowest metric`,
  );
}

interface Way {
  readonly gateway: Uint8Array | undefined;
  readonly interfaceIndex: number | undefined;
  readonly source: Uint8Array | undefined;
}

const ANY_WAY: Way = { gateway: undefined, interfaceIndex: undefined, source: undefined };

/** The index of an interface. @throws ConfigError when there is none of this name */
function indexOf(kernel: RouteSocket, name: string): number {
  const link = kernel.link(name);
  if (link === undefined) throw new ConfigError(displayValue(name), "no such interface");
  return link.index;
}

/** The index of the interface that is a link-local address' zone: by name, or the number itself. */
function indexOfZone(kernel: RouteSocket, zone: string | undefined): number | undefined {
  if (zone === undefined) return undefined;
  return /^\d+$/.test(zone) ? Number(zone) : indexOf(kernel, zone);
}

/**
 * The way of a route. A gateway that is an address of this host means the interface of this
 * address, as on OpenBSD.
 */
function findWay(kernel: RouteSocket, command: RouteChangeCommand): Way {
  const { destination, gateway, interfaceName, kind } = command;
  const named = interfaceName === undefined ? undefined : indexOf(kernel, interfaceName);
  /** The interface of a word, which every other word has to agree with. */
  const agreed = (before: number | undefined, word: string, zone: string | undefined) => {
    const index = indexOfZone(kernel, zone);
    if (index !== undefined && named !== undefined && index !== named) {
      throw new ConfigError("-ifp", `${interfaceName} contradicts the zone of ${word}`);
    }
    if (index !== undefined && before !== undefined && index !== before) {
      throw new ConfigError(word, `contradicts the zone of ${destination.word}`);
    }
    return index ?? before;
  };
  const leave = agreed(named, destination.word, destination.zone);
  if (gateway === undefined || kind !== "unicast") return { ...ANY_WAY, interfaceIndex: leave };
  if (gateway.type === "interface") {
    return { ...ANY_WAY, interfaceIndex: indexOf(kernel, gateway.name) };
  }
  const { word, address, zone } = gateway;
  const index = agreed(leave, word, zone);
  const [own, another] = kernel.addresses().filter((one) =>
    same(one.address, address) && (index === undefined || one.interfaceIndex === index)
  );
  const linkLocal = isLinkLocal(address);
  if (own !== undefined && (another === undefined || !linkLocal)) {
    // Packets to other hosts do not leave from a link-local address.
    return {
      gateway: undefined,
      interfaceIndex: own.interfaceIndex,
      source: linkLocal ? undefined : address,
    };
  }
  if (linkLocal && index === undefined) {
    throw new ConfigError(word, `a link-local gateway requires its interface: ${word}%INTERFACE`);
  }
  return { gateway: address, interfaceIndex: index, source: undefined };
}

/**
 * Deletes the routes of a table that users and programs have added. Connected routes and the
 * kernel's routes stay.
 */
async function flush(
  kernel: RouteSocket,
  wanted: Extract<RouteLine["command"], { type: "flush" }>,
): Promise<string> {
  const { destinationText, scopedText } = await import("./table.ts");
  const names = interfaceNames(kernel);
  const { family, interfaceName, priority } = wanted;
  const only = tableOf("-table", wanted.table) ?? RT_TABLE_MAIN;
  const index = interfaceName === undefined ? undefined : kernel.requireLink(interfaceName).index;
  const doomed = (route: Route) =>
    route.table === only && route.protocol !== RTPROT_KERNEL &&
    (index === undefined || route.interfaceIndex === index) &&
    (priority === undefined || route.metric === priority);
  const lines: string[] = [];
  for (const route of kernel.routes(family === undefined ? {} : { family }).filter(doomed)) {
    const { destination, prefix, table, metric, type, gateway, protocol } = route;
    // Others to the same place, through other interfaces, stay.
    const isOneWay = type === "unicast" && route.nextHops.length < 2;
    const way = isOneWay ? { gateway, interfaceIndex: route.interfaceIndex || undefined } : {};
    kernel.deleteRoute({ destination, prefix, table, metric, type, protocol, ...way });
    const name = names.get(route.interfaceIndex) ?? "";
    const towards = gateway === undefined ? "" : ` gateway ${scopedText(gateway, name)}`;
    lines.push(`${destinationText(maskAddress(destination, prefix), prefix, name)}${towards} done`);
  }
  return lines.join("\n");
}
