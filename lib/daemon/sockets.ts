/**
 * Opens the UDP sockets of an interface, and changes them when port, mark or rtable change.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { RouteSocket } from "../linux/route_socket.ts";
import { closeUdp, openUdp, setFwmark } from "../ports/open_udp.ts";

/** Open sockets and their values. A descriptor is -1 when the host lacks the family. */
export interface Sockets {
  readonly fd4: number;
  readonly fd6: number;
  readonly port: number;
  readonly fwmark: number;
  readonly rtable: number;
}

/** A change of the sockets that can be undone. */
export interface SocketChange {
  /** The sockets to use from now on. */
  readonly sockets: Sockets;
  /** Whether they are new sockets. */
  readonly replaced: boolean;
  /** Closes the new sockets, or restores the mark. */
  undo(): void;
}

/**
 * Opens sockets in an rdomain, which is made when it does not exist. 0 is the process's namespace.
 * @throws OsError `EADDRINUSE` and others
 */
export function openSockets(port: number, fwmark: number, rtable: number): Sockets {
  const open = () => openUdp({ port, fwmark });
  return { ...NetNamespace.occupy(rtable, (namespace) => namespace.run(open)), fwmark, rtable };
}

/**
 * Applies a change to the sockets. A new port or rtable opens new sockets; the old ones stay open.
 * @returns undefined when nothing changes
 * @throws OsError when the kernel refuses; nothing has changed then
 */
export function changeSockets(now: Sockets, change: DeviceChange): SocketChange | undefined {
  const port = change.listenPort ?? now.port;
  const fwmark = change.fwmark ?? now.fwmark;
  const rtable = change.rtable ?? now.rtable;
  if (port !== now.port || rtable !== now.rtable) {
    const sockets = openSockets(port, fwmark, rtable);
    return { sockets, replaced: true, undo: () => closeUdp(sockets) };
  }
  if (fwmark === now.fwmark) return undefined;
  setFwmark(now, fwmark);
  return { sockets: { ...now, fwmark }, replaced: false, undo: () => setFwmark(now, now.fwmark) };
}

/**
 * The index of a link in the namespace of the sockets, for zones that are names, as in
 * `[fe80::1%eth0]:51820`. Undefined when there is no such link.
 */
export function linkIndex(name: string, rtable: number): number | undefined {
  return NetNamespace.occupy(rtable, (namespace) => {
    using routes = RouteSocket.open(namespace);
    return routes.link(name)?.index;
  });
}
