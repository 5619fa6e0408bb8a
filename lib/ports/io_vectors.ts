/**
 * An array of struct iovec in the arena (sys/uio.h: base u64, length u64), for the ports.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { arenaAddress, arenaPointer } from "../../ffi/packet_io.ts";

/** Bytes of a struct iovec. */
const IOVEC_BYTES = 16;

/** Pieces of a gathered read or write. Places are offsets in the arena; addresses are put together of 32-bit halves, which costs nothing. */
export class IoVectors {
  /** The array's address, and a pointer to it. */
  readonly address: bigint;
  readonly pointer: Deno.PointerValue;
  readonly #u32: Uint32Array;
  readonly #word: number;
  readonly #baseLow: number;
  readonly #baseHigh: number;

  /** @param count pieces there is room for */
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

  /** Makes piece `index` the `length` bytes at `at`. */
  set(index: number, at: number, length: number): void {
    const u32 = this.#u32;
    const word = this.#word + index * 4;
    const low = this.#baseLow + at;
    u32[word] = low;
    u32[word + 1] = low > 0xffff_ffff ? this.#baseHigh + 1 : this.#baseHigh;
    u32[word + 2] = length;
  }

  /** Bytes of piece `index`. */
  lengthOf(index: number): number {
    return this.#u32[this.#word + index * 4 + 2];
  }
}
