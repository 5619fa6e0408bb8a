/**
 * Clears the local address of a peer when the route to the peer no longer leaves by the interface
 * that received the peer's datagrams. Linux's WireGuard does the same. Looking up the route for
 * every packet would cost more than the packet. So the watch waits until links, addresses, routes
 * or rules in the namespace of the UDP sockets change, and then looks up the routes of all peers
 * with a local address.
 *
 * Packets that are under way to the old address would set it again. So for a while only local
 * addresses of the new interface are stored (PeerTable.keepSourcesBy).
 * @module
 */
import type { PeerSlot } from "../base/brands.ts";
import { type Endpoint, type IpBytes, type LocalAddress, sameEndpoint } from "../base/endpoint.ts";
import { OsError } from "../base/errors.ts";
import type { PeerTable } from "../base/peer_table.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { RouteMonitor } from "../linux/route_monitor.ts";
import { RouteSocket } from "../linux/route_socket.ts";

/** How long after the first change of a burst the routes are looked up. */
const SETTLE_MS = 10;
/** How long peers are checked in a row, before the control socket and handshakes are served. */
const SLICE_MS = 5;
/**
 * The pause after a pass over the peers, as a multiple of the time that the pass took. Routing
 * daemons change routes all the time.
 */
const REST_TIMES = 9;
/**
 * How long only local addresses of the new interface are stored. By then the peer has answered, or
 * a new handshake has begun.
 */
const HOLD_MS = 15_000;

/** The parts of a RouteWatch. */
export interface RouteWatchOptions {
  readonly table: PeerTable;
  readonly peers: ReadonlySet<PeerSlot>;
  /** Returns the present port and mark of the UDP sockets. */
  readonly sockets: () => { readonly port: number; readonly fwmark: number };
  /** Requests one call of `changed` when `descriptor` is readable. */
  readonly wait: () => void;
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number;
}

/** Follows the routes of one network namespace. */
export class RouteWatch {
  readonly #options: RouteWatchOptions;
  readonly #routes: RouteSocket;
  readonly #monitor: RouteMonitor;
  /**
   * The peers whose datagrams are received by one interface and answered by another, with the
   * endpoint and the interface of the route. The local address is cleared only when these change,
   * because some hosts have different routes in and out.
   */
  readonly #elsewhere = new Map<PeerSlot, { readonly endpoint: Endpoint; readonly way: number }>();
  /**
   * The peers for which the table stores local addresses of one interface only, with that interface
   * and the time when this ends; the oldest first.
   */
  readonly #held = new Map<PeerSlot, { readonly way: number; readonly until: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #release: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * @param rtable the rdomain of the UDP sockets
   * @param opened netlink sockets there that another process opened
   * @throws OsError
   */
  constructor(
    rtable: number,
    options: RouteWatchOptions,
    opened?: { readonly monitor: number; readonly routes: number },
  ) {
    this.#options = options;
    if (opened !== undefined) {
      this.#monitor = RouteMonitor.ofDescriptor(opened.monitor);
      this.#routes = RouteSocket.ofDescriptor(opened.routes);
      return;
    }
    using place = NetNamespace.rdomain(rtable);
    this.#monitor = RouteMonitor.open(place);
    try {
      this.#routes = RouteSocket.open(place);
    } catch (error) {
      this.#monitor.close();
      throw error;
    }
  }

  /** The netlink socket that is readable when routes may have changed. */
  get descriptor(): number {
    return this.#monitor.fd;
  }

  /**
   * The index of a link in the namespace of the sockets, for zones that are names, as in
   * `[fe80::1%eth0]:51820`. Undefined when there is no such link.
   */
  linkIndex(name: string): number | undefined {
    return this.#routes.link(name)?.index;
  }

  /** The address from which the kernel sends to an endpoint; undefined without a route. */
  sourceTo(endpoint: Endpoint): IpBytes | undefined {
    const { port, fwmark } = this.#options.sockets();
    try {
      return this.#routes.getRoute(endpoint.address, {
        mark: fwmark,
        udp: { sourcePort: port, destinationPort: endpoint.port },
        ...(endpoint.scope === 0 ? {} : { interfaceIndex: endpoint.scope }),
      }).preferredSource;
    } catch (error) {
      if (error instanceof OsError) return undefined;
      throw error;
    }
  }

  /** Call when `descriptor` is readable. */
  changed(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#begin(), SETTLE_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#release);
    for (const peer of this.#held.keys()) this.#options.table.keepSourcesBy(peer, 0);
    this.#monitor.close();
    this.#routes.close();
  }

  #begin(): void {
    try {
      this.#monitor.drain();
    } catch {
      // The socket is still readable, so `changed` is called again.
    }
    this.#pass([...this.#options.peers], 0, 0);
  }

  /** Checks the peers from index `from` on, for the time of a slice. */
  #pass(peers: readonly PeerSlot[], from: number, spentMs: number): void {
    const { now, wait } = this.#options;
    const begun = now();
    let at = from;
    while (at < peers.length && now() - begun < SLICE_MS) this.#look(peers[at++]);
    const spent = spentMs + now() - begun;
    this.#timer = setTimeout(() => {
      if (at < peers.length) return this.#pass(peers, at, spent);
      this.#timer = undefined;
      wait();
    }, at < peers.length ? 0 : spent * REST_TIMES);
  }

  #look(peer: PeerSlot): void {
    const { table, peers } = this.#options;
    const isHeld = this.#held.has(peer);
    if (!peers.has(peer) || !(isHeld || table.hasLocal(peer))) {
      this.#elsewhere.delete(peer);
      return;
    }
    const { endpoint, local } = table.readEndpoint(peer);
    if (endpoint === undefined) return;
    const way = this.#wayTo(endpoint, local);
    // Without a route nothing is sent, and the same route may come back.
    if (way === undefined) return;
    if (isHeld) this.#hold(peer, way);
    if (local === undefined) return;
    if (way === local.interfaceIndex) {
      this.#elsewhere.delete(peer);
      return;
    }
    const before = this.#elsewhere.get(peer);
    if (before?.way === way && sameEndpoint(before.endpoint, endpoint)) return;
    this.#elsewhere.set(peer, { endpoint, way });
    // Set the restriction first. Then an address that the data plane writes in between is cleared.
    this.#hold(peer, way);
    table.clearLocal(peer);
  }

  /**
   * The interface by which datagrams to the peer leave: with the local address as the source, or
   * with any source when there is no route for that one. For a peer on this machine it is the
   * interface of its local address. Undefined without a route.
   */
  #wayTo(endpoint: Endpoint, local: LocalAddress | undefined): number | undefined {
    const { port, fwmark } = this.#options.sockets();
    const lookup = {
      mark: fwmark,
      udp: { sourcePort: port, destinationPort: endpoint.port },
      ...(endpoint.scope === 0 ? {} : { interfaceIndex: endpoint.scope }),
    };
    const sources = local?.address.length === endpoint.address.length
      ? [local.address, undefined]
      : [undefined];
    for (const source of sources) {
      try {
        const route = this.#routes.getRoute(
          endpoint.address,
          source === undefined ? lookup : { ...lookup, source },
        );
        return route.type === "local" ? local?.interfaceIndex : route.interfaceIndex;
      } catch (error) {
        if (!(error instanceof OsError)) throw error;
      }
    }
    return undefined;
  }

  #hold(peer: PeerSlot, way: number): void {
    const { table, now } = this.#options;
    if (this.#held.get(peer)?.way === way) return;
    table.keepSourcesBy(peer, way);
    this.#held.delete(peer);
    this.#held.set(peer, { way, until: now() + HOLD_MS });
    this.#release ??= setTimeout(() => this.#releaseHeld(), HOLD_MS);
  }

  #releaseHeld(): void {
    const { table, now } = this.#options;
    this.#release = undefined;
    for (const [peer, { until }] of this.#held) {
      const left = until - now();
      if (left > 0) {
        this.#release = setTimeout(() => this.#releaseHeld(), left);
        return;
      }
      this.#held.delete(peer);
      table.keepSourcesBy(peer, 0);
    }
  }
}
