/**
 * Two hosts on one machine. Each is a room of scripts/netlab.ts with its own network, processes and
 * an empty /run. A veth joins them. The rooms always end with this program.
 * @module
 */

import { LabError, Room, type Running, type RunOptions as RoomOptions } from "../netlab.ts";
import { machineTicks, residentBytes, schedstatNanoseconds } from "./parse.ts";

/** The addresses of the two hosts outside the tunnel. */
const OUTSIDE = { left: "192.0.2.1", right: "192.0.2.2" } as const;

/**
 * Every program of a host has its own session, as services and logins have. Linux shares processor
 * time by session first (sched_autogroup). A program in the session of iperf3 would be measured
 * under conditions that exist nowhere else.
 */
const OWN_SESSION = ["setsid"] as const;

/** The exit code of a process that SIGKILL ended, as of shells. */
const KILLED = 137;

/** A command that failed. */
export class CommandError extends Error {
  constructor(argv: readonly string[], readonly code: number, readonly output: string) {
    super(`${shown(argv)}: exit ${code}: ${output.trim().slice(-400)}`);
    this.name = "CommandError";
  }
}

/** A command for messages, without possible keys. */
function shown(argv: readonly string[]): string {
  return argv.map((word) => /^[A-Za-z0-9+/]{43}=$/.test(word) ? "(key)" : word).join(" ").slice(
    0,
    160,
  );
}

/** The output and exit code of a command. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of a command. */
export interface RunOptions {
  /** The text for standard input, which is empty otherwise. */
  readonly input?: string;
  /** The seconds after which the command is ended (default 60). */
  readonly timeoutSeconds?: number;
  /** Whether exit codes other than 0 are returned instead of thrown. */
  readonly anyCode?: boolean;
  readonly env?: Record<string, string>;
}

/**
 * Runs a command to its end.
 * @throws CommandError if it fails or takes too long
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
  const child = new Deno.Command(argv[0], {
    args: argv.slice(1),
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(options.env === undefined ? {} : { env: options.env }),
  }).spawn();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.input)).catch(() => {});
    await writer.close().catch(() => {});
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, (options.timeoutSeconds ?? 60) * 1000);
  try {
    const ended = await child.output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const output = { code: ended.code, stdout: decode(ended.stdout), stderr: decode(ended.stderr) };
    if (late) {
      throw new CommandError(argv, ended.code, `not done after ${options.timeoutSeconds ?? 60} s`);
    }
    if (output.code !== 0 && options.anyCode !== true) {
      throw new CommandError(argv, output.code, output.stderr || output.stdout);
    }
    return output;
  } finally {
    clearTimeout(timer);
  }
}

/** One of the two hosts. */
export class Host {
  /** The first process of the host, as this program sees it. */
  readonly pid: number;
  /** The number of its process namespace. */
  readonly #processes: string;

  constructor(
    readonly room: Room,
    /** Its address on the veth. */
    readonly address: string,
  ) {
    this.pid = room.pid;
    this.#processes = Deno.readLinkSync(`/proc/${room.pid}/ns/pid`);
  }

  /**
   * Runs a command on this host to its end.
   * @throws CommandError if it fails or takes too long
   */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
    const inRoom: RoomOptions = {
      timeoutMs: (options.timeoutSeconds ?? 60) * 1000,
      ...(options.input === undefined ? {} : { stdin: options.input }),
      ...(options.env === undefined ? {} : { env: options.env }),
    };
    const output = await this.room.run([...OWN_SESSION, ...argv], inRoom).catch((error) => {
      if (!(error instanceof LabError)) throw error;
      throw new CommandError(argv, KILLED, `not done after ${options.timeoutSeconds ?? 60} s`);
    });
    if (output.code !== 0 && options.anyCode !== true) {
      throw new CommandError(argv, output.code, output.stderr || output.stdout);
    }
    return output;
  }

  /** Starts a command that runs until the host is closed. */
  start(argv: readonly string[], env: Record<string, string> = {}): Running {
    return this.room.spawn([...OWN_SESSION, ...argv], { env });
  }

  /** The living processes of the host except the first, as this program sees them. */
  processes(): number[] {
    const found: number[] = [];
    for (const entry of Deno.readDirSync("/proc")) {
      const pid = Number(entry.name);
      if (!Number.isInteger(pid) || pid === this.pid) continue;
      try {
        // A zombie has no command line.
        if (Deno.readLinkSync(`/proc/${pid}/ns/pid`) !== this.#processes) continue;
        if (Deno.readTextFileSync(`/proc/${pid}/cmdline`) !== "") found.push(pid);
      } catch {
        // It has ended meanwhile.
      }
    }
    return found;
  }

  /** The path of a file of this host as seen from outside. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`;
  }
}

/** Two joined hosts. */
export class Laboratory implements AsyncDisposable {
  private constructor(readonly left: Host, readonly right: Host) {}

  /** Creates both hosts and the veth between them. */
  static async open(): Promise<Laboratory> {
    const rooms: Room[] = [];
    try {
      rooms.push(await Room.open("root"), await Room.open("root"));
      const left = new Host(rooms[0], OUTSIDE.left);
      const right = new Host(rooms[1], OUTSIDE.right);
      // Only the network of the left host is entered: the number after "netns" is looked up among
      // the outer processes.
      const link = [
        "ip",
        "link",
        "add",
        "wire",
        "type",
        "veth",
        "peer",
        "name",
        "wire",
        "netns",
        String(right.pid),
      ];
      await run(["nsenter", "--target", String(left.pid), "--net", "--", ...link]);
      for (const host of [left, right]) {
        await host.run(["ip", "address", "add", `${host.address}/24`, "dev", "wire"]);
        await host.run(["ip", "link", "set", "wire", "up"]);
      }
      return new Laboratory(left, right);
    } catch (error) {
      for (const room of rooms) await room.close();
      throw error;
    }
  }

  /** Closes both hosts. */
  async close(): Promise<void> {
    await Promise.all([this.left.room.close(), this.right.room.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * The CPU time of processes in seconds: that of all their threads by the scheduler. It includes the
 * kernel's work in the context of the thread that sends or reads a packet, usually the whole way
 * over the veth. It does not include ksoftirqd and the iperf3 of the other side.
 */
export function cpuSeconds(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const task of Deno.readDirSync(`/proc/${pid}/task`)) {
      nanoseconds += schedstatNanoseconds(
        Deno.readTextFileSync(`/proc/${pid}/task/${task.name}/schedstat`),
      );
    }
  }
  return nanoseconds / 1e9;
}

/** The CPU time in seconds of the threads of processes whose name matches, by their number. */
export function threadSeconds(pids: readonly number[], name: RegExp): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of pids) {
    for (const { name: task } of Deno.readDirSync(`/proc/${pid}/task`)) {
      const folder = `/proc/${pid}/task/${task}`;
      if (!name.test(Deno.readTextFileSync(`${folder}/comm`))) continue;
      found.set(task, schedstatNanoseconds(Deno.readTextFileSync(`${folder}/schedstat`)) / 1e9);
    }
  }
  return found;
}

/** Resident bytes of the largest of these processes. */
export function residentMax(pids: readonly number[]): number {
  return Math.max(
    ...pids.map((pid) => residentBytes(Deno.readTextFileSync(`/proc/${pid}/status`))),
  );
}

/** The fraction of the machine (0 to 1) that is in use for the next `milliseconds`. */
export async function machineLoad(milliseconds: number): Promise<number> {
  const before = machineTicks(Deno.readTextFileSync("/proc/stat"));
  await sleep(milliseconds);
  const after = machineTicks(Deno.readTextFileSync("/proc/stat"));
  return 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

/** Waits. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/**
 * Calls `attempt` every `every` milliseconds until it returns something other than undefined.
 * @throws LabError with `what` after `seconds`
 */
export async function until<T>(
  what: string,
  seconds: number,
  every: number,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  while (true) {
    const found = await attempt();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(every);
  }
}
