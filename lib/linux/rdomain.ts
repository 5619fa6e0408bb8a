/**
 * Which namespace is which, found out by looking at files alone: names, numbers and identities of rdomains. Nothing here opens a library;
 * namespace.ts makes, enters and removes them.
 * @module
 */
import { RDOMAIN_MAX } from "../base/constants.ts";
import { ConfigError } from "../base/errors.ts";

/** Where ip-netns(8) keeps its names. */
export const NETNS_DIRECTORY = "/run/netns";

/** The calling thread's. */
export const THREAD_NAMESPACE = "/proc/thread-self/ns/net";
/** Tells namespaces apart: device and inode of nsfs. */
export interface NamespaceIdentity {
  readonly device: number;
  readonly inode: number;
}

/** Whether two identities are of one namespace. */
export function sameNamespace(a: NamespaceIdentity, b: NamespaceIdentity): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/** The identity of the namespace that a file stands for. @throws Deno.errors.NotFound and others of stat(2) */
export function identityOf(path: string): NamespaceIdentity {
  const { dev, ino } = Deno.statSync(path);
  return { device: dev, inode: ino ?? 0 };
}

/** Where rdomain `n` (1 or more) has its name. */
export function rdomainPath(n: number): string {
  return `${NETNS_DIRECTORY}/rdomain${n}`;
}

/** @throws ConfigError when `n` is not a whole number from 0 to RDOMAIN_MAX */
export function checkRdomain(n: number): void {
  if (!Number.isInteger(n) || n < 0 || n > RDOMAIN_MAX) {
    throw new ConfigError("rdomain", `${n} is out of range; 0 to ${RDOMAIN_MAX} is required`);
  }
}

/** The rdomains that have a name, in order, without 0; none where this user may not look into the folder of the names. */
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

/** Which rdomain a namespace is: 0 for the calling thread's, N for a named one, undefined for any other. */
export function rdomainOf(identity: NamespaceIdentity): number | undefined {
  if (sameNamespace(identityOf(THREAD_NAMESPACE), identity)) return 0;
  return namedRdomains().find((n) => {
    try {
      return sameNamespace(identityOf(rdomainPath(n)), identity);
    } catch {
      return false;
    }
  });
}
