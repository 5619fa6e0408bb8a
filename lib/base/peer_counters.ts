/**
 * The counters of each peer, in shared memory: a row of 32-bit words a peer, one for each of PEER_COUNTERS. The pages of rows in
 * which nothing was counted are never resident. A counter stops at 4294967295; the interface's own count goes on.
 * Every counter has one writer: `tx_` whoever sends, `rx_` whoever receives, `handshake_` and `cookie_` the control plane.
 * @module
 */
import type { PeerSlot } from "./brands.ts";
import {
  COUNTERS,
  type Counts,
  PEER_COUNTERS,
  type PeerCounterIndex,
  type PeerCounterName,
} from "./counters.ts";

const WORDS = PEER_COUNTERS.length;
const COUNT_MAX = 0xffff_ffff;
/** Bytes of a row. */
export const PEER_COUNTERS_BYTES = WORDS * Uint32Array.BYTES_PER_ELEMENT;

/** By place in the list: the word of the row. */
const WORD_OF = Int16Array.from(
  COUNTERS,
  ([name]) => PEER_COUNTERS.indexOf(name as PeerCounterName),
);

/**
 * Rows indexed by PeerSlot.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { peerSlot } from "./brands.ts";
 * import { COUNTER } from "./counters.ts";
 * import { PeerTable } from "./peer_table.ts";
 *
 * const { counters } = new PeerTable();
 * counters.add(COUNTER.tx_keepalives, peerSlot(3), 1);
 * assert.ok(counters.counts(peerSlot(3)).tx_keepalives === 1);
 * ```
 */
export class PeerCounters {
  readonly #words: Uint32Array;

  /**
   * Counts on from what the rows hold.
   * @param at where the rows of so many `peers` begin in `buffer`, a multiple of 4
   */
  constructor(buffer: SharedArrayBuffer, at: number, peers: number) {
    this.#words = new Uint32Array(buffer, at, peers * WORDS);
  }

  /** Zeroes the row of a slot that a new peer takes. A row that is zero is not written, so that it stays unresident. */
  clear(peer: PeerSlot): void {
    const row = peer * WORDS;
    for (let word = row; word < row + WORDS; word++) {
      if (this.#words[word] !== 0) this.#words[word] = 0;
    }
  }

  /** Counts `more` for a peer. */
  add(counter: PeerCounterIndex, peer: PeerSlot, more: number): void {
    const word = peer * WORDS + WORD_OF[counter];
    this.#words[word] = Math.min(COUNT_MAX, this.#words[word] + more);
  }

  /** All counts of a peer that are not 0. */
  counts(peer: PeerSlot): Counts {
    const counts: Partial<Record<PeerCounterName, number>> = {};
    for (let word = 0; word < WORDS; word++) {
      const count = this.#words[peer * WORDS + word];
      if (count !== 0) counts[PEER_COUNTERS[word]] = count;
    }
    return counts;
  }
}
