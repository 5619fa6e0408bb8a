/**
 * Which data plane receives the messages of a peer's next session. A peer stays where it is, unless
 * another data plane has so much less to receive that the busier of the two gains by a change. So
 * peers that send a lot are spread over all data planes, one rekey after the other.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";

/** What one data plane receives of a peer. */
export interface Receiving {
  readonly receiver: number;
  /** Bytes a millisecond, between the two last handshakes. */
  readonly rate: number;
  /** The bytes received of the peer until `at`. */
  readonly bytes: number;
  readonly at: Milliseconds;
}

/** A peer that messages are received of. */
export interface ReceivedPeer {
  readonly slot: PeerSlot;
  /** Undefined before the first handshake. */
  receiving: Receiving | undefined;
}

/**
 * A peer changes when the load of the new data plane is then less than this part of the old one's.
 * Packets that are under way at this moment may come out of order. The kernel joins datagrams of
 * both sessions to one run, which goes whole to the data plane of the first; the others are lost.
 */
const GAIN = 0.8;

/** The loads of the data planes that receive. */
export class ReceiverLoads {
  /** Bytes a millisecond of the peers that each of them receives. */
  readonly #loads: Float64Array;
  readonly #measuredMs: number;

  /** @param measuredMs the shortest time in milliseconds over which a rate is measured */
  constructor(receivers: number, measuredMs: number) {
    this.#loads = new Float64Array(receivers);
    this.#measuredMs = measuredMs;
  }

  /**
   * The data plane for the peer's next session, from 0 on. Call it when a handshake needs an index.
   * @param bytes all that was received of the peer so far
   */
  next(peer: ReceivedPeer, bytes: number, now: Milliseconds): number {
    const loads = this.#loads;
    if (loads.length === 1) return 0;
    const before = peer.receiving;
    if (before !== undefined && now - before.at < this.#measuredMs) return before.receiver;
    this.forget(peer);
    const rate = before === undefined ? 0 : (bytes - before.bytes) / (now - before.at);
    let receiver = before?.receiver ?? peer.slot % loads.length;
    const least = loads.indexOf(Math.min(...loads));
    if (loads[least] + rate < GAIN * (loads[receiver] + rate)) receiver = least;
    loads[receiver] += rate;
    peer.receiving = { receiver, rate, bytes, at: now };
    return receiver;
  }

  /** Call when the peer has no session to receive on, or will have none. */
  forget(peer: ReceivedPeer): void {
    const { receiving } = peer;
    if (receiving === undefined) return;
    const { receiver, rate } = receiving;
    this.#loads[receiver] = Math.max(0, this.#loads[receiver] - rate);
    peer.receiving = { ...receiving, rate: 0 };
  }
}
