/**
 * Releasing memory to the system.
 * @module
 */
import { trimMemory } from "../../ffi/process.ts";

type Collect = (how: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * Collects this isolate's garbage, where V8 was started with --expose-gc (daemons are, but for the compiled program with other flags), and trims the C library's
 * heap. Takes some 10 ms for each 10 MB in use, in which nothing else runs. An ordinary full collection keeps most of the pages: what lives on lies scattered among what does not.
 */
export function releaseMemory(): void {
  (globalThis as { gc?: Collect }).gc?.({
    type: "major",
    execution: "sync",
    flavor: "last-resort",
  });
  trimMemory();
}
