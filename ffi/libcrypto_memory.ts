/**
 * Memory that libcrypto reads and writes: places in the arena, fixed pieces of its own, parameter lists.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import { addressOf, cString } from "./libcrypto.ts";

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
    this.#base = addressOf(arena.bytes as Uint8Array<ArrayBuffer>);
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
    if (pointer === null) throw new Error("libcrypto: the arena lies at address 0");
    return page[line & PAGE_MASK] = pointer;
  }

  /** The address of any place. Halves in memory make a BigInt at a quarter of what adding two costs. */
  address(at: number): bigint {
    const low = this.#baseLow + at;
    this.#halves[0] = low;
    this.#halves[1] = low > 0xffff_ffff ? this.#baseHigh + 1 : this.#baseHigh;
    return this.#whole[0];
  }
}

/** Memory whose address is taken once: as JavaScript sees it, and as C does. */
export interface Pinned {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pointer: Deno.PointerObject;
  readonly address: bigint;
}

/** @param size bytes, at least 1 */
export function pinned(size: number): Pinned {
  const bytes = new Uint8Array(size);
  const pointer = Deno.UnsafePointer.of(bytes);
  if (pointer === null) throw new Error("libcrypto: memory without an address");
  return { bytes, pointer, address: BigInt(Deno.UnsafePointer.value(pointer)) };
}

/** Types of an OSSL_PARAM (openssl/core.h). */
export const OSSL_PARAM_UNSIGNED_INTEGER = 2;
export const OSSL_PARAM_OCTET_STRING = 5;
/** Bytes of an OSSL_PARAM: key, type and padding, data, size, size returned. */
const OSSL_PARAM_BYTES = 40;

/** One entry of a parameter list. */
export interface OsslParam {
  readonly name: string;
  readonly type: typeof OSSL_PARAM_UNSIGNED_INTEGER | typeof OSSL_PARAM_OCTET_STRING;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** An array of OSSL_PARAM with its end mark. It keeps what it points to alive; the data may be changed between calls. */
export class OsslParams {
  readonly pointer: Deno.PointerObject;
  readonly #kept: Uint8Array[] = [];

  constructor(entries: readonly OsslParam[]) {
    const list = pinned((entries.length + 1) * OSSL_PARAM_BYTES);
    const words = new BigUint64Array(list.bytes.buffer);
    this.#kept.push(list.bytes);
    entries.forEach((entry, i) => {
      const name = cString(entry.name);
      const at = i * (OSSL_PARAM_BYTES / 8);
      words[at] = addressOf(name);
      words[at + 1] = BigInt(entry.type);
      words[at + 2] = addressOf(entry.data);
      words[at + 3] = BigInt(entry.data.length);
      this.#kept.push(name, entry.data);
    });
    this.pointer = list.pointer;
  }
}
