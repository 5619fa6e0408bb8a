/**
 * Releases memory of this isolate to the kernel.
 * @module
 */
import { trimMemory } from "../../ffi/process.ts";

type Collect = (
  how: { type: "major"; execution: "sync"; flavor: "regular" | "last-resort" },
) => void;

/**
 * Collects the garbage of this isolate, without compacting its heap. That takes a few milliseconds
 * for each 10 MB in use.
 */
export function collectGarbage(): void {
  collect("regular");
}

/**
 * Collects the garbage of this isolate and trims the heap of the C library. Collection needs V8's
 * flag --expose-gc, which daemons have, except in the compiled program. It takes some 10 ms for
 * each 10 MB in use, in which nothing else runs. A collection of the kind `last-resort` compacts
 * the heap; an ordinary one would keep most of the pages.
 */
export function releaseMemory(): void {
  collect("last-resort");
  trimMemory();
}

function collect(flavor: "regular" | "last-resort"): void {
  (globalThis as { gc?: Collect }).gc?.({ type: "major", execution: "sync", flavor });
}
