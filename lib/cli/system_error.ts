/**
 * The texts of errors. What the runtime passes on from the operating system has the form that
 * errors of the program have: the object, the call, and the errno.
 * @module
 */
import { ConfigError, OsError } from "../base/errors.ts";
import { displayPath } from "../base/quote.ts";

/** What the runtime writes: `Read-only file system (os error 30): mkdir '/usr/local'`. */
const TEXT = /^(.*?) \(os error \d+\)(?:: ([a-z]+) '(.*?)'(?: -> '.*')?)?$/s;

/** Whether the error passes on what the operating system reported, as that a disk is full. */
export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error &&
    /^E[A-Z0-9]+$/.test(String((error as { readonly code?: unknown }).code));
}

/**
 * The text of such an error.
 *
 * @example
 * ```ts
 * import { isSystemError, systemErrorText } from "./system_error.ts";
 *
 * try {
 *   Deno.mkdirSync("/proc/wg");
 * } catch (error) {
 *   if (isSystemError(error)) console.error(systemErrorText(error));
 *   // /proc/wg: mkdir: No such file or directory (ENOENT)
 * }
 * ```
 */
export function systemErrorText(error: Error & { readonly code: string }): string {
  const [, text, call, path] = TEXT.exec(error.message) ?? [];
  if (text === undefined) return error.message;
  const what = `${text} (${error.code})`;
  return call === undefined ? what : `${displayPath(path)}: ${call}: ${what}`;
}

/** The text of an error for the user. */
export function messageOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof OsError) return error.message;
  if (isSystemError(error)) return systemErrorText(error);
  return error instanceof Error ? error.message : String(error);
}
