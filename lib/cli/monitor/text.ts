/**
 * Events as lines for people.
 * @module
 */
import { withoutControls } from "../../base/quote.ts";
import type { EventRecord } from "../../uapi/events.ts";

/** The line of an event without its newline: time, interface and what happened. */
export const eventLine = (event: EventRecord): string =>
  withoutControls(`${event.time} ${event.interface}: ${eventText(event)}`);

/** What happened, e.g. `connected: anna (KEY) at 192.0.2.7:51820`. */
export function eventText(event: EventRecord): string {
  const at = event.endpoint === undefined ? "" : ` at ${event.endpoint}`;
  switch (event.event) {
    case "up":
    case "down":
      return event.event;
    case "connected":
    case "unanswered":
      return `${event.event}: ${peerOf(event)}${at}`;
    case "handshake":
      return `handshake: ${peerOf(event)}${at}, begun by ${event.initiator ? "us" : "the peer"}`;
    case "disconnected":
      return `disconnected: ${peerOf(event)}: ${event.reason ?? event.why ?? ""}`;
    case "roamed":
      return `roamed: ${peerOf(event)} from ${event.before} to ${event.endpoint}`;
    case "key-expired":
      return `key expired: ${peerOf(event)}`;
    case "refused": {
      const who = event.peer === undefined ? "a message" : `a message of ${peerOf(event)}`;
      const from = event.endpoint === undefined ? "" : ` from ${event.endpoint}`;
      const before = event.leftOut === undefined ? "" : `; ${event.leftOut} before it are left out`;
      return `refused: ${who}${from}: ${event.reason ?? event.why ?? ""}${before}`;
    }
    case "changed":
      return `changed by ${processOf(event)}: ${(event.changed ?? []).join(", ")}`;
    case "missed":
      return `missed: ${event.leftOut} events, because this reader was too slow`;
  }
}

const peerOf = ({ peer = "", description }: EventRecord): string =>
  description === undefined ? peer : `${description} (${peer})`;

function processOf({ uid, pid, program }: EventRecord): string {
  if (uid === undefined) return "a process that is not known";
  const process = pid === undefined ? "a process" : `process ${pid}`;
  return `${program === undefined ? "" : `${program}, `}${process} of user ${uid}`;
}
