/**
 * Events as records of plain values: lines of JSON on the control socket, of `wg monitor --json`,
 * and on the standard input of hooks.
 * @module
 */
import type { ConnectedProcess } from "../base/events.ts";
import {
  type DeviceEvent,
  DISCONNECTIONS,
  type EventKind,
  type InterfaceEvent,
  isEventKind,
  REFUSALS,
} from "../base/events.ts";
import { formatEndpoint } from "../base/ip_text.ts";

/** The longest line of an event in characters; a longer one is not read. */
export const EVENT_LINE_MAX = 16_384;

/** An event of one interface. Fields that an event does not have are absent. */
export interface EventRecord {
  /** When it happened, e.g. `2026-11-27T18:00:00.123Z`. */
  readonly time: string;
  /** The name of the interface. */
  readonly interface: string;
  readonly event: EventKind;
  /** The public key of the peer, or of the stranger, in base64. */
  readonly peer?: string;
  /** The description of the peer. */
  readonly description?: string;
  /** The present endpoint of the peer, or the source of a refused message. */
  readonly endpoint?: string;
  /** The endpoint of a peer before it roamed. */
  readonly before?: string;
  /** Whether this side began the handshake. */
  readonly initiator?: boolean;
  /** The reason in one word: a counter of `wg help counters`, or why a peer was disconnected. */
  readonly why?: string;
  /** The reason in words. */
  readonly reason?: string;
  /** Refusals before this one, or events here, that are missing. */
  readonly leftOut?: number;
  /** What was changed. */
  readonly changed?: readonly string[];
  /** The user that changed it. */
  readonly uid?: number;
  /** The process that changed it; absent when it is in another process namespace. */
  readonly pid?: number;
  /** The name of that process's program. */
  readonly program?: string;
}

/**
 * The record of an event.
 * @param name the name of the interface
 * @param time when it happened, as in `EventRecord.time`
 */
export function eventRecord(event: InterfaceEvent, name: string, time: string): EventRecord {
  return { time, interface: name, event: event.kind, ...detailsOf(event) };
}

/** The record that tells a slow reader how many events it has missed. */
export const missedRecord = (leftOut: number, name: string, time: string): EventRecord => ({
  time,
  interface: name,
  event: "missed",
  leftOut,
});

type Details = Omit<EventRecord, "time" | "interface" | "event">;

function detailsOf(event: InterfaceEvent): Details {
  switch (event.kind) {
    case "up":
    case "down":
      return {};
    case "connected":
    case "unanswered":
      return { ...peerOf(event), ...endpointOf(event) };
    case "handshake":
      return { ...peerOf(event), ...endpointOf(event), initiator: event.initiator };
    case "disconnected":
      return { ...peerOf(event), why: event.why, reason: DISCONNECTIONS[event.why] };
    case "roamed":
      return { ...peerOf(event), ...endpointOf(event), before: formatEndpoint(event.before) };
    case "key-expired":
      return peerOf(event);
    case "refused":
      return {
        ...peerOf(event),
        ...endpointOf(event),
        why: event.why,
        reason: REFUSALS[event.why],
        ...(event.leftOut > 0 && { leftOut: event.leftOut }),
      };
    case "changed":
      return { changed: event.changed, ...(event.by && processOf(event.by)) };
  }
}

function peerOf({ peer }: Pick<DeviceEvent & { kind: "refused" }, "peer">): Details {
  if (peer === undefined) return {};
  const { publicKey, description } = peer;
  return { peer: publicKey.toBase64(), ...(description !== "" && { description }) };
}

const endpointOf = ({ endpoint }: Pick<DeviceEvent & { kind: "refused" }, "endpoint">): Details =>
  endpoint === undefined ? {} : { endpoint: formatEndpoint(endpoint) };

const processOf = ({ uid, pid, program }: ConnectedProcess): Details => ({
  uid,
  ...(pid > 0 && { pid }),
  ...(program !== "" && { program }),
});

/** The line of an event on the control socket, with its newline. */
export const formatEvent = (record: EventRecord): string => `event=${JSON.stringify(record)}\n`;

/**
 * Reads what `formatEvent` made, without the newline. Undefined for another line, and for an event
 * whose kind is not known. Values of a wrong type are left out, as are fields that are not known.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseEvent } from "./events.ts";
 *
 * const line = 'event={"time":"2026-11-27T18:00:00.000Z","interface":"wg1","event":"up"}';
 * assert.ok(parseEvent(line)?.event === "up");
 * ```
 */
export function parseEvent(line: string): EventRecord | undefined {
  if (!line.startsWith("event={") || line.length > EVENT_LINE_MAX) return undefined;
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(line.slice("event=".length));
  } catch {
    return undefined;
  }
  const { time, event } = value;
  if (typeof time !== "string" || typeof event !== "string" || !isEventKind(event)) {
    return undefined;
  }
  if (typeof value.interface !== "string") return undefined;
  const record: Record<string, unknown> = { time, interface: value.interface, event };
  for (const name of TEXTS) if (typeof value[name] === "string") record[name] = value[name];
  for (const name of NUMBERS) if (typeof value[name] === "number") record[name] = value[name];
  if (typeof value.initiator === "boolean") record.initiator = value.initiator;
  const { changed } = value;
  if (Array.isArray(changed) && changed.every((one) => typeof one === "string")) {
    record.changed = changed;
  }
  return record as unknown as EventRecord;
}

type Field = keyof EventRecord;
const TEXTS: readonly Field[] = [
  "peer",
  "description",
  "endpoint",
  "before",
  "why",
  "reason",
  "program",
];
const NUMBERS: readonly Field[] = ["leftOut", "uid", "pid"];
