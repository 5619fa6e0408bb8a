/**
 * Giving memory back after work that needed much of it: V8 collects an idle heap late, and the C library keeps what was freed.
 * @module
 */
import { trimMemory } from "../../ffi/process.ts";

/** Work of at least this size (bytes or lines of text) leaves garbage that is worth collecting. */
const WORTH_BYTES = 1 << 18;
const WORTH_LINES = 2_000;
/** How long after the last such work. */
const AFTER_MS = 1_000;

/** Waits until nothing big happened for a while. */
export class Tidy {
  readonly #also: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param also tidies elsewhere, e.g. in the Worker */
  constructor(also: () => void) {
    this.#also = also;
  }

  /** Call after an operation, with the size of what came in and went out. */
  worked(lines: number, bytes: number): void {
    if (lines >= WORTH_LINES || bytes >= WORTH_BYTES) this.soon();
  }

  /** Tidies up in a while. */
  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      collectGarbage();
      this.#also();
      trimMemory();
    }, AFTER_MS);
  }
}

/** A full collection, where V8 was started with --expose-gc (daemons are, but for the compiled program with other flags). */
export function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}
