/**
 * Names, numbers and identities of rdomains, from files alone: this module uses no FFI.
 * namespace.ts makes, enters and removes rdomains.
 * @module
 */
import { RDOMAIN_MAX } from "../base/constants.ts";
import { ConfigError } from "../base/errors.ts";

/** The folder of the names of ip-netns(8). */
export const NETNS_DIRECTORY = "/run/netns";

/** The network namespace of the calling thread. */
export const THREAD_NAMESPACE = "/proc/thread-self/ns/net";
/** The identity of a namespace: device and inode in nsfs. */
export interface NamespaceIdentity {
  readonly device: number;
  readonly inode: number;
}

/** Whether two identities are of one namespace. */
export function sameNamespace(a: NamespaceIdentity, b: NamespaceIdentity): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/** The identity of the namespace at a path. @throws Deno.errors.NotFound and others of stat(2) */
export function identityOf(path: string): NamespaceIdentity {
  const { dev, ino } = Deno.statSync(path);
  return { device: dev, inode: ino ?? 0 };
}

/** The path of the name of rdomain `n` (1 or more). */
export function rdomainPath(n: number): string {
  return `${NETNS_DIRECTORY}/rdomain${n}`;
}

/** @throws ConfigError when `n` is not a whole number from 0 to RDOMAIN_MAX */
export function checkRdomain(n: number): void {
  if (!Number.isInteger(n) || n < 0 || n > RDOMAIN_MAX) {
    throw new ConfigError("rdomain", `${n} is out of range; 0 to ${RDOMAIN_MAX} is required`);
  }
}

/**
 * The rdomains with a name, in order, without 0. Empty when the folder of names is not readable.
 */
export function namedRdomains(): number[] {
  const found: number[] = [];
  try {
    for (const { name } of Deno.readDirSync(NETNS_DIRECTORY)) {
      const match = /^rdomain([1-9][0-9]{0,2})$/.exec(name);
      if (match !== null && Number(match[1]) <= RDOMAIN_MAX) found.push(Number(match[1]));
    }
  } catch (error) {
    const unseen = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied;
    if (!unseen) throw error;
  }
  return found.sort((a, b) => a - b);
}

/** The name that ip-netns(8) has for a namespace; undefined if it has none, or nobody may know. */
export function namedLike(identity: NamespaceIdentity): string | undefined {
  try {
    return [...Deno.readDirSync(NETNS_DIRECTORY)].map(({ name }) => name).find((name) => {
      return isAt(`${NETNS_DIRECTORY}/${name}`, identity);
    });
  } catch {
    return undefined;
  }
}

/** The rdomain of a namespace: 0 for the calling thread's, N for a named one, else undefined. */
export function rdomainOf(identity: NamespaceIdentity): number | undefined {
  if (sameNamespace(identityOf(THREAD_NAMESPACE), identity)) return 0;
  return namedRdomains().find((n) => isAt(rdomainPath(n), identity));
}

/** Whether a path leads to a namespace. A name may be removed at any time. */
function isAt(path: string, identity: NamespaceIdentity): boolean {
  try {
    return sameNamespace(identityOf(path), identity);
  } catch {
    return false;
  }
}
