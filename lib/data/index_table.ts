/**
 * Finds the row of a session by its local index: a hash table with open addressing. It is as large
 * as the sessions need, so that it stays in the processor's cache; a table of all slots would cost
 * a cache miss for each message of another session.
 * @module
 */
import { SESSION_SLOTS } from "../base/constants.ts";

/** An entry is two words: the index, and the row + 1; 0 for no session. */
const ENTRY_WORDS = 2;
const ENTRIES_AT_FIRST = 64;
const SLOT_MASK = SESSION_SLOTS - 1;

/**
 * Rows by local index (unsigned). The low bits of an index are its slot, and a slot has one row.
 * The slot also chooses the entry: slots are random numbers of our own, so they are spread evenly.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { IndexTable } from "./index_table.ts";
 *
 * const table = new IndexTable();
 * table.set(0x8000_0005, 3);
 * assert.deepEqual([table.find(0x8000_0005), table.find(5), table.rowOfSlot(5)], [3, -1, 3]);
 * ```
 */
export class IndexTable {
  #entries = new Int32Array(ENTRIES_AT_FIRST * ENTRY_WORDS);
  /** The number of entries less one. At most half of the entries are in use. */
  #mask = ENTRIES_AT_FIRST - 1;
  #size = 0;

  /** The number of entries for which memory is allocated. It never shrinks. */
  get capacity(): number {
    return this.#mask + 1;
  }

  /** The row of exactly this index, or -1. The index may be signed. */
  find(index: number): number {
    const entries = this.#entries;
    const mask = this.#mask;
    for (let place = index & mask;; place = place + 1 & mask) {
      const row = entries[place * ENTRY_WORDS + 1];
      if (row === 0 || entries[place * ENTRY_WORDS] === (index | 0)) return row - 1;
    }
  }

  /** The row of the slot of an index, or -1. */
  rowOfSlot(index: number): number {
    return this.#entries[this.#placeOf(index) * ENTRY_WORDS + 1] - 1;
  }

  /** Sets the row of an index. The slot must have none. */
  set(index: number, row: number): void {
    if (++this.#size * 2 > this.#mask + 1) this.#grow();
    const place = this.#placeOf(index);
    this.#entries[place * ENTRY_WORDS] = index;
    this.#entries[place * ENTRY_WORDS + 1] = row + 1;
  }

  /** Removes the row of a slot, if it has one. */
  delete(index: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    let empty = this.#placeOf(index);
    if (entries[empty * ENTRY_WORDS + 1] === 0) return;
    this.#size--;
    // Entries behind it move up, unless that would put one before the place that its slot chooses.
    for (let place = empty + 1 & mask;; place = place + 1 & mask) {
      const at = place * ENTRY_WORDS;
      if (entries[at + 1] === 0) break;
      if ((place - entries[at] & mask) < (place - empty & mask)) continue;
      entries.copyWithin(empty * ENTRY_WORDS, at, at + ENTRY_WORDS);
      empty = place;
    }
    entries[empty * ENTRY_WORDS + 1] = 0;
  }

  /** The place of the entry with the slot of an index, or where it belongs. */
  #placeOf(index: number): number {
    const entries = this.#entries;
    let place = index & this.#mask;
    while (
      entries[place * ENTRY_WORDS + 1] !== 0 &&
      ((entries[place * ENTRY_WORDS] ^ index) & SLOT_MASK) !== 0
    ) place = place + 1 & this.#mask;
    return place;
  }

  #grow(): void {
    const before = this.#entries;
    this.#mask = (this.#mask + 1) * 2 - 1;
    this.#entries = new Int32Array((this.#mask + 1) * ENTRY_WORDS);
    for (let at = 0; at < before.length; at += ENTRY_WORDS) {
      if (before[at + 1] === 0) continue;
      this.#entries.set(
        before.subarray(at, at + ENTRY_WORDS),
        this.#placeOf(before[at]) * ENTRY_WORDS,
      );
    }
  }
}
