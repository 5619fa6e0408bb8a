/**
 * Reads and replaces /etc/resolv.conf.
 * @module
 */
import { EACCES, EBUSY, EPERM, EROFS, EXDEV } from "../../base/errno.ts";
import { OsError } from "../../base/errors.ts";
import { onFile } from "../file_error.ts";
import type { ResolvConf } from "./resolv_conf.ts";

/** The resolver's file. */
export const RESOLV_CONF = "/etc/resolv.conf";

/** What is at the path. @throws OsError */
export function readResolvConf(path: string = RESOLV_CONF): ResolvConf {
  try {
    const { isSymlink } = Deno.lstatSync(path);
    if (isSymlink) {
      return {
        type: "link",
        target: onFile("readlink", path, () => Deno.readLinkSync(path)),
      };
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { type: "absent" };
    throw error;
  }
  return { type: "file", text: textOf(onFile("read", path, () => Deno.readFileSync(path))) };
}

/**
 * Changes the file, while no other process that calls this function does.
 * @param change the new content by the present one
 * @throws OsError; the file is as it was then
 */
export function changeResolvConf(
  change: (now: ResolvConf) => ResolvConf,
  path: string = RESOLV_CONF,
): void {
  const folder = path.slice(0, path.lastIndexOf("/")) || "/";
  // The file itself is replaced, so the lock is on its folder.
  using lock = onFile("open", folder, () => Deno.openSync(folder, { read: true }));
  lock.lockSync(true);
  const now = readResolvConf(path);
  const next = change(now);
  if (next !== now) replace(path, now, next);
}

/**
 * Replaces the file by a renamed one, so that every reader sees the whole old or new text. Where
 * the file is a mount point, as in containers, or the folder is read-only, it is written in place.
 */
function replace(path: string, now: ResolvConf, next: ResolvConf): void {
  if (next.type === "absent") {
    return onFile("unlink", path, () => Deno.removeSync(path));
  }
  const fresh = `${path}.wg-${Deno.pid}`;
  try {
    if (next.type === "link") {
      onFile("symlink", fresh, () => Deno.symlinkSync(next.target, fresh));
    } else {
      const owner = now.type === "file" ? Deno.statSync(path) : undefined;
      const mode = (owner?.mode ?? 0o644) & 0o777;
      onFile(
        "write",
        fresh,
        () => Deno.writeFileSync(fresh, bytesOf(next.text), { createNew: true }),
      );
      onFile("chmod", fresh, () => Deno.chmodSync(fresh, mode));
      if (owner !== undefined && (owner.uid !== Deno.uid() || owner.gid !== Deno.gid())) {
        onFile("chown", fresh, () => Deno.chownSync(fresh, owner.uid, owner.gid));
      }
    }
    onFile("rename", path, () => Deno.renameSync(fresh, path));
  } catch (error) {
    removeIfThere(fresh);
    const fixed = error instanceof OsError &&
      [EBUSY, EROFS, EXDEV, EACCES, EPERM].includes(error.errno);
    if (!fixed || next.type !== "file" || now.type !== "file") throw error;
    onFile("write", path, () => Deno.writeFileSync(path, bytesOf(next.text), { create: false }));
  }
}

/** Bytes as characters of the same numbers, so that no byte is lost. */
const textOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was not made, or its folder is read-only.
  }
}
