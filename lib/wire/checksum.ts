/**
 * The Internet checksum (RFC 1071) and copying, over the arena: a WebAssembly SIMD module, and its plain twin for where that does not run.
 * Sums are ones' complement sums of little-endian 16-bit words, so a finished checksum is `~sum & 0xffff`, stored low byte first.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { CHECKSUM_WASM } from "./checksum_wasm.ts";

/** Offsets and lengths are bytes in the arena; nothing is checked. Lengths go up to 65535. */
export interface Checksum {
  /** `wasm simd` or `plain`. */
  readonly name: string;
  /** The sum of `length` bytes at `at` (an odd last one counts as a low byte), on top of `initial` (unsigned 32 bits), folded to 16 bits. */
  readonly sum: (at: number, length: number, initial: number) => number;
  /** Copies `length` bytes; up to 15 more may be read and written. The two places may not overlap. */
  readonly copy: (to: number, from: number, length: number) => void;
  /** Copies exactly `length` bytes and returns their sum as `sum` does. */
  readonly sumCopy: (to: number, from: number, length: number, initial: number) => number;
}

/**
 * The fastest implementation that this runtime takes.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Arena } from "../base/arena.ts";
 * import { chooseChecksum } from "./checksum.ts";
 *
 * const arena = new Arena(65_536);
 * const at = arena.take(4);
 * arena.bytes.set([1, 0, 2, 0], at);
 * assert.ok(chooseChecksum(arena).sum(at, 4, 0) === 3);
 * ```
 */
export function chooseChecksum(arena: Arena): Checksum {
  try {
    return wasmChecksum(arena);
  } catch {
    return plainChecksum(arena);
  }
}

/**
 * The WebAssembly implementation.
 * @throws WebAssembly.CompileError where there is no SIMD
 */
export function wasmChecksum(arena: Arena): Checksum {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(CHECKSUM_WASM));
  const { exports } = new WebAssembly.Instance(module, { arena: { memory: arena.memory } });
  return {
    name: "wasm simd",
    sum: exports.sum as Checksum["sum"],
    copy: exports.copy as Checksum["copy"],
    sumCopy: exports.sumCopy as Checksum["sumCopy"],
  };
}

/** The readable implementation. */
export function plainChecksum(arena: Arena): Checksum {
  const { bytes } = arena;
  const sum = (at: number, length: number, initial: number): number => {
    const end = at + length;
    let total = initial;
    for (; at + 1 < end; at += 2) total += bytes[at] | bytes[at + 1] << 8;
    if (at < end) total += bytes[at];
    while (total > 0xffff) total = total % 0x10000 + Math.floor(total / 0x10000);
    return total;
  };
  const copy = (to: number, from: number, length: number): void => {
    bytes.copyWithin(to, from, from + length);
  };
  return {
    name: "plain",
    sum,
    copy,
    sumCopy(to, from, length, initial) {
      copy(to, from, length);
      return sum(from, length, initial);
    },
  };
}

/** Swaps the two bytes of a 16-bit number: a length in host order as a word of a sum. */
export function swap16(value: number): number {
  return (value & 255) << 8 | value >>> 8;
}

/** Folds a sum below 2^32 to 16 bits. */
export function fold16(sum: number): number {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}
