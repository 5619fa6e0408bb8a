/**
 * Releases memory after large operations. V8 collects an idle heap late, the C library keeps freed
 * memory, and pages of code stay resident after they ran once.
 * @module
 */
import { releaseMemory } from "../worker/release_memory.ts";
import { unloadCode } from "../../ffi/process.ts";

/** The size of an operation, in bytes or lines, from which on its garbage is collected. */
const WORTH_BYTES = 1 << 18;
const WORTH_LINES = 2_000;
/** How long after the last such operation memory is released. */
const AFTER_MS = 1_000;

/** Releases memory after the last large operation. */
export class MemoryRelease {
  readonly #first: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param first releases memory of other isolates; it is called first */
  constructor(first: () => Promise<void>) {
    this.#first = first;
  }

  /** Call after an operation with its size: lines of the request, and bytes of the answer. */
  worked(lines: number, bytes: number): void {
    if (lines >= WORTH_LINES || bytes >= WORTH_BYTES) this.soon();
  }

  /** Releases memory `afterMs` from now, unless this is called again before. */
  soon(afterMs = AFTER_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#first().then(releaseMemory).then(unloadCode), afterMs);
  }
}
