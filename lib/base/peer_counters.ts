/**
 * The counters of each peer, in shared memory. Each peer has a row of 32-bit words, one for each of
 * PEER_COUNTERS. A counter stops at 4294967295; the interface's counter goes on. Pages whose rows
 * are all zero are not resident.
 *
 * The sending data planes write `tx_`, the receiving ones `rx_`, and the control plane `handshake_`
 * and `cookie_`.
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
/** Bytes of the counters of a peer. */
export const PEER_COUNTERS_BYTES = WORDS * Uint32Array.BYTES_PER_ELEMENT;

/** The word of the row, indexed by COUNTER; -1 for counters of the interface alone. */
const WORD_OF = Int16Array.from(
  COUNTERS,
  ([name]) => PEER_COUNTERS.indexOf(name as PeerCounterName),
);

/**
 * The counters of all peers, indexed by PeerSlot.
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
   * Opens the rows of a buffer. Counting goes on from the values that they hold.
   * @param at offset of the first row in `buffer`, in bytes, a multiple of 4
   * @param peers number of rows
   */
  constructor(buffer: SharedArrayBuffer, at: number, peers: number) {
    this.#words = new Uint32Array(buffer, at, peers * WORDS);
  }

  /**
   * Zeroes a peer's row. Zeros are not written again, because a write would make the page resident.
   */
  clear(peer: PeerSlot): void {
    const row = peer * WORDS;
    for (let word = row; word < row + WORDS; word++) {
      if (this.#words[word] !== 0) this.#words[word] = 0;
    }
  }

  /** Adds `more` to a peer's counter. Several threads may call it. */
  add(counter: PeerCounterIndex, peer: PeerSlot, more: number): void {
    const word = peer * WORDS + WORD_OF[counter];
    while (true) {
      const before = this.#words[word];
      const after = Math.min(COUNT_MAX, before + more);
      if (Atomics.compareExchange(this.#words, word, before, after) === before) return;
    }
  }

  /** The counters of a peer that are not 0. */
  counts(peer: PeerSlot): Counts {
    const counts: Partial<Record<PeerCounterName, number>> = {};
    for (let word = 0; word < WORDS; word++) {
      const count = this.#words[peer * WORDS + word];
      if (count !== 0) counts[PEER_COUNTERS[word]] = count;
    }
    return counts;
  }
}
