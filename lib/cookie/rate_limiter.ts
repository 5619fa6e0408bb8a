/**
 * How many handshake messages a source may send while we are under load and it has shown its cookie: a token bucket for each IPv4 address
 * and each IPv6 /64, as one customer's host has a whole /64 to choose from.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import type { IpBytes } from "../base/endpoint.ts";

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

  /** Sources watched now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether a message from this address may be worked on now; counts it when it may. */
  allow(address: IpBytes, now: Milliseconds): boolean {
    const key = sourceKey(address);
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

  /** Forgets sources that were quiet for a second: their buckets are full again. Call every LIMITER_COLLECT_MS while `size` is not 0. */
  collect(now: Milliseconds): void {
    for (const [key, bucket] of this.#buckets) {
      if (now - bucket.touchedAt > LIMITER_COLLECT_MS) this.#buckets.delete(key);
    }
  }
}

/** A number for an IPv4 address, a text of eight characters for an IPv6 /64: the two never meet. */
function sourceKey(address: IpBytes): number | string {
  if (address.length === 4) {
    return (address[0] << 24 | address[1] << 16 | address[2] << 8 | address[3]) >>> 0;
  }
  return String.fromCharCode(...address.subarray(0, 8));
}
