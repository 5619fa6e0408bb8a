/**
 * Gathers the facts of a diagnosis: the status of an interface, and what the kernel tells about the
 * routes of this machine. What the user may not ask for stays unknown.
 * @module
 */
import type { PeerStatus } from "../../base/config.ts";
import type { AllowedIp, Endpoint } from "../../base/endpoint.ts";
import { OsError } from "../../base/errors.ts";
import { formatIp } from "../../base/ip_text.ts";
import type { InterfaceStatus } from "../../base/status.ts";
import { NetNamespace } from "../../linux/namespace.ts";
import { RouteSocket } from "../../linux/route_socket.ts";
import type { Link } from "../../netlink/link.ts";
import { wireguardStats } from "../interfaces.ts";
import { type Facts, isUp, type OuterRoute } from "./facts.ts";

/** The most peers for which the kernel is asked, and ranges of a peer. */
const PEERS_ASKED_MAX = 1000;
const RANGES_ASKED_MAX = 16;

/**
 * The facts of an interface.
 * @throws ConfigError or OsError as `wireguardStatus`
 */
export async function gatherFacts(name: string): Promise<Facts> {
  const status = await wireguardStats(name, true);
  const facts = { name, status, unixMs: Date.now(), ...kernelFacts(status) };
  const link = status.link === undefined ? linkHere(name) : undefined;
  return { ...facts, ...(link !== undefined && { isLinkUp: isUp(link) }) };
}

/** The link of this name in this namespace, where other implementations have theirs. */
function linkHere(name: string): Link | undefined {
  let link: Link | undefined;
  asking(() => NetNamespace.current(), (routes) => link = routes.link(name));
  return link;
}

function kernelFacts(status: InterfaceStatus): Pick<Facts, "outer" | "unrouted" | "ownAddresses"> {
  const outer = new Map<PeerStatus, OuterRoute>();
  const unrouted = new Map<PeerStatus, AllowedIp>();
  const ownAddresses = new Set<string>();
  const asked = status.peers.slice(0, PEERS_ASKED_MAX);
  asking(() => socketsNamespace(status), (routes) => {
    for (const { address } of routes.addresses()) ownAddresses.add(formatIp(address));
    for (const peer of asked) {
      const route = peer.endpoint && outerRoute(routes, status, peer.endpoint);
      if (route !== undefined) outer.set(peer, route);
    }
  });
  const { link } = status;
  if (link !== undefined) {
    asking(() => linkNamespace(status), (routes) => {
      for (const peer of asked) {
        const range = peer.allowedIps.slice(0, RANGES_ASKED_MAX)
          .find((one) => !isRoutedBy(routes, one, link.index));
        if (range !== undefined) unrouted.set(peer, range);
      }
    });
  }
  return { outer, unrouted, ownAddresses };
}

/** Asks the kernel in a namespace. Without the right to enter it nothing is asked. */
function asking(open: () => NetNamespace | undefined, ask: (routes: RouteSocket) => void): void {
  try {
    using namespace = open();
    if (namespace === undefined) return;
    using routes = RouteSocket.open(namespace);
    ask(routes);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
  }
}

/** The namespace of the UDP sockets: an rdomain, or that in which the daemon was started. */
function socketsNamespace({ rtable, pid }: InterfaceStatus): NetNamespace | undefined {
  if (rtable !== 0) return NetNamespace.rdomain(rtable);
  return pid === 0 ? NetNamespace.current() : NetNamespace.atPath(`/proc/${pid}/ns/net`);
}

/** The namespace of the link, when it is this one or that of the daemon. */
function linkNamespace({ netns, pid }: InterfaceStatus): NetNamespace | undefined {
  const paths = ["/proc/thread-self/ns/net", ...(pid === 0 ? [] : [`/proc/${pid}/ns/net`])];
  if (netns === "") return NetNamespace.current();
  for (const path of paths) {
    const namespace = NetNamespace.atPath(path);
    if (`net:[${namespace.identity.inode}]` === netns) return namespace;
    namespace.close();
  }
  return undefined;
}

function outerRoute(
  routes: RouteSocket,
  { listenPort, fwmark }: InterfaceStatus,
  endpoint: Endpoint,
): OuterRoute | undefined {
  try {
    const route = routes.getRoute(endpoint.address, {
      mark: fwmark,
      udp: { sourcePort: listenPort, destinationPort: endpoint.port },
      ...(endpoint.scope === 0 ? {} : { interfaceIndex: endpoint.scope }),
    });
    const link = route.interfaceIndex === 0 ? undefined : routes.link(route.interfaceIndex);
    return { through: link?.name ?? "", mtu: route.mtu || (link?.mtu ?? 0) };
  } catch (error) {
    // There is no route. The errno of a send tells so too.
    if (error instanceof OsError) return undefined;
    throw error;
  }
}

/** Whether packets to a range leave by the interface; true when the kernel does not tell. */
function isRoutedBy(routes: RouteSocket, range: AllowedIp, interfaceIndex: number): boolean {
  // The first address of a network is its broadcast address of old, so the second one is asked for.
  const address = range.address.slice();
  const isHost = range.prefix >= address.length * 8 - 1;
  if (!isHost) address[address.length - 1] |= 1;
  try {
    const route = routes.getRoute(address);
    return route.interfaceIndex === interfaceIndex || route.type === "local";
  } catch (error) {
    if (error instanceof OsError) return false;
    throw error;
  }
}
