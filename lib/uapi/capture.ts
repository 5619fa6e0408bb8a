/**
 * The text of the operation `capture`: what a client wants to have recorded. After the answer the
 * daemon sends records (lib/base/capture_record.ts) until the client hangs up.
 * @module
 */
import type { PublicKey } from "../base/brands.ts";
import {
  CAPTURE_SNAP_MAX,
  CAPTURE_TERMS_MAX,
  type CaptureFilter,
  type CaptureLayers,
} from "../base/capture_filter.ts";
import { ConfigError } from "../base/errors.ts";
import { formatRange, parseDecimal, parseRange } from "../base/ip_text.ts";
import { quote } from "../base/quote.ts";
import { parseKey } from "./set.ts";

const LAYERS = ["inner", "handshakes", "data"] as const;

/** A wanted capture: a filter with the public keys of peers. */
export interface CaptureRequest extends Omit<CaptureFilter, "peers"> {
  /** The peers whose packets are wanted; none for all. */
  readonly peers: readonly PublicKey[];
  /** Whether the secrets of handshakes are wanted too. */
  readonly secrets: boolean;
}

/**
 * The lines of a request, each with a newline.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatCapture } from "./capture.ts";
 *
 * const layers = { inner: true, handshakes: true, data: false };
 * const text = formatCapture({ ...layers, snap: 96, peers: [], ranges: [], secrets: false });
 * assert.ok(text === "layers=inner handshakes\nsnap=96\n");
 * ```
 */
export function formatCapture(request: CaptureRequest): string {
  let text = `layers=${LAYERS.filter((layer) => request[layer]).join(" ")}\nsnap=${request.snap}\n`;
  for (const key of request.peers) text += `public_key=${key.toHex()}\n`;
  for (const range of request.ranges) text += `range=${formatRange(range)}\n`;
  if (request.secrets) text += "secrets=true\n";
  return text;
}

/**
 * Reads the lines of a request.
 * @throws ConfigError for an unknown key, a wrong value, or too many peers or ranges
 */
export function parseCapture(lines: Iterable<string>): CaptureRequest {
  let layers: CaptureLayers = { inner: true, handshakes: true, data: true };
  let snap = CAPTURE_SNAP_MAX;
  let secrets = false;
  const peers: PublicKey[] = [];
  const ranges: CaptureRequest["ranges"][number][] = [];
  for (const line of lines) {
    const equals = line.indexOf("=");
    const key = line.slice(0, Math.max(0, equals));
    const value = line.slice(equals + 1);
    switch (key) {
      case "layers":
        layers = parseLayers(value);
        break;
      case "snap":
        snap = parseSnap(value);
        break;
      case "public_key":
        peers.push(parseKey(key, value) as PublicKey);
        break;
      case "range": {
        const range = parseRange(value);
        if (range === undefined) {
          throw new ConfigError(key, `${quote(value)} is invalid; ADDRESS/PREFIX is required`);
        }
        ranges.push(range);
        break;
      }
      case "secrets":
        secrets = value === "true";
        break;
      default:
        throw new ConfigError("capture", `${quote(line)}: unknown line`);
    }
    if (peers.length > CAPTURE_TERMS_MAX || ranges.length > CAPTURE_TERMS_MAX) {
      throw new ConfigError("capture", `more than ${CAPTURE_TERMS_MAX} peers or ranges`);
    }
  }
  return { ...layers, snap, peers, ranges, secrets };
}

function parseLayers(value: string): CaptureLayers {
  const words = value.split(" ");
  const wrong = words.find((word) => !(LAYERS as readonly string[]).includes(word));
  if (wrong !== undefined) {
    throw new ConfigError("layers", `${quote(wrong)} is invalid; ${LAYERS.join(", ")} are known`);
  }
  return {
    inner: words.includes("inner"),
    handshakes: words.includes("handshakes"),
    data: words.includes("data"),
  };
}

/** Reads the most bytes of a packet that are recorded. @throws ConfigError */
export function parseSnap(value: string): number {
  const snap = parseDecimal(value, CAPTURE_SNAP_MAX);
  if (snap !== undefined && snap > 0) return snap;
  throw new ConfigError(
    "snap",
    `${quote(value)} is out of range; 1 to ${CAPTURE_SNAP_MAX} is required`,
  );
}
