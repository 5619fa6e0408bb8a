/**
 * Where the interface is and how it does, asked of the TUN descriptor itself: it may be renamed, moved to another
 * network namespace, taken up and down, and given another MTU by anybody at any time.
 *
 * Nothing here keeps the interface's namespace alive: it is opened for the length of a look, and heard of by a socket
 * in the namespace of this process.
 * @module
 */
import { ENODEV, osError } from "../base/errno.ts";
import { NO_OWN_ADDRESSES, type OwnAddresses } from "../base/own_addresses.ts";
import { type LinkAddressing, setLinkDown } from "../linux/link_addressing.ts";
import { LinkMonitor } from "../linux/link_monitor.ts";
import { settleLink } from "../linux/link_settings.ts";
import { chooseOwnAddresses } from "../linux/own_addresses.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { type NamespaceIdentity, sameNamespace } from "../linux/rdomain.ts";
import type { LinkFacts } from "../base/status.ts";
import { RouteSocket } from "../linux/route_socket.ts";
import { tunIsUp, tunName, tunNamespaceFd } from "../ports/open_tun.ts";

const IFF_UP = 1;
/** IPv6's least MTU (RFC 8200 section 5): below it the kernel forgets everything about IPv6 on the link. */
const IPV6_MTU_MIN = 1280;

/** The interface as it is now. */
export interface LinkState {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** The namespace it is in. */
  readonly place: NamespaceIdentity;
}

/** How often a look is begun anew because the interface moved under it. */
const ATTEMPTS_MAX = 4;

/** A link as rtnetlink has it, in its own namespace. */
type FoundLink = NonNullable<ReturnType<RouteSocket["link"]>>;

/** Follows one TUN device. */
export class LinkWatch {
  readonly #tun: number;
  readonly #home: NamespaceIdentity;
  readonly #routes: RouteSocket;
  readonly #monitor: LinkMonitor;
  #state: LinkState | undefined;
  #place: NamespaceIdentity;
  #acceptsLocal = false;
  #own = NO_OWN_ADDRESSES;
  readonly #complain: (line: string) => void;
  /** What the link lost when `setUp` took it down. */
  #kept: LinkAddressing | undefined;

  /**
   * @param complain hears what could not be put back
   * @throws OsError
   */
  constructor(tun: number, complain: (line: string) => void) {
    this.#tun = tun;
    this.#complain = complain;
    using home = NetNamespace.current();
    this.#home = home.identity;
    this.#place = home.identity;
    this.#routes = RouteSocket.open();
    try {
      this.#monitor = LinkMonitor.open();
    } catch (error) {
      this.#routes.close();
      throw error;
    }
  }

  /**
   * A netlink socket that is readable when something about links or addresses changed where the
   * interface is. It stays the same.
   */
  get descriptor(): number {
    return this.#monitor.fd;
  }

  /** The namespace that the interface was in when it was seen last. */
  get place(): NamespaceIdentity {
    return this.#place;
  }

  /**
   * Looks, settles the link where that is due, and gives it back what it lost by `setUp` as soon as it is up again.
   * @returns `gone` when the interface was deleted; `unclear` when it could not be asked now (no descriptor or memory
   *   left, moved too often meanwhile)
   */
  look(): LinkState | "gone" | "unclear" {
    let name: string | undefined;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      try {
        name = tunName(this.#tun);
        if (name === undefined) return "gone";
        const seen = this.visit((routes, link) => this.#seen(routes, link));
        if (seen !== undefined) return seen;
      } catch {
        // Moved, renamed or deleted between two questions; only the descriptor's own name says which.
      }
    }
    return this.#toldByTun(name) ?? "unclear";
  }

  /** The link and its addresses as they are; undefined while the interface is moved or renamed, or when it is gone. */
  describe(): LinkFacts | undefined {
    try {
      return this.visit((routes, link) => ({
        ...link,
        addresses: routes.addresses({ interfaceIndex: link.index }),
      }));
    } catch {
      return undefined;
    }
  }

  /**
   * Our addresses where the interface is, after a look. Those seen there last, when they cannot be
   * asked for now.
   */
  ownAddresses(): OwnAddresses {
    try {
      const own = this.visit((routes, link) =>
        chooseOwnAddresses(routes.addresses(), link.index, this.#acceptsLocal)
      );
      if (own !== undefined) this.#own = own;
    } catch {
      // The next look asks again.
    }
    return this.#own;
  }

  /** Sets the interface's MTU. @throws OsError */
  setMtu(mtu: number): void {
    this.visit((routes, link) => routes.setLink(link.index, { mtu }));
  }

  /**
   * Takes the link up or down. IPv6 addresses and routes that it loses by going down come back when it is seen up,
   * whoever takes it there.
   * @throws OsError
   */
  setUp(up: boolean): void {
    this.visit((routes, link) => {
      if (((link.flags & IFF_UP) !== 0) === up) return;
      if (up) routes.setLink(link.index, { up });
      else this.#kept = setLinkDown(routes, link);
    });
  }

  /**
   * Runs a synchronous function with the link, in the namespace that the link is in.
   * @returns what it returned; undefined when the link has another name or place by now
   * @throws OsError when the namespace cannot be entered; what `fn` throws
   */
  visit<T>(fn: (routes: RouteSocket, link: FoundLink) => T): T | undefined {
    const name = tunName(this.#tun);
    if (name === undefined) throw osError("TUNGETIFF", "tun", ENODEV);
    using there = this.#find();
    const isHome = sameNamespace(there.identity, this.#home);
    if (!sameNamespace(there.identity, this.#place)) this.#arrive(there, isHome);
    const act = (routes: RouteSocket): T | undefined => {
      const link = routes.link(name);
      return link === undefined ? undefined : fn(routes, link);
    };
    if (isHome) return act(this.#routes);
    return there.run(() => {
      using routes = RouteSocket.open();
      return act(routes);
    });
  }

  /**
   * A new descriptor of the namespace that the interface is in. It keeps the namespace alive: close it soon.
   * @throws OsError
   */
  openPlace(): number {
    const descriptor = tunNamespaceFd(this.#tun);
    if (descriptor === undefined) throw osError("TUNGETDEVNETNS", "tun", ENODEV);
    return descriptor;
  }

  close(): void {
    this.#monitor.close();
    this.#routes.close();
  }

  #find(): NetNamespace {
    return NetNamespace.ofDescriptor(this.openPlace());
  }

  /** Events of another namespace come when that has a number here. Where either is refused, looks have to do. */
  #arrive(there: NetNamespace, isHome: boolean): void {
    this.#place = there.identity;
    this.#acceptsLocal = false;
    this.#own = NO_OWN_ADDRESSES;
    this.#kept = undefined;
    this.#monitor.listenEverywhere(!isHome);
    if (isHome) return;
    try {
      this.#routes.numberNamespace(there.fd);
    } catch {
      // It needs CAP_NET_ADMIN at home.
    }
  }

  #seen(routes: RouteSocket, link: FoundLink): LinkState {
    const before = this.#state;
    const state = {
      name: link.name,
      up: (link.flags & IFF_UP) !== 0,
      mtu: link.mtu,
      place: this.#place,
    };
    const isSettled = before !== undefined && sameNamespace(before.place, state.place) &&
      (before.up || !state.up) &&
      (before.mtu >= IPV6_MTU_MIN || state.mtu < IPV6_MTU_MIN);
    if (!isSettled) this.#acceptsLocal = settleLink(routes, link);
    if (state.up) this.#giveBack();
    return this.#state = state;
  }

  #giveBack(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept === undefined) return;
    try {
      for (const failure of kept.restore()) this.#complain(`could not restore: ${failure}`);
    } catch (error) {
      this.#complain(`could not restore addresses and routes: ${error}`);
    }
  }

  /** What the descriptor itself tells, for an interface in a namespace that may not be entered from here. */
  #toldByTun(name: string | undefined): LinkState | undefined {
    const up = tunIsUp(this.#tun);
    if (name === undefined || up === undefined) return undefined;
    return { name, up, mtu: this.#state?.mtu ?? 0, place: this.#place };
  }
}
