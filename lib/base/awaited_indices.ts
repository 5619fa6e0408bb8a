/**
 * The session indices of our handshake messages that wait for an answer, in shared memory. The data
 * plane drops responses and cookie replies to other indices.
 * @module
 */
import type { SessionIndex } from "./brands.ts";
import { SESSION_SLOTS } from "./constants.ts";

/** The answers that an index may wait for, as bits. */
export const AWAITS_NOTHING = 0;
export const AWAITS_RESPONSE = 1;
export const AWAITS_COOKIE = 2;

/** Bytes of the table. */
export const AWAITED_INDICES_BYTES = SESSION_SLOTS * 2;

const SLOT_BITS = Math.log2(SESSION_SLOTS);
const AWAITS_BITS = 2;

/**
 * The table of indices. The low 18 bits of an index are its slot, which no other index in use has.
 * An entry is the 14 bits above them, and the bits of the answers.
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
  readonly #entries: Uint16Array;

  /**
   * Makes a table, or opens the table of another isolate.
   * @param buffer memory of zeros, or the memory of another isolate's table
   * @param at offset of the table in `buffer`, in bytes, a multiple of 2
   */
  constructor(buffer: SharedArrayBuffer, at: number) {
    this.#entries = new Uint16Array(buffer, at, SESSION_SLOTS);
  }

  /**
   * Sets the answers that an index waits for. The control plane calls it. An earlier index in the
   * same slot is overwritten.
   */
  set(index: SessionIndex, awaits: number): void {
    const above = index >>> SLOT_BITS << AWAITS_BITS;
    Atomics.store(
      this.#entries,
      index & SESSION_SLOTS - 1,
      awaits === AWAITS_NOTHING ? 0 : above | awaits,
    );
  }

  /** Whether the index of a message (unsigned) waits for an answer of this kind. */
  awaits(index: number, what: number): boolean {
    const entry = Atomics.load(this.#entries, index & SESSION_SLOTS - 1);
    return (entry & what) !== 0 && entry >>> AWAITS_BITS === index >>> SLOT_BITS;
  }
}
