/**
 * The client's side of a capture: reads records from a daemon until it is told to stop.
 * @module
 */
import { RECORD_BYTES_MAX, RECORD_HEAD_BYTES } from "../base/capture_record.ts";
import { EPROTO, osError } from "../base/errno.ts";
import { type CaptureRequest, formatCapture } from "../uapi/capture.ts";
import { parseReply } from "../uapi/reply.ts";
import { connect, SilenceGuard } from "./ask.ts";

/** Bytes of the buffer: several of the longest records. */
const BUFFER_BYTES = 16 * RECORD_BYTES_MAX;
/** The longest answer before the records. */
const ANSWER_MAX = 4096;
const NEWLINE = 10;

/**
 * Begins a capture and returns its records (lib/base/capture_record.ts), as many at once as have
 * arrived. They are valid until the next ones are asked for.
 * @param stop ends the capture
 * @param begun called when the daemon has begun, and waited for
 * @throws ConfigError for a peer that the interface does not have
 * @throws OsError `EBUSY` while another capture is running, `EPROTO` for the process of another
 *   implementation, `ENXIO` when there is no such interface, `EACCES` when this user may not
 *   connect
 */
export async function* captureRecords(
  name: string,
  request: CaptureRequest,
  stop: AbortSignal,
  begun: () => Promise<void>,
): AsyncGenerator<readonly Uint8Array[]> {
  const connection = await connect(name);
  // The daemon then sends the records that are left, and closes the connection.
  let guard: SilenceGuard | undefined;
  const end = () => {
    connection.closeWrite().catch(() => {});
    guard = new SilenceGuard(connection, name);
  };
  stop.addEventListener("abort", end);
  try {
    const text = new TextEncoder().encode(`capture=2\n${formatCapture(request)}\n`);
    for (let at = 0; at < text.length;) at += await connection.write(text.subarray(at));
    const buffer = new Uint8Array(BUFFER_BYTES);
    const view = new DataView(buffer.buffer);
    let end = 0;
    let from = -1;
    while (true) {
      const count = await read(connection, buffer.subarray(end), stop);
      if (count === null) {
        if (from < 0 && !stop.aborted) {
          throw osError("capture", name, EPROTO, "its process has no captures");
        }
        return;
      }
      guard?.heard();
      end += count;
      if (from < 0) {
        from = answerEnd(buffer.subarray(0, end), name);
        if (from < 0) continue;
        await begun();
      }
      const records: Uint8Array[] = [];
      while (end - from >= RECORD_HEAD_BYTES) {
        const length = view.getUint32(from, true);
        if (length < RECORD_HEAD_BYTES || length > RECORD_BYTES_MAX) {
          throw osError("capture", name, EPROTO, "the daemon sent no record");
        }
        if (end - from < length) break;
        records.push(buffer.subarray(from, from + length));
        from += length;
      }
      if (records.length > 0) yield records;
      buffer.copyWithin(0, from, end);
      end -= from;
      from = 0;
    }
  } finally {
    stop.removeEventListener("abort", end);
    guard?.stop();
    try {
      connection.close();
    } catch {
      // Closed by the guard.
    }
  }
}

/** Reads more bytes. Returns null at the end, also when the capture was stopped. */
async function read(
  connection: Deno.UnixConn,
  into: Uint8Array,
  stop: AbortSignal,
): Promise<number | null> {
  try {
    return await connection.read(into);
  } catch (error) {
    if (stop.aborted || error instanceof Deno.errors.ConnectionReset) return null;
    throw error;
  }
}

/**
 * The offset after the daemon's answer; -1 while it is not complete.
 * @throws the error that the daemon answers
 */
function answerEnd(bytes: Uint8Array, name: string): number {
  for (let i = 1; i < bytes.length && i < ANSWER_MAX; i++) {
    if (bytes[i] !== NEWLINE || bytes[i - 1] !== NEWLINE) continue;
    parseReply(new TextDecoder().decode(bytes.subarray(0, i + 1)), name);
    return i + 1;
  }
  if (bytes.length < ANSWER_MAX) return -1;
  throw osError("capture", name, EPROTO, "the daemon's answer has no end");
}
