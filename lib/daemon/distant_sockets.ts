/**
 * The sockets of an interface that need more rights than its process has: UDP sockets in another
 * rdomain or on a port below 1024, with netlink sockets beside them. A command opens them, or the
 * first run of the process (confinement.ts), and the process gets their descriptors.
 * @module
 */
import { namespaceMark } from "../linux/held_namespace.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { RouteMonitor } from "../linux/route_monitor.ts";
import { RouteSocket } from "../linux/route_socket.ts";
import { closeUdp, type OpenedUdp, openUdp } from "../ports/open_udp.ts";
import { close } from "../../ffi/libc.ts";

/** UDP sockets and the netlink sockets of their namespace. */
export interface DistantSockets extends OpenedUdp {
  /** The rdomain; 0 is the namespace of the process. */
  readonly rtable: number;
  /** The descriptor of a RouteMonitor. */
  readonly monitor: number;
  /** The descriptor of a RouteSocket. */
  readonly routes: number;
  /** The mark of their namespace; see `namespaceMark`. */
  readonly mark: number;
}

/**
 * Opens the sockets in an rdomain, which is made when it does not exist.
 * @param home the namespace for rdomain 0; by default the calling thread's
 * @throws OsError
 */
export function openDistantSockets(
  port: number,
  rtable: number,
  home?: NetNamespace,
): DistantSockets {
  const open = (namespace: NetNamespace) => namespace.run(() => openHere(port, rtable));
  return rtable === 0 && home !== undefined ? open(home) : NetNamespace.occupy(rtable, open);
}

function openHere(port: number, rtable: number): DistantSockets {
  const udp = openUdp({ port });
  let monitor: RouteMonitor | undefined;
  try {
    monitor = RouteMonitor.open();
    const routes = RouteSocket.open().socket.fd;
    return { ...udp, rtable, monitor: monitor.fd, routes, mark: namespaceMark("thread-self") };
  } catch (error) {
    monitor?.close();
    closeUdp(udp);
    throw error;
  }
}

/** Closes all of them. */
export function closeDistantSockets(sockets: DistantSockets): void {
  closeUdp(sockets);
  closeNetlink(sockets);
}

/** Closes the netlink sockets. */
export function closeNetlink({ monitor, routes }: DistantSockets): void {
  close(monitor);
  close(routes);
}

/** The descriptors in a fixed order; those of families that the host lacks are left out. */
export const descriptorsOf = ({ fd4, fd6, monitor, routes }: DistantSockets): number[] =>
  [fd4, fd6, monitor, routes].filter((fd) => fd >= 0);

/** The parts of the sockets that are no descriptors, for JSON. */
export interface DistantFacts {
  readonly port: number;
  readonly rtable: number;
  readonly mark: number;
  readonly families: readonly (4 | 6)[];
}

/** The facts that belong to `descriptorsOf`. */
export const factsOf = ({ fd4, fd6, port, rtable, mark }: DistantSockets): DistantFacts => ({
  port,
  rtable,
  mark,
  families: [...(fd4 >= 0 ? [4 as const] : []), ...(fd6 >= 0 ? [6 as const] : [])],
});

/** The sockets of facts and descriptors; undefined when their numbers do not fit. */
export function fromFacts(
  facts: DistantFacts,
  descriptors: readonly number[],
): DistantSockets | undefined {
  const { families, port, rtable, mark } = facts;
  if (descriptors.length !== families.length + 2) return undefined;
  const of = (family: 4 | 6) => {
    const at = families.indexOf(family);
    return at < 0 ? -1 : descriptors[at];
  };
  const [monitor, routes] = descriptors.slice(-2);
  return { fd4: of(4), fd6: of(6), port, rtable, mark, monitor, routes };
}
