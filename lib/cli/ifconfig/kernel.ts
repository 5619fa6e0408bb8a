/**
 * Asks the kernel for the parts of an interface that no daemon reports.
 * @module
 */
import { openPlace } from "../../daemon/client.ts";
import { EACCES, osError } from "../../base/errno.ts";
import { OsError } from "../../base/errors.ts";
import { NetNamespace } from "../../linux/namespace.ts";
import {
  identityOf,
  namedLike,
  type NamespaceIdentity,
  NETNS_DIRECTORY,
  sameNamespace,
  THREAD_NAMESPACE,
} from "../../linux/rdomain.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { InterfaceAddress } from "../../netlink/address.ts";
import type { Link } from "../../netlink/link.ts";
import type { InterfaceStatus } from "../../base/status.ts";
import { identityToldBy } from "./place.ts";

/**
 * The namespace of an interface, for root. The daemon of another implementation is assumed to be in
 * the current namespace.
 * @param name the name of the control socket
 * @throws OsError
 */
export async function namespaceOf(name: string, status: InterfaceStatus): Promise<NetNamespace> {
  const identity = identityToldBy(status);
  if (sameNamespace(identity, identityOf(THREAD_NAMESPACE))) return NetNamespace.current();
  return openNamed(identity) ?? await openPlace(name, (path) => {
    try {
      return NetNamespace.atPath(path);
    } catch (error) {
      if (!(error instanceof OsError && error.errno === EACCES)) throw error;
      const need = "it is in a network namespace without a name, which requires CAP_SYS_PTRACE " +
        "and CAP_SYS_ADMIN to enter";
      throw osError("open", name, EACCES, need);
    }
  });
}

/**
 * A namespace by its name. Files of the daemon's process would lead there too, but they require
 * CAP_SYS_PTRACE, which services and containers mostly lack.
 */
function openNamed(identity: NamespaceIdentity): NetNamespace | undefined {
  const name = namedLike(identity);
  if (name === undefined) return undefined;
  try {
    const namespace = NetNamespace.atPath(`${NETNS_DIRECTORY}/${name}`);
    if (sameNamespace(namespace.identity, identity)) return namespace;
    namespace.close();
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
  }
  return undefined;
}

/**
 * The link of an interface and its addresses, in its namespace; neither if this user may not enter
 * the namespace.
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
 * The links of the current namespace and the addresses of all links.
 * @param names the links to return; undefined for all
 * @param but the links to omit, if `names` is undefined
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

/**
 * The name of a link by its index, in the current namespace. Endpoints are outside of the tunnel:
 * the interface's rdomain does not matter.
 */
export function linkName(index: number): string | undefined {
  using routes = RouteSocket.open();
  return routes.link(index)?.name;
}
