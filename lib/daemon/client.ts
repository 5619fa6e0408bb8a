/**
 * Asking the daemons: what the commands do with them. Whoever may connect to a daemon's socket may ask it: its owner and root.
 * @module
 */
import type { DeviceChange } from "../base/config.ts";
import { EACCES, ENXIO, EPROTO, osError } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import { parseGet } from "../uapi/get.ts";
import { parseReply } from "../uapi/reply.ts";
import { formatSet } from "../uapi/set.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { unixSocketOwner, unixSocketState } from "../../ffi/unix_socket.ts";
import { ask } from "./ask.ts";
import { removeDeadSocket } from "./socket_folder.ts";
import type { LogLine } from "./log_text.ts";
import { publicPath, socketNames, socketPath } from "./paths.ts";

/** How long a daemon may take to be gone after it said that it ends. */
const END_MS = 10_000;

/**
 * The interfaces that have a daemon (sockets left behind by a dead one are passed over), sorted as people count; also those that this user
 * may not ask.
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
 * Whether there is a daemon of this name, which this user may ask or not.
 * @throws ConfigError when the name cannot be one
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
  // A folder that may not be looked into denies everything.
  return state === "answers" || state === "denied" && socketNames().includes(name);
}

/** The processes behind all control sockets, of other implementations too, as far as they can be told. */
export function daemonProcesses(): ReadonlySet<number> {
  const owners = socketNames().map((name) => unixSocketOwner(socketPath(name)));
  return new Set(owners.filter((pid) => pid !== undefined));
}

/** Whether there is a daemon of this name that this user may not ask. @throws ConfigError when the name cannot be one */
export const interfaceDenied = (name: string): boolean =>
  unixSocketState(socketPath(name)) === "denied";

/**
 * What anybody may know of an interface (no keys, no peers), or undefined when it tells nothing.
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
 * All about one interface. Also works, with fewer facts, with another implementation's daemon.
 * @throws ConfigError when the name cannot be one
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not ask
 * @param name the interface's name, e.g. `wg1`
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
  // A daemon that does not know version 2 answers with an error, or hangs up.
  const other = text === "" || /^errno=-?[1-9]/.test(text);
  return parseGet(parseReply(other ? await ask(name, "get=1\n\n") : text, name));
}

/**
 * Changes an interface, whole or not at all.
 * @throws ConfigError what the daemon found wrong with a value
 * @throws OsError what the kernel refused (`EADDRINUSE` for the port), or as `getDevice`
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
  const lines = formatSet(change);
  let text = await ask(name, `set=2\n${lines}\n`);
  if (text === "") text = await ask(name, `set=1\n${lines}\n`);
  parseReply(text, name);
}

/**
 * Ends an interface and waits until its process is gone. One that hangs is killed; another implementation's, which cannot be asked, gets SIGTERM.
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not end it, `ETIMEDOUT` when the process does not end
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
 * The lines of an interface's log after `since`, the number of the last one already seen (0 for all that are kept).
 * @throws as `getDevice`
 *
 * @example
 * ```ts
 * import { readLog } from "./client.ts";
 *
 * // Prints the lines that an interface's log still has.
 * async function print(name: string): Promise<void> {
 *   for (const { unixMs, text } of await readLog(name)) console.log(new Date(unixMs).toISOString(), text);
 * }
 * console.log(typeof print);
 * ```
 */
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
  if (opened === undefined) {
    throw osError("uapi", name, EPROTO, "the daemon does not tell where the interface is");
  }
  return opened.place;
}

/**
 * Has the daemon take the link up or down: then the interface keeps its IPv6 addresses and routes.
 * @returns whether it did: another implementation's daemon does not
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
export async function setLinkUp(name: string, up: boolean): Promise<boolean> {
  return /^errno=0$/m.test(await ask(name, `link=${up ? "up" : "down"}\n\n`));
}
