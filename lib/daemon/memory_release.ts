/**
 * Releases memory after large operations. V8 collects an idle heap late, the C library keeps freed
 * memory, and pages of code stay resident after they ran once.
 * @module
 */
import { collectGarbage, releaseMemory } from "../worker/release_memory.ts";
import { trimMemory, unloadCode } from "../../ffi/process.ts";

/** The size of an operation, in bytes or lines, from which on its garbage is collected. */
const WORTH_BYTES = 1 << 18;
const WORTH_LINES = 2_000;
/** How long after the last such operation memory is released. */
const AFTER_MS = 1_000;
/**
 * The garbage after which it is collected at once, in bytes. Clients that ask on and on make it
 * faster than V8 notices, because most of it is outside of V8's heap.
 */
const GARBAGE_MAX_BYTES = 16 << 20;
/** What an operation leaves: for itself, for each line of its request and byte of its answer. */
const GARBAGE_OF_OPERATION = 8 << 10;
const GARBAGE_OF_LINE = 512;
const GARBAGE_OF_BYTE = 6;

/** Passes of the packet loops in a second of much traffic, and in one of little. */
const BUSY_BEATS = 200;
const CALM_BEATS = 50;
/** How many calm seconds after a busy one it takes until memory is released. */
const CALM_SECONDS = 30;
/** The busy seconds after which the packet loop is compiled, so that the compiler's code can go. */
const WARM_SECONDS = 10;

/**
 * Releases memory after the last large operation and after much traffic, and collects garbage
 * during many operations.
 */
export class MemoryRelease {
  readonly #first: (wasBusy: boolean) => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The garbage since it was last collected, in bytes. */
  #garbage = 0;

  /** The passes at the last look, and the calm seconds since the last busy one. */
  #beats = 0;
  #calm = CALM_SECONDS;
  /** The busy seconds since memory was last released. */
  #busy = 0;

  /**
   * @param first releases memory of other isolates; it is called first, and told whether they have
   *   been busy
   */
  constructor(first: (wasBusy: boolean) => Promise<void>) {
    this.#first = first;
  }

  /** Call after an operation with its size: lines of the request, and bytes of the answer. */
  worked(lines: number, bytes: number): void {
    this.#garbage += GARBAGE_OF_OPERATION + lines * GARBAGE_OF_LINE + bytes * GARBAGE_OF_BYTE;
    if (this.#garbage >= GARBAGE_MAX_BYTES) {
      this.#garbage = 0;
      collectGarbage();
      this.soon();
    } else if (lines >= WORTH_LINES || bytes >= WORTH_BYTES) {
      this.soon();
    }
  }

  /** Releases memory `afterMs` from now, unless this is called again before. */
  soon(afterMs = AFTER_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#first(false).then(releaseMemory).then(unloadCode),
      afterMs,
    );
  }

  /**
   * Call every second with the passes of the packet loops so far. What only compiling the packet
   * loops needs is released during much traffic, other memory some time after it. Then code stays:
   * the next packets need it.
   */
  look(beats: number): void {
    const passes = beats - this.#beats;
    this.#beats = beats;
    if (passes >= BUSY_BEATS) {
      this.#calm = 0;
      if (++this.#busy === WARM_SECONDS) {
        trimMemory();
        unloadCode();
      }
    } else if (
      passes <= CALM_BEATS && this.#calm < CALM_SECONDS && ++this.#calm === CALM_SECONDS
    ) {
      this.#busy = 0;
      this.#first(true).then(releaseMemory);
    }
  }
}
