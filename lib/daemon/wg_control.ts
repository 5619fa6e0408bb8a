/**
 * SIOCGWG and SIOCSWG over the daemons' sockets.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { osError } from "../base/errno.ts";
import type { WgControl } from "../openbsd/ioctl.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { getDevice, publicFacts, setDevice } from "./client.ts";

const ENXIO = 6;

/** Whether this user may ask the daemons for everything and change links. */
export const isRoot = (): boolean => Deno.uid() === 0;

/**
 * All that this user may know of an interface: everything for root, otherwise what the public file tells, which has neither keys nor peers.
 * @throws OsError ENXIO when there is no such interface
 */
export async function knownStatus(name: string): Promise<InterfaceStatus> {
  if (isRoot()) return await getDevice(name);
  const status = publicFacts(name);
  if (status === undefined) throw osError("SIOCGWG", name, ENXIO);
  return status;
}

/** The interfaces of this machine's daemons. Who is not root is told the port and the rtable, and may not set anything. */
export class DeviceControl implements WgControl {
  async get(name: string): Promise<InterfaceStatus | { readonly listenPort: number; readonly rtable: number }> {
    const status = await knownStatus(name);
    return isRoot() ? status : { listenPort: status.listenPort, rtable: status.rtable };
  }

  async set(name: string, change: DeviceChange): Promise<void> {
    await setDevice(name, change);
  }
}
