/**
 * How many handshake messages a source may send while we are under load and it has shown its cookie: a token bucket for each IPv4 address
 * and each IPv6 /64, as one customer's host has a whole /64 to choose from.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";

/** Messages a second. */
const LIMITER_RATE = 20;
/** Messages at once. */
const LIMITER_BURST = 5;
/** Sources watched at a time; when all are taken an unknown one is refused. */
export const LIMITER_SOURCES_MAX = 16_384;
/** How often idle sources are forgotten. */
export const LIMITER_COLLECT_MS = 1_000;

const COST_MS = 1_000 / LIMITER_RATE;
const TOKENS_MAX_MS = COST_MS * LIMITER_BURST;

interface Bucket {
  /** Milliseconds saved up; a message costs COST_MS. */
  tokens: number;
  touchedAt: number;
}

/** Token buckets by source. */
export class RateLimiter {
  readonly #buckets = new Map<number | string, Bucket>();
  #collectedAt = -Infinity;

  /** Sources watched now. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Whether a message from the address of `length` bytes (4 or 16) at `at` may be worked on now;
   * counts it when it may.
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
   * Forgets sources that were quiet for a second: their buckets are full again. Call it often; it
   * looks every LIMITER_COLLECT_MS.
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
