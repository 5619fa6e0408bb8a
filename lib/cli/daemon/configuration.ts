/**
 * The first configuration of an interface, which the process that starts it sends.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { UapiReader, type UapiRequest } from "../../uapi/reader.ts";

/** Bytes of a piece of the configuration. */
const PIECE_BYTES = 16_384;

/**
 * Reads standard input to its end: UAPI `set` lines with an empty one at their end; nothing at all
 * is none. What lost its end, with its starter, is not applied. The keys never become strings.
 */
export async function readConfiguration(): Promise<Pick<UapiRequest, "lines" | "keys">> {
  const reader = new UapiReader();
  reader.push(new TextEncoder().encode("set=1\n"));
  const piece = new Uint8Array(PIECE_BYTES);
  let empty = true;
  for (
    let count = await Deno.stdin.read(piece);
    count !== null;
    count = await Deno.stdin.read(piece)
  ) {
    empty = false;
    reader.push(piece.subarray(0, count));
    piece.fill(0, 0, count);
  }
  if (empty) return { lines: [] };
  const request = reader.next();
  if (request?.type === "broken") throw new ConfigError("daemon", request.problem);
  if (request !== undefined && !reader.partial) return request;
  throw new ConfigError(
    "daemon",
    "the configuration on standard input is incomplete; an empty line is required at its end",
  );
}
