/**
 * Functions of commands that use daemons. The owner of a daemon and root may connect to its socket.
 * @module
 */
import { type DeviceChange, wipeStatus } from "../base/config.ts";
import { EACCES, ENXIO, EPROTO, osError } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import { parseGet } from "../uapi/get.ts";
import { parseReply } from "../uapi/reply.ts";
import { formatSet } from "../uapi/set.ts";
import { type InterfaceStatus, takesLookUpProcess } from "../base/status.ts";
import { unixSocketState } from "../../ffi/unix_socket.ts";
import { ask } from "./ask.ts";
import { removeDeadSocket } from "./socket_folder.ts";
import type { LogLine } from "./log_text.ts";
import { hasNames, rightsVariables } from "./rights.ts";
import { checkDescriptors } from "./descriptors.ts";
import { WORKERS_VARIABLE, workersSetting } from "./workers_setting.ts";
import { publicPath, socketNames, socketPath } from "./paths.ts";

/** How long a daemon may take to end after it answered that it ends. */
const END_MS = 10_000;

/**
 * The names of all interfaces with a daemon, also of those that this user may not connect to. wg2
 * comes before wg10.
 *
 * @example
 * ```ts
 * import { interfaceNames } from "./client.ts";
 *
 * for (const name of interfaceNames()) console.log(name);
 * ```
 */
export const interfaceNames = (): string[] => socketNames().filter(interfaceExists);

/**
 * Whether an interface has a daemon, also when this user may not connect to it.
 * @throws ConfigError for a wrong name
 *
 * @example
 * ```ts
 * import { interfaceExists } from "./client.ts";
 *
 * console.log(interfaceExists("wg1") ? "wg1 is there" : "no wg1");
 * ```
 */
export function interfaceExists(name: string): boolean {
  const state = unixSocketState(socketPath(name));
  if (state === "dead") removeDeadSocket(name);
  // In a folder that this user may not search, every path is denied.
  return state === "answers" || state === "denied" && socketNames().includes(name);
}

/**
 * Whether this user may not connect to an interface's daemon. @throws ConfigError for a wrong name
 */
export const interfaceDenied = (name: string): boolean =>
  unixSocketState(socketPath(name)) === "denied";

/**
 * The public status of an interface, without keys and peers; undefined when it is not readable.
 *
 * @example
 * ```ts
 * import { publicFacts } from "./client.ts";
 *
 * console.log(publicFacts("wg1")?.listenPort ?? "no wg1");
 * ```
 */
export function publicFacts(name: string): InterfaceStatus | undefined {
  try {
    return parseGet(Deno.readTextFileSync(publicPath(name)));
  } catch {
    return undefined;
  }
}

/**
 * The status of an interface. Daemons of other implementations report fewer facts.
 * @param name the interface's name, e.g. `wg1`
 * @throws ConfigError for a wrong name
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not connect
 *
 * @example
 * ```ts
 * import { getDevice } from "./client.ts";
 *
 * // Bytes that an interface received from all peers.
 * async function received(name: string): Promise<number> {
 *   return (await getDevice(name)).peers.reduce((sum, { rxBytes }) => sum + rxBytes, 0);
 * }
 * console.log(typeof received);
 * ```
 */
export async function getDevice(name: string): Promise<InterfaceStatus> {
  const text = await ask(name, "get=2\n\n");
  // A daemon without version 2 answers with an error, or closes the connection.
  const other = text === "" || /^errno=-?[1-9]/.test(text);
  return parseGet(parseReply(other ? await ask(name, "get=1\n\n") : text, name));
}

/**
 * The status of an interface without its secret keys, which are zeros. Daemons that cannot leave
 * them out (others' and those before 0.4.0) are asked as `getDevice` does, and their keys erased.
 * @param explained with the link and the evidence (lib/base/evidence.ts), for `wg why`
 * @throws as `getDevice`
 *
 * @example
 * ```ts
 * import { getStats } from "./client.ts";
 *
 * // Handshake messages that wait in the queue of an interface.
 * async function waiting(name: string): Promise<number> {
 *   return (await getStats(name)).queues?.handshake_messages ?? 0;
 * }
 * console.log(typeof waiting);
 * ```
 */
export async function getStats(name: string, explained = false): Promise<InterfaceStatus> {
  const text = await ask(name, `stats=${explained ? 2 : 1}\n\n`);
  if (text !== "" && !/^errno=-?[1-9]/.test(text)) return parseGet(parseReply(text, name));
  const status = await getDevice(name);
  wipeStatus(status);
  return status;
}

/**
 * Changes an interface. The change is applied whole or not at all.
 * @throws ConfigError for a wrong value
 * @throws OsError when the kernel refuses (`EADDRINUSE` for the port), or as `getDevice`
 *
 * @example
 * ```ts
 * import type { PublicKey } from "../base/brands.ts";
 * import { setDevice } from "./client.ts";
 *
 * // Takes a peer off an interface.
 * async function remove(name: string, publicKey: PublicKey): Promise<void> {
 *   await setDevice(name, { peers: [{ publicKey, remove: true }] });
 * }
 * console.log(typeof remove);
 * ```
 */
export async function setDevice(name: string, change: DeviceChange): Promise<void> {
  const isOfSockets = change.listenPort !== undefined || change.rtable !== undefined;
  const before = isOfSockets || hasNames(change) ? publicFacts(name) : undefined;
  if (isOfSockets && before !== undefined) await setSockets(name, change, before);
  else await setAll(name, change);
  if (before === undefined || !takesLookUpProcess(before)) return;
  const { provideLookUps } = await import("./look_up_process.ts");
  await provideLookUps(name, change, before);
}

async function setAll(name: string, change: DeviceChange): Promise<void> {
  const lines = formatSet(change);
  let text = await ask(name, `set=2\n${lines}\n`);
  // Version 2 tells an error in words first. Others close the connection or answer EIO.
  if (text === "" || /^errno=-?[1-9]/.test(text)) text = await ask(name, `set=1\n${lines}\n`);
  parseReply(text, name);
}

/** Changes an interface with its sockets. Those that its process may not open are lent to it. */
async function setSockets(
  name: string,
  change: DeviceChange,
  before: InterfaceStatus,
): Promise<void> {
  const { lendForChange } = await import("./lend_sockets.ts");
  const { removeLeftRdomains } = await import("./left_rdomains.ts");
  const { removeRdomainIfEmpty } = await import("../linux/namespace.ts");
  let token: string | undefined;
  try {
    token = lendForChange(name, change, before);
  } catch (error) {
    // A user who may not connect, or a dead interface, is the error to tell rather than a right
    // that is missing for the sockets.
    await getDevice(name);
    throw error;
  }
  const lent = token === undefined ? "" : `lent=${token}\n`;
  try {
    parseReply(await ask(name, `set=2\n${lent}${formatSet(change)}\n`), name);
  } catch (error) {
    if (lent !== "") removeRdomainIfEmpty(change.rtable ?? before.rtable);
    throw error;
  }
  removeLeftRdomains();
}

/**
 * Ends an interface and waits until its process has ended. A process that hangs is killed. The
 * process of another implementation gets SIGTERM, because it does not know the operation.
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not end it,
 *   `ETIMEDOUT` when the process does not end
 *
 * @example
 * ```ts
 * import { destroyDaemon } from "./client.ts";
 *
 * // Ends interfaces one after the other.
 * async function destroyAll(names: readonly string[]): Promise<void> {
 *   for (const name of names) await destroyDaemon(name);
 * }
 * await destroyAll([]);
 * ```
 */
export async function destroyDaemon(name: string): Promise<void> {
  const { endOwner, hasEnded, socketOwner } = await import("./owner.ts");
  const owner = socketOwner(name);
  try {
    const text = await ask(name, "destroy=1\n\n", { untilHangUp: true });
    if (text !== "") {
      parseReply(text, name);
      if (owner === undefined || await hasEnded(owner, END_MS)) return;
    }
  } catch (error) {
    const final = !(error instanceof OsError) || error.errno === ENXIO || error.errno === EACCES;
    if (final || owner === undefined) throw error;
  }
  if (owner === undefined) {
    throw osError("destroy", name, EPROTO, "its daemon hung up, and its process is not in sight");
  }
  await endOwner(name, owner);
  removeDeadSocket(name);
}

/**
 * Reads the lines of an interface's log whose number is greater than `since`; 0 reads all lines.
 * @throws as `getDevice`
 *
 * @example
 * ```ts
 * import { readLog } from "./client.ts";
 *
 * // Prints the lines that an interface's log still has.
 * async function print(name: string): Promise<void> {
 *   for (const { unixMs, text } of await readLog(name)) {
 *     console.log(new Date(unixMs).toISOString(), text);
 *   }
 * }
 * console.log(typeof print);
 * ```
 */
export async function readLog(name: string, since = 0): Promise<LogLine[]> {
  const { parseLog } = await import("./log_text.ts");
  return parseLog(parseReply(await ask(name, `dmesg=1\nsince=${since}\n\n`), name));
}

/**
 * Starts the daemon of a new interface in the present network namespace, and waits until the
 * interface, the UDP sockets and the control socket exist. The link is down.
 * @param change the first configuration
 * @param environment variables for the daemon, such as `LOG_LEVEL`
 * @returns the process id of the daemon
 * @throws ConfigError or OsError when the daemon could not start; nothing is left of it then
 *
 * @example
 * ```ts
 * import type { PrivateKey } from "../base/brands.ts";
 * import { spawnDaemon } from "./client.ts";
 *
 * // Makes an interface with a key on a free port.
 * async function create(name: string, privateKey: PrivateKey): Promise<void> {
 *   console.log(`${name} is process ${await spawnDaemon(name, { privateKey, listenPort: 0 })}`);
 * }
 * console.log(typeof create);
 * ```
 */
export async function spawnDaemon(
  name: string,
  change: DeviceChange,
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  return await start(name, change, environment, false);
}

/**
 * Does the same as `spawnDaemon` in less time, and gives up the rights of this process that an
 * interface's process does not have. For commands that need no others afterwards: none but
 * CAP_NET_ADMIN and the files that such a process uses remain.
 * @throws as `spawnDaemon`
 */
export async function spawnAsLastDeed(
  name: string,
  change: DeviceChange,
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  return await start(name, change, environment, true);
}

async function start(
  name: string,
  change: DeviceChange,
  environment: Readonly<Record<string, string>>,
  givesUpRights: boolean,
): Promise<number> {
  const { spawn } = await import("./spawn.ts");
  const { rtable = 0 } = change;
  const names = hasNames(change) ? await import("./look_up_process.ts") : undefined;
  // This process may give up the rights for it. An rdomain may be made by the new process.
  using early = rtable === 0 ? names?.StartedLookUps.begin(name) : undefined;
  const pid = await spawn(name, formatSet(change), {
    workers: workersOf(change),
    environment: { ...environment, ...rightsVariables(change) },
    givesUpRights,
  });
  if (early !== undefined) await early.lend();
  else await names?.lendLookUpsOf(name, rtable);
  return pid;
}

/** The number of Workers that a new interface is to have; undefined for the default. */
function workersOf({ workers }: DeviceChange): number | undefined {
  const wanted = workers ?? workersSetting();
  checkDescriptors(workers === undefined ? WORKERS_VARIABLE : "wgworkers", wanted);
  return wanted;
}

/**
 * Opens the network namespace of an interface.
 * @param open gets a path of the namespace, which is valid during the call
 * @returns the result of `open`
 * @throws as `getDevice`, and what `open` throws
 */
export async function openPlace<T>(name: string, open: (path: string) => T): Promise<T> {
  let opened: { readonly place: T } | undefined;
  await ask(name, "netns=1\n\n", {
    whileConnected: (text) => {
      const path = /^netns=(.+)$/m.exec(parseReply(text, name))?.[1];
      if (path !== undefined) opened = { place: open(path) };
    },
  });
  if (opened === undefined) {
    throw osError("uapi", name, EPROTO, "the daemon does not tell where the interface is");
  }
  return opened.place;
}

/**
 * Has the daemon set the link up or down. The daemon preserves the IPv6 addresses and routes.
 * @param token of a lent netlink socket, for a link in another namespace
 * @returns false when the daemon of another implementation does not know the operation
 * @throws as `getDevice`
 *
 * @example
 * ```ts
 * import { setLinkUp } from "./client.ts";
 *
 * // Takes an interface down and up: its sessions end.
 * async function restart(name: string): Promise<void> {
 *   for (const up of [false, true]) await setLinkUp(name, up);
 * }
 * console.log(typeof restart);
 * ```
 */
export async function setLinkUp(name: string, up: boolean, token?: string): Promise<boolean> {
  const lent = token === undefined ? "" : `lent=${token}\n`;
  return /^errno=0$/m.test(await ask(name, `link=${up ? "up" : "down"}\n${lent}\n`));
}
