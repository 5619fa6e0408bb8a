/**
 * The timers of all peers of one device: a heap with the first deadline of each peer. Deadlines are
 * computed again only for peers whose timers have changed.
 * @module
 */
import { type Milliseconds, milliseconds, type PeerSlot } from "../base/brands.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import { DeadlineHeap } from "./deadline_heap.ts";
import type { PeerTimers, TimersOwner } from "./peer_timers.ts";

/** The timers of all peers. */
export class TimerQueue implements TimersOwner {
  readonly #heap = new DeadlineHeap();
  readonly #dirty: PeerTimers[] = [];

  constructor(readonly times: Times, readonly table: PeerTable) {}

  /** Notes that the timers of a peer have changed. PeerTimers calls it. */
  dirty(timers: PeerTimers): void {
    this.#dirty.push(timers);
  }

  /**
   * Computes the deadlines of all dirty peers. Call it after every change.
   * @param earliest earlier deadlines are set to this time
   */
  settle(earliest: Milliseconds): void {
    for (const timers of this.#dirty) {
      this.#heap.set(timers.slot, milliseconds(Math.max(timers.settle(), earliest)));
    }
    this.#dirty.length = 0;
  }

  /** The earliest deadline; NOT_PENDING when there is none. */
  next(): Milliseconds {
    return this.#heap.next();
  }

  /** Removes and returns a peer with a due timer. Call `markDirty` of its timers afterwards. */
  popDue(now: Milliseconds): PeerSlot | undefined {
    return this.#heap.popDue(now) as PeerSlot | undefined;
  }
}
