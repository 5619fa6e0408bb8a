/**
 * Poly1305 of whole blocks (RFC 8439 section 2.5). It neither allocates nor calls a library, so
 * that it keeps up with a flood. Tests compare it with @noble.
 * @module
 */

const TAG_BYTES = 16;
/** A number below 2^130 has 10 limbs of 13 bits. */
const LIMBS = 10;
const LIMB_BITS = 13;
const LIMB_MASK = 0x1fff;

/** Computes tags. Each key is used for one tag. */
export class Poly1305 {
  readonly #r = new Float64Array(LIMBS);
  readonly #pad = new Uint8Array(TAG_BYTES);
  readonly #sum = new Float64Array(LIMBS);
  readonly #product = new Float64Array(LIMBS);

  /** Sets the key: the first 32 bytes. Its half r is clamped in place. */
  setKey(key: Uint8Array): void {
    for (let i = 0; i < TAG_BYTES; i++) this.#pad[i] = key[TAG_BYTES + i];
    for (let i = 3; i < 16; i += 4) key[i] &= 15;
    for (let i = 4; i < 16; i += 4) key[i] &= 252;
    for (let i = 0; i < LIMBS; i++) this.#r[i] = limb(key, 0, i);
  }

  /** Writes the tag (16 bytes) of the blocks to `to` in `out`. */
  tag(blocks: Uint8Array, out: Uint8Array, to: number): void {
    const sum = this.#sum;
    sum.fill(0);
    for (let at = 0; at < blocks.length; at += TAG_BYTES) {
      for (let i = 0; i < LIMBS; i++) sum[i] += limb(blocks, at, i);
      // Add 2^128, which is bit 11 of the last limb.
      sum[LIMBS - 1] += 1 << 128 - LIMB_BITS * (LIMBS - 1);
      this.#multiply();
    }
    this.#finish(out, to);
  }

  /** Multiplies the sum by r modulo 2^130 - 5. Limbs stay below 2^34, which is exact in a float. */
  #multiply(): void {
    const sum = this.#sum, r = this.#r, product = this.#product;
    for (let i = 0; i < LIMBS; i++) {
      let low = 0;
      let high = 0;
      for (let j = 0; j <= i; j++) low += sum[j] * r[i - j];
      for (let j = i + 1; j < LIMBS; j++) high += sum[j] * r[i + LIMBS - j];
      product[i] = low + 5 * high;
    }
    let carry = 0;
    for (let i = 0; i < LIMBS; i++) {
      const value = product[i] + carry;
      carry = Math.floor(value / (LIMB_MASK + 1));
      sum[i] = value - carry * (LIMB_MASK + 1);
    }
    sum[0] += 5 * carry;
    carry = Math.floor(sum[0] / (LIMB_MASK + 1));
    sum[0] -= carry * (LIMB_MASK + 1);
    sum[1] += carry;
  }

  #finish(out: Uint8Array, to: number): void {
    const sum = this.#sum;
    for (let pass = 0; pass < 2; pass++) {
      let carry = 0;
      for (let i = 0; i < LIMBS; i++) {
        const value = sum[i] + carry;
        carry = value >>> LIMB_BITS;
        sum[i] = value & LIMB_MASK;
      }
      sum[0] += 5 * carry;
    }
    // Subtract the modulus, unless the result is negative.
    const less = this.#product;
    let carry = 5;
    for (let i = 0; i < LIMBS; i++) {
      const value = sum[i] + carry;
      carry = value >>> LIMB_BITS;
      less[i] = value & LIMB_MASK;
    }
    const chosen = carry > 0 ? less : sum;
    let bits = 0;
    let held = 0;
    let next = 0;
    carry = 0;
    for (let i = 0; i < TAG_BYTES; i++) {
      if (held < 8) {
        bits |= chosen[next++] << held;
        held += LIMB_BITS;
      }
      const value = (bits & 255) + this.#pad[i] + carry;
      out[to + i] = value;
      carry = value >>> 8;
      bits >>>= 8;
      held -= 8;
    }
  }
}

/** Limb `index` of the 16 bytes at `at`. */
function limb(bytes: Uint8Array, at: number, index: number): number {
  const bit = index * LIMB_BITS;
  const first = bit >>> 3;
  let value = 0;
  for (let i = 0; i < 3 && first + i < 16; i++) value |= bytes[at + first + i] << 8 * i;
  return value >>> (bit & 7) & LIMB_MASK;
}
