/**
 * How ifconfig reaches an interface: SIOCGWG and SIOCSWG over the daemons' sockets, each asked once.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { DeviceControl, isRoot } from "../daemon/wg_control.ts";
import type { WgControl } from "../ifconfig/ioctl.ts";
import { SIOCGWG } from "../ifconfig/ioctl.ts";
import type { wg_interface_io } from "../ifconfig/wg_data_io.ts";
import type { InterfaceStatus } from "../uapi/status.ts";

/** @throws ConfigError that names the interface */
export function requireRoot(name: string): void {
  if (!isRoot()) throw new ConfigError(name, "Operation not permitted: only root may change an interface");
}

/** Each daemon is asked once in a command: the answer serves the size probe of SIOCGWG and everything else. */
export class AskedOnce extends DeviceControl {
  readonly #answers = new Map<string, Promise<InterfaceStatus>>();

  override status(name: string): Promise<InterfaceStatus> {
    let answer = this.#answers.get(name);
    if (answer === undefined) {
      answer = super.status(name);
      this.#answers.set(name, answer);
    }
    return answer;
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
