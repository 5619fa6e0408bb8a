/**
 * An indexed binary heap of deadlines, one for each slot. Setting and clearing a deadline takes
 * O(log n), for n slots with a deadline.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { NOT_PENDING } from "../base/times.ts";

/** The deadlines of slots. A slot is a non-negative integer. */
export class DeadlineHeap {
  readonly #slots: number[] = [];
  readonly #at: number[] = [];
  /** The place in the heap, by slot. */
  readonly #place = new Map<number, number>();

  /** The number of slots with a deadline. */
  get size(): number {
    return this.#slots.length;
  }

  /** The earliest deadline; NOT_PENDING when there is none. */
  next(): Milliseconds {
    return this.#at.length === 0 ? NOT_PENDING : milliseconds(this.#at[0]);
  }

  /** The deadline of a slot; NOT_PENDING when it has none. */
  get(slot: number): Milliseconds {
    const place = this.#place.get(slot);
    return place === undefined ? NOT_PENDING : milliseconds(this.#at[place]);
  }

  /** Sets the deadline of a slot. NOT_PENDING clears it. */
  set(slot: number, at: Milliseconds): void {
    const place = this.#place.get(slot);
    if (at === NOT_PENDING) {
      if (place !== undefined) this.#removeAt(place);
      return;
    }
    if (place === undefined) {
      this.#slots.push(slot);
      this.#at.push(at);
      this.#rise(this.#slots.length - 1);
    } else {
      const before = this.#at[place];
      this.#at[place] = at;
      if (at < before) this.#rise(place);
      else this.#sink(place);
    }
  }

  /** Removes and returns the slot with the earliest deadline, if that is not after `now`. */
  popDue(now: Milliseconds): number | undefined {
    if (this.#at.length === 0 || this.#at[0] > now) return undefined;
    const slot = this.#slots[0];
    this.#removeAt(0);
    return slot;
  }

  #removeAt(place: number): void {
    this.#place.delete(this.#slots[place]);
    const slot = this.#slots.pop()!;
    const at = this.#at.pop()!;
    if (place === this.#slots.length) return;
    const before = this.#at[place];
    this.#put(place, slot, at);
    if (at < before) this.#rise(place);
    else this.#sink(place);
  }

  #put(place: number, slot: number, at: number): void {
    this.#slots[place] = slot;
    this.#at[place] = at;
    this.#place.set(slot, place);
  }

  #rise(from: number): void {
    const slot = this.#slots[from];
    const at = this.#at[from];
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#at[parent] <= at) break;
      this.#put(place, this.#slots[parent], this.#at[parent]);
      place = parent;
    }
    this.#put(place, slot, at);
  }

  #sink(from: number): void {
    const slot = this.#slots[from];
    const at = this.#at[from];
    const count = this.#slots.length;
    let place = from;
    while (true) {
      let child = place * 2 + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#at[child + 1] < this.#at[child]) child++;
      if (this.#at[child] >= at) break;
      this.#put(place, this.#slots[child], this.#at[child]);
      place = child;
    }
    this.#put(place, slot, at);
  }
}
