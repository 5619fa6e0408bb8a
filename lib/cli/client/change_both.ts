/**
 * Changes a running interface and its file: both or neither.
 * @module
 */
import type { PeerChange, PeerStatus } from "../../base/config.ts";
import type { InterfaceStatus } from "../../base/status.ts";
import { wipeStatus } from "../../base/config.ts";
import { disabledApartFromDate } from "../../base/disabled_peer.ts";
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";
import { disablesPeers } from "../../base/status.ts";
import { getDevice, interfaceExists, setDevice } from "../../daemon/client.ts";
import { SOCKET_FOLDER } from "../../daemon/paths.ts";
import { requireOwner } from "../ifconfig/permission.ts";
import { reasonOf } from "../netstart/shell.ts";
import { Interruption } from "../quick/interruption.ts";
import { type StagedFile, stageFile } from "../staged_file.ts";
import {
  type Edit,
  edited,
  type FilePeer,
  findServerFile,
  peersOf,
  readServerFile,
  type ServerFile,
} from "./server_file.ts";

/** An interface with its file, while no other command changes them. */
export interface LockedServer {
  readonly name: string;
  readonly status: InterfaceStatus;
  /** Undefined with --no-file. */
  readonly file: ServerFile | undefined;
  readonly peersOfFile: readonly FilePeer[];
  /**
   * Makes a change of one peer and of the file.
   * @param edit undefined leaves the file alone
   * @param change undefined leaves the running interface alone
   * @returns takes the change back
   * @throws ConfigError or OsError; nothing has changed then
   */
  change(edit: Edit | undefined, change: PeerChange | undefined): Promise<() => Promise<void>>;
}

/**
 * Calls a function while no other `wg client` and no `wg quick` changes the interface.
 * @param given the file of the command line
 * @throws ConfigError or OsError
 */
export async function withServer<T>(
  name: string,
  given: string | false | undefined,
  act: (server: LockedServer) => Promise<T>,
): Promise<T> {
  if (!interfaceExists(name)) {
    throw new ConfigError(name, "there is no such interface of wg, or it is not up");
  }
  requireOwner(name);
  const file = findServerFile(name, given);
  using _lock = await lockPath(file?.path ?? SOCKET_FOLDER);
  using signals = new Interruption(() => {});
  await signals.check();
  const status = await getDevice(name);
  const bytes = file === undefined ? new Uint8Array(0) : readServerFile(file);
  try {
    if (!disablesPeers(status) || status.link === undefined) {
      throw new ConfigError(name, "its process is not of this version; `wg restart` renews it");
    }
    return await act({
      name,
      status,
      file,
      peersOfFile: file === undefined ? [] : peersOf(file, bytes),
      change: (edit, change) => changeBoth(status, name, file, bytes, edit, change),
    });
  } finally {
    wipeStatus(status);
    bytes.fill(0);
  }
}

/**
 * Locks a path. A command that replaced the file meanwhile has left its lock on the old one, so the
 * path is then locked again.
 */
async function lockPath(path: string): Promise<Disposable> {
  while (true) {
    const file = Deno.openSync(path);
    try {
      await file.lock(true);
      const [held, is] = [file.statSync(), Deno.statSync(path)];
      if (held.ino === is.ino && held.dev === is.dev) {
        return { [Symbol.dispose]: () => file.close() };
      }
      file.close();
    } catch (error) {
      file.close();
      throw new ConfigError(displayPath(path), `cannot be locked: ${reasonOf(error)}`);
    }
  }
}

async function changeBoth(
  status: InterfaceStatus,
  name: string,
  file: ServerFile | undefined,
  bytes: Uint8Array,
  edit: Edit | undefined,
  change: PeerChange | undefined,
): Promise<() => Promise<void>> {
  const changedBack = async () => {
    if (change === undefined) return;
    const key = change.publicKey.toBase64();
    const before = status.peers.find(({ publicKey }) => publicKey.toBase64() === key);
    await setDevice(name, { peers: [changeBack(change, before)] });
  };
  let staged: StagedFile | undefined;
  if (file !== undefined && edit !== undefined) {
    const after = edited(file, bytes, edit);
    try {
      staged = stageFile(file.path, after);
    } finally {
      after.fill(0);
    }
  }
  try {
    if (change !== undefined) await setDevice(name, { peers: [change] });
  } catch (error) {
    staged?.discard();
    throw error;
  }
  try {
    staged?.commit();
  } catch (error) {
    await changedBack();
    throw error;
  }
  return async () => {
    await changedBack();
    if (file !== undefined && edit !== undefined) stageFile(file.path, bytes).commit();
  };
}

/** The change that leads back to a peer as it was; undefined if it was not there. */
function changeBack({ publicKey }: PeerChange, before: PeerStatus | undefined): PeerChange {
  if (before === undefined) return { publicKey, remove: true };
  const { endpoint, endpointName } = before;
  return {
    publicKey,
    presharedKey: before.presharedKey,
    ...(endpoint !== undefined && { endpoint }),
    ...(endpointName !== undefined && {
      endpointName: { host: endpointName.host, port: endpointName.port },
    }),
    persistentKeepalive: before.persistentKeepalive,
    replaceAllowedIps: true,
    allowedIps: before.allowedIps,
    description: before.description,
    disabled: disabledApartFromDate(before) ?? false,
    expiresUnixMs: before.expiresUnixMs ?? 0,
  };
}
