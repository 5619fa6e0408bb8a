/**
 * Which namespace an interface is in, found out by looking at files alone: showing one interface
 * opens no library.
 * @module
 */
import {
  identityOf,
  type NamespaceIdentity,
  NETNS_DIRECTORY,
  rdomainOf,
  sameNamespace,
  THREAD_NAMESPACE,
} from "../../linux/rdomain.ts";
import type { InterfaceStatus } from "../../base/status.ts";

/**
 * Which namespace an interface is in, also for who may not go there. Another implementation's
 * daemon is taken to be in ours.
 */
export function identityToldBy(status: InterfaceStatus): NamespaceIdentity {
  const inode = /^net:\[([0-9]+)\]$/.exec(status.netns)?.[1];
  const here = identityOf(THREAD_NAMESPACE);
  // There is one nsfs for all of them.
  return inode === undefined ? here : { device: here.device, inode: Number(inode) };
}

/**
 * An rdomain's number, or the name ip-netns(8) has for a namespace that is none (its inode where it
 * has no name).
 */
export function placeOf(identity: NamespaceIdentity): number | string {
  const rdomain = rdomainOf(identity);
  if (rdomain !== undefined) return rdomain;
  try {
    for (const { name } of Deno.readDirSync(NETNS_DIRECTORY)) {
      if (sameNamespace(identityOf(`${NETNS_DIRECTORY}/${name}`), identity)) return name;
    }
  } catch {
    // No names at all, or one that went away meanwhile.
  }
  return `net:[${identity.inode}]`;
}
