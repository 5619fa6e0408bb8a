/**
 * The Internet checksum (RFC 1071) and copying in the arena. A WebAssembly SIMD module does both,
 * or plain TypeScript where SIMD is missing.
 *
 * A sum is the ones' complement sum of little-endian 16-bit words. The checksum of a header is
 * `~sum & 0xffff`, stored low byte first.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { CHECKSUM_WASM } from "./checksum_wasm.ts";

/** Sums and copies in the arena. Offsets and lengths (0 to 65535) are in bytes and not checked. */
export interface Checksum {
  /** The implementation: `wasm simd` or `plain`. */
  readonly name: string;
  /**
   * The sum of `initial` (unsigned 32 bits) and the `length` bytes at `at`, folded to 16 bits. A
   * last byte without a partner is the low byte of its word.
   */
  readonly sum: (at: number, length: number, initial: number) => number;
  /** Copies `length` bytes. Up to 15 more may be read and written. The ranges must not overlap. */
  readonly copy: (to: number, from: number, length: number) => void;
  /** Copies exactly `length` bytes and returns their sum, as `sum` does. */
  readonly sumCopy: (to: number, from: number, length: number, initial: number) => number;
}

/**
 * Makes the fastest implementation that the runtime supports.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Arena } from "../base/arena.ts";
 * import { chooseChecksum } from "./checksum.ts";
 *
 * const arena = new Arena(65_536);
 * const at = arena.allocate(4);
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
 * Makes the implementation in WebAssembly (checksum.wat).
 * @throws WebAssembly.CompileError where SIMD is missing
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

/** Makes the implementation in TypeScript. */
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

/** Swaps the bytes of a 16-bit number. A number in network order becomes a word of a sum by it. */
export function swap16(value: number): number {
  return (value & 255) << 8 | value >>> 8;
}

/** Folds a sum below 2^32 to 16 bits. */
export function fold16(sum: number): number {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}
