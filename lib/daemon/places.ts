/**
 * The network namespaces of one interface. The daemon ends when a namespace that it keeps alive is
 * abandoned. When the interface ends, its empty rdomains are removed.
 * @module
 */
import { HeldNamespace } from "../linux/held_namespace.ts";
import { removeRdomainIfEmpty } from "../linux/namespace.ts";
import {
  identityOf,
  namedRdomains,
  type NamespaceIdentity,
  rdomainPath,
  sameNamespace,
  THREAD_NAMESPACE,
} from "../linux/rdomain.ts";
import { daemonProcesses } from "./client.ts";
import type { Log } from "./log.ts";

/** The namespaces that the daemon keeps alive: where it was started, and where its sockets are. */
export class Places {
  readonly #birthplace = new HeldNamespace(identityOf(THREAD_NAMESPACE));
  #sockets: HeldNamespace | undefined;

  /** @param rtable the rdomain of the sockets; 0 is the namespace where the daemon was started */
  constructor(rtable: number) {
    this.moveSockets(rtable);
  }

  /** Call when the sockets were opened in another rdomain. */
  moveSockets(rtable: number): void {
    const identity = rtable === 0 ? undefined : identityOfRdomain(rtable);
    this.#sockets = identity === undefined ? undefined : new HeldNamespace(identity);
  }

  /** The reason why the interface must end, for the log; undefined while it may go on. */
  reasonToEnd(): string | undefined {
    const lost = [this.#birthplace, this.#sockets].find((place) =>
      place?.isAbandoned(daemonProcesses)
    );
    return lost && `${lost.path} was deleted and nobody else is in that network namespace`;
  }
}

/**
 * Removes the rdomains of an interface that are empty. Call it after all descriptors are closed.
 * @param place the namespace of the link
 * @param rtable the rdomain of the sockets
 */
export function removeEmptyRdomains(place: NamespaceIdentity, rtable: number, log: Log): void {
  const isThere = (n: number) => {
    const identity = identityOfRdomain(n);
    return identity !== undefined && sameNamespace(identity, place);
  };
  for (const n of new Set([namedRdomains().find(isThere) ?? 0, rtable])) {
    try {
      removeRdomainIfEmpty(n);
    } catch (error) {
      log.write(
        `rdomain ${n} was not removed: ${error instanceof Error ? error.message : error}`,
        "error",
      );
    }
  }
}

function identityOfRdomain(n: number): NamespaceIdentity | undefined {
  try {
    return identityOf(rdomainPath(n));
  } catch {
    return undefined;
  }
}
