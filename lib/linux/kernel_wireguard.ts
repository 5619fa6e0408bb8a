/**
 * The WireGuard interfaces of the kernel in the present network namespace, by generic netlink.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { EBADMSG, ENODEV, ENOENT, ENXIO, EOPNOTSUPP, osError } from "../base/errno.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { NO_FACTS } from "../base/status.ts";
import { decodeFamily, encodeFamilyGet } from "../netlink/generic.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import {
  decodeDevice,
  encodeDeviceGet,
  encodeDeviceSet,
  joinDevice,
  WIREGUARD_FAMILY,
} from "../netlink/wireguard.ts";
import { NETLINK_GENERIC, NetlinkSocket } from "./netlink_socket.ts";
import { RouteSocket } from "./route_socket.ts";

/** The names of the kernel's WireGuard interfaces in the present namespace. */
export function kernelInterfaceNames(): string[] {
  using routes = RouteSocket.open();
  return routes.links().filter(({ kind }) => kind === WIREGUARD_FAMILY).map(({ name }) => name);
}

/**
 * The status of an interface of the kernel.
 * @throws OsError `ENXIO` when there is no such interface, or the kernel has no WireGuard
 */
export function getKernelDevice(name: string): InterfaceStatus {
  using socket = new NetlinkSocket(0, NETLINK_GENERIC);
  const family = familyOf(socket, name);
  const parts = onDevice(name, () =>
    socket.dump(
      (sequence) => encodeDeviceGet(family, name, sequence),
      "WG_CMD_GET_DEVICE",
      name,
      (message) => {
        const part = decodeDevice(message);
        message.payload.fill(0);
        if (part === undefined) throw osError("WG_CMD_GET_DEVICE", name, EBADMSG);
        return part;
      },
    ));
  const status = joinDevice(parts);
  if (status === undefined) throw osError("WG_CMD_GET_DEVICE", name, EBADMSG, "an empty answer");
  return { ...NO_FACTS, ...status, name };
}

/**
 * Changes an interface of the kernel. A change of many peers takes several messages; when the
 * kernel refuses one of them, those before it stay.
 * @throws ConfigError for what the kernel does not have
 * @throws OsError as `getKernelDevice`
 */
export function setKernelDevice(name: string, change: DeviceChange): void {
  if (change.rtable !== undefined || change.debug !== undefined || change.groups !== undefined) {
    throw new ConfigError(name, "an interface of the kernel has no rtable, debug and groups");
  }
  using socket = new NetlinkSocket(0, NETLINK_GENERIC);
  const family = familyOf(socket, name);
  onDevice(name, () => {
    for (const encode of encodeDeviceSet(family, name, change)) {
      let message: Uint8Array | undefined;
      try {
        socket.request((sequence) => message = encode(sequence), "WG_CMD_SET_DEVICE", name);
      } finally {
        message?.fill(0);
      }
    }
  });
}

/** The number of WireGuard's family. */
function familyOf(socket: NetlinkSocket, name: string): number {
  let family: number | undefined;
  try {
    socket.request(
      (sequence) => encodeFamilyGet(sequence, WIREGUARD_FAMILY),
      "CTRL_CMD_GETFAMILY",
      WIREGUARD_FAMILY,
      (message: NetlinkMessage) => family ??= decodeFamily(message, WIREGUARD_FAMILY),
    );
  } catch (error) {
    if (!(error instanceof OsError) || error.errno !== ENOENT) throw error;
    throw noSuch(name);
  }
  if (family === undefined) throw osError("CTRL_CMD_GETFAMILY", WIREGUARD_FAMILY, EBADMSG);
  return family;
}

/** Tells that there is no such interface where the kernel does so in its ways. */
function onDevice<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof OsError && (error.errno === ENODEV || error.errno === EOPNOTSUPP)) {
      throw noSuch(name);
    }
    throw error;
  }
}

const noSuch = (name: string) => osError("connect", name, ENXIO, "no such interface");
