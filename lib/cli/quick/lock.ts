/**
 * Lets one command at a time take an interface of a file up or down.
 * @module
 */
import { callerVariables } from "../../daemon/caller_environment.ts";
import type { QuickFile } from "./file.ts";

/** The variable by which commands of a file know which file is locked for them. */
export const LOCKED_FILE = "WG_QUICK_LOCKED";

/**
 * Waits until no other command holds the file, and then runs `act`. A file that is not there is not
 * locked, and neither is one whose own commands get here (`PreUp = wg-quick down %i || true`):
 * `up` holds the lock then, and waits for its command.
 */
export async function withLock<T>({ path }: QuickFile, act: () => Promise<T>): Promise<T> {
  const file = callerVariables()[LOCKED_FILE] === path ? undefined : open(path);
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
