/**
 * Whether other users can exchange what root runs.
 * @module
 */

/** In a user namespace root of the machine has no number here, but these folders are root's. */
const IN_NAMESPACE_ROOTS = new Set(["/", "/tmp", "/run", "/var", "/var/cache", "/var/tmp"]);

/**
 * Whether only root and this user can exchange a folder that is made in `place`: each folder on the
 * physical path belongs to one of them, and is sticky where others may write. What lies in the
 * folder is run, by root too, so a TMPDIR of somebody else is passed over.
 */
export function isKeptFromOthers(place: string): boolean {
  try {
    let path = Deno.realPathSync(place);
    while (true) {
      const { uid, mode, isDirectory } = Deno.lstatSync(path);
      if (!isDirectory || uid === null || mode === null) return false;
      if (uid !== 0 && uid !== Deno.uid() && !IN_NAMESPACE_ROOTS.has(path)) return false;
      if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0) return false;
      if (path === "/") return true;
      path = path.slice(0, path.lastIndexOf("/")) || "/";
    }
  } catch {
    return false;
  }
}
