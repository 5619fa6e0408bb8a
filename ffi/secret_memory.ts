/**
 * Keeps memory with secrets out of swap and out of core dumps, by pages.
 * @module
 */
import { addressOf, call } from "./libc.ts";

const PAGE_BYTES = 4096n;
const MADV_DONTDUMP = 16;

/** The pages of this isolate that are locked, by number. Pages are never given back. */
const locked = new Set<bigint>();

/** Bytes that this isolate has locked. */
export const lockedBytes = (): number => locked.size * Number(PAGE_BYTES);

/**
 * Locks the pages with these bytes (mlock(2)) and leaves them out of core dumps (madvise(2)). The
 * bytes must not be on the heap of the runtime, which moves them.
 * @returns 0, or a negated errno: -ENOMEM when the limit RLIMIT_MEMLOCK is reached
 */
export function lockMemory(bytes: Uint8Array): number {
  const start = addressOf(bytes);
  const last = (start + BigInt(bytes.length - 1)) / PAGE_BYTES;
  for (let page = start / PAGE_BYTES; page <= last; page++) {
    if (locked.has(page)) continue;
    call("madvise", page * PAGE_BYTES, PAGE_BYTES, MADV_DONTDUMP);
    const result = call("mlock", page * PAGE_BYTES, PAGE_BYTES);
    if (result < 0) return result;
    locked.add(page);
  }
  return 0;
}
