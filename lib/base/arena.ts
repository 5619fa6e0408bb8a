/**
 * The memory that packets live in: one WebAssembly.Memory seen by JavaScript, by the checksum module and, through FFI, by the kernel and libcrypto.
 * Places in it are handed out once, at start, and never returned.
 * @module
 */

const PAGE_BYTES = 65_536;

/**
 * A bump allocator over one block of memory. Offsets are bytes from its beginning.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Arena } from "./arena.ts";
 *
 * const arena = new Arena(65_536);
 * const at = arena.take(100);
 * arena.bytes.set([1, 2, 3], at);
 * assert.ok(arena.take(4, 16) >= at + 100);
 * ```
 */
export class Arena {
  /** The block itself, as WebAssembly modules import it. */
  readonly memory: WebAssembly.Memory;
  /** The whole block as bytes. */
  readonly bytes: Uint8Array;
  /** The whole block as 32-bit words; index `at / 4` is the word at offset `at`. */
  readonly u32: Uint32Array;
  /** The whole block for values of any width and byte order. */
  readonly view: DataView;
  #used = 64;

  /**
   * Makes the block.
   * @param size bytes; rounded up to whole pages of 64 KiB. Pages that are never touched cost nothing.
   */
  constructor(size: number) {
    const pages = Math.ceil(size / PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
  }

  /**
   * Takes `size` bytes, zeroed, at a multiple of `align` (a power of two). Returns their offset.
   * @throws RangeError when the arena is full: a mistake in the sizes it was made with
   */
  take(size: number, align = 64): number {
    const at = (this.#used + align - 1) & ~(align - 1);
    if (at + size > this.bytes.length) throw new RangeError(`arena: ${size} bytes do not fit`);
    this.#used = at + size;
    return at;
  }
}
