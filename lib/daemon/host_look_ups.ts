/**
 * Looks up the hosts of endpoints for the control plane, without ever waiting for an answer. A
 * process of its own does it, which has neither keys nor rights. This process may start no other
 * one: a command starts it and lends its socket (look_up_process.ts).
 * @module
 */
import { OsError } from "../base/errors.ts";
import type { NameAnswer } from "../device/device.ts";
import { LOOK_UP_SECONDS, SLOTS } from "./look_up_protocol.ts";
import type { LookUpProcess } from "./look_up_socket.ts";

/** How long an answer is awaited. The process gives up earlier, unless it is stopped. */
const ANSWER_MS = (LOOK_UP_SECONDS + 10) * 1_000;
/** How long a host waits for a process, which a command starts. */
const PROCESS_MS = 10_000;
/** How often it is looked whether answers are there: soon at first, then more rarely. */
const FIRST_POLL_MS = 5;
const POLL_MAX_MS = 100;

/** The parts that look-ups require. */
export interface HostLookUpOptions {
  /** Takes the answer for a host. A host for which `lookUp` is called meanwhile has one answer. */
  readonly answered: (host: string, answer: NameAnswer) => void;
  /** Called when the process has ended. */
  readonly lost?: () => void;
  /** What to do without a process, for the user. */
  readonly remedy: () => string;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

interface Waiting {
  readonly host: string;
  readonly since: number;
}

interface Running extends Waiting {
  readonly slot: number;
  /** Whether the answer is still awaited. */
  readonly isAwaited: boolean;
}

/** The look-ups of one interface. */
export class HostLookUps {
  readonly #options: HostLookUpOptions;
  readonly #now: () => number;
  #waiting: Waiting[] = [];
  readonly #running = new Map<string, Running>();
  readonly #freeSlots: number[] = [];
  #process: LookUpProcess | undefined;
  /** Why a command could not start a process; empty when none has tried. */
  #refusal = "";
  #pollMs = FIRST_POLL_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: HostLookUpOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The id of the process that looks up names; 0 without one. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Has a process do the look-ups from now on. The former one ends. */
  use(process: LookUpProcess): void {
    if (this.#closed) return process.close();
    this.end();
    this.#process = process;
    this.#refusal = "";
    this.#freeSlots.splice(0, SLOTS, ...Array.from({ length: SLOTS }, (_, slot) => slot));
    this.#soon();
  }

  /** There will be no process, for this reason. What waits for one waits no longer. */
  refused(reason: string): void {
    this.#refusal = reason;
    this.#waiting = this.#waiting.map(({ host }) => ({ host, since: -Infinity }));
    this.#soon();
  }

  /** Ends the process. What it was asked for waits for another one. */
  end(): void {
    this.#process?.close();
    this.#process = undefined;
    const since = this.#now();
    this.#waiting.unshift(...this.#awaited().map(({ host }) => ({ host, since })));
    this.#running.clear();
  }

  /** Begins to look up a host. The answer comes later, also when nothing can be looked up. */
  lookUp(host: string): void {
    if (this.#closed) return;
    const running = this.#running.get(host);
    const since = this.#now();
    if (running !== undefined) {
      // It was given up, but is still under way. Its answer serves.
      this.#running.set(host, { ...running, since, isAwaited: true });
    } else if (!this.#waiting.some((waiting) => waiting.host === host)) {
      this.#waiting.push({ host, since });
    }
    this.#soon();
  }

  /** Ends all look-ups and the process. Nothing is answered afterwards. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#process?.close();
    this.#process = undefined;
  }

  #awaited(): Running[] {
    return [...this.#running.values()].filter(({ isAwaited }) => isAwaited);
  }

  #soon(): void {
    this.#pollMs = FIRST_POLL_MS;
    this.#schedule(0);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn(), ms);
  }

  #turn(): void {
    const answers: [host: string, answer: NameAnswer][] = [];
    try {
      if (this.#process !== undefined) this.#move(this.#process, answers);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.end();
      this.#options.lost?.();
    }
    if (this.#process === undefined) this.#doWithout(answers);
    for (const [host, answer] of answers) this.#options.answered(host, answer);
    if (this.#closed || this.#running.size + this.#waiting.length === 0) return;
    this.#schedule(this.#pollMs);
    this.#pollMs = Math.min(POLL_MAX_MS, this.#pollMs * 2);
  }

  /** Takes the answers that are there, and begins with others. @throws OsError */
  #move(process: LookUpProcess, answers: [string, NameAnswer][]): void {
    for (const { slot, answer } of process.answers()) {
      const running = [...this.#running.values()].find((one) => one.slot === slot);
      // Nobody asked: the answer of a slot that is free, or a second one.
      if (running === undefined) continue;
      process.giveBack(slot);
      this.#running.delete(running.host);
      this.#freeSlots.push(slot);
      if (running.isAwaited) answers.push([running.host, answer]);
    }
    const now = this.#now();
    for (const running of this.#awaited()) {
      if (now - running.since < ANSWER_MS) continue;
      this.#running.set(running.host, { ...running, isAwaited: false });
      answers.push([running.host, { problem: `no answer for ${ANSWER_MS / 1_000} seconds` }]);
    }
    while (this.#waiting.length > 0 && this.#freeSlots.length > 0) {
      const [{ host }] = this.#waiting, [slot] = this.#freeSlots;
      process.ask(slot, host);
      this.#waiting.shift();
      this.#freeSlots.shift();
      this.#running.set(host, { host, slot, since: now, isAwaited: true });
    }
  }

  /** Answers for those who have waited for a process long enough. */
  #doWithout(answers: [string, NameAnswer][]): void {
    const now = this.#now();
    const isOver = ({ since }: Waiting) => now - since >= PROCESS_MS;
    const reason = this.#refusal === "" ? "" : ` (${this.#refusal})`;
    const problem = `no process looks it up${reason}; ${this.#options.remedy()}`;
    for (const { host } of this.#waiting.filter(isOver)) answers.push([host, { problem }]);
    this.#waiting = this.#waiting.filter((waiting) => !isOver(waiting));
  }
}
