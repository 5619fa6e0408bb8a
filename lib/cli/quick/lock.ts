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
  const file = callerVariables()[LOCKED_FILE] === path ? undefined : await locked(path);
  try {
    return await act();
  } finally {
    file?.close();
  }
}

/** Whether a command holds the file: `up` is at work, or one of its own commands asks. */
export async function isLocked({ path }: QuickFile): Promise<boolean> {
  using file = open(path);
  return file !== undefined && !await file.tryLock(false);
}

/** The file that is at the path once it is locked: an editor may have replaced it meanwhile. */
async function locked(path: string): Promise<Deno.FsFile | undefined> {
  for (;;) {
    const file = open(path);
    if (file === undefined) return undefined;
    try {
      await file.lock(true);
      if (isAt(path, file)) return file;
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

function isAt(path: string, file: Deno.FsFile): boolean {
  try {
    const [at, own] = [Deno.statSync(path), file.statSync()];
    return at.dev === own.dev && at.ino === own.ino;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
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
