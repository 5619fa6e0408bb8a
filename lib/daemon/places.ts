/**
 * The network namespaces of one interface: those that its process keeps alive, whose end it has to notice, and the
 * rdomains that go with it when nothing else is in them.
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

/** Where an interface was made and where its sockets are. Nothing of ours keeps either alive once it was deleted. */
export class Places {
  readonly #birthplace = new HeldNamespace(identityOf(THREAD_NAMESPACE));
  #sockets: HeldNamespace | undefined;

  /** @param rtable the rdomain of the sockets; 0 for the birthplace */
  constructor(rtable: number) {
    this.moveSockets(rtable);
  }

  /** Call when the sockets are in another rdomain. */
  moveSockets(rtable: number): void {
    const identity = rtable === 0 ? undefined : identityOfRdomain(rtable);
    this.#sockets = identity === undefined ? undefined : new HeldNamespace(identity);
  }

  /** Why the interface has to end, as one of the kernel's would; undefined while it may go on. */
  reasonToEnd(): string | undefined {
    const lost = [this.#birthplace, this.#sockets].find((place) =>
      place?.isAbandoned(daemonProcesses)
    );
    return lost && `${lost.path} was deleted and nobody else is in that network namespace`;
  }
}

/**
 * Takes away the rdomains that an interface was in, where they are empty. Call it when everything is closed.
 * @param place where the link was
 * @param rtable where the sockets were
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
