/**
 * What a terminal shows while faults are tried.
 * @module
 */
import { outcomeText } from "./report.ts";
import type { Listener, Outcome } from "./trials.ts";

/** How often the line is written where it cannot change. */
const LINE_EVERY_MS = 60_000;

/**
 * One line that changes on a terminal: done, noticed, survived, explained, and the time left.
 * Elsewhere it is written now and then. The faults that no test noticed are printed as they are
 * found.
 */
export class Progress implements Listener {
  readonly #count: number;
  readonly #prints: boolean;
  readonly #isShown = Deno.stderr.isTerminal();
  #done = 0;
  #noticed = 0;
  #explained = 0;
  #began = 0;
  #writtenAt = performance.now();

  /**
   * @param count how many faults are tried
   * @param prints whether the faults are printed that no test noticed
   */
  constructor(count: number, prints: boolean) {
    this.#count = count;
    this.#prints = prints;
  }

  /** {@inheritDoc} */
  measured(done: number, of: number): void {
    this.#show(`${done} of ${of} tests run without a fault`);
    this.#began = performance.now();
  }

  /** {@inheritDoc} */
  tried(outcome: Outcome): void {
    const { noticedBy, explanation } = outcome;
    if (noticedBy === undefined && this.#prints) {
      this.#show("");
      console.log(outcomeText(outcome));
    }
    this.#done++;
    if (noticedBy !== undefined) this.#noticed++;
    else if (explanation !== undefined) this.#explained++;
    const survived = this.#done - this.#noticed - this.#explained;
    const perFault = (performance.now() - this.#began) / this.#done;
    const left = timeText(perFault * (this.#count - this.#done));
    this.#show(
      `${this.#done} of ${this.#count} faults: ${this.#noticed} noticed, ${survived} survived, ` +
        `${this.#explained} explained; ${left} left`,
    );
  }

  /** Clears the line. */
  end(): void {
    this.#show("");
  }

  #show(text: string): void {
    const now = performance.now();
    if (this.#isShown) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
    else if (text !== "" && now - this.#writtenAt >= LINE_EVERY_MS) {
      console.error(text);
      this.#writtenAt = now;
    }
  }
}

function timeText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1_000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
