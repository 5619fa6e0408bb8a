/**
 * Asking the daemons: what the commands do with them. Whoever may connect to a daemon's socket may ask it: its owner and root.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { osError } from "../base/errno.ts";
import { parseGet } from "../uapi/get.ts";
import { parseReply } from "../uapi/reply.ts";
import { formatSet } from "../uapi/set.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { unixSocketOwner, unixSocketState } from "../../ffi/unix_socket.ts";
import type { LogLine } from "./log_text.ts";
import { publicPath, socketNames, socketPath } from "./paths.ts";

const ENXIO = 6;
const ETIMEDOUT = 110;
const EPROTO = 71;
const ECONNREFUSED = 111;
/** How long a daemon may take to answer, and to be gone after it was told to end. */
const ANSWER_MS = 20_000;
const END_MS = 15_000;
/** Bytes of the longest answer taken: PEERS_MAX peers with everything set. */
const ANSWER_MAX = 256 * 1024 * 1024;

/**
 * The interfaces that have a daemon (sockets left behind by a dead one are passed over), sorted as people count; also those that this user
 * may not ask.
 */
export const interfaceNames = (): string[] => socketNames().filter(interfaceExists);

/** Whether there is a daemon of this name, which this user may ask or not. @throws ConfigError when the name cannot be one */
export function interfaceExists(name: string): boolean {
  const state = unixSocketState(socketPath(name));
  // A folder that may not be looked into denies everything.
  return state === "answers" || state === "denied" && socketNames().includes(name);
}

/** The processes behind all control sockets, of other implementations too, as far as they can be told. */
export function daemonProcesses(): ReadonlySet<number> {
  const owners = socketNames().map((name) => unixSocketOwner(socketPath(name)));
  return new Set(owners.filter((pid) => pid !== undefined));
}

/** Whether there is a daemon of this name that this user may not ask. @throws ConfigError when the name cannot be one */
export const interfaceDenied = (name: string): boolean => unixSocketState(socketPath(name)) === "denied";

/** What anybody may know of an interface (no keys, no peers), or undefined when it tells nothing. */
export function publicFacts(name: string): InterfaceStatus | undefined {
  try {
    return parseGet(Deno.readTextFileSync(publicPath(name)));
  } catch {
    return undefined;
  }
}

/**
 * All about one interface. Also works, with fewer facts, with another implementation's daemon.
 * @throws ConfigError when the name cannot be one
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not ask
 */
export async function getDevice(name: string): Promise<InterfaceStatus> {
  const text = await ask(name, "get=2\n\n");
  // A daemon that does not know version 2 answers with an error, or hangs up.
  const other = text === "" || /^errno=-?[1-9]/.test(text);
  return parseGet(parseReply(other ? await ask(name, "get=1\n\n") : text, name));
}

/**
 * Changes an interface, whole or not at all.
 * @throws ConfigError what the daemon found wrong with a value
 * @throws OsError what the kernel refused (`EADDRINUSE` for the port), or as `getDevice`
 */
export async function setDevice(name: string, change: DeviceChange): Promise<void> {
  const lines = formatSet(change);
  let text = await ask(name, `set=2\n${lines}\n`);
  if (text === "") text = await ask(name, `set=1\n${lines}\n`);
  parseReply(text, name);
}

/**
 * Ends an interface and waits until its process is gone.
 * @throws OsError `ENXIO` when there is no such interface, `ETIMEDOUT` when the process does not end
 */
export async function destroyDaemon(name: string): Promise<void> {
  const text = await ask(name, "destroy=1\n\n", { untilHangUp: true });
  const pid = Number(/^pid=([0-9]+)$/m.exec(text)?.[1] ?? "0");
  parseReply(text === "" ? "errno=0\n\n" : text, name);
  const until = Date.now() + END_MS;
  while (pid > 0 && processLives(pid)) {
    if (Date.now() > until) throw osError("destroy", name, ETIMEDOUT);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The lines of an interface's log after `since`, the number of the last one already seen (0 for all that are kept). @throws as `getDevice` */
export async function readLog(name: string, since = 0): Promise<LogLine[]> {
  const { parseLog } = await import("./log_text.ts");
  return parseLog(parseReply(await ask(name, `dmesg=1\nsince=${since}\n\n`), name));
}

/**
 * Starts the daemon of a new interface in the current network namespace with its first configuration, and waits until the interface, the UDP
 * sockets and the control socket are there. The link is down, as the kernel makes it.
 * @param environment for the daemon: `LOG_LEVEL`
 * @returns the daemon's process id
 * @throws ConfigError or OsError, whatever kept the daemon from starting; then nothing is left of it
 */
export async function spawnDaemon(
  name: string,
  change: DeviceChange,
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { spawn } = await import("./spawn.ts");
  return await spawn(name, formatSet(change), environment);
}

/**
 * Opens the network namespace that an interface is in: `open` gets a path that is good during the call.
 * @returns what `open` returned
 * @throws as `getDevice`; what `open` throws
 */
export async function openPlace<T>(name: string, open: (path: string) => T): Promise<T> {
  let opened: { readonly place: T } | undefined;
  await ask(name, "netns=1\n\n", {
    whileConnected: (text) => {
      const path = /^netns=(.+)$/m.exec(parseReply(text, name))?.[1];
      if (path !== undefined) opened = { place: open(path) };
    },
  });
  if (opened === undefined) throw osError("uapi", name, EPROTO, "the daemon does not tell where the interface is");
  return opened.place;
}

/**
 * Has the daemon take the link up or down: then the interface keeps its IPv6 addresses and routes.
 * @returns whether it did: another implementation's daemon does not
 * @throws as `getDevice`
 */
export async function setLinkUp(name: string, up: boolean): Promise<boolean> {
  return /^errno=0$/m.test(await ask(name, `link=${up ? "up" : "down"}\n\n`));
}

/** How an operation is asked for. */
interface Asking {
  /** The answer is all that comes until the daemon hangs up. */
  readonly untilHangUp?: boolean;
  /** Called with the answer before the connection is closed. */
  readonly whileConnected?: (text: string) => void;
}

/** Sends one operation and returns the whole answer; empty when the daemon hung up without one. */
async function ask(name: string, request: string, asking: Asking = {}): Promise<string> {
  const connection = await connect(name);
  // The first setTimeout of a process loads Node's timers, 10 ms; this does not.
  const late = AbortSignal.timeout(ANSWER_MS);
  const hangUp = () => connection.close();
  late.addEventListener("abort", hangUp);
  try {
    const bytes = new TextEncoder().encode(request);
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    bytes.fill(0);
    const text = await readAnswer(connection, name, asking.untilHangUp === true);
    asking.whileConnected?.(text);
    return text;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset) return "";
    if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
      throw osError("uapi", name, ETIMEDOUT, "the daemon does not answer");
    }
    throw error;
  } finally {
    late.removeEventListener("abort", hangUp);
    try {
      connection.close();
    } catch {
      // Closed by the timer.
    }
  }
}

async function connect(name: string): Promise<Deno.UnixConn> {
  const path = socketPath(name);
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused;
    if (missing) throw osError("connect", name, ENXIO, "no such interface");
    if (error instanceof Deno.errors.PermissionDenied) throw osError("connect", name, 13);
    throw osError("connect", name, ECONNREFUSED, error instanceof Error ? error.message : String(error));
  }
}

async function readAnswer(connection: Deno.UnixConn, name: string, untilHangUp: boolean): Promise<string> {
  let bytes = new Uint8Array(65_536);
  let length = 0;
  while (true) {
    if (length === bytes.length) {
      if (length >= ANSWER_MAX) throw osError("uapi", name, EPROTO, "the daemon's answer has no end");
      const grown = new Uint8Array(length * 2);
      grown.set(bytes);
      bytes = grown;
    }
    const count = await connection.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
    const whole = length >= 2 && bytes[length - 1] === 10 && bytes[length - 2] === 10;
    if (whole && !untilHangUp) break;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

function processLives(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // A process that ended but was not yet waited for by its parent is gone for everybody else.
    return stat.charAt(stat.lastIndexOf(")") + 2) !== "Z";
  } catch {
    return false;
  }
}
