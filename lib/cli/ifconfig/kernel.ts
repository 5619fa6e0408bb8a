/**
 * What showing interfaces asks the kernel where no daemon told it.
 * @module
 */
import { openPlace } from "../../daemon/client.ts";
import { OsError } from "../../base/errors.ts";
import { NetNamespace } from "../../linux/namespace.ts";
import { identityOf, sameNamespace, THREAD_NAMESPACE } from "../../linux/rdomain.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { InterfaceAddress } from "../../netlink/address.ts";
import type { Link } from "../../netlink/link.ts";
import type { InterfaceStatus } from "../../base/status.ts";
import { identityToldBy } from "./place.ts";

/**
 * The namespace that an interface is in, for root. Another implementation's daemon is taken to be
 * in ours.
 * @param name of the control socket
 * @throws OsError
 */
export async function namespaceOf(name: string, status: InterfaceStatus): Promise<NetNamespace> {
  const identity = identityToldBy(status);
  if (sameNamespace(identity, identityOf(THREAD_NAMESPACE))) return NetNamespace.current();
  return await openPlace(name, (path) => NetNamespace.atPath(path));
}

/**
 * A link in the namespace that it is in, and its addresses; neither where this user may not go
 * there.
 * @param socket the name of the control socket
 */
export async function lookFor(
  socket: string,
  name: string,
  status: InterfaceStatus,
): Promise<{ readonly link: Link | undefined; readonly addresses: InterfaceAddress[] }> {
  try {
    using namespace = await namespaceOf(socket, status);
    using routes = RouteSocket.open(namespace);
    const link = routes.link(name);
    return {
      link,
      addresses: link === undefined ? [] : routes.addresses({ interfaceIndex: link.index }),
    };
  } catch (error) {
    if (error instanceof OsError) return { link: undefined, addresses: [] };
    throw error;
  }
}

/**
 * The links of the current namespace, all but some or only those named, and everybody's addresses.
 * @throws OsError
 */
export function linksHere(
  names: readonly string[] | undefined,
  but: ReadonlySet<string>,
): { readonly links: Link[]; readonly addresses: InterfaceAddress[] } {
  using routes = RouteSocket.open();
  const links = names === undefined
    ? routes.links().filter((link) => !but.has(link.name))
    : names.map((name) => routes.link(name)).filter((link) => link !== undefined);
  return { links, addresses: links.length > 0 ? routes.addresses() : [] };
}

/** Endpoints are outside of the tunnel: here, not in the interface's rdomain. */
export function linkName(index: number): string | undefined {
  using routes = RouteSocket.open();
  return routes.link(index)?.name;
}
