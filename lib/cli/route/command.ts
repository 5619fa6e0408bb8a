/**
 * route(8): looks at and changes the routes of a network namespace, and runs commands in one. `-T N` is rdomain N.
 * @module
 */
import { ConfigError, OsError } from "../../base/errors.ts";
import { formatIp, maskAddress } from "../../base/ip_text.ts";
import type { Link } from "../../netlink/link.ts";
import { type Route, type RouteRequest, RT_TABLE_MAIN, RTPROT_KERNEL } from "../../netlink/route.ts";
import { NetNamespace } from "../../linux/namespace.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { Command } from "../command.ts";
import { parseRoute, type RouteChangeCommand, type RouteLine } from "./words.ts";

/** What `wg help route` prints. */
export const HELP = `usage: route [-nq] [-T rdomain] [--json] command [argument ...]

  route exec command [argument ...]
      Run a command in the routing domain: route -T 1 exec ping 192.168.5.2
  route show [-inet | -inet6] [-gateway address] [-priority number]
      Show the routes and this host's own addresses.
  route get [-inet | -inet6] address
      Show the way that packets to an address take.
  route add | change [-inet | -inet6] [-net | -host] destination gateway [modifier ...]
  route delete [-inet | -inet6] destination [gateway] [modifier ...]
      Change a route. A destination is default, an address, or a network as
      10.0.0.0/8 or 10/8. A gateway is an address, that of a link-local one with
      its interface (fe80::1%wg1), or with -iface an interface.
      Modifiers: -iface, -ifp interface, -ifa address, -netmask mask, -prefixlen number,
      -priority metric, -mtu number, -blackhole, -reject.
  route flush [-inet | -inet6] [-iface interface] [-priority number]
      Delete the routes that were added, not those of the interfaces' own networks.

  -T rdomain  act in this routing domain: the network namespace rdomainN
  -q          print nothing
  -n          numbers only, as always here
  --json      show and get: print values for programs
`;

/** Stands in the environment of the commands of hostname.if(5) files. */
export const FROM_NETSTART = "WG_NETSTART";

export const command: Command = { run: (args) => route(args) };

/**
 * Runs the command and prints to standard output. `exec` does not return when it succeeds: this process becomes the command.
 * @returns the exit status
 * @throws ConfigError, OsError
 */
export async function route(args: readonly string[]): Promise<number> {
  const line = parseRoute(args);
  const { command } = line;
  using namespace = NetNamespace.rdomain(line.rtable ?? 0);
  if (command.type === "exec") {
    const { execIn } = await import("../../linux/exec.ts");
    return execIn(namespace, command.command);
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
      return change(kernel, command);
    case "get": {
      const { formatRouteGet, routesAsJson } = await import("./table.ts");
      const way = kernel.getRoute(command.address);
      const entry = kernel.getRoute(command.address, { match: true });
      const names = interfaceNames(kernel);
      return line.json
        ? JSON.stringify(routesAsJson([{ ...way, prefix: entry.prefix, destination: entry.destination }], names)[0])
        : formatRouteGet(command.address, way, entry, names);
    }
    case "show": {
      const { formatRoutes, isShown, routesAsJson } = await import("./table.ts");
      const { family, gateway, priority } = command;
      const routes = kernel.routes(family === undefined ? {} : { family }).filter((route) =>
        isShown(route) && (priority === undefined || route.metric === priority) &&
        (gateway === undefined || (route.gateway !== undefined && formatIp(route.gateway) === formatIp(gateway)))
      );
      const names = interfaceNames(kernel);
      return line.json ? JSON.stringify(routesAsJson(routes, names), undefined, 2) : formatRoutes(routes, names);
    }
    case "flush":
      return await flush(kernel, command);
    case "exec":
      throw new TypeError("exec has no kernel to ask");
  }
}

function interfaceNames(kernel: RouteSocket): Map<number, string> {
  return new Map(kernel.links().map((link) => [link.index, link.name]));
}

function change(kernel: RouteSocket, command: RouteChangeCommand): string {
  const { type, destination, gateway, kind, priority, mtu, source } = command;
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
  };
  if (type === "add") {
    try {
      kernel.addRoute(request);
    } catch (error) {
      // netstart run again finds the routes of its files there: they are as they should be.
      const again = error instanceof OsError && error.code === "EEXIST" && Deno.env.has(FROM_NETSTART);
      if (again && kernel.routes().some((route) => isThatRoute(route, request))) return "";
      throw error;
    }
  } else if (type === "change") kernel.changeRoute(request);
  else kernel.deleteRoute(request);
  const host = destination.prefix === 8 * destination.address.length;
  const towards = gateway === undefined ? "" : `: gateway ${gateway.type === "address" ? gateway.word : gateway.name}`;
  return `${type} ${host ? "host" : "net"} ${destination.word}${towards}`;
}

/** Whether a route of the main table is what the request asks for; what it does not ask for may be anything. */
function isThatRoute(route: Route, { destination, prefix, gateway, ...wanted }: RouteRequest): boolean {
  const same = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
    a === undefined || b === undefined ? a === b : formatIp(a) === formatIp(b);
  return route.table === RT_TABLE_MAIN && route.prefix === prefix && same(route.destination, destination) &&
    same(route.gateway, gateway) && route.type === (wanted.type ?? "unicast") &&
    (wanted.interfaceIndex === undefined || route.interfaceIndex === wanted.interfaceIndex) &&
    (wanted.metric === undefined || route.metric === wanted.metric) &&
    (wanted.mtu === undefined || route.mtu === wanted.mtu) &&
    (wanted.preferredSource === undefined || same(route.preferredSource, wanted.preferredSource));
}

interface Way {
  readonly gateway: Uint8Array | undefined;
  readonly interfaceIndex: number | undefined;
  readonly source: Uint8Array | undefined;
}

/** A gateway that is one of this host's own addresses means its interface, as in OpenBSD. */
function findWay(kernel: RouteSocket, { gateway, interfaceName, kind }: RouteChangeCommand): Way {
  const named = (name: string): Link => {
    const link = kernel.link(name);
    if (link === undefined) throw new ConfigError(name, "no such interface");
    return link;
  };
  const leave = interfaceName === undefined ? undefined : named(interfaceName).index;
  if (gateway === undefined || kind !== "unicast") {
    return { gateway: undefined, interfaceIndex: leave, source: undefined };
  }
  if (gateway.type === "interface") {
    return { gateway: undefined, interfaceIndex: named(gateway.name).index, source: undefined };
  }
  if (gateway.zone !== undefined) {
    const index = /^\d+$/.test(gateway.zone) ? Number(gateway.zone) : named(gateway.zone).index;
    return { gateway: gateway.address, interfaceIndex: index, source: undefined };
  }
  const text = formatIp(gateway.address);
  const own = kernel.addresses().find(({ address }) => formatIp(address) === text);
  if (own === undefined) return { gateway: gateway.address, interfaceIndex: leave, source: undefined };
  return { gateway: undefined, interfaceIndex: own.interfaceIndex, source: gateway.address };
}

/** Deletes the routes that people or daemons made, of the main table; connected ones and the kernel's own stay. */
async function flush(
  kernel: RouteSocket,
  wanted: Extract<RouteLine["command"], { type: "flush" }>,
): Promise<string> {
  const { destinationText } = await import("./table.ts");
  const { family, interfaceName, priority } = wanted;
  const index = interfaceName === undefined ? undefined : kernel.requireLink(interfaceName).index;
  const doomed = (route: Route) =>
    route.table === RT_TABLE_MAIN && route.protocol !== RTPROT_KERNEL &&
    (index === undefined || route.interfaceIndex === index) && (priority === undefined || route.metric === priority);
  const lines: string[] = [];
  for (const route of kernel.routes(family === undefined ? {} : { family }).filter(doomed)) {
    const { destination, prefix, table, metric, type, gateway } = route;
    kernel.deleteRoute({ destination, prefix, table, metric, type, protocol: route.protocol });
    const towards = gateway === undefined ? "" : ` gateway ${formatIp(gateway)}`;
    lines.push(`${destinationText(maskAddress(destination, prefix), prefix)}${towards} done`);
  }
  return lines.join("\n");
}
