/**
 * How ifconfig reaches an interface: SIOCGWG and SIOCSWG over the daemons' sockets, and the link in whichever namespace it is.
 * @module
 */
import { osError } from "../base/errno.ts";
import { ConfigError } from "../base/errors.ts";
import { getDevice, publicFacts, setDevice } from "../daemon/client.ts";
import { NetNamespace, rdomainOf } from "../host/namespace.ts";
import type { WgControl } from "../ifconfig/ioctl.ts";
import { SIOCGWG } from "../ifconfig/ioctl.ts";
import type { wg_interface_io } from "../ifconfig/wg_data_io.ts";
import type { InterfaceStatus } from "../uapi/status.ts";

const ENXIO = 6;

/** Whether this user may ask the daemons for everything and change links. */
export const isRoot = (): boolean => Deno.uid() === 0;

/** @throws ConfigError that names the interface */
export function requireRoot(name: string): void {
  if (!isRoot()) throw new ConfigError(name, "Operation not permitted: only root may change an interface");
}

/** One interface's daemon, asked once: the answer serves the size probe of SIOCGWG and everything else. */
export class DeviceControl implements WgControl {
  readonly #answers = new Map<string, Promise<InterfaceStatus>>();

  get(name: string): Promise<InterfaceStatus | { readonly listenPort: number; readonly rtable: number }> {
    if (isRoot()) return this.status(name);
    const { listenPort, rtable } = this.#public(name);
    return Promise.resolve({ listenPort, rtable });
  }

  async set(name: string, change: Parameters<WgControl["set"]>[1]): Promise<void> {
    this.#answers.delete(name);
    await setDevice(name, change);
  }

  /** All that this user may know: for who is not root what the public file tells. @throws OsError ENXIO when there is no such interface */
  status(name: string): Promise<InterfaceStatus> {
    if (!isRoot()) return Promise.resolve(this.#public(name));
    let answer = this.#answers.get(name);
    if (answer === undefined) {
      answer = getDevice(name);
      this.#answers.set(name, answer);
    }
    return answer;
  }

  #public(name: string): InterfaceStatus {
    const status = publicFacts(name);
    if (status === undefined) throw osError("SIOCGWG", name, ENXIO);
    return status;
  }
}

/** SIOCGWG until it fits. */
export async function readInterface(control: WgControl, name: string): Promise<wg_interface_io> {
  for (let size = 0;;) {
    const data = await SIOCGWG(control, { wgd_name: name, wgd_size: size });
    if (data.wgd_interface !== undefined) return data.wgd_interface;
    size = data.wgd_size;
  }
}

/** The namespace an interface is in; undefined when this user cannot get there. Another implementation's daemon is taken to be in ours. */
export function namespaceOf(status: InterfaceStatus): NetNamespace | undefined {
  if (status.netns === "") return NetNamespace.current();
  try {
    return NetNamespace.atPath(status.netns);
  } catch (error) {
    if (isRoot()) throw error;
    return undefined;
  }
}

/** An rdomain's number, or the name ip-netns(8) has for a namespace that is none (its inode where it has no name). */
export function placeOf(namespace: NetNamespace): number | string {
  const rdomain = rdomainOf(namespace.identity);
  if (rdomain !== undefined) return rdomain;
  try {
    for (const { name } of Deno.readDirSync("/run/netns")) {
      const { dev, ino } = Deno.statSync(`/run/netns/${name}`);
      if (dev === namespace.identity.device && ino === namespace.identity.inode) return name;
    }
  } catch {
    // No names at all, or one that went away meanwhile.
  }
  return `net:[${namespace.identity.inode}]`;
}
