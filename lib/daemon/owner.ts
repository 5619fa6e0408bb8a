/**
 * The process behind a control socket: which one it is, what it does when it does not answer, and
 * its end by force.
 *
 * Nothing is done to a process because a file names it. The kernel tells who listens on the socket
 * that is in the folder now, and the process must still hold a socket that listens there.
 * @module
 */
import { ETIMEDOUT, osError } from "../base/errno.ts";
import { unixSocketOwner } from "../../ffi/unix_socket.ts";
import { SOCKET_FOLDER, socketPath } from "./paths.ts";

/** How long a process may take to end after SIGTERM, and after SIGKILL. */
const TERM_MS = 3_000;
const KILL_MS = 10_000;
/** How often it is looked whether it has. */
const LOOK_EVERY_MS = 5;
/** For how long a process is watched. */
export const WATCH_MS = 400;
/**
 * `Flags` of a socket that listens (SO_ACCEPTCON, include/linux/net.h), as /proc/net/unix has them.
 */
const LISTENING = "00010000";

/**
 * The process that listens on the interface's socket; undefined when it is not in sight, or not
 * surely known.
 */
export function socketOwner(name: string): number | undefined {
  const path = socketPath(name);
  const pid = unixSocketOwner(path);
  // A renamed link's socket has the path in /proc that it was made with.
  if (pid !== undefined && listensInFolder(pid)) return pid;
  // The process that made the socket handed it on (wireguard-go), or so many wait that the kernel
  // lets nobody ask.
  const holders = processes().filter((other) => listens(other, (at) => at === path));
  return holders.length === 1 ? holders[0] : undefined;
}

const listensInFolder = (pid: number): boolean =>
  listens(pid, (path) => path.startsWith(`${SOCKET_FOLDER}/`));

/** Whether a process holds a Unix socket that listens at such a path. */
function listens(pid: number, wanted: (path: string) => boolean): boolean {
  try {
    const inodes = new Set<string>();
    for (const line of Deno.readTextFileSync(`/proc/${pid}/net/unix`).split("\n")) {
      const [, flags, inode, path] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\S+) (.+)$/.exec(line) ?? [];
      if (flags === LISTENING && wanted(path)) inodes.add(`socket:[${inode}]`);
    }
    if (inodes.size === 0) return false;
    return [...Deno.readDirSync(`/proc/${pid}/fd`)].some(({ name }) =>
      inodes.has(linkOr(`/proc/${pid}/fd/${name}`))
    );
  } catch {
    // It ended, or this user may not look.
    return false;
  }
}

function linkOr(path: string, otherwise = ""): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return otherwise;
  }
}

const processes = (): number[] =>
  namesIn("/proc").map(Number).filter((pid) => Number.isInteger(pid));

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/**
 * The process for a message: `process 123`, `process 123, which is stopped,`, or `its process` when
 * it is not known.
 */
export function describeOwner(name: string): string {
  const pid = socketOwner(name);
  if (pid === undefined) return "its process";
  return isStopped(pid) ? `process ${pid}, which is stopped,` : `process ${pid}`;
}

/** The state in /proc/PID/status, e.g. `T`; undefined when there is no such process. */
function stateOf(pid: number): string | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return /^State:\s*(\S)/m.exec(status)?.[1];
  } catch {
    return undefined;
  }
}

const isStopped = (pid: number): boolean => ["T", "t"].includes(stateOf(pid) ?? "");

/** What a process did in a while. */
export interface Watched {
  /** How long its main thread ran. */
  readonly ranMs: number;
  /** How long its threads, added up, could have run and got no processor. */
  readonly waitedMs: number;
}

/** Watches a process for WATCH_MS. Undefined when it cannot be told. */
export async function watch(pid: number | undefined): Promise<Watched | undefined> {
  const before = schedule(pid);
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const after = schedule(pid);
  if (before === undefined || after === undefined) return undefined;
  return { ranMs: after.ranMs - before.ranMs, waitedMs: after.waitedMs - before.waitedMs };
}

/** What it did so far (Documentation/scheduler/sched-stats.rst). */
function schedule(pid: number | undefined): Watched | undefined {
  if (pid === undefined) return undefined;
  let ranMs: number | undefined;
  let waitedMs = 0;
  for (const name of namesIn(`/proc/${pid}/task`)) {
    try {
      const [ranNs, waitedNs] = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(
        " ",
      );
      if (Number(name) === pid) ranMs = Number(ranNs) / 1e6;
      waitedMs += Number(waitedNs) / 1e6;
    } catch {
      // The thread ended meanwhile.
    }
  }
  return ranMs === undefined ? undefined : { ranMs, waitedMs };
}

/** Waits for the end of a process. Returns whether it came within the time. */
export async function hasEnded(pid: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (!isGone(pid)) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}

/**
 * A process that ended, with all its threads, but was not yet waited for by its parent is gone for
 * everybody else.
 */
function isGone(pid: number): boolean {
  if (stateOf(pid) === undefined) return true;
  if (stateOf(pid) !== "Z") return false;
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].length <= 1;
  } catch {
    return true;
  }
}

/**
 * Ends the process of an interface's socket: by SIGTERM where it can hear it, otherwise by SIGKILL.
 * @param pid as `socketOwner` told; it is looked at again before each signal
 * @throws OsError `ETIMEDOUT` when it does not end, `EPERM` when this user may not end it
 */
export async function endOwner(name: string, pid: number): Promise<void> {
  const steps = [["SIGTERM", TERM_MS], ["SIGKILL", KILL_MS]] as const;
  for (const [signal, withinMs] of isStopped(pid) ? steps.slice(1) : steps) {
    if (await hasEnded(pid, 0)) return;
    if (!listensInFolder(pid)) break;
    send(name, pid, signal);
    if (await hasEnded(pid, withinMs)) return;
  }
  if (!await hasEnded(pid, TERM_MS)) {
    throw osError("destroy", name, ETIMEDOUT, `process ${pid} does not end`);
  }
}

function send(name: string, pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      throw osError("kill", `${name}, process ${pid}`, 1);
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
