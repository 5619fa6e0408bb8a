/**
 * Memory for keys and for everything that keys follow from. The runtime keeps typed arrays of up to
 * 64 bytes inside its heap and copies them when it collects garbage, so a key would leave copies
 * that nobody can erase. The arrays of this module are views of blocks outside the heap. They never
 * move, and `fill(0)` erases the only copy.
 * @module
 */

/**
 * Bytes of a block: a page, because blocks are held by pages. A block lives as long as one of its
 * arrays. It serves some ten handshakes.
 */
const BLOCK_BYTES = 4096;

/** How long a secret lives: arrays of one kind share blocks. */
export type SecretLife = "passing" | "lasting";

interface Block {
  bytes: Uint8Array;
  used: number;
}

const blocks: Record<SecretLife, Block> = {
  passing: { bytes: new Uint8Array(BLOCK_BYTES), used: 0 },
  lasting: { bytes: new Uint8Array(BLOCK_BYTES), used: 0 },
};

let hold: (memory: Uint8Array) => void = () => {};

/**
 * Sets a function that is called with the memory of secrets, before they are written, and calls it
 * with the present blocks. It may be called more than once with the same memory.
 */
export function holdSecretMemory(fn: (memory: Uint8Array) => void): void {
  hold = fn;
  for (const { bytes } of Object.values(blocks)) fn(bytes);
}

/** Call before secrets are written to memory that is not of `secretBytes`. */
export const usesSecretMemory = (memory: Uint8Array): void => hold(memory);

/**
 * An array of zeros whose bytes never move. Fill it with zeros after its last use.
 * @param life "lasting" for a secret that a peer or a device keeps
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { secretBytes } from "./secret_bytes.ts";
 *
 * const key = secretBytes(32);
 * assert.ok(key.length === 32 && key.buffer.byteLength > 64);
 * key.fill(0);
 * ```
 */
export function secretBytes(length: number, life: SecretLife = "passing"): Uint8Array {
  if (length > BLOCK_BYTES) return new Uint8Array(length);
  const block = blocks[life];
  if (block.used + length > BLOCK_BYTES) {
    block.bytes = new Uint8Array(BLOCK_BYTES);
    block.used = 0;
    hold(block.bytes);
  }
  return block.bytes.subarray(block.used, block.used += length);
}

/** A copy of `secret` whose bytes never move. `secret` is left as it is. */
export function secretCopy(secret: Uint8Array, life: SecretLife = "passing"): Uint8Array {
  const copy = secretBytes(secret.length, life);
  copy.set(secret);
  return copy;
}

/** As `secretCopy`, and erases `secret`. */
export function secretMoved(secret: Uint8Array, life: SecretLife = "passing"): Uint8Array {
  const copy = secretCopy(secret, life);
  secret.fill(0);
  return copy;
}
