/**
 * Rdomains that an interface has left and could not remove, because it may not change mounts. It
 * leaves a note beside the control sockets, and the next command that changes something removes
 * the rdomain if it is still empty.
 * @module
 */
import { removeRdomainIfEmpty } from "../linux/namespace.ts";
import { SOCKET_FOLDER } from "./paths.ts";
import { removeFile, writeWithMode } from "./socket_folder.ts";

const NOTE = /^\.rdomain([1-9][0-9]{0,2})\.left$/;
const notePath = (n: number) => `${SOCKET_FOLDER}/.rdomain${n}.left`;

/** Leaves a note. Returns false when that is not possible. */
export function leaveRdomain(n: number): boolean {
  try {
    writeWithMode(notePath(n), "", 0o600);
    return true;
  } catch {
    return false;
  }
}

/** Removes the empty rdomains for which there are notes. Failures are left to the next command. */
export function removeLeftRdomains(): void {
  let names: string[];
  try {
    names = [...Deno.readDirSync(SOCKET_FOLDER)].map(({ name }) => name);
  } catch {
    return;
  }
  for (const name of names) {
    const n = Number(NOTE.exec(name)?.[1] ?? 0);
    if (n === 0) continue;
    try {
      removeRdomainIfEmpty(n);
      removeFile(notePath(n));
    } catch {
      // Only who may change mounts removes it.
    }
  }
}
