/**
 * The sliding window that detects replayed messages of a session, in the layout of RFC 6479.
 * @module
 */
import { REJECT_AFTER_MESSAGES, REPLAY_WINDOW_BITS } from "../base/constants.ts";

const WORDS = REPLAY_WINDOW_BITS / 32;
/** How far a counter may be behind the greatest one. 64 bits are slack, as in Linux's layout. */
export const REPLAY_WINDOW_USABLE = REPLAY_WINDOW_BITS - 64;
const REJECT_HIGH = Number(REJECT_AFTER_MESSAGES >> 32n);
const REJECT_LOW = Number(REJECT_AFTER_MESSAGES & 0xffff_ffffn);
const WORDS_PER_HIGH = 2 ** 27;

/** Windows of former sessions, which are zeroed when they are used again. */
const POOL_MAX = 64;
const pool: Uint32Array[] = [];

/** Whether a counter, given as two unsigned 32-bit halves, has reached REJECT_AFTER_MESSAGES. */
export function isExhausted(low: number, high: number): boolean {
  return high === REJECT_HIGH && low >= REJECT_LOW;
}

/** The window of one session. Its 1 KiB of memory is allocated for the first message. */
export class ReplayWindow {
  /** The greatest counter received + 1, as two unsigned 32-bit halves; 0 when there is none. */
  #low = 0;
  #high = 0;
  #words: Uint32Array | null = null;

  /**
   * Accepts a new counter. Call it for every message whose tag is right. Returns false when the
   * counter was accepted before, is too far behind, or is at least REJECT_AFTER_MESSAGES.
   */
  accept(counterLow: number, counterHigh: number): boolean {
    if (isExhausted(counterLow, counterHigh)) return false;
    const low = (counterLow + 1) >>> 0;
    // The counter after the last one, as in nearly all cases. One word is written, and a new word
    // begins with its first bit.
    if (low === this.#low + 1 && counterHigh === this.#high && this.#words !== null) {
      const at = low >>> 5 & (WORDS - 1);
      const bit = 1 << (low & 31);
      this.#words[at] = (low & 31) === 0 ? bit : this.#words[at] | bit;
      this.#low = low;
      return true;
    }
    const high = low === 0 ? counterHigh + 1 : counterHigh;
    // A double rounds only differences beyond 2^53, for which the result is the same.
    const ahead = (high - this.#high) * 0x1_0000_0000 + (low - this.#low);
    if (ahead < -REPLAY_WINDOW_USABLE) return false;
    const words = this.#words ??= allocateWindow();
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

  /** Frees the memory. Call it when the session is wiped. */
  release(): void {
    if (this.#words !== null && pool.length < POOL_MAX) pool.push(this.#words);
    this.#words = null;
  }
}

function allocateWindow(): Uint32Array {
  return pool.pop()?.fill(0) ?? new Uint32Array(WORDS);
}
