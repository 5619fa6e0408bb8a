/**
 * Packets that wait for a handshake. A peer has at most STAGED_PACKETS_MAX, and all peers together
 * have STAGED_BYTES_MAX. The oldest packet of a peer is dropped first.
 * @module
 */
import { STAGED_PACKETS_MAX } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import type { Peer } from "./sessions.ts";

/** The most bytes that wait on one interface, of all peers together. */
export const STAGED_BYTES_MAX = 32 << 20;

/** Stages packets. They are stored in their peers; this class counts their bytes. */
export class Staging {
  readonly #counters: Counters;
  #bytes = 0;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Stages a complete inner packet, which is not copied. Without room, the peer's oldest packets
   * are dropped, or this packet when the peer has no others.
   */
  push(peer: Peer, packet: Uint8Array): void {
    const staged = peer.staged ??= [];
    while (
      staged.length > 0 && (staged.length >= STAGED_PACKETS_MAX || this.#isFull(packet.length))
    ) {
      this.#count(-(staged.shift() as Uint8Array).length);
      this.#counters.addOf(COUNTER.tx_staged_dropped, peer.slot);
    }
    if (this.#isFull(packet.length)) {
      this.#counters.addOf(COUNTER.tx_staged_dropped, peer.slot);
      return;
    }
    staged.push(packet);
    this.#count(packet.length);
  }

  #count(more: number): void {
    this.#bytes += more;
    this.#counters.setStagedBytes(this.#bytes);
  }

  #isFull(more: number): boolean {
    return this.#bytes + more > STAGED_BYTES_MAX;
  }

  /** Removes and returns all packets of a peer, oldest first. */
  takeAll(peer: Peer): readonly Uint8Array[] {
    const staged = peer.staged ?? [];
    peer.staged = null;
    for (const packet of staged) this.#count(-packet.length);
    return staged;
  }

  /** Drops all packets of a peer. */
  drop(peer: Peer): void {
    const dropped = this.takeAll(peer).length;
    if (dropped > 0) this.#counters.addOf(COUNTER.tx_staged_dropped, peer.slot, dropped);
  }
}
