/**
 * The memory in which one thread counts, and which others read: a 64-bit float for each counter of the list, exact up to 2^53.
 * A Worker and the control plane have a block each, so that every cell has one writer; the interface's count is their sum.
 * @module
 */
import type { PeerSlot } from "./brands.ts";
import {
  COUNTER,
  type CounterIndex,
  type CounterName,
  COUNTERS,
  type Counts,
  type PeerCounterIndex,
} from "./counters.ts";
import type { PeerTable } from "./peer_table.ts";

/** A value for every name. */
export type AllCounts = Readonly<Record<CounterName, number>>;

/** Bytes of a block. */
export const COUNTER_BLOCK_BYTES = COUNTERS.length * Float64Array.BYTES_PER_ELEMENT;

/**
 * One thread's counters.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Counters } from "./counter_block.ts";
 * import { COUNTER } from "./counters.ts";
 * import { PeerTable } from "./peer_table.ts";
 *
 * const counters = new Counters(new PeerTable());
 * counters.add(COUNTER.rx_malformed);
 * assert.ok(counters.counts().rx_malformed === 1);
 * ```
 */
export class Counters {
  /** By COUNTER. Hot loops write here: `values[COUNTER.tx_sealed]++`. */
  readonly values: Float64Array;
  readonly #table: PeerTable;

  /**
   * Counts from 0, or on from what the block holds.
   * @param table where the peers' rows are
   * @param block COUNTER_BLOCK_BYTES that nobody else writes; without it the counters are only seen from this isolate
   */
  constructor(
    table: PeerTable,
    block: SharedArrayBuffer = new SharedArrayBuffer(COUNTER_BLOCK_BYTES),
  ) {
    this.values = new Float64Array(block);
    this.#table = table;
  }

  /** Counts something that concerns no single peer, or whose peer is not known. */
  add(counter: CounterIndex, more = 1): void {
    this.values[counter] += more;
  }

  /** Counts something of a peer, for it and for the interface. */
  addOf(counter: PeerCounterIndex, peer: PeerSlot, more = 1): void {
    this.values[counter] += more;
    this.#table.counters.add(counter, peer, more);
  }

  /** All of them as they are now. */
  counts(): AllCounts {
    return countsIn(this.values);
  }
}

/** The counts in a block, which another thread may be writing. */
export function countsIn(block: Float64Array): AllCounts {
  return byName((name) => block[COUNTER[name]]);
}

/** The counts of an interface: the sums of those of its threads. */
export function sumOfCounts(all: readonly Counts[]): AllCounts {
  return byName((name) => all.reduce((sum, counts) => sum + (counts[name] ?? 0), 0));
}

function byName(count: (name: CounterName) => number): AllCounts {
  return Object.fromEntries(COUNTERS.map(([name]) => [name, count(name)])) as AllCounts;
}
