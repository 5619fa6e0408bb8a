/**
 * Which namespace an interface is in, found out by looking at files alone: showing one interface opens no library.
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

/** Which namespace an interface is in, also for who may not go there; undefined when its daemon does not tell, or in words that this user may not follow. */
export function identityToldBy(status: InterfaceStatus): NamespaceIdentity | undefined {
  const inode = /^net:\[([0-9]+)\]$/.exec(status.netns)?.[1];
  if (inode === undefined) return identityAt(status.netns === "" ? THREAD_NAMESPACE : status.netns);
  // There is one nsfs for all of them.
  return { device: identityOf(THREAD_NAMESPACE).device, inode: Number(inode) };
}

function identityAt(path: string): NamespaceIdentity | undefined {
  try {
    return identityOf(path);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** An rdomain's number, or the name ip-netns(8) has for a namespace that is none (its inode where it has no name). */
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
