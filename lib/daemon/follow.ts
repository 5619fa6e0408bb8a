/**
 * Follows the events of an interface over its control socket.
 * @module
 */
import { ECONNRESET, EPROTO, osError } from "../base/errno.ts";
import { EVENT_LINE_MAX, type EventRecord, parseEvent } from "../uapi/events.ts";
import { parseReply } from "../uapi/reply.ts";
import { connect, hangs, SilenceGuard } from "./ask.ts";

/**
 * Follows the events of an interface until its process ends.
 * @param take gets every event, in order
 * @param following called when all later events come
 * @throws ConfigError for a wrong name
 * @throws OsError `ENXIO` when there is no such interface, `EACCES` when this user may not connect,
 *   `EBUSY` when too many follow it, `EPROTO` when its process has no events: that of another
 *   implementation or an older version; `ETIMEDOUT` when it hangs
 */
export async function followEvents(
  name: string,
  take: (event: EventRecord) => void,
  following: () => void = () => {},
): Promise<void> {
  using connection = await connect(name);
  const guard = new SilenceGuard(connection, name);
  const lines = linesOf(connection);
  let reply = "";
  try {
    const request = new TextEncoder().encode("monitor=2\n\n");
    for (let at = 0; at < request.length;) at += await connection.write(request.subarray(at));
    while (!reply.endsWith("\n\n")) {
      const { value, done } = await lines.next();
      if (done === true) throw osError("monitor", name, EPROTO, "its process has no events");
      reply += `${value}\n`;
    }
  } catch (error) {
    throw guard.hung ? hangs(name) : brokenOff(error, name);
  } finally {
    guard.stop();
  }
  parseReply(reply, name);
  following();
  try {
    for await (const line of lines) {
      const event = parseEvent(line);
      if (event !== undefined) take(event);
    }
  } catch (error) {
    // The process was killed.
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}

const brokenOff = (error: unknown, name: string): unknown =>
  error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe
    ? osError("monitor", name, ECONNRESET, "its process hung up")
    : error;

/** The lines of a connection without their newlines. Of a line that is too long there is none. */
async function* linesOf(connection: Deno.UnixConn): AsyncGenerator<string> {
  const piece = new Uint8Array(16_384);
  const decoder = new TextDecoder();
  let begun = "";
  let tooLong = false;
  while (true) {
    const count = await connection.read(piece);
    if (count === null) return;
    const parts = (begun + decoder.decode(piece.subarray(0, count), { stream: true })).split("\n");
    begun = parts.pop() ?? "";
    for (const part of parts) {
      if (!tooLong) yield part;
      tooLong = false;
    }
    if (begun.length > EVENT_LINE_MAX) {
      begun = "";
      tooLong = true;
    }
  }
}
