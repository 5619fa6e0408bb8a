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
import { closeUdp, type OpenedUdp, openUdp, pairsOf } from "../ports/open_udp.ts";
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

/** What to open. */
export interface DistantRequest {
  readonly port: number;
  /** The rdomain, which is made when it does not exist. */
  readonly rtable: number;
  /** The data planes that receive. */
  readonly receivers: number;
}

/**
 * Opens the sockets in an rdomain.
 * @param home the namespace for rdomain 0; by default the calling thread's
 * @throws OsError
 */
export function openDistantSockets(request: DistantRequest, home?: NetNamespace): DistantSockets {
  const open = (namespace: NetNamespace) => namespace.run(() => openHere(request));
  const isHome = request.rtable === 0 && home !== undefined;
  return isHome ? open(home) : NetNamespace.occupy(request.rtable, open);
}

function openHere({ port, rtable, receivers }: DistantRequest): DistantSockets {
  const udp = openUdp({ port, receivers });
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
export const descriptorsOf = (sockets: DistantSockets): number[] =>
  [
    ...pairsOf(sockets).flatMap(({ fd4, fd6 }) => [fd4, fd6]),
    sockets.monitor,
    sockets.routes,
  ].filter((fd) => fd >= 0);

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
  const receivers = (descriptors.length - 2) / families.length;
  if (!Number.isInteger(receivers) || receivers < 1) return undefined;
  const of = (family: 4 | 6, receiver: number) => {
    const at = families.indexOf(family);
    return at < 0 ? -1 : descriptors[receiver * families.length + at];
  };
  const [first, ...others] = Array.from(
    { length: receivers },
    (_, i) => ({ fd4: of(4, i), fd6: of(6, i) }),
  );
  const [monitor, routes] = descriptors.slice(-2);
  return { ...first, others, port, rtable, mark, monitor, routes };
}
