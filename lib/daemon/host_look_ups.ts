/**
 * Looks up the hosts of endpoints for the control plane, without ever waiting for an answer. They
 * are looked up in the network namespace of the UDP sockets, because that is where the addresses
 * must be reached: a resolver behind the tunnel could not be asked while the tunnel is down. A
 * process that may not enter another rdomain looks them up in its own one.
 * @module
 */
import { EACCES, EPERM } from "../base/errno.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import type { NameAnswer } from "../device/device.ts";
import { NetNamespace } from "../linux/namespace.ts";
import { HostLookUp, LOOK_UP_THREAD_IDLE_MS } from "../../ffi/host_lookup.ts";
import { replacedNameSetting } from "./own_files.ts";

/** The most look-ups at once, each of which occupies a thread. Others wait. */
const LOOK_UPS_AT_ONCE = 16;
/** How long an answer is awaited. A resolver that does not answer may take longer to give up. */
const ANSWER_MS = 20_000;
/** How often it is looked whether answers are there: soon at first, then more rarely. */
const FIRST_POLL_MS = 5;
const POLL_MAX_MS = 100;

/** The parts that look-ups require. */
export interface HostLookUpOptions {
  /** The rdomain of the UDP sockets now. */
  readonly rtable: () => number;
  /** Takes the answer for a host. It is called once for each `lookUp`. */
  readonly answered: (host: string, answer: NameAnswer) => void;
  /** Begins a look-up; by default with getaddrinfo(3). */
  readonly begin?: (host: string, rtable: number) => UnderWay;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

/** A look-up that is under way. */
export interface UnderWay {
  /** The result; undefined while there is none. */
  result(): NameAnswer | undefined;
}

interface Running {
  readonly host: string;
  readonly lookUp: UnderWay;
  readonly since: number;
  /** Whether the answer is still awaited. */
  isAwaited: boolean;
}

/** The look-ups of one interface. */
export class HostLookUps {
  readonly #options: HostLookUpOptions;
  readonly #now: () => number;
  readonly #waiting: string[] = [];
  readonly #running = new Map<string, Running>();
  /** The rdomain of the look-ups that run, or ran last. */
  #rtable = 0;
  #lastEndedAt = -Infinity;
  #pollMs = FIRST_POLL_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: HostLookUpOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Begins to look up a host. The answer comes later, also when nothing can be looked up. */
  lookUp(host: string): void {
    if (this.#closed) return;
    const running = this.#running.get(host);
    if (running === undefined) this.#waiting.push(host);
    // It was given up, but is still under way. Its answer serves.
    else this.#running.set(host, { ...running, since: this.#now(), isAwaited: true });
    this.#pollMs = FIRST_POLL_MS;
    this.#schedule(0);
  }

  /** Ends all look-ups. Nothing is answered afterwards, and what hangs is not waited for. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn(), ms);
  }

  #turn(): void {
    const answers: [host: string, answer: NameAnswer][] = [];
    this.#finish(answers);
    this.#start(answers);
    for (const [host, answer] of answers) this.#options.answered(host, answer);
    if (this.#closed || this.#running.size + this.#waiting.length === 0) return;
    this.#schedule(this.#pollMs);
    this.#pollMs = Math.min(POLL_MAX_MS, this.#pollMs * 2);
  }

  #finish(answers: [string, NameAnswer][]): void {
    const now = this.#now();
    for (const running of this.#running.values()) {
      const { host, lookUp, since, isAwaited } = running;
      const result = lookUp.result();
      if (result !== undefined) {
        this.#running.delete(host);
        this.#lastEndedAt = now;
        if (isAwaited) answers.push([host, result]);
      } else if (isAwaited && now - since >= ANSWER_MS) {
        running.isAwaited = false;
        answers.push([host, { problem: `no answer for ${ANSWER_MS / 1_000} seconds` }]);
      }
    }
  }

  #start(answers: [string, NameAnswer][]): void {
    const rtable = this.#options.rtable();
    if (rtable !== this.#rtable) {
      // Threads of the other namespace would serve these look-ups too.
      const idle = this.#now() - this.#lastEndedAt;
      if (this.#running.size > 0 || idle < LOOK_UP_THREAD_IDLE_MS * 1.5) return;
      this.#rtable = rtable;
    }
    while (this.#waiting.length > 0 && this.#running.size < LOOK_UPS_AT_ONCE) {
      const host = this.#waiting.shift()!;
      try {
        const lookUp = (this.#options.begin ?? beginIn)(host, rtable);
        this.#running.set(host, { host, lookUp, since: this.#now(), isAwaited: true });
      } catch (error) {
        if (!(error instanceof OsError || error instanceof ConfigError)) throw error;
        answers.push([host, { problem: error.message }]);
      }
    }
  }
}

/** Begins a look-up in an rdomain, or, without the right to enter it, in the process's own one. */
function beginIn(host: string, rtable: number): HostLookUp {
  if (rtable === 0) return HostLookUp.begin(host);
  try {
    using namespace = NetNamespace.rdomain(rtable);
    return namespace.run(() => HostLookUp.begin(host));
  } catch (error) {
    // Landlock refuses to open the namespace with EACCES, the kernel to enter it with EPERM.
    const isRefusal = error instanceof OsError && [EPERM, EACCES].includes(error.errno);
    if (!isRefusal) throw error;
    return HostLookUp.begin(host);
  }
}

/**
 * Adds to a problem what this process may be missing: settings that another program has replaced
 * since it started.
 */
export function withReason(answer: NameAnswer): NameAnswer {
  if (!("problem" in answer)) return answer;
  const path = replacedNameSetting();
  if (path === undefined) return answer;
  const reason =
    `${path} was made or replaced after the start, and this process may not read it; ` +
    "`wg restart` starts one that may";
  return { ...answer, problem: `${answer.problem} (${reason})` };
}
