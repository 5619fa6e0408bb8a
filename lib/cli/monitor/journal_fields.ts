/**
 * Events as entries of the journal.
 * @module
 */
import type { EventKind } from "../../base/events.ts";
import type { EventRecord } from "../../uapi/events.ts";
import type { JournalFields } from "../../linux/journal.ts";
import { eventText } from "./text.ts";

/** The severities (syslog(3)) of events that are not LOG_INFO. */
const PRIORITIES: Readonly<Partial<Record<EventKind, number>>> = {
  handshake: 7,
  refused: 5,
  unanswered: 5,
  missed: 4,
};
const LOG_INFO = 6;

/**
 * The fields of an event: MESSAGE and PRIORITY, and for each field of the record `WG_` and its name
 * in capitals, e.g. WG_EVENT, WG_INTERFACE, WG_PEER, WG_LEFT_OUT.
 */
export function journalFields(event: EventRecord): JournalFields {
  const fields: Record<string, string> = {
    MESSAGE: `${event.interface}: ${eventText(event)}`,
    PRIORITY: `${PRIORITIES[event.event] ?? LOG_INFO}`,
    SYSLOG_IDENTIFIER: "wg",
  };
  for (const [name, value] of Object.entries(event)) {
    const field = `WG_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
    fields[field] = Array.isArray(value) ? value.join(", ") : String(value);
  }
  return fields;
}
