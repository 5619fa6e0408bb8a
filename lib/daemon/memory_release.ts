/**
 * Releasing memory after work that needed much of it: V8 collects an idle heap late, the C library keeps what was freed, and the kernel leaves code
 * where it was run once.
 * @module
 */
import { releaseMemory } from "../worker/release_memory.ts";
import { unloadCode } from "../../ffi/process.ts";

/** Work of at least this size (bytes or lines of text) leaves garbage that is worth collecting. */
const WORTH_BYTES = 1 << 18;
const WORTH_LINES = 2_000;
/** How long after the last such work. */
const AFTER_MS = 1_000;

/** Waits until nothing big happened for a while. */
export class MemoryRelease {
  readonly #first: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param first lets go of what is no longer needed, and releases memory elsewhere */
  constructor(first: () => Promise<void>) {
    this.#first = first;
  }

  /** Call after an operation, with the size of what came in and went out. */
  worked(lines: number, bytes: number): void {
    if (lines >= WORTH_LINES || bytes >= WORTH_BYTES) this.soon();
  }

  /** Releases memory in a while. */
  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#first().then(releaseMemory).then(unloadCode), AFTER_MS);
  }
}
