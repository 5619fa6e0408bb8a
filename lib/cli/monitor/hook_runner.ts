/**
 * Runs hooks: a program for an event, without a shell, with the event as a line of JSON on its
 * standard input. The time of a program, and how many run and wait, have limits. The events of one
 * peer are handled one after the other.
 * @module
 */
import { displayPath } from "../../base/quote.ts";
import type { EventRecord } from "../../uapi/events.ts";
import type { HookFolder } from "./hook_files.ts";
import { HOOK_SECONDS, HOOKS_RUNNING_MAX } from "./words.ts";

/** The most events that wait for their hook. */
export const HOOKS_WAITING_MAX = 1_000;
/** How often at most lost events are complained about. */
const LOST_EVERY_MS = 10_000;

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Options of a HookRunner. */
export interface HookOptions {
  readonly folder: Pick<HookFolder, "find">;
  /** Gets what went wrong, for people. */
  readonly complain: (problem: string) => void;
  /** HOOK_SECONDS; only tests pass another time. */
  readonly limitMs?: number;
}

/** Runs the hooks of one folder. */
export class HookRunner {
  readonly #options: HookOptions;
  #waiting: EventRecord[] = [];
  /** The interfaces and peers for which a hook runs now. */
  readonly #busy = new Set<string>();
  readonly #running = new Set<Deno.ChildProcess>();
  #lost = 0;
  #lostSaidAt = -Infinity;

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Runs the hook of an event, now or when there is room. Returns at once. */
  take(event: EventRecord): void {
    if (this.#waiting.length >= HOOKS_WAITING_MAX) this.#lose();
    else this.#waiting.push(event);
    this.#next();
  }

  /** Kills the hooks that run, and forgets those that wait. */
  close(): void {
    this.#waiting = [];
    for (const child of this.#running) kill(child);
  }

  /** Starts as many of the waiting hooks as may run. */
  #next(): void {
    const left: EventRecord[] = [];
    /** Later events of a peer must not overtake the first that waits. */
    const passed = new Set(this.#busy);
    for (const event of this.#waiting) {
      const key = keyOf(event);
      if (this.#busy.size >= HOOKS_RUNNING_MAX || passed.has(key)) {
        passed.add(key);
        left.push(event);
        continue;
      }
      const path = this.#find(event);
      if (path === undefined) continue;
      passed.add(key);
      this.#busy.add(key);
      void this.#run(path, event).finally(() => {
        this.#busy.delete(key);
        this.#next();
      });
    }
    this.#waiting = left;
  }

  #find({ event }: EventRecord): string | undefined {
    try {
      return this.#options.folder.find(event);
    } catch (error) {
      this.#options.complain(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  async #run(path: string, event: EventRecord): Promise<void> {
    const { complain, limitMs = HOOK_SECONDS * 1_000 } = this.#options;
    const name = displayPath(path);
    let child: Deno.ChildProcess;
    try {
      child = new Deno.Command(path, {
        args: [],
        clearEnv: true,
        cwd: "/",
        env: { PATH },
        stdin: "piped",
        stdout: "inherit",
        stderr: "inherit",
        // A session of its own, so that what it has started is killed with it.
        detached: true,
      }).spawn();
    } catch (error) {
      return complain(`${name}: cannot be run: ${error instanceof Error ? error.message : error}`);
    }
    this.#running.add(child);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      kill(child);
    }, limitMs);
    void give(child.stdin, `${JSON.stringify(event)}\n`);
    const { code, signal } = await child.status;
    clearTimeout(limit);
    this.#running.delete(child);
    if (late) complain(`${name}: killed, because it took longer than ${limitMs / 1000} s`);
    else if (signal !== null) complain(`${name}: ended by ${signal}`);
    else if (code !== 0) complain(`${name}: ended with status ${code}`);
  }

  #lose(): void {
    this.#lost++;
    const now = performance.now();
    if (now - this.#lostSaidAt < LOST_EVERY_MS) return;
    this.#lostSaidAt = now;
    this.#options.complain(
      `${this.#lost} events have had no hook so far: ${HOOKS_WAITING_MAX} wait already`,
    );
  }
}

const keyOf = (event: EventRecord): string => `${event.interface} ${event.peer ?? ""}`;

/** Kills a hook and what it has started. */
function kill(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

/** Writes to a program that may not read. */
async function give(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It has ended, or has closed its standard input.
  }
}
