/**
 * Random trials that can be run again: `WG_SEED=N deno test -A tests/crypto` repeats the run that printed N.
 * @module
 */

/** The seed of this run. */
export const SEED: number =
  Number(Deno.env.get("WG_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]) >>> 0;

/** A generator for trials (mulberry32); no use for keys that matter. */
export class Random {
  #state: number;

  /** @param offset a number of its own for each test, so that tests do not depend on their order */
  constructor(offset: number, seed = SEED) {
    this.#state = (seed + Math.imul(offset, 0x9e3779b9)) >>> 0;
  }

  /** 32 bits. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return (t ^ t >>> 14) >>> 0;
  }

  /** 0 to limit - 1. */
  below(limit: number): number {
    return this.u32() % limit;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.u32() >>> 13;
    return bytes;
  }
}
