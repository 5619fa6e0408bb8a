/**
 * The errors of SQLite as errors of the system, with what to do about a damaged file.
 * @module
 */
import {
  EACCES,
  EBUSY,
  EIO,
  ENOMEM,
  ENOSPC,
  EROFS,
  errnoNumber,
  osError,
} from "../../base/errno.ts";
import { OsError } from "../../base/errors.ts";

/** What to do about a file that SQLite cannot read. */
const MOVE_AWAY = "move it away, and the next recorder begins a new one";

/** How the messages of SQLite begin (sqlite3_errstr), because the runtime tells no codes. */
const MESSAGES: readonly (readonly [text: string, errno: number, advice?: string])[] = [
  ["database or disk is full", ENOSPC],
  ["attempt to write a readonly database", EROFS],
  ["database is locked", EBUSY],
  ["database table is locked", EBUSY],
  ["out of memory", ENOMEM],
  ["access permission denied", EACCES],
  ["authorization denied", EACCES],
  ["disk I/O error", EIO],
  ["file is not a database", EIO, MOVE_AWAY],
  ["database disk image is malformed", EIO, MOVE_AWAY],
  ["malformed database schema", EIO, MOVE_AWAY],
  ["no such table", EIO, MOVE_AWAY],
  ["no such column", EIO, MOVE_AWAY],
];

/**
 * An error of SQLite as an OsError about its file.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { sqliteError } from "./sqlite_error.ts";
 *
 * const error = sqliteError("/var/lib/wg/usage.sqlite", new Error("database or disk is full"));
 * assert.ok(error.code === "ENOSPC");
 * ```
 */
export function sqliteError(path: string, error: unknown): OsError {
  if (error instanceof OsError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (text.startsWith("unable to open database file")) return cannotOpen(path);
  const [, errno = EIO, advice] = MESSAGES.find(([begin]) => text.startsWith(begin)) ?? [];
  return osError("sqlite", path, errno, advice === undefined ? text : `${text}; ${advice}`);
}

/** SQLite does not tell why it cannot open a file. The kernel does. */
function cannotOpen(path: string): OsError {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
  } catch (error) {
    const { code = "EIO" } = error as { code?: string };
    return osError("open", path, errnoNumber(code));
  }
  // The file can be opened, but its journal beside it cannot.
  return osError("open", `${path}-journal`, EACCES);
}
