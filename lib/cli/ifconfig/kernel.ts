/**
 * What showing interfaces asks the kernel where no daemon told it.
 * @module
 */
import { NetNamespace } from "../../linux/namespace.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { InterfaceAddress } from "../../netlink/address.ts";
import type { Link } from "../../netlink/link.ts";
import type { InterfaceStatus } from "../../base/status.ts";

/** The namespace an interface is in, for root. Another implementation's daemon is taken to be in ours. @throws OsError */
export function namespaceOf(status: InterfaceStatus): NetNamespace {
  return status.netns === "" ? NetNamespace.current() : NetNamespace.atPath(status.netns);
}

/** A link and its addresses in a namespace; an empty path is the current one. @throws OsError */
export function lookFor(
  name: string,
  path: string,
): { readonly link: Link | undefined; readonly addresses: InterfaceAddress[] } {
  using namespace = path === "" ? NetNamespace.current() : NetNamespace.atPath(path);
  using routes = RouteSocket.open(namespace);
  const link = routes.link(name);
  return { link, addresses: link === undefined ? [] : routes.addresses({ interfaceIndex: link.index }) };
}

/** The links of the current namespace, all but some or only those named, and everybody's addresses. @throws OsError */
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
