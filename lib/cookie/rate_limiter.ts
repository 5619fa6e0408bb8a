/**
 * Limits the handshake messages of each source under load, after its mac2 was right. There is a
 * token bucket for each IPv4 address and each IPv6 /64, because one host may use all addresses of a
 * /64.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";

/** Messages of a source per second. */
const LIMITER_RATE = 20;
/** Messages of a source that may follow each other at once. */
const LIMITER_BURST = 5;
/** The most sources with a bucket. A message of another source is refused. */
export const LIMITER_SOURCES_MAX = 16_384;
/** How often the buckets of idle sources are removed. */
export const LIMITER_COLLECT_MS = 1_000;

const COST_MS = 1_000 / LIMITER_RATE;
const TOKENS_MAX_MS = COST_MS * LIMITER_BURST;

interface Bucket {
  /** The tokens, in milliseconds. A message costs COST_MS. */
  tokens: number;
  touchedAt: number;
}

/** The token buckets of all sources. */
export class RateLimiter {
  readonly #buckets = new Map<number | string, Bucket>();
  #collectedAt = -Infinity;

  /** The number of sources with a bucket. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Whether a message from a source may be processed. It takes a token if there is one.
   * @param at offset of the source address in `bytes`
   * @param length bytes of the address, 4 or 16
   */
  allow(bytes: Uint8Array, at: number, length: number, now: Milliseconds): boolean {
    const key = length === 4 ? addressKey(bytes, at) : networkKey(bytes, at);
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= LIMITER_SOURCES_MAX) return false;
      this.#buckets.set(key, { tokens: TOKENS_MAX_MS - COST_MS, touchedAt: now });
      return true;
    }
    bucket.tokens = Math.min(TOKENS_MAX_MS, bucket.tokens + Math.max(0, now - bucket.touchedAt));
    bucket.touchedAt = now;
    if (bucket.tokens < COST_MS) return false;
    bucket.tokens -= COST_MS;
    return true;
  }

  /**
   * Removes the buckets of sources that have sent nothing for a second, as these are full. Call it
   * often; it works once per LIMITER_COLLECT_MS.
   */
  collect(now: Milliseconds): void {
    if (this.#buckets.size === 0 || now - this.#collectedAt < LIMITER_COLLECT_MS) return;
    this.#collectedAt = now;
    for (const [key, bucket] of this.#buckets) {
      if (now - bucket.touchedAt > LIMITER_COLLECT_MS) this.#buckets.delete(key);
    }
  }
}

/** A number, so that it is never the key of an IPv6 network. */
function addressKey(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** A text of eight characters: the first 64 bits of an IPv6 address. */
function networkKey(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 8));
}
