/**
 * Two hosts on one machine: each is a room of scripts/netlab.ts (own network, processes and an empty /run), and a veth joins them.
 * The rooms end with this program, however it ends; nothing stays behind.
 * @module
 */

import { LabError, Room, type Running, type RunOptions as RoomOptions } from "../netlab.ts";
import { machineTicks, residentBytes, schedstatNanoseconds } from "./parse.ts";

/** The addresses of the two hosts outside the tunnel. */
const OUTSIDE = { left: "192.0.2.1", right: "192.0.2.2" } as const;

/**
 * Every program of a host has a session of its own, as services and logins have: Linux gives processor time by session first (sched_autogroup), so a program
 * that shares one with iperf3 is measured as it runs nowhere else, and not as one that leaves its starter's session.
 */
const OWN_SESSION = ["setsid"] as const;

/** The exit code of what was ended by SIGKILL, as shells give it. */
const KILLED = 137;

/** A command that did not do what it should. */
export class CommandError extends Error {
  constructor(argv: readonly string[], readonly code: number, readonly output: string) {
    super(`${shown(argv)}: exit ${code}: ${output.trim().slice(-400)}`);
    this.name = "CommandError";
  }
}

/** A command as it may be told: without what may be a key. */
function shown(argv: readonly string[]): string {
  return argv.map((word) => /^[A-Za-z0-9+/]{43}=$/.test(word) ? "(key)" : word).join(" ").slice(
    0,
    160,
  );
}

/** What a command printed and how it ended. */
export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  /** Given to its standard input, which is empty otherwise. */
  readonly input?: string;
  /** It is ended after so many seconds (default 60). */
  readonly timeoutSeconds?: number;
  /** Other exit codes than 0 are returned instead of thrown. */
  readonly anyCode?: boolean;
  readonly env?: Record<string, string>;
}

/** Runs a command to its end. Throws CommandError when it fails or takes too long. */
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
  /** The first process of this host, as this program sees it. */
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

  /** Runs a command on this host to its end. Throws CommandError when it fails or takes too long. */
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

  /** Starts a command that goes on until the host is closed. */
  start(argv: readonly string[], env: Record<string, string> = {}): Running {
    return this.room.spawn([...OWN_SESSION, ...argv], { env });
  }

  /** Living processes of this host but its first, as this program sees them. */
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
        // It ended while we looked.
      }
    }
    return found;
  }

  /** The outside name of a file of this host. */
  path(inside: string): string {
    return `/proc/${this.pid}/root${inside}`;
  }
}

/** Two joined hosts. */
export class Laboratory implements AsyncDisposable {
  private constructor(readonly left: Host, readonly right: Host) {}

  /** Makes both hosts and the veth between them. */
  static async open(): Promise<Laboratory> {
    const rooms: Room[] = [];
    try {
      rooms.push(await Room.open("root"), await Room.open("root"));
      const left = new Host(rooms[0], OUTSIDE.left);
      const right = new Host(rooms[1], OUTSIDE.right);
      // Only the network of the left one is entered: the number after "netns" is looked up among the processes outside.
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

  /** Takes everything away. */
  async close(): Promise<void> {
    await Promise.all([this.left.room.close(), this.right.room.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Seconds that these processes ran so far: the time of all their threads as the scheduler counts it. Work that the kernel does for a packet
 * in the context of the thread that sent or read it (the whole way over the veth, as a rule) is in it; ksoftirqd and the other side's iperf3 are not.
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

/** Resident bytes of the largest of these processes. */
export function residentMax(pids: readonly number[]): number {
  return Math.max(
    ...pids.map((pid) => residentBytes(Deno.readTextFileSync(`/proc/${pid}/status`))),
  );
}

/** What fraction of the machine (0 to 1) is in use by anybody for the next `milliseconds`. */
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

/** Tries `attempt` every `every` milliseconds until it gives something other than undefined. Throws `what` after `seconds`. */
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
