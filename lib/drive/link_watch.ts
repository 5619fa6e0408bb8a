/**
 * Where the interface is and how it does, asked of the TUN descriptor itself: it may be renamed, moved to another network namespace, taken up
 * and down, and given another MTU by anybody at any time.
 * @module
 */
import { osError } from "../base/errno.ts";
import { LinkMonitor } from "../host/link_monitor.ts";
import { type NamespaceIdentity, NetNamespace, sameNamespace } from "../host/namespace.ts";
import { RouteSocket } from "../host/route_socket.ts";
import { tunName, tunNamespaceFd } from "../net/open_tun.ts";

const IFF_UP = 1;
const ENODEV = 19;

/** The interface as it is now. */
export interface LinkState {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
}

/** Follows one TUN device. */
export class LinkWatch {
  readonly #tun: number;
  #namespace: NetNamespace;
  #routes: RouteSocket;
  #monitor: LinkMonitor;

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
   * @returns undefined when the interface is gone
   */
  look(): { readonly state: LinkState; readonly release: (() => void) | undefined } | undefined {
    try {
      const release = this.#follow();
      const name = tunName(this.#tun);
      if (name === undefined) return undefined;
      const link = this.#routes.link(name);
      if (link === undefined) return undefined;
      return { state: { name, up: (link.flags & IFF_UP) !== 0, mtu: link.mtu }, release };
    } catch {
      // Deleted between two questions.
      return undefined;
    }
  }

  /** Sets the interface's MTU. @throws OsError */
  setMtu(mtu: number): void {
    this.#routes.setLink(this.#routes.requireLink(tunName(this.#tun) ?? "").index, { mtu });
  }

  close(): void {
    this.#monitor.close();
    this.#routes.close();
    this.#namespace.close();
  }

  #find(): NetNamespace {
    const descriptor = tunNamespaceFd(this.#tun);
    if (descriptor === undefined) throw osError("TUNGETDEVNETNS", "tun", ENODEV);
    return NetNamespace.ofDescriptor(descriptor);
  }

  #follow(): (() => void) | undefined {
    const found = this.#find();
    if (sameNamespace(found.identity, this.#namespace.identity)) {
      found.close();
      return undefined;
    }
    const monitor = LinkMonitor.open(found);
    const routes = RouteSocket.open(found);
    const old = [this.#monitor, this.#routes, this.#namespace];
    this.#namespace = found;
    this.#routes = routes;
    this.#monitor = monitor;
    return () => old.forEach((part) => part.close());
  }
}
