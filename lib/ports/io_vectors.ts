/**
 * An array of struct iovec in the arena (sys/uio.h: base u64, length u64).
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { arenaAddress, arenaPointer } from "../../ffi/packet_io.ts";

/** Bytes of a struct iovec. */
const IOVEC_BYTES = 16;

/**
 * The pieces of a scattered read or gathered write. Callers give offsets in the arena. Addresses
 * are written as two 32-bit halves, because a BigInt would be allocated.
 */
export class IoVectors {
  /** The address of the array. */
  readonly address: bigint;
  readonly pointer: Deno.PointerValue;
  readonly #u32: Uint32Array;
  readonly #word: number;
  readonly #baseLow: number;
  readonly #baseHigh: number;

  /** @param count the number of pieces */
  constructor(arena: Arena, count: number) {
    const at = arena.allocate(count * IOVEC_BYTES);
    const base = arenaAddress(arena);
    this.address = base + BigInt(at);
    this.pointer = arenaPointer(arena, at);
    this.#u32 = arena.u32;
    this.#word = at >>> 2;
    this.#baseLow = Number(base & 0xffff_ffffn);
    this.#baseHigh = Number(base >> 32n);
  }

  /** Sets piece `index` to the `length` bytes at `at`. */
  set(index: number, at: number, length: number): void {
    const u32 = this.#u32;
    const word = this.#word + index * 4;
    const low = this.#baseLow + at;
    u32[word] = low;
    u32[word + 1] = low > 0xffff_ffff ? this.#baseHigh + 1 : this.#baseHigh;
    u32[word + 2] = length;
  }

  /** The length in bytes of piece `index`. */
  lengthOf(index: number): number {
    return this.#u32[this.#word + index * 4 + 2];
  }
}
