/**
 * Signals that end a command early. The command stops between two steps and undoes the steps.
 * @module
 */
const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
/** The numbers of the signals, for the exit status. */
const NUMBERS: Partial<Record<Deno.Signal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
/** The status of a process that a signal ended, as shells report it. */
const SIGNAL_STATUS = 128;

const LET_IN_MS = 20;

/** A signal came. It is thrown to undo what was done. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor(readonly signal: Deno.Signal) {
    super(`interrupted by ${signal}`);
  }
  /** The exit status of the process. */
  get status(): number {
    return SIGNAL_STATUS + (NUMBERS[this.signal] ?? 0);
  }
}

/** Notes the first of the signals, from its creation until it is disposed of. */
export class Interruption {
  #signal: Deno.Signal | undefined;
  /** When waiting signals are let in again. */
  #next = 0;
  readonly #listeners: (readonly [Deno.Signal, () => void])[];

  /** @param onSignal passes the signal on to a child that runs */
  constructor(onSignal: (signal: Deno.Signal) => void) {
    this.#listeners = SIGNALS.map((signal) =>
      [signal, () => {
        this.#signal ??= signal;
        onSignal(signal);
      }] as const
    );
    for (const [signal, listener] of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  /**
   * Lets waiting signals in, not more often than every LET_IN_MS: a file may have thousands of
   * steps.
   * @throws Interrupted if a signal has come
   */
  async check(): Promise<void> {
    if (this.#signal === undefined && performance.now() >= this.#next) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#next = performance.now() + LET_IN_MS;
    }
    if (this.#signal !== undefined) throw new Interrupted(this.#signal);
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
