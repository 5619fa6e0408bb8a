/**
 * Finds the namespace of an interface by reading files only, so that showing one interface opens no
 * library.
 * @module
 */
import {
  identityOf,
  namedLike,
  type NamespaceIdentity,
  rdomainOf,
  THREAD_NAMESPACE,
} from "../../linux/rdomain.ts";
import type { InterfaceStatus } from "../../base/status.ts";

/**
 * The namespace of an interface. It works for users who may not enter the namespace too. The daemon
 * of another implementation is assumed to be in the current namespace.
 */
export function identityToldBy(status: InterfaceStatus): NamespaceIdentity {
  const inode = /^net:\[([0-9]+)\]$/.exec(status.netns)?.[1];
  const here = identityOf(THREAD_NAMESPACE);
  // All network namespaces are on one nsfs device.
  return inode === undefined ? here : { device: here.device, inode: Number(inode) };
}

/**
 * The number of an rdomain, the name that ip-netns(8) has for another namespace, or its inode if it
 * has no name.
 */
export function placeOf(identity: NamespaceIdentity): number | string {
  return rdomainOf(identity) ?? namedLike(identity) ?? `net:[${identity.inode}]`;
}
