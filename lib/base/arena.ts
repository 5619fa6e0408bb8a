/**
 * The memory that packets live in: one WebAssembly.Memory. JavaScript, the checksum module and,
 * through FFI, the kernel and libcrypto work on the same bytes. Memory is allocated at start and
 * never freed.
 * @module
 */

const PAGE_BYTES = 65_536;

/**
 * A bump allocator over one block of memory. Offsets are in bytes from the start of the block.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Arena } from "./arena.ts";
 *
 * const arena = new Arena(65_536);
 * const at = arena.allocate(100);
 * arena.bytes.set([1, 2, 3], at);
 * assert.ok(arena.allocate(4, 16) >= at + 100);
 * ```
 */
export class Arena {
  /** The block, in the form that WebAssembly modules import. */
  readonly memory: WebAssembly.Memory;
  /** The whole block as bytes. */
  readonly bytes: Uint8Array;
  /** The whole block as 32-bit words; index `at / 4` is the word at offset `at`. */
  readonly u32: Uint32Array;
  /** The whole block as a DataView, for values of any width and byte order. */
  readonly view: DataView;
  #used = 64;

  /**
   * Makes a block of zeros.
   * @param size bytes, rounded up to whole pages of 64 KiB. A page uses memory once it is written.
   */
  constructor(size: number) {
    const pages = Math.ceil(size / PAGE_BYTES);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.u32 = new Uint32Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
  }

  /**
   * Allocates `size` bytes of zeros at a multiple of `align` (a power of two). Returns the offset.
   * @throws RangeError when the arena is full, which means that it was made too small
   */
  allocate(size: number, align = 64): number {
    const at = (this.#used + align - 1) & ~(align - 1);
    if (at + size > this.bytes.length) throw new RangeError(`arena: ${size} bytes do not fit`);
    this.#used = at + size;
    return at;
  }
}
