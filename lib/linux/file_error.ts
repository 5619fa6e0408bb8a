/**
 * Errors of the runtime's file functions as OsErrors.
 * @module
 */
import { errnoNumber, osError } from "../base/errno.ts";

/**
 * Runs a function on a file.
 * @param call the call in errors, e.g. `open`
 * @param path the object in errors
 * @throws OsError in place of an error of the runtime that has an errno; other errors as they are
 */
export function onFile<T>(call: string, path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    if (typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code)) throw error;
    throw osError(call, path, errnoNumber(code));
  }
}
