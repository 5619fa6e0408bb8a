/**
 * Memory that crypto libraries read and write: the arena, and fixed buffers.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import { addressOf } from "./libc.ts";

/** log2 of the distance in bytes of offsets with a pointer, and of the pointers in a page. */
const LINE_SHIFT = 6;
const PAGE_SHIFT = 10;
const PAGE_MASK = (1 << PAGE_SHIFT) - 1;

/**
 * Pointers and addresses of offsets in the arena. A pointer object is made once for each multiple
 * of 64 that is used. An offset of any alignment has an address. Making a pointer takes 80 ns, an
 * address 5 ns.
 */
export class ArenaAddresses {
  readonly #base: bigint;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  readonly #halves = new Uint32Array(2);
  readonly #whole = new BigUint64Array(this.#halves.buffer);
  readonly #pages: (Deno.PointerObject[] | undefined)[];

  /** @param arena the arena, whose memory never moves because it cannot grow */
  constructor(arena: Arena) {
    this.#base = addressOf(arena.bytes);
    this.#baseLow = Number(this.#base & 0xffff_ffffn);
    this.#baseHigh = Number(this.#base >> 32n);
    this.#pages = new Array(Math.ceil(arena.bytes.length / (1 << (LINE_SHIFT + PAGE_SHIFT)))).fill(
      undefined,
    );
  }

  /** The pointer to offset `at`, a multiple of 64. */
  pointer(at: number): Deno.PointerObject {
    const line = at >>> LINE_SHIFT;
    const page = this.#pages[line >>> PAGE_SHIFT];
    if (page !== undefined) {
      const pointer = page[line & PAGE_MASK];
      if (pointer !== undefined) return pointer;
    }
    return this.#make(line);
  }

  #make(line: number): Deno.PointerObject {
    const page = this.#pages[line >>> PAGE_SHIFT] ??= new Array(1 << PAGE_SHIFT).fill(undefined);
    const pointer = Deno.UnsafePointer.create(this.#base + BigInt(line << LINE_SHIFT));
    if (pointer === null) throw new Error("the arena is at address 0");
    return page[line & PAGE_MASK] = pointer;
  }

  /** The address of offset `at`. Reading a BigInt from two halves is faster than adding two. */
  address(at: number): bigint {
    const low = this.#baseLow + at;
    this.#halves[0] = low;
    this.#halves[1] = low > 0xffff_ffff ? this.#baseHigh + 1 : this.#baseHigh;
    return this.#whole[0];
  }

  /** Writes the address of offset `at` to two words of a structure, from `index` on. */
  write(words: Uint32Array, index: number, at: number): void {
    const low = this.#baseLow + at;
    words[index] = low;
    words[index + 1] = low > 0xffff_ffff ? this.#baseHigh + 1 : this.#baseHigh;
  }
}

/** A buffer with its pointer and address. */
export interface Pinned {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pointer: Deno.PointerObject;
  readonly address: bigint;
}

/**
 * Allocates a buffer with a fixed address.
 * @param size bytes, at least 1
 * @param align the address is a multiple of this power of two, 1 to 64
 */
export function pinned(size: number, align = 1): Pinned {
  const room = new Uint8Array(size + align - 1);
  const skipped = align === 1 ? 0 : Number(-addressOf(room) & BigInt(align - 1));
  const bytes = room.subarray(skipped, skipped + size);
  const pointer = Deno.UnsafePointer.of(bytes);
  if (pointer === null) throw new Error("memory without an address");
  return { bytes, pointer, address: BigInt(Deno.UnsafePointer.value(pointer)) };
}
