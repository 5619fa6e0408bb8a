/**
 * The network namespaces of one interface. The daemon ends when a namespace that it keeps alive is
 * abandoned. When the interface ends, its empty rdomains are removed.
 * @module
 */
import { HeldNamespace, namespaceMark } from "../linux/held_namespace.ts";
import { NetNamespace, removeRdomainIfEmpty } from "../linux/namespace.ts";
import {
  identityOf,
  namedRdomains,
  type NamespaceIdentity,
  rdomainPath,
  sameNamespace,
  THREAD_NAMESPACE,
} from "../linux/rdomain.ts";
import { isDaemon, isLookUps } from "./owner.ts";
import { leaveRdomain } from "./left_rdomains.ts";
import type { Log } from "./log.ts";

/** The namespaces that the daemon keeps alive: where it was started, and where its sockets are. */
export class Places {
  readonly #birthplace = new HeldNamespace(
    identityOf(THREAD_NAMESPACE),
    namespaceMark("thread-self"),
  );
  #sockets: HeldNamespace | undefined;

  /**
   * @param rtable the rdomain of the sockets; 0 is the namespace where the daemon was started
   * @param mark the mark of the rdomain, from the process that opened the sockets
   */
  constructor(rtable: number, mark?: number) {
    this.moveSockets(rtable, mark);
  }

  /** Call when the sockets were opened in another rdomain. */
  moveSockets(rtable: number, mark = markOfRdomain(rtable)): void {
    const identity = rtable === 0 ? undefined : identityOfRdomain(rtable);
    this.#sockets = identity === undefined ? undefined : new HeldNamespace(identity, mark);
  }

  /** The reason why the interface must end, for the log; undefined while it may go on. */
  reasonToEnd(): string | undefined {
    const isOurs = (pid: number) => isDaemon(pid) || isLookUps(pid);
    const lost = [this.#birthplace, this.#sockets].find((place) => place?.isAbandoned(isOurs));
    return lost && `${lost.path} was deleted and nobody else is in that network namespace`;
  }
}

/** The rdomains of an interface: that of its link, and that of its sockets. Without 0. */
export function rdomainsOf(place: NamespaceIdentity, rtable: number): number[] {
  const isThere = (n: number) => {
    const identity = identityOfRdomain(n);
    return identity !== undefined && sameNamespace(identity, place);
  };
  return [...new Set([namedRdomains().find(isThere) ?? 0, rtable])].filter((n) => n !== 0);
}

/**
 * Removes rdomains that are empty. Call it after all descriptors are closed. A process that may not
 * remove them leaves a note for the next command.
 */
export function removeEmptyRdomains(rdomains: readonly number[], log: Log): void {
  for (const n of rdomains) {
    try {
      removeRdomainIfEmpty(n);
    } catch (error) {
      if (leaveRdomain(n)) continue;
      log.write(
        `rdomain ${n} was not removed: ${error instanceof Error ? error.message : error}`,
        "error",
      );
    }
  }
}

function markOfRdomain(rtable: number): number | undefined {
  try {
    using place = NetNamespace.rdomain(rtable);
    return place.run(() => namespaceMark("thread-self"));
  } catch {
    return undefined;
  }
}

function identityOfRdomain(n: number): NamespaceIdentity | undefined {
  try {
    return identityOf(rdomainPath(n));
  } catch {
    return undefined;
  }
}
