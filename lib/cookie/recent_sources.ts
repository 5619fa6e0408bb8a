/**
 * The sources that have sent handshake messages of late. Each IPv4 address and each IPv6 /64 is a
 * source, as in rate_limiter.ts. The memory is fixed. Too many sources make each other forgotten,
 * but a source is not taken for another one that has just sent.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";

/**
 * How long a source is recent after its last message, in milliseconds. It is less than the 5 s
 * after which a peer sends its initiation again, because its cookie reply may have been lost.
 */
export const RECENT_SOURCE_MS = 4_000;

/** The table has 2^16 rows of four entries. */
const ROWS_SHIFT = 16;
const ROW_SHIFT = 2;
const ROW = 1 << ROW_SHIFT;
const LOW_MASK = (1 << ROWS_SHIFT) - 1;
/** The unit of the times in entries is 16 ms, so that they wrap after 17 minutes. */
const TIME_SHIFT = 4;
const RECENT = RECENT_SOURCE_MS >>> TIME_SHIFT;

/** A table of recent sources, 1 MiB. Its pages become resident when they are used. */
export class RecentSources {
  /**
   * The lower half of a source's hash is its row. An entry has the upper half, and in place of the
   * lower half the time.
   */
  readonly #entries = new Uint32Array(1 << ROWS_SHIFT + ROW_SHIFT);

  /**
   * Adds a source, in place of the oldest one of its row, or renews its time. Call it for every
   * message.
   * @param at offset of the source address in `bytes`
   * @param length bytes of the address, 4 or 16
   * @returns whether the source was recent before
   */
  add(bytes: Uint8Array, at: number, length: number, now: Milliseconds): boolean {
    const hash = hashOf(bytes, at, length);
    const time = timeOf(now);
    const row = (hash & LOW_MASK) << ROW_SHIFT;
    let place = row;
    let age = -1;
    for (let i = row; i < row + ROW; i++) {
      const entry = this.#entries[i];
      const ageOfEntry = time - entry & LOW_MASK;
      const isSource = (entry ^ hash) >>> ROWS_SHIFT === 0;
      if (!isSource && ageOfEntry <= age) continue;
      place = i;
      age = ageOfEntry;
      if (isSource) break;
    }
    const isRecent = (this.#entries[place] ^ hash) >>> ROWS_SHIFT === 0 && age <= RECENT;
    this.#entries[place] = hash & ~LOW_MASK | time & LOW_MASK;
    return isRecent;
  }
}

function timeOf(now: Milliseconds): number {
  return Math.floor(now / (1 << TIME_SHIFT)) | 0;
}

/**
 * A hash of 32 bits. Different IPv4 addresses have different ones. It needs no secret: who wants a
 * source to count as recent may send with its address.
 */
function hashOf(bytes: Uint8Array, at: number, length: number): number {
  const first = mixed(wordAt(bytes, at));
  return length === 4 ? first : mixed(first ^ wordAt(bytes, at + 4));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}

/** A permutation of the 32-bit integers in which each bit depends on all others. */
function mixed(word: number): number {
  word = Math.imul(word ^ word >>> 16, 0x85eb_ca6b);
  word = Math.imul(word ^ word >>> 13, 0xc2b2_ae35);
  return word ^ word >>> 16;
}
