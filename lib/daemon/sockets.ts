/**
 * The UDP sockets of an interface, and what has to happen to them when port, mark or rtable change.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { RouteSocket } from "../linux/route_socket.ts";
import { closeUdp, openUdp, setFwmark } from "../ports/open_udp.ts";

/** Open sockets and how they are set. A descriptor is -1 for a family that the host does not have. */
export interface Sockets {
  readonly fd4: number;
  readonly fd6: number;
  readonly port: number;
  readonly fwmark: number;
  readonly rtable: number;
}

/** A step that can be taken back: `sockets` are the ones to use from now on. */
export interface SocketChange {
  readonly sockets: Sockets;
  /** Whether they are others than before. */
  readonly replaced: boolean;
  /** Undoes it: new sockets are closed, the old mark comes back. */
  undo(): void;
}

/**
 * Opens sockets in an rdomain (made when it does not exist); 0 is the namespace the process is in.
 * @throws OsError `EADDRINUSE` and others
 */
export function openSockets(port: number, fwmark: number, rtable: number): Sockets {
  const open = () => openUdp({ port, fwmark });
  return { ...NetNamespace.occupy(rtable, (namespace) => namespace.run(open)), fwmark, rtable };
}

/**
 * What a change asks of the sockets, done: new ones are opened beside the old, which stay as they are.
 * @returns undefined when it asks nothing
 * @throws OsError when the kernel refuses; then nothing has changed
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

/** The index of a link beside the sockets: a zone that wg(8) writes by name, as in `[fe80::1%eth0]:51820`. Undefined when there is none. */
export function linkIndex(name: string, rtable: number): number | undefined {
  return NetNamespace.occupy(rtable, (namespace) => {
    using routes = RouteSocket.open(namespace);
    return routes.link(name)?.index;
  });
}
