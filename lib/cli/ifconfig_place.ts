/**
 * Which namespace an interface is in, found out by looking at files alone: showing one interface opens no library.
 * @module
 */
import { isRoot } from "../daemon/wg_control.ts";
import type { NamespaceIdentity } from "../host/namespace.ts";
import type { InterfaceStatus } from "../uapi/status.ts";

const OWN_NAMESPACE = "/proc/thread-self/ns/net";
/** Where ip-netns(8) and rdomains have their names. */
const NAMES = "/run/netns";

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
  if (isSame(OWN_NAMESPACE, identity)) return 0;
  try {
    for (const { name } of Deno.readDirSync(NAMES)) {
      if (!isSame(`${NAMES}/${name}`, identity)) continue;
      const rdomain = /^rdomain([1-9][0-9]*)$/.exec(name)?.[1];
      return rdomain === undefined ? name : Number(rdomain);
    }
  } catch {
    // No names at all, or one that went away meanwhile.
  }
  return `net:[${identity.inode}]`;
}

function isSame(path: string, identity: NamespaceIdentity): boolean {
  const { dev, ino } = Deno.statSync(path);
  return dev === identity.device && ino === identity.inode;
}
