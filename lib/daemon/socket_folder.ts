/**
 * The folder of the control sockets: made when it is missing, locked for whoever puts a socket
 * there or takes one away.
 * @module
 */
import { errnoNumber, osError } from "../base/errno.ts";
import type { OsError } from "../base/errors.ts";
import { unixSocketState } from "../../ffi/unix_socket.ts";
import { publicPath, SOCKET_FOLDER, socketPath } from "./paths.ts";

/**
 * Runs `fn` while no other process of ours changes the folder: two daemons that start at once must
 * not both replace the same dead socket.
 * @throws OsError when there is no such folder and it cannot be made; what `fn` throws
 */
export function underLock<T>(path: string, fn: () => T): T {
  const folder = openFolder(path);
  try {
    folder.lockSync(true);
    return fn();
  } finally {
    folder.close();
  }
}

/**
 * Removes what a daemon that is dead left behind: its socket and the public file. Does nothing
 * where somebody answers, or this user may not.
 */
export function removeDeadSocket(name: string): void {
  try {
    underLock(SOCKET_FOLDER, () => {
      if (unixSocketState(socketPath(name)) !== "dead") return;
      removeFile(socketPath(name));
      removeFile(publicPath(name));
    });
  } catch {
    // It stays, and stands in nobody's way.
  }
}

function openFolder(path: string): Deno.FsFile {
  const before = Deno.umask(0o022);
  try {
    Deno.mkdirSync(path, { recursive: true });
    return Deno.openSync(path, { read: true });
  } catch (error) {
    throw asOsError("mkdir", path, error);
  } finally {
    Deno.umask(before);
  }
}

/** What the runtime threw, as the failure of a call on an object. */
export function asOsError(call: string, object: string, error: unknown): OsError {
  const code = (error as { code?: string }).code;
  return osError(call, object, errnoNumber(code ?? "EIO"));
}

/** Removes a file, or does nothing where it is gone or may not be removed. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody was faster.
  }
}
