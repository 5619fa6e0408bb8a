/**
 * The session indices of handshake messages of ours that wait for something, in shared memory: the
 * data plane lets responses and cookie replies pass only for these.
 * @module
 */
import type { SessionIndex } from "./brands.ts";
import { SESSION_SLOTS } from "./constants.ts";

/** What an index may wait for; bits. */
export const AWAITS_NOTHING = 0;
export const AWAITS_RESPONSE = 1;
export const AWAITS_COOKIE = 2;

/** Bytes of the table. */
export const AWAITED_INDICES_BYTES = SESSION_SLOTS * 2;

const SLOT_BITS = Math.log2(SESSION_SLOTS);
const AWAITS_BITS = 2;

/**
 * Live indices differ in their low 18 bits, which name a place. It holds the 14 bits above them and
 * what the index waits for.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AWAITED_INDICES_BYTES, AwaitedIndices, AWAITS_COOKIE } from "./awaited_indices.ts";
 * import { sessionIndex } from "./brands.ts";
 *
 * const awaited = new AwaitedIndices(new SharedArrayBuffer(AWAITED_INDICES_BYTES), 0);
 * awaited.set(sessionIndex(7), AWAITS_COOKIE);
 * assert.ok(awaited.awaits(7, AWAITS_COOKIE));
 * ```
 */
export class AwaitedIndices {
  readonly #places: Uint16Array;

  /**
   * Makes a table, or opens another isolate's.
   * @param buffer memory that is zeros at first, or another isolate's table
   * @param at where the table begins in it, a multiple of 2
   */
  constructor(buffer: SharedArrayBuffer, at: number) {
    this.#places = new Uint16Array(buffer, at, SESSION_SLOTS);
  }

  /**
   * Control plane: what the index waits for from now on. Nothing is known of one that had its place
   * before.
   */
  set(index: SessionIndex, awaits: number): void {
    const above = index >>> SLOT_BITS << AWAITS_BITS;
    Atomics.store(
      this.#places,
      index & SESSION_SLOTS - 1,
      awaits === AWAITS_NOTHING ? 0 : above | awaits,
    );
  }

  /** Whether an index as it stands in a message waits for this. */
  awaits(index: number, what: number): boolean {
    const place = Atomics.load(this.#places, index & SESSION_SLOTS - 1);
    return (place & what) !== 0 && place >>> AWAITS_BITS === index >>> SLOT_BITS;
  }
}
