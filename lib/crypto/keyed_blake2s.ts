/**
 * Keyed BLAKE2s-128 (RFC 7693). The key is processed once. Then a MAC neither allocates nor calls a
 * library, so that it keeps up with a flood. Tests compare it with @noble.
 * @module
 */

const BLOCK_BYTES = 64;
const KEY_BYTES = 32;
const MAC_BYTES = 16;

/** The initialization vector (section 2.6). */
const IV = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** The order of the message's words in each round (section 2.7). */
// deno-fmt-ignore
const SIGMA = Uint8Array.of(
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
  7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
  2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
  13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
  10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
);

/** Computes MACs with one key at a time. */
export class KeyedBlake2s {
  /**
   * The state after the block of the key. An ArrayBuffer of its own lies outside of the heap, where
   * the garbage collector makes no copies of it.
   */
  readonly #keyed = new Int32Array(new ArrayBuffer(32));
  readonly #state = new Int32Array(8);
  readonly #words = new Int32Array(BLOCK_BYTES / 4);
  readonly #block = new Uint8Array(this.#words.buffer);
  readonly #stateBytes = new Uint8Array(this.#state.buffer);

  /** Sets the key, 16 or 32 bytes. */
  setKey(key: Uint8Array): void {
    this.#keyed.set(IV);
    // The parameter block (section 2.5): digest length 16, key length, no tree.
    this.#keyed[0] ^= 0x0101_0000 ^ key.length << 8 ^ MAC_BYTES;
    this.#block.fill(0).set(key.subarray(0, KEY_BYTES));
    compress(this.#keyed, this.#words, BLOCK_BYTES, 0);
    this.#block.fill(0);
  }

  /** Writes the MAC (16 bytes) of `length` bytes (at least 1) at `at` to `to` in `out`. */
  mac(bytes: Uint8Array, at: number, length: number, out: Uint8Array, to: number): void {
    const state = this.#state;
    const block = this.#block;
    for (let i = 0; i < 8; i++) state[i] = this.#keyed[i];
    let done = 0;
    for (; length - done > BLOCK_BYTES; done += BLOCK_BYTES) {
      for (let i = 0; i < BLOCK_BYTES; i++) block[i] = bytes[at + done + i];
      compress(state, this.#words, 2 * BLOCK_BYTES + done, 0);
    }
    const rest = length - done;
    for (let i = 0; i < rest; i++) block[i] = bytes[at + done + i];
    for (let i = rest; i < BLOCK_BYTES; i++) block[i] = 0;
    compress(state, this.#words, BLOCK_BYTES + length, -1);
    for (let i = 0; i < MAC_BYTES; i++) out[to + i] = this.#stateBytes[i];
  }
}

/**
 * The compression function (section 3.2). An array instead of variables would take three times as
 * long.
 * @param count bytes so far
 * @param last -1 for the last block, otherwise 0
 */
function compress(h: Int32Array, m: Int32Array, count: number, last: number): void {
  const s = SIGMA;
  let v0 = h[0], v1 = h[1], v2 = h[2], v3 = h[3], v4 = h[4], v5 = h[5], v6 = h[6], v7 = h[7];
  let v8 = IV[0], v9 = IV[1], v10 = IV[2], v11 = IV[3];
  let v12 = IV[4] ^ count, v13 = IV[5], v14 = IV[6] ^ last, v15 = IV[7];
  for (let r = 0; r < 160; r += 16) {
    v0 = v0 + v4 + m[s[r + 0]] | 0;
    v12 ^= v0;
    v12 = v12 >>> 16 | v12 << 16;
    v8 = v8 + v12 | 0;
    v4 ^= v8;
    v4 = v4 >>> 12 | v4 << 20;
    v0 = v0 + v4 + m[s[r + 1]] | 0;
    v12 ^= v0;
    v12 = v12 >>> 8 | v12 << 24;
    v8 = v8 + v12 | 0;
    v4 ^= v8;
    v4 = v4 >>> 7 | v4 << 25;
    v1 = v1 + v5 + m[s[r + 2]] | 0;
    v13 ^= v1;
    v13 = v13 >>> 16 | v13 << 16;
    v9 = v9 + v13 | 0;
    v5 ^= v9;
    v5 = v5 >>> 12 | v5 << 20;
    v1 = v1 + v5 + m[s[r + 3]] | 0;
    v13 ^= v1;
    v13 = v13 >>> 8 | v13 << 24;
    v9 = v9 + v13 | 0;
    v5 ^= v9;
    v5 = v5 >>> 7 | v5 << 25;
    v2 = v2 + v6 + m[s[r + 4]] | 0;
    v14 ^= v2;
    v14 = v14 >>> 16 | v14 << 16;
    v10 = v10 + v14 | 0;
    v6 ^= v10;
    v6 = v6 >>> 12 | v6 << 20;
    v2 = v2 + v6 + m[s[r + 5]] | 0;
    v14 ^= v2;
    v14 = v14 >>> 8 | v14 << 24;
    v10 = v10 + v14 | 0;
    v6 ^= v10;
    v6 = v6 >>> 7 | v6 << 25;
    v3 = v3 + v7 + m[s[r + 6]] | 0;
    v15 ^= v3;
    v15 = v15 >>> 16 | v15 << 16;
    v11 = v11 + v15 | 0;
    v7 ^= v11;
    v7 = v7 >>> 12 | v7 << 20;
    v3 = v3 + v7 + m[s[r + 7]] | 0;
    v15 ^= v3;
    v15 = v15 >>> 8 | v15 << 24;
    v11 = v11 + v15 | 0;
    v7 ^= v11;
    v7 = v7 >>> 7 | v7 << 25;
    v0 = v0 + v5 + m[s[r + 8]] | 0;
    v15 ^= v0;
    v15 = v15 >>> 16 | v15 << 16;
    v10 = v10 + v15 | 0;
    v5 ^= v10;
    v5 = v5 >>> 12 | v5 << 20;
    v0 = v0 + v5 + m[s[r + 9]] | 0;
    v15 ^= v0;
    v15 = v15 >>> 8 | v15 << 24;
    v10 = v10 + v15 | 0;
    v5 ^= v10;
    v5 = v5 >>> 7 | v5 << 25;
    v1 = v1 + v6 + m[s[r + 10]] | 0;
    v12 ^= v1;
    v12 = v12 >>> 16 | v12 << 16;
    v11 = v11 + v12 | 0;
    v6 ^= v11;
    v6 = v6 >>> 12 | v6 << 20;
    v1 = v1 + v6 + m[s[r + 11]] | 0;
    v12 ^= v1;
    v12 = v12 >>> 8 | v12 << 24;
    v11 = v11 + v12 | 0;
    v6 ^= v11;
    v6 = v6 >>> 7 | v6 << 25;
    v2 = v2 + v7 + m[s[r + 12]] | 0;
    v13 ^= v2;
    v13 = v13 >>> 16 | v13 << 16;
    v8 = v8 + v13 | 0;
    v7 ^= v8;
    v7 = v7 >>> 12 | v7 << 20;
    v2 = v2 + v7 + m[s[r + 13]] | 0;
    v13 ^= v2;
    v13 = v13 >>> 8 | v13 << 24;
    v8 = v8 + v13 | 0;
    v7 ^= v8;
    v7 = v7 >>> 7 | v7 << 25;
    v3 = v3 + v4 + m[s[r + 14]] | 0;
    v14 ^= v3;
    v14 = v14 >>> 16 | v14 << 16;
    v9 = v9 + v14 | 0;
    v4 ^= v9;
    v4 = v4 >>> 12 | v4 << 20;
    v3 = v3 + v4 + m[s[r + 15]] | 0;
    v14 ^= v3;
    v14 = v14 >>> 8 | v14 << 24;
    v9 = v9 + v14 | 0;
    v4 ^= v9;
    v4 = v4 >>> 7 | v4 << 25;
  }
  h[0] ^= v0 ^ v8;
  h[1] ^= v1 ^ v9;
  h[2] ^= v2 ^ v10;
  h[3] ^= v3 ^ v11;
  h[4] ^= v4 ^ v12;
  h[5] ^= v5 ^ v13;
  h[6] ^= v6 ^ v14;
  h[7] ^= v7 ^ v15;
}
