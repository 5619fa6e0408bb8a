/**
 * Opens the sockets for a change of an interface that its process may not open, and lends them.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { dataPlanesOf } from "../base/data_planes.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { namespaceMark } from "../linux/held_namespace.ts";
import { RouteSocket } from "../linux/route_socket.ts";
import { OsError } from "../base/errors.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { closeDistantSockets, openDistantSockets } from "./distant_sockets.ts";
import { lendLink, lendSockets } from "./lending.ts";
import { needsRights } from "./rights.ts";

/**
 * Lends the UDP sockets that a change requires.
 * @param status the interface before the change
 * @returns the token; undefined when the process of the interface opens the sockets, or none are
 *   required
 * @throws OsError EADDRINUSE for a port in use, EPERM without the capabilities
 */
export function lendForChange(
  name: string,
  change: DeviceChange,
  status: Pick<InterfaceStatus, "listenPort" | "rtable" | "pid" | "workers">,
): string | undefined {
  const { listenPort: port = status.listenPort, rtable = status.rtable } = change;
  const isSame = port === status.listenPort && rtable === status.rtable;
  if (isSame || !needsRights(port, rtable)) return undefined;
  using home = rtable === 0 ? homeOf(status.pid) : undefined;
  const { receivers } = dataPlanesOf(status.workers || 1);
  const sockets = openDistantSockets({ port, rtable, receivers }, home);
  try {
    return lendSockets(name, sockets);
  } finally {
    closeDistantSockets(sockets);
  }
}

/** The namespace in which a process was started; undefined when it is the present one. */
export function homeOf(pid: number): NetNamespace | undefined {
  const isHere = namespaceMark(pid) === namespaceMark("thread-self");
  return isHere ? undefined : NetNamespace.atPath(`/proc/${pid}/ns/net`);
}

/**
 * Lends a netlink socket in the namespace of the link. Returns the token; undefined when the
 * process takes nothing, as those of other implementations.
 */
export function lendLinkSocket(name: string, namespace: NetNamespace): string | undefined {
  try {
    using routes = RouteSocket.open(namespace);
    return lendLink(name, routes.socket.fd);
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}
