/**
 * How ifconfig reaches an interface: SIOCGWG and SIOCSWG over the daemons' sockets, and the link in whichever namespace it is.
 * @module
 */
import { ConfigError } from "../base/errors.ts";
import { DeviceControl, isRoot } from "../daemon/wg_control.ts";
import type { NamespaceIdentity } from "../host/namespace.ts";
import { NetNamespace, NETNS_DIRECTORY, rdomainOf } from "../host/namespace.ts";
import type { WgControl } from "../ifconfig/ioctl.ts";
import { SIOCGWG } from "../ifconfig/ioctl.ts";
import type { wg_interface_io } from "../ifconfig/wg_data_io.ts";
import type { InterfaceStatus } from "../uapi/status.ts";

const OWN_NAMESPACE = "/proc/thread-self/ns/net";

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

/** The namespace an interface is in, for root. Another implementation's daemon is taken to be in ours. @throws OsError */
export function namespaceOf(status: InterfaceStatus): NetNamespace {
  return status.netns === "" ? NetNamespace.current() : NetNamespace.atPath(status.netns);
}

/** Which namespace an interface is in, also for who may not go there; undefined when its daemon does not tell. @throws OsError for root */
export function identityToldBy(status: InterfaceStatus): NamespaceIdentity | undefined {
  const inode = /^net:\[([0-9]+)\]$/.exec(status.netns)?.[1];
  if (inode === undefined && !isRoot()) return undefined;
  // There is one nsfs for all of them.
  const { dev, ino } = Deno.statSync(inode === undefined && status.netns !== "" ? status.netns : OWN_NAMESPACE);
  return { device: dev, inode: inode === undefined ? ino ?? 0 : Number(inode) };
}

/** An rdomain's number, or the name ip-netns(8) has for a namespace that is none (its inode where it has no name). */
export function placeOf(identity: NamespaceIdentity): number | string {
  const rdomain = rdomainOf(identity);
  if (rdomain !== undefined) return rdomain;
  try {
    for (const { name } of Deno.readDirSync(NETNS_DIRECTORY)) {
      const { dev, ino } = Deno.statSync(`${NETNS_DIRECTORY}/${name}`);
      if (dev === identity.device && ino === identity.inode) return name;
    }
  } catch {
    // No names at all, or one that went away meanwhile.
  }
  return `net:[${identity.inode}]`;
}
