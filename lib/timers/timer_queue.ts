/**
 * Whose timers are due first, of all peers of one device: one deadline a peer in one heap. It is
 * worked out anew for the peers whose timers have changed. Idle peers have none and cost nothing.
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

  /** Called by the timers of a peer when they change. */
  dirty(timers: PeerTimers): void {
    this.#dirty.push(timers);
  }

  /**
   * Call at the end of whatever may have changed timers.
   * @param earliest deadlines before it are put off until then
   */
  settle(earliest: Milliseconds): void {
    for (const timers of this.#dirty) {
      this.#heap.set(timers.slot, milliseconds(Math.max(timers.settle(), earliest)));
    }
    this.#dirty.length = 0;
  }

  /** When the first timer is due. */
  next(): Milliseconds {
    return this.#heap.next();
  }

  /**
   * Takes the slot of a peer that has a timer due; undefined when there is none. Mark its timers
   * dirty.
   */
  popDue(now: Milliseconds): PeerSlot | undefined {
    return this.#heap.popDue(now) as PeerSlot | undefined;
  }
}
