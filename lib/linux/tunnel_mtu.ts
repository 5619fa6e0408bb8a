/**
 * The MTU of a tunnel by the routes to its endpoints, as wg-quick(8) of wireguard-tools chooses it.
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";
import { OsError } from "../base/errors.ts";
import { RT_TABLE_MAIN } from "../netlink/route.ts";
import type { Route } from "../netlink/route.ts";
import type { RouteSocket } from "./route_socket.ts";

/**
 * What a tunnel adds to a packet, in bytes: IPv6 40, UDP 8, header of the data message 16, tag 16.
 */
export const TUNNEL_OVERHEAD = 80;
/** The MTU below the tunnel if no route tells one: Ethernet's. */
const DEFAULT_MTU = 1500;

/**
 * The MTU of a tunnel, from those of the ways to its endpoints. It is that of the widest way, less
 * the overhead. An endpoint without a way has undefined.
 * @param ways the MTUs of the routes to the endpoints, in bytes
 * @param fallback the MTU of the default route, for a tunnel without endpoints
 */
export function tunnelMtu(
  ways: readonly (number | undefined)[],
  fallback: number | undefined,
): number {
  const known = ways.filter((mtu) => mtu !== undefined);
  const below = known.length > 0 ? Math.max(...known) : fallback ?? DEFAULT_MTU;
  return below - TUNNEL_OVERHEAD;
}

/**
 * The MTU of a tunnel to these endpoints in a namespace, in bytes. A route's own MTU comes before
 * that of its link. If no endpoint has a route, the IPv4 default route of the main table counts,
 * and without one the MTU is 1420. Call it before the tunnel's routes exist, or with its mark.
 * @param mark the SO_MARK of the tunnel's datagrams
 * @throws OsError
 */
export function mtuByRoutes(
  routes: RouteSocket,
  endpoints: readonly IpBytes[],
  mark = 0,
): number {
  const mtuOf = (route: Route | undefined) =>
    route === undefined ? undefined : route.mtu || routes.link(route.interfaceIndex)?.mtu;
  const ways = endpoints.map((endpoint) => mtuOf(routeTo(routes, endpoint, mark)));
  if (ways.some((way) => way !== undefined)) return tunnelMtu(ways, undefined);
  const [byDefault] = routes.routes({ family: 4, table: RT_TABLE_MAIN })
    .filter(({ prefix }) => prefix === 0)
    .sort((a, b) => a.metric - b.metric);
  return tunnelMtu([], mtuOf(byDefault));
}

function routeTo(routes: RouteSocket, endpoint: IpBytes, mark: number): Route | undefined {
  try {
    return routes.getRoute(endpoint, mark === 0 ? {} : { mark });
  } catch (error) {
    // Nothing leads there now.
    if (error instanceof OsError) return undefined;
    throw error;
  }
}
