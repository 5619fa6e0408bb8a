/**
 * Packets that wait for a handshake: at most STAGED_PACKETS_MAX a peer, and bounded bytes in all; the oldest of the peer goes first.
 * @module
 */
import { STAGED_PACKETS_MAX } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import type { Peer } from "./sessions.ts";

/** Bytes that wait on one interface, of all peers together. */
export const STAGED_BYTES_MAX = 32 << 20;

/** Keeps the count over all peers; the packets hang on their peers. */
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

  /** Takes a finished inner packet (its own copy). When there is no room the peer's oldest are dropped; when it has none, this one is. */
  push(peer: Peer, packet: Uint8Array): void {
    const staged = peer.staged ??= [];
    while (
      staged.length > 0 && (staged.length >= STAGED_PACKETS_MAX || this.#isFull(packet.length))
    ) {
      this.#bytes -= (staged.shift() as Uint8Array).length;
      this.#counters.addOf(COUNTER.tx_staged_dropped, peer.slot);
    }
    if (this.#isFull(packet.length)) {
      this.#counters.addOf(COUNTER.tx_staged_dropped, peer.slot);
      return;
    }
    staged.push(packet);
    this.#bytes += packet.length;
  }

  #isFull(more: number): boolean {
    return this.#bytes + more > STAGED_BYTES_MAX;
  }

  /** Hands over all packets of a peer, oldest first. */
  takeAll(peer: Peer): readonly Uint8Array[] {
    const staged = peer.staged ?? [];
    peer.staged = null;
    for (const packet of staged) this.#bytes -= packet.length;
    return staged;
  }

  /** Drops all packets of a peer. */
  drop(peer: Peer): void {
    const dropped = this.takeAll(peer).length;
    if (dropped > 0) this.#counters.addOf(COUNTER.tx_staged_dropped, peer.slot, dropped);
  }
}
