/**
 * Limits the events of refused messages, which strangers cause.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";

/** Refusals that are told per second: of peers, and of strangers. More are only counted. */
export const REFUSALS_PER_SECOND = 10;

/** The refusals of peers, or those of strangers. */
export class RefusalLimit {
  #second = -Infinity;
  #count = 0;
  #leftOut = 0;

  /**
   * How many were left out before this one; undefined when this one is left out too.
   * @param unreported how many were left out before this one by who reports it
   */
  take(now: Milliseconds, unreported = 0): number | undefined {
    this.#leftOut += unreported;
    if (now - this.#second >= 1_000) {
      this.#second = now;
      this.#count = 0;
    }
    if (++this.#count > REFUSALS_PER_SECOND) {
      this.#leftOut++;
      return undefined;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
