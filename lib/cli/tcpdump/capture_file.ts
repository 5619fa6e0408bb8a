/**
 * Opens the file of a capture, which has what the tunnel keeps from others.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";

/**
 * Opens a file that only its owner, this user, can read. A regular file of this name is removed
 * first: somebody else may own it or have it open. A device or a FIFO is opened as it is; a FIFO
 * waits for its reader.
 * @throws ConfigError for a symbolic link to a regular file or to nothing; for another path that
 *   cannot be opened the errors of `Deno.open`
 */
export async function openCaptureFile(path: string): Promise<Deno.FsFile> {
  const there = found(() => Deno.lstatSync(path));
  if (there?.isSymlink && found(() => Deno.statSync(path))?.isFile !== false) {
    throw new ConfigError("-w", `${displayPath(path)} is a symbolic link; a file is required`);
  }
  if (there !== undefined && !there.isFile) return await Deno.open(path, { write: true });
  if (there !== undefined) Deno.removeSync(path);
  return await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
}

function found(ask: () => Deno.FileInfo): Deno.FileInfo | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
