/**
 * Where the interface is and how it does, asked of the TUN descriptor itself: it may be renamed, moved to another network namespace, taken up
 * and down, and given another MTU by anybody at any time.
 * @module
 */
import { osError } from "../base/errno.ts";
import { LinkMonitor } from "../linux/link_monitor.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { type NamespaceIdentity, sameNamespace } from "../linux/rdomain.ts";
import type { LinkFacts } from "../base/status.ts";
import { RouteSocket } from "../linux/route_socket.ts";
import { tunName, tunNamespaceFd } from "../ports/open_tun.ts";

const IFF_UP = 1;
const ENODEV = 19;

/** The interface as it is now. */
export interface LinkState {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
}

/** What a look found. */
export interface Look {
  readonly state: LinkState;
  readonly release: (() => void) | undefined;
}

/** How often a look is begun anew because the interface moved under it. */
const ATTEMPTS_MAX = 4;

/** Follows one TUN device. */
export class LinkWatch {
  readonly #tun: number;
  #namespace: NetNamespace;
  #routes: RouteSocket;
  #monitor: LinkMonitor;
  /** What the namespaces before needed; a Worker may still wait on it. */
  #old: { close(): void }[] = [];

  /** @throws OsError */
  constructor(tun: number) {
    this.#tun = tun;
    this.#namespace = this.#find();
    this.#routes = RouteSocket.open(this.#namespace);
    this.#monitor = LinkMonitor.open(this.#namespace);
  }

  /** A netlink socket that is readable when something about links changed where the interface is. */
  get descriptor(): number {
    return this.#monitor.fd;
  }

  /** The namespace the interface is in. */
  get namespace(): { readonly fd: number; readonly identity: NamespaceIdentity } {
    return this.#namespace;
  }

  /**
   * Looks. When the interface was moved `descriptor` is another one afterwards; `release` closes the old ones once nobody waits on them.
   * @returns `gone` when the interface was deleted; `unclear` when it could not be asked now (no descriptor or memory left, moved too often meanwhile)
   */
  look(): Look | "gone" | "unclear" {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      try {
        const name = tunName(this.#tun);
        if (name === undefined) return "gone";
        this.#follow();
        const link = this.#routes.link(name);
        if (link === undefined) continue;
        return { state: { name, up: (link.flags & IFF_UP) !== 0, mtu: link.mtu }, release: this.#takeOld() };
      } catch {
        // Moved, renamed or deleted between two questions; only the descriptor's own name says which.
      }
    }
    return "unclear";
  }

  /** The link and its addresses as they are; undefined while the interface is moved or renamed, or when it is gone. */
  describe(): LinkFacts | undefined {
    try {
      using here = this.#find();
      const name = tunName(this.#tun);
      if (name === undefined || !sameNamespace(here.identity, this.#namespace.identity)) return undefined;
      const link = this.#routes.link(name);
      if (link === undefined) return undefined;
      return { ...link, addresses: this.#routes.addresses({ interfaceIndex: link.index }) };
    } catch {
      return undefined;
    }
  }

  /** Sets the interface's MTU. @throws OsError */
  setMtu(mtu: number): void {
    this.#routes.setLink(this.#routes.requireLink(tunName(this.#tun) ?? "").index, { mtu });
  }

  close(): void {
    this.#takeOld()?.();
    this.#monitor.close();
    this.#routes.close();
    this.#namespace.close();
  }

  #find(): NetNamespace {
    const descriptor = tunNamespaceFd(this.#tun);
    if (descriptor === undefined) throw osError("TUNGETDEVNETNS", "tun", ENODEV);
    return NetNamespace.ofDescriptor(descriptor);
  }

  #follow(): void {
    const found = this.#find();
    if (sameNamespace(found.identity, this.#namespace.identity)) return found.close();
    let monitor: LinkMonitor | undefined;
    let routes: RouteSocket;
    try {
      monitor = LinkMonitor.open(found);
      routes = RouteSocket.open(found);
    } catch (error) {
      monitor?.close();
      found.close();
      throw error;
    }
    this.#old.push(this.#monitor, this.#routes, this.#namespace);
    this.#namespace = found;
    this.#routes = routes;
    this.#monitor = monitor;
  }

  #takeOld(): (() => void) | undefined {
    const old = this.#old;
    if (old.length === 0) return undefined;
    this.#old = [];
    return () => old.forEach((part) => part.close());
  }
}
