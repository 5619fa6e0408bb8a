/**
 * Warns of files with keys that other users can access.
 * @module
 */
import { dirname } from "node:path";
import { displayPath } from "../base/quote.ts";

/** The bits of a mode that are for users who are neither the owner nor of the group. */
const MODE_OF_OTHERS = 0o007;
const WRITE_BY_OTHERS = 0o002;
const SEARCH_BY_OTHERS = 0o001;

/**
 * What is to be said of a file with keys which users other than the owner and its group can access;
 * undefined if they cannot, or if it is not a regular file. They reach a file only through its
 * folder.
 */
export function accessWarning(path: string): string | undefined {
  try {
    const { isFile, mode } = Deno.statSync(path);
    const others = (mode ?? 0) & MODE_OF_OTHERS;
    if (!isFile || others === 0) return undefined;
    if (((Deno.statSync(dirname(path)).mode ?? 0) & SEARCH_BY_OTHERS) === 0) return undefined;
    const what = (others & WRITE_BY_OTHERS) !== 0 ? "changed" : "read";
    return `${displayPath(path)} has keys and can be ${what} by others; chmod 600 mends it`;
  } catch {
    return undefined;
  }
}
