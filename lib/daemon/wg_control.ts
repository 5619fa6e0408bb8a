/**
 * SIOCGWG and SIOCSWG over the daemons' sockets.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { EACCES, ENXIO, osError } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import type { WgControl } from "../openbsd/ioctl.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { getDevice, publicFacts, setDevice } from "./client.ts";

/**
 * All that this user may know of an interface: everything for who may ask its daemon, otherwise what the public file tells, which has neither keys nor peers.
 * @throws OsError ENXIO when there is no such interface
 */
export async function knownStatus(name: string): Promise<InterfaceStatus> {
  return await askedStatus(name) ?? publicStatus(name);
}

/** Undefined when this user may not ask. @throws OsError */
async function askedStatus(name: string): Promise<InterfaceStatus | undefined> {
  try {
    return await getDevice(name);
  } catch (error) {
    if (error instanceof OsError && error.errno === EACCES) return undefined;
    throw error;
  }
}

function publicStatus(name: string): InterfaceStatus {
  const status = publicFacts(name);
  if (status === undefined) throw osError("SIOCGWG", name, ENXIO);
  return status;
}

/**
 * The interfaces of this machine's daemons. Who may not ask a daemon is told the port and the rtable, and may not set anything.
 *
 * @example
 * ```ts
 * import { SIOCGWG } from "../openbsd/ioctl.ts";
 * import { DeviceControl } from "./wg_control.ts";
 *
 * // The port of an interface.
 * async function port(wgd_name: string): Promise<number | undefined> {
 *   const control = new DeviceControl();
 *   const { wgd_size } = await SIOCGWG(control, { wgd_name, wgd_size: 0 });
 *   return (await SIOCGWG(control, { wgd_name, wgd_size })).wgd_interface?.i_port;
 * }
 * console.log(typeof port);
 * ```
 */
export class DeviceControl implements WgControl {
  async get(
    name: string,
  ): Promise<InterfaceStatus | { readonly listenPort: number; readonly rtable: number }> {
    const status = await askedStatus(name);
    if (status !== undefined) return status;
    const { listenPort, rtable } = publicStatus(name);
    return { listenPort, rtable };
  }

  /** Changes an interface, whole or not at all. @throws as `setDevice` */
  async set(name: string, change: DeviceChange): Promise<void> {
    await setDevice(name, change);
  }
}
