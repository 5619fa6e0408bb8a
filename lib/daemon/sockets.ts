/**
 * Opens the UDP sockets of an interface, and changes them when port, mark or rtable change.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { closeUdp, openUdp, setFwmark } from "../ports/open_udp.ts";
import type { DistantSockets } from "./distant_sockets.ts";

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
 * @param distant sockets that another process opened for this port and rdomain
 * @throws OsError `EADDRINUSE` and others
 */
export function openSockets(
  port: number,
  fwmark: number,
  rtable: number,
  distant?: DistantSockets,
): Sockets {
  const isFit = distant?.rtable === rtable && (port === 0 || distant.port === port);
  if (isFit) {
    const { fd4, fd6, port } = distant;
    if (fwmark !== 0) setFwmark(distant, fwmark);
    return { fd4, fd6, port, fwmark, rtable };
  }
  const open = () => openUdp({ port, fwmark });
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
    const sockets = openSockets(port, fwmark, rtable, distant);
    return { sockets, replaced: true, undo: () => closeUdp(sockets) };
  }
  if (fwmark === now.fwmark) return undefined;
  setFwmark(now, fwmark);
  return { sockets: { ...now, fwmark }, replaced: false, undo: () => setFwmark(now, now.fwmark) };
}
