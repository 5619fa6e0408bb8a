/**
 * The folder of the control sockets. It is made when it is missing, and locked while a socket in it
 * is made or removed.
 * @module
 */
import { errnoNumber, osError } from "../base/errno.ts";
import type { OsError } from "../base/errors.ts";
import { unixSocketState } from "../../ffi/unix_socket.ts";
import { lendingPath, publicPath, SOCKET_FOLDER, socketPath } from "./paths.ts";

/**
 * Runs `fn` with the lock of the folder. Without it, two daemons that start at the same time could
 * both replace the same dead socket.
 * @throws OsError when the folder cannot be made, and what `fn` throws
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
 * Removes the socket and the public status file of a dead daemon. Does nothing when a daemon
 * answers, or when this user may not remove them.
 */
export function removeDeadSocket(name: string): void {
  try {
    underLock(SOCKET_FOLDER, () => {
      if (unixSocketState(socketPath(name)) !== "dead") return;
      removeFile(socketPath(name));
      removeFile(publicPath(name));
      removeFile(lendingPath(name));
    });
  } catch {
    // The files stay. They do no harm.
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

/** The OsError of an error that the runtime threw. */
export function asOsError(call: string, object: string, error: unknown): OsError {
  const code = (error as { code?: string }).code;
  return osError(call, object, errnoNumber(code ?? "EIO"));
}

/** Removes a file. Does nothing when it does not exist, or cannot be removed. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The file does not exist, or this user may not remove it.
  }
}

/**
 * Writes a text into a file that is made, or emptied, and has this mode if it is made. It makes no
 * call of chmod(2), which the process of an interface may not make.
 * @throws Deno.errors.* for a failure
 */
export function writeWithMode(path: string, text: string, mode: number): void {
  const before = Deno.umask(0o777 & ~mode);
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, create: true, truncate: true, mode });
  } finally {
    Deno.umask(before);
  }
  try {
    let bytes = new TextEncoder().encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
  } finally {
    file.close();
  }
}
