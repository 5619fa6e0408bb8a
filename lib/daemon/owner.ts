/**
 * The owner of a control socket: finds its process, watches a process that does not answer, and
 * kills it.
 *
 * The process id comes from the kernel, for the socket that is in the folder now, and not from a
 * file. Before a process gets a signal, it is checked that it still listens on a socket there.
 * @module
 */
import { ETIMEDOUT, osError } from "../base/errno.ts";
import { unixSocketOwner, unixSocketState } from "../../ffi/unix_socket.ts";
import { statField, wordsOf } from "../linux/process_facts.ts";
import { LOOK_UPS_NAME } from "./look_up_protocol.ts";
import { LOOK_UPS } from "./packed.ts";
import { PROCESS_NAME, SOCKET_FOLDER, socketNames, socketPath } from "./paths.ts";

/** How long a process may take to end after SIGTERM, and after SIGKILL. */
const TERM_MS = 3_000;
const KILL_MS = 10_000;
/** How often it is checked whether a process has ended. */
const LOOK_EVERY_MS = 5;
/** How long a process is watched. */
export const WATCH_MS = 400;
/**
 * The field `Flags` of a listening socket in /proc/net/unix (SO_ACCEPTCON, include/linux/net.h).
 */
const LISTENING = "00010000";

/** The process that listens on an interface's socket; undefined when it is not known for sure. */
export function socketOwner(name: string): number | undefined {
  const owner = connectedOwner(name);
  if (owner !== undefined) return owner;
  const path = socketPath(name);
  if (unixSocketState(path) !== "answers") return undefined;
  // The process that made the socket passed it to another one (wireguard-go), or the queue of
  // connections is full.
  const holders = processes().filter(listensInFolder);
  const ofPath = holders.filter((pid) => listens(pid, (at) => at === path));
  // After a rename, /proc still shows the path with which the socket was made. The process of this
  // one is known when those of all the others are.
  const others = new Set(
    socketNames().filter((other) => other !== name).map(connectedOwner),
  );
  const left = holders.filter((pid) => !others.has(pid));
  const candidates = ofPath.length === 1 && left.includes(ofPath[0]) ? ofPath : left;
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** The owner by the kernel's word, when the socket takes a connection. */
function connectedOwner(name: string): number | undefined {
  const pid = unixSocketOwner(socketPath(name));
  return pid !== undefined && listensInFolder(pid) ? pid : undefined;
}

const listensInFolder = (pid: number): boolean =>
  listens(pid, (path) => path.startsWith(`${SOCKET_FOLDER}/`));

/** Whether a process has a Unix socket that listens at a path for which `wanted` is true. */
function listens(pid: number, wanted: (path: string) => boolean): boolean {
  try {
    const inodes = new Set<string>();
    for (const line of Deno.readTextFileSync(`/proc/${pid}/net/unix`).split("\n")) {
      const [, flags, inode, path] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\S+) (.+)$/.exec(line) ?? [];
      if (flags === LISTENING && wanted(path)) inodes.add(`socket:[${inode}]`);
    }
    if (inodes.size === 0) return false;
    return descriptorsOf(pid)?.some((link) => inodes.has(link)) ?? isDaemon(pid);
  } catch {
    // The process has ended, or this user may not read its files.
    return false;
  }
}

/** The links of a process's descriptors; undefined when this user may not read them. */
function descriptorsOf(pid: number): string[] | undefined {
  try {
    const names = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => name);
    return names.flatMap((name) => {
      try {
        return [Deno.readLinkSync(`/proc/${pid}/fd/${name}`)];
      } catch (error) {
        // It was closed meanwhile.
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    });
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/**
 * Whether a process has the name of an interface's process. Its descriptors are for root with
 * CAP_SYS_PTRACE alone, which root in containers often lacks.
 * @throws Deno.errors.NotFound when the process has ended
 */
export const isDaemon = (pid: number): boolean =>
  Deno.readTextFileSync(`/proc/${pid}/comm`).trim() === PROCESS_NAME;

/**
 * Whether a process looks up names for an interface, or was started by one that does: it is in the
 * session of such a process.
 */
export function isLookUps(pid: number): boolean {
  const session = statField(pid, "session");
  const words = session === undefined ? [] : wordsOf(Number(session));
  return words.includes(LOOK_UPS_NAME) || words.includes(LOOK_UPS[1]);
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
 * The owner of a socket in a message: `process 123`, `process 123, which is stopped,` or, when it
 * is not known, `its process`.
 */
export function describeOwner(name: string): string {
  const pid = socketOwner(name);
  if (pid === undefined) return "its process";
  return isStopped(pid) ? `process ${pid}, which is stopped,` : `process ${pid}`;
}

const isStopped = (pid: number): boolean => ["T", "t"].includes(statField(pid, "state") ?? "");

/** The activity of a process while it was watched. */
export interface Watched {
  /** Milliseconds for which its main thread ran. */
  readonly ranMs: number;
  /** Milliseconds for which its threads waited for a processor, added up. */
  readonly waitedMs: number;
  /**
   * Whether its main thread is in a wait of the kernel's that no signal ends, as for its program on
   * a slow disk.
   */
  readonly blocked: boolean;
}

/** Watches a process for WATCH_MS. Undefined when /proc cannot be read. */
export async function watch(pid: number | undefined): Promise<Watched | undefined> {
  const before = schedule(pid);
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const after = schedule(pid);
  if (before === undefined || after === undefined) return undefined;
  return {
    ranMs: after.ranMs - before.ranMs,
    waitedMs: after.waitedMs - before.waitedMs,
    blocked: before.blocked && after.blocked,
  };
}

/**
 * The activity of a process since its start, and its state now
 * (Documentation/scheduler/sched-stats.rst).
 */
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
      // The thread has ended.
    }
  }
  return ranMs === undefined
    ? undefined
    : { ranMs, waitedMs, blocked: statField(pid, "state") === "D" };
}

/** Waits until a process has ended, for at most `withinMs`. Returns whether it has. */
export async function hasEnded(pid: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (!isGone(pid)) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}

/**
 * Whether a process has ended. A zombie counts as ended when all its other threads have ended too.
 */
function isGone(pid: number): boolean {
  const state = statField(pid, "state");
  if (state === undefined) return true;
  if (state !== "Z") return false;
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].length <= 1;
  } catch {
    return true;
  }
}

/**
 * Ends the process of an interface's socket, with SIGTERM and then with SIGKILL. A stopped process
 * gets SIGKILL at once.
 * @param pid the result of `socketOwner`; it is checked again before each signal
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
