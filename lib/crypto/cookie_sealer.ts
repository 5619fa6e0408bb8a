/**
 * Seals cookies: XChaCha20-Poly1305 of 16 bytes of text, with 16 bytes of associated data (RFC
 * 8439, draft-irtf-cfrg-xchacha-03). It neither allocates nor calls a library, so that it keeps up
 * with a flood. Tests compare it with @noble.
 * @module
 */
import { Poly1305 } from "./poly1305.ts";
import { subkeyOfBlock } from "./xchacha.ts";

const KEY_BYTES = 32;
const TEXT_BYTES = 16;
const TAG_BYTES = 16;
/** Bytes of the nonce from which the subkey is made, and of the count that follows them. */
const PREFIX_BYTES = 16;
const COUNT_BYTES = 8;
/** "expand 32-byte k" (section 2.3). */
const CONSTANTS = Int32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

/** Seals with nonces that begin with the same 16 bytes, so that the subkey is made once. */
export class CookieSealer {
  /** The ChaCha20 state: constants, subkey, counter and nonce. It lies outside of the heap. */
  readonly #state = new Int32Array(new ArrayBuffer(64));
  readonly #words = new Int32Array(16);
  readonly #stream = new Uint8Array(this.#words.buffer);
  readonly #poly = new Poly1305();
  /** The input of the tag: associated data, ciphertext and both lengths (section 2.8). */
  readonly #tagged = new Uint8Array(3 * TAG_BYTES);

  constructor() {
    this.#tagged[32] = TEXT_BYTES;
    this.#tagged[40] = TEXT_BYTES;
  }

  /** Sets the key (32 bytes) and the first 16 bytes of the nonces. */
  setKey(key: Uint8Array, noncePrefix: Uint8Array): void {
    const state = this.#state;
    const load = (bytes: Uint8Array, to: number, count: number) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, count * 4);
      for (let i = 0; i < count; i++) state[to + i] = view.getInt32(i * 4, true);
    };
    state.set(CONSTANTS);
    load(key, 4, KEY_BYTES / 4);
    load(noncePrefix, 12, PREFIX_BYTES / 4);
    chachaBlock(state, this.#words);
    const subkey = subkeyOfBlock(this.#stream, noncePrefix);
    load(subkey, 4, KEY_BYTES / 4);
    subkey.fill(0);
    this.#stream.fill(0);
    state.fill(0, 12);
  }

  /**
   * Writes the ciphertext and tag (32 bytes) of `text` to `to`.
   * @param text 16 bytes
   * @param associatedAt offset of the associated data in `bytes`, 16 bytes
   * @param countAt offset of the last 8 bytes of the nonce in `bytes`
   */
  seal(
    bytes: Uint8Array,
    text: Uint8Array,
    associatedAt: number,
    countAt: number,
    to: number,
  ): void {
    const state = this.#state;
    const stream = this.#stream;
    const tagged = this.#tagged;
    state[12] = 0;
    state[14] = word(bytes, countAt);
    state[15] = word(bytes, countAt + COUNT_BYTES / 2);
    chachaBlock(state, this.#words);
    this.#poly.setKey(stream);
    state[12] = 1;
    chachaBlock(state, this.#words);
    for (let i = 0; i < TEXT_BYTES; i++) {
      tagged[i] = bytes[associatedAt + i];
      tagged[TEXT_BYTES + i] = bytes[to + i] = text[i] ^ stream[i];
    }
    this.#poly.tag(tagged, bytes, to + TEXT_BYTES);
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
}

/** Computes a block of the key stream (section 2.3). An array would take three times as long. */
function chachaBlock(state: Int32Array, out: Int32Array): void {
  let x0 = state[0], x1 = state[1], x2 = state[2], x3 = state[3];
  let x4 = state[4], x5 = state[5], x6 = state[6], x7 = state[7];
  let x8 = state[8], x9 = state[9], x10 = state[10], x11 = state[11];
  let x12 = state[12], x13 = state[13], x14 = state[14], x15 = state[15];
  for (let round = 0; round < 20; round += 2) {
    x0 = x0 + x4 | 0;
    x12 ^= x0;
    x12 = x12 << 16 | x12 >>> 16;
    x8 = x8 + x12 | 0;
    x4 ^= x8;
    x4 = x4 << 12 | x4 >>> 20;
    x0 = x0 + x4 | 0;
    x12 ^= x0;
    x12 = x12 << 8 | x12 >>> 24;
    x8 = x8 + x12 | 0;
    x4 ^= x8;
    x4 = x4 << 7 | x4 >>> 25;
    x1 = x1 + x5 | 0;
    x13 ^= x1;
    x13 = x13 << 16 | x13 >>> 16;
    x9 = x9 + x13 | 0;
    x5 ^= x9;
    x5 = x5 << 12 | x5 >>> 20;
    x1 = x1 + x5 | 0;
    x13 ^= x1;
    x13 = x13 << 8 | x13 >>> 24;
    x9 = x9 + x13 | 0;
    x5 ^= x9;
    x5 = x5 << 7 | x5 >>> 25;
    x2 = x2 + x6 | 0;
    x14 ^= x2;
    x14 = x14 << 16 | x14 >>> 16;
    x10 = x10 + x14 | 0;
    x6 ^= x10;
    x6 = x6 << 12 | x6 >>> 20;
    x2 = x2 + x6 | 0;
    x14 ^= x2;
    x14 = x14 << 8 | x14 >>> 24;
    x10 = x10 + x14 | 0;
    x6 ^= x10;
    x6 = x6 << 7 | x6 >>> 25;
    x3 = x3 + x7 | 0;
    x15 ^= x3;
    x15 = x15 << 16 | x15 >>> 16;
    x11 = x11 + x15 | 0;
    x7 ^= x11;
    x7 = x7 << 12 | x7 >>> 20;
    x3 = x3 + x7 | 0;
    x15 ^= x3;
    x15 = x15 << 8 | x15 >>> 24;
    x11 = x11 + x15 | 0;
    x7 ^= x11;
    x7 = x7 << 7 | x7 >>> 25;
    x0 = x0 + x5 | 0;
    x15 ^= x0;
    x15 = x15 << 16 | x15 >>> 16;
    x10 = x10 + x15 | 0;
    x5 ^= x10;
    x5 = x5 << 12 | x5 >>> 20;
    x0 = x0 + x5 | 0;
    x15 ^= x0;
    x15 = x15 << 8 | x15 >>> 24;
    x10 = x10 + x15 | 0;
    x5 ^= x10;
    x5 = x5 << 7 | x5 >>> 25;
    x1 = x1 + x6 | 0;
    x12 ^= x1;
    x12 = x12 << 16 | x12 >>> 16;
    x11 = x11 + x12 | 0;
    x6 ^= x11;
    x6 = x6 << 12 | x6 >>> 20;
    x1 = x1 + x6 | 0;
    x12 ^= x1;
    x12 = x12 << 8 | x12 >>> 24;
    x11 = x11 + x12 | 0;
    x6 ^= x11;
    x6 = x6 << 7 | x6 >>> 25;
    x2 = x2 + x7 | 0;
    x13 ^= x2;
    x13 = x13 << 16 | x13 >>> 16;
    x8 = x8 + x13 | 0;
    x7 ^= x8;
    x7 = x7 << 12 | x7 >>> 20;
    x2 = x2 + x7 | 0;
    x13 ^= x2;
    x13 = x13 << 8 | x13 >>> 24;
    x8 = x8 + x13 | 0;
    x7 ^= x8;
    x7 = x7 << 7 | x7 >>> 25;
    x3 = x3 + x4 | 0;
    x14 ^= x3;
    x14 = x14 << 16 | x14 >>> 16;
    x9 = x9 + x14 | 0;
    x4 ^= x9;
    x4 = x4 << 12 | x4 >>> 20;
    x3 = x3 + x4 | 0;
    x14 ^= x3;
    x14 = x14 << 8 | x14 >>> 24;
    x9 = x9 + x14 | 0;
    x4 ^= x9;
    x4 = x4 << 7 | x4 >>> 25;
  }
  out[0] = x0 + state[0] | 0;
  out[1] = x1 + state[1] | 0;
  out[2] = x2 + state[2] | 0;
  out[3] = x3 + state[3] | 0;
  out[4] = x4 + state[4] | 0;
  out[5] = x5 + state[5] | 0;
  out[6] = x6 + state[6] | 0;
  out[7] = x7 + state[7] | 0;
  out[8] = x8 + state[8] | 0;
  out[9] = x9 + state[9] | 0;
  out[10] = x10 + state[10] | 0;
  out[11] = x11 + state[11] | 0;
  out[12] = x12 + state[12] | 0;
  out[13] = x13 + state[13] | 0;
  out[14] = x14 + state[14] | 0;
  out[15] = x15 + state[15] | 0;
}
