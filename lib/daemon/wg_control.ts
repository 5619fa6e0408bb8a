/**
 * SIOCGWG and SIOCSWG on the interfaces of daemons.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { EACCES, ENXIO, osError } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import type { WgControl } from "../openbsd/ioctl.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { getDevice, publicFacts, setDevice } from "./client.ts";

/**
 * The status of an interface that this user may read. A user who may not connect to the daemon gets
 * the public status, without keys and peers.
 * @throws OsError ENXIO when there is no such interface
 */
export async function knownStatus(name: string): Promise<InterfaceStatus> {
  return await askedStatus(name) ?? publicStatus(name);
}

/** The daemon's status; undefined when this user may not connect. @throws OsError */
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
 * The interfaces of this machine's daemons. A user who may not connect to a daemon can read the
 * port and the rtable, and cannot change the interface.
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

  /** Changes an interface. The change is applied whole or not at all. @throws as `setDevice` */
  async set(name: string, change: DeviceChange): Promise<void> {
    await setDevice(name, change);
  }
}
