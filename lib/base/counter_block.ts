/**
 * The counters of one thread, in shared memory that other threads read: a 64-bit float for each
 * counter of the list, exact up to 2^53, and one for the bytes of packets that wait. Each Worker
 * and the control plane has a block of its own, so every cell has one writer. The count of the
 * interface is the sum of all blocks.
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

/** The values of all counters, by name. */
export type AllCounts = Readonly<Record<CounterName, number>>;

/** Bytes of a block of counters. */
export const COUNTER_BLOCK_BYTES = (COUNTERS.length + 1) * Float64Array.BYTES_PER_ELEMENT;
/** The word behind the counters: bytes of packets that wait for a handshake. */
const STAGED_BYTES = COUNTERS.length;

/**
 * The counters of one thread.
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
  /** The values, indexed by COUNTER. Hot loops write here: `values[COUNTER.tx_sealed]++`. */
  readonly values: Float64Array;
  readonly #table: PeerTable;

  /**
   * Opens a block. Counting goes on from the values that it holds.
   * @param table the table that holds the peers' counters
   * @param block COUNTER_BLOCK_BYTES with no other writer; by default a new block of zeros
   */
  constructor(
    table: PeerTable,
    block: SharedArrayBuffer = new SharedArrayBuffer(COUNTER_BLOCK_BYTES),
  ) {
    this.values = new Float64Array(block);
    this.#table = table;
  }

  /** Counts an event of the interface, or of a peer that is not known. */
  add(counter: CounterIndex, more = 1): void {
    this.values[counter] += more;
  }

  /** Counts an event of a peer, for the peer and for the interface. */
  addOf(counter: PeerCounterIndex, peer: PeerSlot, more = 1): void {
    this.values[counter] += more;
    this.#table.counters.add(counter, peer, more);
  }

  /** Notes how many bytes of packets wait for a handshake now. */
  setStagedBytes(bytes: number): void {
    this.values[STAGED_BYTES] = bytes;
  }

  /** The values of all counters now. */
  counts(): AllCounts {
    return countsIn(this.values);
  }
}

/** The values in a block. Another thread may write the block meanwhile. */
export function countsIn(block: Float64Array): AllCounts {
  return byName((name) => block[COUNTER[name]]);
}

/** The bytes of packets that wait for a handshake, in a block. */
export const stagedBytesIn = (block: Float64Array): number => block[STAGED_BYTES];

/** The counters of an interface: the sums over its threads. */
export function sumOfCounts(all: readonly Counts[]): AllCounts {
  return byName((name) => all.reduce((sum, counts) => sum + (counts[name] ?? 0), 0));
}

function byName(count: (name: CounterName) => number): AllCounts {
  return Object.fromEntries(COUNTERS.map(([name]) => [name, count(name)])) as AllCounts;
}
