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

/** Windows are allocated in blocks, so that few arrays hold those of many sessions. */
const BLOCK_SHIFT = 6;
const BLOCK_WINDOWS = 1 << BLOCK_SHIFT;

/** Whether a counter, given as two unsigned 32-bit halves, has reached REJECT_AFTER_MESSAGES. */
export function isExhausted(low: number, high: number): boolean {
  return high === REJECT_HIGH && low >= REJECT_LOW;
}

/** The words of a window's head. */
const LOW = 0;
const HIGH = 1;
const BITS = 2;
export const REPLAY_HEAD_WORDS = 3;

/**
 * The windows of all sessions, 1 KiB each, by the row of the session. The head of a window is in
 * memory of the caller, beside what else a message of the session needs: the greatest counter
 * received + 1, as two unsigned 32-bit halves (0 when there is none), and the word of the window
 * that has its bit. So messages that come in order write to the window once in 32 messages.
 */
export class ReplayWindows {
  readonly #heads: Uint32Array;
  readonly #blocks: Uint32Array[] = [];

  /** @param heads the memory that has the heads */
  constructor(heads: Uint32Array) {
    this.#heads = heads;
  }

  /**
   * Gives a row a window, with a head of zeros. The words may be those of an earlier session,
   * because each is zeroed before it is used. Memory is resident once it is used, and is not freed.
   */
  open(row: number): void {
    while (this.#blocks.length <= row >> BLOCK_SHIFT) {
      this.#blocks.push(new Uint32Array(BLOCK_WINDOWS * WORDS));
    }
  }

  /**
   * Accepts a new counter. Call it for every message whose tag is right, and whose row has a
   * window. Returns false when the counter was accepted before, is too far behind, or is at least
   * REJECT_AFTER_MESSAGES.
   * @param head the index of the head in the memory of the heads
   */
  accept(row: number, head: number, counterLow: number, counterHigh: number): boolean {
    if (isExhausted(counterLow, counterHigh)) return false;
    const heads = this.#heads;
    const lastLow = heads[head + LOW], lastHigh = heads[head + HIGH];
    const low = (counterLow + 1) >>> 0;
    const bit = 1 << (low & 31);
    // The counter after the last one, in the same word, as in nearly all cases.
    if (low === lastLow + 1 && counterHigh === lastHigh && (low & 31) !== 0) {
      heads[head + LOW] = low;
      heads[head + BITS] |= bit;
      return true;
    }
    const words = this.#blocks[row >> BLOCK_SHIFT];
    const from = (row & (BLOCK_WINDOWS - 1)) * WORDS;
    const last = lastLow >>> 5;
    const high = low === 0 ? counterHigh + 1 : counterHigh;
    // A double rounds only differences beyond 2^53, for which the result is the same.
    const ahead = (high - lastHigh) * 0x1_0000_0000 + (low - lastLow);
    if (ahead < -REPLAY_WINDOW_USABLE) return false;
    if (ahead > 0) {
      const steps = Math.min(WORDS, (high - lastHigh) * WORDS_PER_HIGH + (low >>> 5) - last);
      if (steps > 0) {
        words[from + (last & (WORDS - 1))] = heads[head + BITS];
        for (let i = 1; i <= steps; i++) words[from + (last + i & (WORDS - 1))] = 0;
        heads[head + BITS] = 0;
      }
      heads[head + LOW] = low;
      heads[head + HIGH] = high;
    } else if ((low >>> 5 & (WORDS - 1)) !== (last & (WORDS - 1))) {
      const at = from + (low >>> 5 & (WORDS - 1));
      if ((words[at] & bit) !== 0) return false;
      words[at] |= bit;
      return true;
    }
    if ((heads[head + BITS] & bit) !== 0) return false;
    heads[head + BITS] |= bit;
    return true;
  }
}
