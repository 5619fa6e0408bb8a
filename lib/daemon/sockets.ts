/**
 * Opens the UDP sockets of an interface, and changes them when port, mark or rtable change.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { NetNamespace } from "../linux/namespace.ts";
import {
  closeUdp,
  type OpenedUdp,
  openUdp,
  setFwmark,
  type UdpRequest,
} from "../ports/open_udp.ts";
import type { DistantSockets } from "./distant_sockets.ts";

/** Open sockets and their values. A descriptor is -1 when the host lacks the family. */
export interface Sockets extends OpenedUdp {
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

/** The sockets to open. */
export interface SocketsRequest extends Required<UdpRequest> {
  /** The rdomain, which is made when it does not exist. 0 is the process's namespace. */
  readonly rtable: number;
}

/**
 * Opens sockets.
 * @param distant sockets that another process opened for this port and rdomain
 * @throws OsError `EADDRINUSE` and others
 */
export function openSockets(request: SocketsRequest, distant?: DistantSockets): Sockets {
  const { rtable, fwmark, port, receivers } = request;
  if (
    distant?.rtable === rtable && (port === 0 || distant.port === port) &&
    distant.others.length === receivers - 1
  ) {
    const { fd4, fd6, others, port } = distant;
    if (fwmark !== 0) setFwmark(distant, fwmark);
    return { fd4, fd6, others, port, fwmark, rtable };
  }
  const open = () => openUdp(request);
  return { ...NetNamespace.occupy(rtable, (namespace) => namespace.run(open)), fwmark, rtable };
}

/**
 * Applies a change to the sockets. A new port or rtable opens new sockets; the old ones stay open.
 * @returns undefined when nothing changes
 * @throws OsError when the kernel refuses; nothing has changed then
 */
export function changeSockets(
  now: Sockets,
  change: DeviceChange,
  distant?: DistantSockets,
): SocketChange | undefined {
  const port = change.listenPort ?? now.port;
  const fwmark = change.fwmark ?? now.fwmark;
  const rtable = change.rtable ?? now.rtable;
  if (port !== now.port || rtable !== now.rtable) {
    const receivers = 1 + now.others.length;
    const sockets = openSockets({ port, fwmark, rtable, receivers }, distant);
    return { sockets, replaced: true, undo: () => closeUdp(sockets) };
  }
  if (fwmark === now.fwmark) return undefined;
  setFwmark(now, fwmark);
  return { sockets: { ...now, fwmark }, replaced: false, undo: () => setFwmark(now, now.fwmark) };
}
