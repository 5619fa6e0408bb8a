/**
 * Lets one command at a time take an interface of a file up or down.
 * @module
 */
import type { QuickFile } from "./file.ts";

/**
 * Waits until no other command holds the file, and then runs `act`. A file that is not there is not
 * locked. `save` takes no lock: commands of a file run it while `up` or `down` holds the lock.
 */
export async function withLock<T>({ path }: QuickFile, act: () => Promise<T>): Promise<T> {
  const file = open(path);
  try {
    await file?.lock(true);
    return await act();
  } finally {
    file?.close();
  }
}

function open(path: string): Deno.FsFile | undefined {
  try {
    // Opening anything but a regular file may block for ever.
    return Deno.statSync(path).isFile ? Deno.openSync(path) : undefined;
  } catch {
    return undefined;
  }
}
