/**
 * Processes that the laboratory and the test runner start: what they wrote so far, and waits that
 * end.
 *
 * A program in a room (scripts/netlab.ts) is a child of nsenter(1). When the program is stopped,
 * nsenter stops itself. Only SIGKILL then ends the program, and a stopped nsenter takes no note of
 * that, so the room would not end either. `goOn` lets such an nsenter go on.
 * @module
 */

/**
 * The longest wait for one thing, unless told. It is long because machines that run tests are busy,
 * and may be so short of memory that programs are read from the disk again and again.
 */
export const LONG_MS = 180_000;
/** How often a wait looks at the process, and at a condition. */
const LOOK_MS = 500;
const CONDITION_LOOK_MS = 20;
/** How long the kernel may take to end a process that is killed. */
const KILLED_MS = 5_000;

/** A command of the laboratory failed. */
export class LabError extends Error {
  override readonly name = "LabError";
}

/** How a process is started. */
export interface StartOptions {
  /** Where, and with which variables. */
  readonly command: Pick<Deno.CommandOptions, "cwd" | "env">;
  /** What it reads; nothing unless told. */
  readonly stdin?: string | undefined;
  /** It writes where this process writes; `output` is empty then. */
  readonly visible?: boolean | undefined;
  /** Its name in messages. */
  readonly name: string;
}

/** A process that was started. */
export class Running {
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];
  readonly #finished: Promise<Deno.CommandStatus>;
  #hasExited = false;
  #hasEnded = false;
  #stdout = "";
  #stderr = "";
  #output = "";
  #wroteAt = performance.now();

  constructor([program, ...args]: readonly string[], options: StartOptions) {
    const { command, stdin, visible = false, name } = options;
    const output = visible ? "inherit" : "piped";
    this.#name = name;
    this.#child = new Deno.Command(program, {
      ...command,
      args,
      stdin: stdin === undefined ? "null" : "piped",
      stdout: output,
      stderr: output,
    }).spawn();
    this.#finished = this.#finish(stdin, visible);
  }

  /** Its process id as the host sees it. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The process id of the program behind nsenter, as the host sees it. */
  get program(): number {
    return innermost(this.pid);
  }

  /** What it wrote so far, both streams. */
  output(): string {
    return this.#output;
  }

  /** What it wrote to standard output so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What it wrote to standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Whether it has ended, and nobody else has its output open. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Waits for its end, at most LONG_MS from when this is read.
   * @throws LabError with the states of its processes and what it wrote when it has not ended
   */
  get status(): Promise<Deno.CommandStatus> {
    return this.wait(LONG_MS);
  }

  /**
   * Waits for its end, as `status`, for at most `withinMs`, or until it has written nothing for
   * `silentMs`.
   */
  async wait(withinMs: number, silentMs = Infinity): Promise<Deno.CommandStatus> {
    const late = performance.now() + withinMs;
    let left = withinMs;
    while (left > 0 && performance.now() - this.#wroteAt < silentMs) {
      const status = await within(this.#finished, Math.min(left, LOOK_MS));
      if (status !== undefined) return status;
      this.goOn();
      left = late - performance.now();
    }
    const why = left > 0 ? `silent for ${silentMs} ms` : `not done after ${withinMs} ms`;
    throw new LabError(`${this.#name}: ${why}: ${this.#states()}\n${this.#output}`);
  }

  /**
   * Waits until it has written a text, or something that an expression matches, to one of its
   * streams. @returns the match
   * @param what an expression without the flag `g`
   * @throws LabError with the states of its processes and what it wrote, after `withinMs`, or when
   *   it has ended without
   */
  async wrote(what: string | RegExp, withinMs: number = LONG_MS): Promise<readonly string[]> {
    const late = performance.now() + withinMs;
    while (true) {
      const hasEnded = this.#hasEnded;
      const match = typeof what === "string"
        ? this.#output.includes(what) && [what]
        : what.exec(this.#output);
      if (match) return match;
      if (hasEnded || performance.now() > late) {
        const why = hasEnded ? "ended without writing" : `after ${withinMs} ms it has not written`;
        throw new LabError(
          `${this.#name}: ${why} ${JSON.stringify(`${what}`)}: ${this.#states()}\n${this.#output}`,
        );
      }
      await within(this.#finished, CONDITION_LOOK_MS);
    }
  }

  /** Sends a signal to the program, behind nsenter. */
  signal(signal: Deno.Signal): void {
    if (this.#hasExited) return;
    kill(this.program, signal);
    this.goOn();
  }

  /** Lets nsenter go on when it is stopped and its program is not. */
  goOn(): void {
    if (this.#hasExited) return;
    const { program } = this;
    if (program !== this.pid && isStopped(this.pid) && !isStopped(program)) {
      kill(this.pid, "SIGCONT");
    }
  }

  /** Ends it and all processes below it, and reads no more of what others write for it. */
  async kill(): Promise<void> {
    // nsenter ends after its program, whose end it has to take note of.
    const isNsenter = (pid: number) => nameOf(pid) === "nsenter";
    const processes = this.#hasExited ? [] : tree(this.pid);
    for (const pid of processes) if (!isNsenter(pid)) kill(pid, "SIGKILL");
    for (const pid of processes) if (isNsenter(pid)) kill(pid, "SIGCONT");
    await within(this.#child.status, KILLED_MS);
    await Promise.all(this.#readers.map((reader) => reader.cancel()));
  }

  async #finish(stdin: string | undefined, visible: boolean): Promise<Deno.CommandStatus> {
    const exit = this.#child.status.then((status) => {
      this.#hasExited = true;
      return status;
    });
    const [status] = await Promise.all([
      exit,
      stdin === undefined ? undefined : this.#write(stdin),
      ...(visible ? [] : [
        this.#collect(this.#child.stdout, (text) => this.#stdout += text),
        this.#collect(this.#child.stderr, (text) => this.#stderr += text),
      ]),
    ]);
    this.#hasEnded = true;
    return status;
  }

  async #write(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text)).catch(() => {});
    await writer.close().catch(() => {});
  }

  async #collect(
    stream: ReadableStream<Uint8Array>,
    take: (text: string) => void,
  ): Promise<void> {
    const reader = stream.getReader();
    this.#readers.push(reader);
    const decoder = new TextDecoder();
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
      const text = decoder.decode(value, { stream: true });
      this.#wroteAt = performance.now();
      this.#output += text;
      take(text);
    }
  }

  /** What its processes do, for messages. */
  #states(): string {
    if (this.#hasEnded) return "it has ended";
    if (this.#hasExited) return "it has ended, but another process has its output open";
    return tree(this.pid).map(describe).join(", ");
  }
}

/**
 * Waits until `condition` gives something other than undefined or false. @throws LabError after
 * `timeoutMs`
 */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = LONG_MS,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (let pauseMs = 1;; pauseMs = Math.min(2 * pauseMs, CONDITION_LOOK_MS)) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new LabError(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** What a promise gives within a time, or undefined. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: number | undefined;
  const late = new Promise<undefined>((resolve) => timer = setTimeout(resolve, ms));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The process behind nsenter's forks: the one that a signal is meant for. */
function innermost(pid: number): number {
  const [child] = nameOf(pid) === "nsenter" ? childrenOf(pid) : [];
  return child === undefined ? pid : innermost(child);
}

/** A process and all below it, parents first. */
function tree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(tree)];
}

function childrenOf(pid: number): number[] {
  try {
    const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
    return threads.flatMap(({ name }) =>
      (fileOf(pid, `task/${name}/children`) ?? "").split(" ").filter((word) => word !== "").map(
        Number,
      )
    );
  } catch {
    return [];
  }
}

/** A file below /proc/PID without the blanks around it; undefined when the process is gone. */
function fileOf(pid: number, name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`).trim();
  } catch {
    return undefined;
  }
}

const nameOf = (pid: number) => fileOf(pid, "comm");

/** R, S, D, T, Z, ... as of proc(5); empty for a process that is gone. */
const stateOf = (pid: number) => /\) (\S)/.exec(fileOf(pid, "stat") ?? "")?.[1] ?? "";
const isStopped = (pid: number) => stateOf(pid) === "T";

/** A process in a message: its id, name, state and where in the kernel it waits. */
function describe(pid: number): string {
  const waits = fileOf(pid, "wchan") ?? "0";
  return `${pid} ${nameOf(pid)} ${stateOf(pid)}${waits === "0" ? "" : ` in ${waits}`}`;
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}
