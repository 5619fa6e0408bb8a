/**
 * Keeps a list of the routes that the commands of a hostname.if(5) file add. A route does not say
 * who has added it. With the list netstart deletes routes that the file no longer adds.
 * @module
 */
import { ConfigError, OsError } from "../../base/errors.ts";
import { formatIp, formatRange, parseIp } from "../../base/ip_text.ts";
import { NetNamespace } from "../../linux/namespace.ts";
import { findTable } from "../../linux/route_tables.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import { type Route, type RouteRequest, RT_TABLE_MAIN } from "../../netlink/route.ts";
import { parseRoute } from "./words/parse.ts";

/**
 * The environment variable for commands of hostname.if(5) files: the path of the list to which a
 * command adds its routes. The list with the suffix `EARLIER` is from the previous run; its routes
 * may be replaced.
 */
export const FROM_NETSTART = "WG_NETSTART";
export const EARLIER = ".earlier";
/** The beginning of the name of netstart's folder. */
export const NETSTART_FOLDER = "wg-netstart-";

/**
 * The list to which a command of a hostname.if(5) file adds its routes; undefined for other
 * commands. Any caller may set the variable: the file is used only in a folder that this user has
 * created for netstart.
 */
export function netstartList(): string | undefined {
  const list = Deno.env.get(FROM_NETSTART) ?? "";
  const [folder, name] = [
    list.slice(0, list.lastIndexOf("/")),
    list.slice(list.lastIndexOf("/") + 1),
  ];
  if (!folder.includes(`/${NETSTART_FOLDER}`) || !name.endsWith(".routes")) return undefined;
  try {
    const { isDirectory, uid, mode } = Deno.lstatSync(folder);
    return isDirectory && uid === Deno.uid() && (mode ?? 0) % 0o1000 === 0o700 ? list : undefined;
  } catch {
    return undefined;
  }
}

/** A route as a line of JSON. */
interface NotedRoute {
  readonly rdomain: number;
  readonly destination: string;
  readonly prefix: number;
  readonly gateway: string | undefined;
  readonly interfaceIndex: number | undefined;
  readonly metric: number | undefined;
  readonly type: RouteRequest["type"];
  /** The table; undefined for the main one. */
  readonly table?: number | undefined;
}

/**
 * Adds a route for a hostname.if(5) file. A route that exists is not added again. A route with the
 * same destination that the file has added earlier is replaced.
 * @param list the value of FROM_NETSTART
 * @throws OsError as `addRoute`
 * @returns whether something changed
 */
export function addForNetstart(
  kernel: RouteSocket,
  rdomain: number,
  request: RouteRequest,
  list: string,
): boolean {
  let changed = true;
  try {
    kernel.addRoute(request);
  } catch (error) {
    if (!(error instanceof OsError && error.code === "EEXIST")) throw error;
    if (kernel.routes().some((route) => isThatRoute(route, request))) changed = false;
    else if (linesOf(list + EARLIER).some((line) => takesItsPlace(line, rdomain, request))) {
      kernel.changeRoute(request);
    } else throw error;
  }
  const noted: NotedRoute = {
    rdomain,
    destination: formatIp(request.destination),
    prefix: request.prefix,
    gateway: request.gateway === undefined ? undefined : formatIp(request.gateway),
    interfaceIndex: request.interfaceIndex,
    metric: request.metric,
    type: request.type,
    table: request.table,
  };
  try {
    Deno.writeTextFileSync(list, `${JSON.stringify(noted)}\n`, { append: true, mode: 0o600 });
  } catch {
    // That run of netstart has ended, but a process that it started is still running.
  }
  return changed;
}

function takesItsPlace(line: string, rdomain: number, request: RouteRequest): boolean {
  const earlier = JSON.parse(line) as NotedRoute;
  return earlier.rdomain === rdomain && earlier.destination === formatIp(request.destination) &&
    earlier.prefix === request.prefix && earlier.metric === request.metric &&
    earlier.table === request.table;
}

/** The lines of a list; none if there is no list. */
export function linesOf(list: string): string[] {
  try {
    return [...new Set(Deno.readTextFileSync(list).split("\n").filter((line) => line !== ""))];
  } catch {
    return [];
  }
}

/** A noted route as text, such as `10.5.0.0/16 10.1.1.2`. */
export function notedText(line: string): string {
  const { destination, prefix, gateway, type } = JSON.parse(line) as NotedRoute;
  const address = parseIp(destination);
  const range = address === undefined ? destination : formatRange({ address, prefix });
  return `${range}${gateway === undefined ? "" : ` ${gateway}`}${
    type === undefined ? "" : ` ${type}`
  }`;
}

/** The command that deletes a noted route: `route -T 4 delete 10.5.0.0/16 10.1.1.2`. */
export function deletionText(line: string): string {
  const { rdomain, destination, prefix, gateway, table } = JSON.parse(line) as NotedRoute;
  const towards = gateway === undefined ? "" : ` ${gateway}`;
  const from = table === undefined ? "" : ` -table ${table}`;
  const route = `${destination}/${prefix}${towards}${from}`;
  return `route ${rdomain === 0 ? "" : `-T ${rdomain} `}delete ${route}`;
}

/**
 * Whether a command line of route(8) adds a noted route, or another one in its place.
 * @param args the words behind `route`
 * @returns undefined when the words do not tell: the destination is the name of a host, or they are
 * wrong
 */
export function addsNoted(line: string, args: readonly string[]): boolean | undefined {
  try {
    const { rtable = 0, command } = parseRoute(args);
    if (command.type !== "add") return command.type === "exec" ? undefined : false;
    if ("type" in command.destination) return undefined;
    const { address, prefix } = command.destination;
    const { priority: metric } = command;
    const table = command.table === undefined ? undefined : findTable(command.table);
    return takesItsPlace(line, rtable, { destination: address, prefix, metric, table });
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/**
 * Whether a noted route still exists.
 * @throws OsError
 */
export const isThere = (line: string): boolean => withRoute(line, () => true) ?? false;

/**
 * Deletes a noted route if it still exists.
 * @throws OsError
 */
export function deleteNoted(line: string): void {
  withRoute(line, (kernel, route) => {
    const { destination, prefix, table, metric, type, gateway, interfaceIndex } = route;
    const via = { gateway, ...(interfaceIndex !== 0 && { interfaceIndex }) };
    kernel.deleteRoute({
      destination,
      prefix,
      table,
      metric,
      type,
      protocol: route.protocol,
      ...via,
    });
  });
}

/** Calls `act` with the route of a line; undefined if the route no longer exists. */
function withRoute<T>(line: string, act: (kernel: RouteSocket, route: Route) => T): T | undefined {
  const noted = JSON.parse(line) as NotedRoute;
  const destination = parseIp(noted.destination);
  if (destination === undefined) return undefined;
  let namespace: NetNamespace;
  try {
    namespace = NetNamespace.rdomain(noted.rdomain);
  } catch (error) {
    // The rdomain is gone, and its routes with it.
    if (error instanceof ConfigError || error instanceof OsError) return undefined;
    throw error;
  }
  using place = namespace;
  using kernel = RouteSocket.open(place);
  const gateway = noted.gateway === undefined ? undefined : parseIp(noted.gateway);
  const route = kernel.routes().find((route) =>
    isThatRoute(route, { ...noted, destination, gateway })
  );
  return route === undefined ? undefined : act(kernel, route);
}

/**
 * Whether a route matches a request. What the request does not set may be anything, but for the
 * table.
 */
function isThatRoute(
  route: Route,
  { destination, prefix, gateway, ...wanted }: RouteRequest,
): boolean {
  const same = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
    a === undefined || b === undefined ? a === b : formatIp(a) === formatIp(b);
  return route.table === (wanted.table ?? RT_TABLE_MAIN) && route.prefix === prefix &&
    same(route.destination, destination) &&
    same(route.gateway, gateway) && route.type === (wanted.type ?? "unicast") &&
    (wanted.interfaceIndex === undefined || route.interfaceIndex === wanted.interfaceIndex) &&
    (wanted.metric === undefined || route.metric === wanted.metric) &&
    (wanted.mtu === undefined || route.mtu === wanted.mtu) &&
    (wanted.preferredSource === undefined || same(route.preferredSource, wanted.preferredSource));
}
