/**
 * The end of an answer: `errno=0` or `errno=-N` and an empty line. For `set=2` the error in words
 * comes before it.
 * @module
 */
import { EINVAL, EIO, osError } from "../base/errno.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import { UAPI_VERSION } from "./keys.ts";

/**
 * The positive errno of an error: that of the system call, EINVAL for a wrong value, EIO for other
 * errors.
 */
function errnoOf(error: unknown): number {
  if (error instanceof OsError) return error.errno > 0 ? error.errno : EIO;
  return error instanceof ConfigError ? EINVAL : EIO;
}

/**
 * The whole answer to an operation: `body` (of a get; empty for a set), then `errno=0` or
 * `errno=-N` and the empty line. The number is negative, as from wireguard-go: Debian's wg(8) finds
 * its text only then. In version 2 the error is in words too, and `parseReply` turns these back
 * into the error.
 */
export function formatReply(body: string, error?: unknown, version: number = UAPI_VERSION): string {
  if (error === undefined) return `${body}errno=0\n\n`;
  let text = "";
  if (version > UAPI_VERSION) {
    if (error instanceof ConfigError) {
      text = `error_word=${oneLine(error.word)}\nerror=${oneLine(error.problem)}\n`;
    } else if (error instanceof OsError) {
      text = `error_call=${oneLine(error.call)}\nerror_object=${oneLine(error.object)}\n` +
        `error_code=${oneLine(error.code)}\nerror=${oneLine(error.text)}\n`;
    } else {
      text = `error=${oneLine(error instanceof Error ? error.message : String(error))}\n`;
    }
  }
  return `${text}errno=-${errnoOf(error)}\n\n`;
}

/**
 * Reads a whole answer, up to and with its empty line, and returns its body without `errno=0`.
 * @param object the object of the operation for messages, e.g. `wg1`
 * @throws ConfigError or OsError from the daemon
 */
export function parseReply(text: string, object: string): string {
  const at = text.startsWith("errno=") ? 0 : text.lastIndexOf("\nerrno=") + 1;
  const match = /^errno=(-?[0-9]{1,9})\n/.exec(text.slice(at));
  if (match === null || (at === 0 && !text.startsWith("errno="))) {
    throw new OsError("uapi", object, "EPROTO", 71, "the daemon's answer has no errno");
  }
  const errno = Math.abs(Number(match[1]));
  const body = text.slice(0, at);
  if (errno === 0) return body;
  const told = new Map<string, string>();
  for (const line of body.split("\n")) {
    const equals = line.indexOf("=");
    if (equals > 0) told.set(line.slice(0, equals), line.slice(equals + 1));
  }
  const word = told.get("error_word");
  const problem = told.get("error");
  if (word !== undefined && problem !== undefined) throw new ConfigError(word, problem);
  const plain = osError("uapi", object, errno);
  throw new OsError(
    told.get("error_call") ?? "uapi",
    told.get("error_object") ?? object,
    told.get("error_code") ?? plain.code,
    errno,
    problem ?? plain.text,
  );
}

function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f]/g, " ");
}
