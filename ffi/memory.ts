/**
 * Memory that crypto libraries read and write: places in the arena, and fixed pieces of its own.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import { addressOf } from "./libc.ts";

/** log2 of the distance of places that have a pointer, and of how many of them stand in one page of the table. */
const LINE_SHIFT = 6;
const PAGE_SHIFT = 10;
const PAGE_MASK = (1 << PAGE_SHIFT) - 1;

/**
 * Two ways to name a place: a pointer object, made once for each multiple of 64 that is used (at most one for each 64 bytes of the arena), and a
 * number, for places of any alignment. Making a pointer costs 80 ns, a number 5.
 */
export class ArenaAddresses {
  readonly #base: bigint;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  readonly #halves = new Uint32Array(2);
  readonly #whole = new BigUint64Array(this.#halves.buffer);
  readonly #pages: (Deno.PointerObject[] | undefined)[];

  /** @param arena its memory never moves, because it cannot grow */
  constructor(arena: Arena) {
    this.#base = addressOf(arena.bytes);
    this.#baseLow = Number(this.#base & 0xffff_ffffn);
    this.#baseHigh = Number(this.#base >> 32n);
    this.#pages = new Array(Math.ceil(arena.bytes.length / (1 << (LINE_SHIFT + PAGE_SHIFT)))).fill(
      undefined,
    );
  }

  /** A pointer to the multiple of 64 `at`. */
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
    if (pointer === null) throw new Error("the arena lies at address 0");
    return page[line & PAGE_MASK] = pointer;
  }

  /** The address of any place. Halves in memory make a BigInt at a quarter of what adding two costs. */
  address(at: number): bigint {
    const low = this.#baseLow + at;
    this.#halves[0] = low;
    this.#halves[1] = low > 0xffff_ffff ? this.#baseHigh + 1 : this.#baseHigh;
    return this.#whole[0];
  }

  /** Writes the address of any place to the words `index` and `index + 1`: a field of a structure. */
  write(words: Uint32Array, index: number, at: number): void {
    const low = this.#baseLow + at;
    words[index] = low;
    words[index + 1] = low > 0xffff_ffff ? this.#baseHigh + 1 : this.#baseHigh;
  }
}

/** Memory whose address is taken once: as JavaScript sees it, and as C does. */
export interface Pinned {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pointer: Deno.PointerObject;
  readonly address: bigint;
}

/**
 * @param size bytes, at least 1
 * @param align a power of two that the address is a multiple of; 1 to 64
 */
export function pinned(size: number, align = 1): Pinned {
  const room = new Uint8Array(size + align - 1);
  const skipped = align === 1 ? 0 : Number(-addressOf(room) & BigInt(align - 1));
  const bytes = room.subarray(skipped, skipped + size);
  const pointer = Deno.UnsafePointer.of(bytes);
  if (pointer === null) throw new Error("memory without an address");
  return { bytes, pointer, address: BigInt(Deno.UnsafePointer.value(pointer)) };
}
