/**
 * SIOCGWG and SIOCSWG over the daemons' sockets.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { osError } from "../base/errno.ts";
import type { WgControl } from "../ifconfig/ioctl.ts";
import type { InterfaceStatus } from "../uapi/status.ts";
import { getDevice, publicFacts, setDevice } from "./client.ts";

const ENXIO = 6;

/** Whether this user may ask the daemons for everything and change links. */
export const isRoot = (): boolean => Deno.uid() === 0;

/** The daemons, each asked once until it is changed: the answer serves the size probe of SIOCGWG and everything else. */
export class DeviceControl implements WgControl {
  readonly #answers = new Map<string, Promise<InterfaceStatus>>();

  get(name: string): Promise<InterfaceStatus | { readonly listenPort: number; readonly rtable: number }> {
    if (isRoot()) return this.status(name);
    const { listenPort, rtable } = this.#public(name);
    return Promise.resolve({ listenPort, rtable });
  }

  async set(name: string, change: DeviceChange): Promise<void> {
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
