/**
 * Keeps the source addresses that peers wrote to only while the way back leaves by the interface
 * they came in by, as the kernel's own WireGuard does. A look at the routes for every packet would
 * cost more than the packet. So this waits until something changed about links, addresses, routes
 * or rules where the UDP sockets are, and then asks for the way to each peer whose source is kept.
 *
 * A source that was dropped would come back with the next packet that is still on its way to the
 * old address. So for a while only sources by the new interface are kept (PeerTable.keepSourcesBy).
 * @module
 */
import type { PeerSlot } from "../base/brands.ts";
import { type Endpoint, type LocalAddress, sameEndpoint } from "../base/endpoint.ts";
import { OsError } from "../base/errors.ts";
import type { PeerTable } from "../base/peer_table.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { RouteMonitor } from "../linux/route_monitor.ts";
import { RouteSocket } from "../linux/route_socket.ts";

/** Changes come in bursts: how long after the first of them the routes are asked for. */
const SETTLE_MS = 10;
/**
 * How long peers are looked at in a row before the control socket and the handshakes get their
 * turn.
 */
const SLICE_MS = 5;
/**
 * After a pass over the peers at least so many times what it took passes until the next one:
 * routing daemons change routes all the time.
 */
const REST_TIMES = 9;
/**
 * How long only sources by the new interface are kept: a peer has answered by then, or a new
 * handshake was begun.
 */
const HOLD_MS = 15_000;

/** What a RouteWatch works with. */
export interface RouteWatchOptions {
  readonly table: PeerTable;
  readonly peers: ReadonlySet<PeerSlot>;
  /** Port and mark of the UDP sockets now. */
  readonly sockets: () => { readonly port: number; readonly fwmark: number };
  /** Asks for a call of `changed` when `descriptor` is readable, once. */
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
   * Peers that come in by one interface and are answered by another: where to, and by which. That
   * alone is no reason to drop a source, as long as it does not change: there are hosts whose ways
   * in and out are different ones.
   */
  readonly #elsewhere = new Map<PeerSlot, { readonly endpoint: Endpoint; readonly way: number }>();
  /**
   * Peers for which the table keeps sources by one interface only, which one, and until when;
   * oldest first.
   */
  readonly #held = new Map<PeerSlot, { readonly way: number; readonly until: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #release: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param rtable the rdomain that the UDP sockets are in @throws OsError */
  constructor(rtable: number, options: RouteWatchOptions) {
    this.#options = options;
    using place = NetNamespace.rdomain(rtable);
    this.#monitor = RouteMonitor.open(place);
    try {
      this.#routes = RouteSocket.open(place);
    } catch (error) {
      this.#monitor.close();
      throw error;
    }
  }

  /** A netlink socket that is readable when something changed. */
  get descriptor(): number {
    return this.#monitor.fd;
  }

  /** Call when `descriptor` was found readable. */
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
      // Readable still: it is waited for again.
    }
    this.#pass([...this.#options.peers], 0, 0);
  }

  /** Looks at the peers from the given one on, as many as the slice allows. */
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
    // Without any way nothing is sent, and the same way may come back.
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
    // First the rule, then the source: what the data plane writes in between is taken away too.
    this.#hold(peer, way);
    table.clearLocal(peer);
  }

  /**
   * By which interface a datagram to the peer leaves, asked as it is sent: from the source that is
   * kept, or from any when there is no way from that one. A peer on this machine counts as coming
   * in by where it is answered. Undefined without a way.
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
    this.#release ??= setTimeout(() => this.#letGo(), HOLD_MS);
  }

  #letGo(): void {
    const { table, now } = this.#options;
    this.#release = undefined;
    for (const [peer, { until }] of this.#held) {
      const left = until - now();
      if (left > 0) {
        this.#release = setTimeout(() => this.#letGo(), left);
        return;
      }
      this.#held.delete(peer);
      table.keepSourcesBy(peer, 0);
    }
  }
}
