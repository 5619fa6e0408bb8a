/**
 * Follows the link of an interface by its TUN descriptor. Any program may rename the link, move it
 * to another network namespace, set it up or down, or change its MTU.
 *
 * The watch does not keep the link's namespace alive. It opens the namespace only while it reads
 * the link, and gets events from a socket in the namespace of this process. A process that may not
 * enter other namespaces reads the link from its own. To set the link up or down there it needs a
 * socket that a command has opened in the namespace, and uses it no longer than that takes.
 * @module
 */
import { IPV6_MTU_MIN } from "../base/constants.ts";
import { ENODEV, ENOSYS, EPERM, osError } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
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

/** The state of the link. */
export interface LinkState {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  /** The network namespace of the link. */
  readonly place: NamespaceIdentity;
}

/** How long the routes that cannot be restored are tried again. */
const RETRY_MS = 3_000;
/** How long a link may be without its settings before it is said. */
const UNSETTLED_MS = 3_000;
/** The most attempts to read a link that is moved or renamed meanwhile. */
const ATTEMPTS_MAX = 4;

/** A link that rtnetlink found in its namespace. */
type FoundLink = NonNullable<ReturnType<RouteSocket["link"]>>;

/**
 * How a link is reached: in the calling thread's namespace, by a socket in the link's namespace, or
 * only for reading, from another namespace.
 */
type Reach = "here" | "by socket" | "from afar";

/** Follows the link of one TUN device. */
export class LinkWatch {
  readonly #tun: number;
  readonly #home: NamespaceIdentity;
  readonly #routes: RouteSocket;
  readonly #monitor: LinkMonitor;
  /** The number of the link's namespace in this one; undefined at home, and when there is none. */
  #number: number | undefined;
  /** A socket in the link's namespace that a command has lent. */
  #lent: RouteSocket | undefined;
  /** When the link was first seen without its settings; Infinity after it was said. */
  #unsettledSince: number | undefined;
  /** Whether other namespaces can be entered. */
  #mayEnter = true;
  #state: LinkState | undefined;
  #place: NamespaceIdentity;
  #acceptsLocal = false;
  #own = NO_OWN_ADDRESSES;
  readonly #complain: (line: string) => void;
  /** The addresses and routes that the link lost when `setUp` set it down. */
  #lost: LinkAddressing | undefined;
  /** Until when the rest of them is tried again; undefined before the first attempt. */
  #retryUntil: number | undefined;

  /**
   * @param complain called with a message for each address or route that cannot be restored
   * @param monitor a subscription to links of all namespaces, from a process that may have it
   * @throws OsError
   */
  constructor(tun: number, complain: (line: string) => void, monitor?: LinkMonitor) {
    this.#tun = tun;
    this.#complain = complain;
    using home = NetNamespace.current();
    this.#home = home.identity;
    this.#place = home.identity;
    this.#routes = RouteSocket.open();
    try {
      this.#monitor = monitor ?? LinkMonitor.open();
    } catch (error) {
      this.#routes.close();
      throw error;
    }
  }

  /**
   * A netlink socket that is readable when links or addresses in the namespace of the link have
   * changed. It is always the same descriptor.
   */
  get descriptor(): number {
    return this.#monitor.fd;
  }

  /** The namespace of the link when it was last read. */
  get place(): NamespaceIdentity {
    return this.#place;
  }

  /**
   * Reads the link. Applies the kernel settings when that is due, and restores what the link lost
   * by `setUp` once it is up again.
   * @returns `gone` when the interface was deleted; `unclear` when it cannot be read now (no free
   *   descriptors or memory, or moved too often meanwhile)
   */
  look(): LinkState | "gone" | "unclear" {
    let name: string | undefined;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      try {
        name = tunName(this.#tun);
        if (name === undefined) return "gone";
        const seen = this.visit((routes, link, reach) => this.#seen(routes, link, reach));
        if (seen !== undefined) return seen;
      } catch {
        // The link was moved, renamed or deleted meanwhile. The next attempt finds out which.
      }
    }
    return this.#toldByTun(name) ?? "unclear";
  }

  /** The link and its addresses; undefined while the link is moved or renamed, or was deleted. */
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
   * The local addresses in the namespace of the link. Call it after `look`. When they cannot be
   * read now, the last ones are returned.
   */
  ownAddresses(): OwnAddresses {
    try {
      const own = this.visit((routes, link) =>
        chooseOwnAddresses(routes.addresses(), link.index, this.#acceptsLocal)
      );
      if (own !== undefined) this.#own = own;
    } catch {
      // They are read again after the next `look`.
    }
    return this.#own;
  }

  /** Sets the MTU of the link, in bytes. @throws OsError */
  setMtu(mtu: number): void {
    this.visit((routes, link) => routes.setLink(link.index, { mtu }));
  }

  /**
   * Sets the link up or down. IPv6 addresses and routes that it loses by going down are restored
   * when it is up again, also when another program sets it up in this namespace.
   * @param lent a socket in the link's namespace, for a link in another one; it is closed when it
   *   is no longer used
   * @throws OsError EPERM for a link in another namespace that cannot be entered, without `lent`
   */
  setUp(up: boolean, lent?: RouteSocket): void {
    this.#lend(lent);
    this.visit((routes, link, reach) => {
      if (((link.flags & IFF_UP) !== 0) === up) return;
      if (up) routes.setLink(link.index, { up });
      else {
        const lost = setLinkDown(routes, link, reach === "here");
        this.#lost = this.#lost?.with(lost) ?? lost;
        this.#retryUntil = undefined;
      }
    });
  }

  /**
   * Runs a synchronous function with the link, in the namespace of the link.
   * @returns the result of `fn`; undefined when the link was renamed or moved meanwhile
   * @throws OsError when the namespace cannot be entered, and what `fn` throws
   */
  visit<T>(fn: (routes: RouteSocket, link: FoundLink, reach: Reach) => T): T | undefined {
    const name = tunName(this.#tun);
    if (name === undefined) throw osError("TUNGETIFF", "tun", ENODEV);
    using there = this.#find();
    const isHome = sameNamespace(there.identity, this.#home);
    if (!sameNamespace(there.identity, this.#place)) this.#movedTo(there, isHome);
    const act = (routes: RouteSocket, reach: Reach): T | undefined => {
      const link = routes.link(name);
      return link === undefined ? undefined : fn(routes, link, reach);
    };
    if (isHome) return act(this.#routes, "here");
    if (this.#lent !== undefined) return act(this.#lent, "by socket");
    let isEntered = false;
    try {
      if (this.#mayEnter) {
        return there.run(() => {
          isEntered = true;
          using routes = RouteSocket.open();
          return act(routes, "here");
        });
      }
    } catch (error) {
      if (isEntered || !isRefusal(error)) throw error;
      this.#mayEnter = false;
    }
    if (this.#number === undefined) throw osError("setns", "network namespace", EPERM);
    return act(this.#routes.elsewhere(this.#number), "from afar");
  }

  /** Uses a socket in the link's namespace until `release`. */
  #lend(lent: RouteSocket | undefined): void {
    this.#lent?.close();
    this.#lent = lent;
  }

  /** Closes a lent socket, unless addresses or routes are still to be restored with it. */
  release(): void {
    if (this.#lost === undefined || this.#retryUntil === undefined) this.#lend(undefined);
  }

  /**
   * Opens the namespace of the link. Close the descriptor soon, because it keeps the namespace
   * alive.
   * @throws OsError
   */
  openPlace(): number {
    const descriptor = tunNamespaceFd(this.#tun);
    if (descriptor === undefined) throw osError("TUNGETDEVNETNS", "tun", ENODEV);
    return descriptor;
  }

  close(): void {
    this.#lend(undefined);
    this.#monitor.close();
    this.#routes.close();
  }

  #find(): NetNamespace {
    return NetNamespace.ofDescriptor(this.openPlace());
  }

  /**
   * Subscribes to the events of a new namespace. It must have a number (nsid) in this one. If the
   * kernel refuses, changes are found by the regular `look`.
   */
  #movedTo(there: NetNamespace, isHome: boolean): void {
    this.#place = there.identity;
    this.#acceptsLocal = false;
    this.#own = NO_OWN_ADDRESSES;
    this.#lost = undefined;
    this.#number = undefined;
    this.#unsettledSince = undefined;
    this.#lend(undefined);
    this.#monitor.listenEverywhere(!isHome);
    if (isHome) return;
    try {
      this.#number = this.#routes.numberNamespace(there.fd);
    } catch {
      // The number needs CAP_NET_ADMIN in the namespace of this process.
    }
  }

  #seen(routes: RouteSocket, link: FoundLink, reach: Reach): LinkState {
    const before = this.#state;
    const state = {
      name: link.name,
      up: (link.flags & IFF_UP) !== 0,
      mtu: link.mtu,
      place: this.#place,
    };
    const isSettled = before !== undefined && sameNamespace(before.place, state.place) &&
      (before.up || !state.up) &&
      (before.mtu >= IPV6_MTU_MIN || state.mtu < IPV6_MTU_MIN) &&
      // The MTU may have been below and back between two looks.
      !(state.mtu >= IPV6_MTU_MIN && link.hasLinkLocal);
    if (reach === "from afar") {
      this.#acceptsLocal = link.acceptsLocal;
      this.#tellUnsettled(link);
    } else {
      const isHere = reach === "here";
      if (!isSettled || !isHere) this.#acceptsLocal = settleLink(routes, link, isHere);
      if (state.up) this.#restore(routes);
    }
    return this.#state = state;
  }

  /**
   * Says once for each namespace that the link does not have its settings there. A command that
   * moves the link applies them a moment later.
   */
  #tellUnsettled({ hasLinkLocal }: FoundLink): void {
    if (!hasLinkLocal) this.#unsettledSince = undefined;
    else this.#unsettledSince ??= performance.now();
    const since = this.#unsettledSince;
    if (since === undefined || performance.now() - since < UNSETTLED_MS) return;
    this.#unsettledSince = Infinity;
    this.#complain(
      "the link was moved to a network namespace that this process may not enter: IPv6 link-local " +
        "addresses and ICMP redirects are not switched off there until the next ifconfig command",
    );
  }

  /**
   * Restores what the link lost. A route whose gateway cannot be reached is tried again at the next
   * looks: the line that sets the link up may add the address after that.
   */
  #restore(routes: RouteSocket): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost === undefined) return;
    try {
      const { left, reasons } = lost.restore(routes);
      if (reasons.length === 0) return;
      this.#retryUntil ??= performance.now() + RETRY_MS;
      if (performance.now() < this.#retryUntil) this.#lost = left;
      else for (const reason of reasons) this.#complain(`could not restore: ${reason}`);
    } catch (error) {
      this.#complain(`could not restore addresses and routes: ${error}`);
    }
  }

  /** The state that the TUN descriptor tells, for a link in a namespace that cannot be entered. */
  #toldByTun(name: string | undefined): LinkState | undefined {
    const up = tunIsUp(this.#tun);
    if (name === undefined || up === undefined) return undefined;
    return { name, up, mtu: this.#state?.mtu ?? 0, place: this.#place };
  }
}

/** Whether the kernel, or a filter of system calls, does not let this process enter a namespace. */
const isRefusal = (error: unknown): boolean =>
  error instanceof OsError && (error.errno === EPERM || error.errno === ENOSYS);
