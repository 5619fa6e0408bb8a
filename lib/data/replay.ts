/**
 * Which counters of a session were seen: a sliding window in the layout of RFC 6479.
 * @module
 */
import { REJECT_AFTER_MESSAGES, REPLAY_WINDOW_BITS } from "../base/constants.ts";

const WORDS = REPLAY_WINDOW_BITS / 32;
/** Counters behind the greatest that are still told apart. One 64-bit word is slack, as in the kernel's layout. */
export const REPLAY_WINDOW_USABLE = REPLAY_WINDOW_BITS - 64;
const REJECT_HIGH = Number(REJECT_AFTER_MESSAGES >> 32n);
const REJECT_LOW = Number(REJECT_AFTER_MESSAGES & 0xffff_ffffn);
const WORDS_PER_HIGH = 2 ** 27;

/** Windows that no session uses, zeroed again when they are taken. */
const POOL_MAX = 64;
const pool: Uint32Array[] = [];

/** Whether a counter given as two unsigned 32-bit halves has reached REJECT_AFTER_MESSAGES. */
export function isExhausted(low: number, high: number): boolean {
  return high === REJECT_HIGH && low >= REJECT_LOW;
}

/** The counters of one session. It takes its 1 KiB of memory when the first one comes. */
export class ReplayWindow {
  /** The greatest counter seen plus one, so that nothing seen is 0. */
  #low = 0;
  #high = 0;
  #words: Uint32Array | null = null;

  /**
   * Call with the counter of every message whose tag was right. Returns true when it is new, and marks it as seen;
   * false when it was seen, is too far behind, or is REJECT_AFTER_MESSAGES or more.
   */
  accept(counterLow: number, counterHigh: number): boolean {
    if (isExhausted(counterLow, counterHigh)) return false;
    const low = (counterLow + 1) >>> 0;
    // The next one in order, as nearly all are: one word is touched, and a fresh one begins with its first bit.
    if (low === this.#low + 1 && counterHigh === this.#high && this.#words !== null) {
      const at = low >>> 5 & (WORDS - 1);
      const bit = 1 << (low & 31);
      this.#words[at] = (low & 31) === 0 ? bit : this.#words[at] | bit;
      this.#low = low;
      return true;
    }
    const high = low === 0 ? counterHigh + 1 : counterHigh;
    // Exact where it matters: doubles round only differences past 2^53.
    const ahead = (high - this.#high) * 0x1_0000_0000 + (low - this.#low);
    if (ahead < -REPLAY_WINDOW_USABLE) return false;
    const words = this.#words ??= takeWindow();
    const at = low >>> 5 & (WORDS - 1);
    if (ahead > 0) {
      const from = this.#low >>> 5;
      const steps = Math.min(WORDS, (high - this.#high) * WORDS_PER_HIGH + (low >>> 5) - from);
      for (let i = 1; i <= steps; i++) words[from + i & (WORDS - 1)] = 0;
      this.#low = low;
      this.#high = high;
    }
    const bit = 1 << (low & 31);
    if ((words[at] & bit) !== 0) return false;
    words[at] |= bit;
    return true;
  }

  /** Gives the memory back. Call when the session is wiped. */
  release(): void {
    if (this.#words !== null && pool.length < POOL_MAX) pool.push(this.#words);
    this.#words = null;
    this.#low = 0;
    this.#high = 0;
  }
}

function takeWindow(): Uint32Array {
  return pool.pop()?.fill(0) ?? new Uint32Array(WORDS);
}
