/**
 * The lines of events that `wg monitor` reads from a control socket, and what it shows of them.
 * @module
 */
import assert from "node:assert/strict";
import { journalFields } from "../../../lib/cli/monitor/journal_fields.ts";
import { eventLine } from "../../../lib/cli/monitor/text.ts";
import { EVENTS } from "../../../lib/base/events.ts";
import { formatEvent, parseEvent } from "../../../lib/uapi/events.ts";
import { type Target, textTarget } from "../target.ts";

const KINDS = EVENTS.map(([kind]) => kind);

export const eventLines: Target = textTarget({
  name: "events",
  covers: ["lib/uapi/events.ts", "lib/cli/monitor/text.ts", "lib/cli/monitor/journal_fields.ts"],
  bytesMax: 2_048,
  words: [
    "event={",
    '"time":"2026-11-27T18:00:00.000Z",',
    '"interface":"wg1",',
    ...KINDS.map((kind) => `"event":"${kind}",`),
    '"leftOut":7,',
    '"initiator":true,',
    '"changed":["a"],',
    '"description":"\\u001b[2J",',
    "null",
    "}",
  ],
  make: (chance) =>
    formatEvent({
      time: "2026-11-27T18:00:00.000Z",
      interface: "wg1",
      event: chance.oneOf(KINDS),
      ...(chance.int(2) === 0 && { peer: "A".repeat(43) + "=" }),
      ...(chance.int(2) === 0 && { description: chance.oneOf(["anna", "\x1b[2J", "a\nb", "Zoë"]) }),
      ...(chance.int(2) === 0 && { endpoint: "192.0.2.1:7", before: "[2001:db8::1]:7" }),
      ...(chance.int(2) === 0 && { why: "expired", leftOut: chance.int(9) }),
      ...(chance.int(2) === 0 && { changed: ["listen port", "peer anna"], uid: 0, pid: 7 }),
    }).trimEnd(),
  feed(text) {
    const event = parseEvent(text);
    if (event === undefined) return "nothing";
    assert.deepEqual(
      parseEvent(formatEvent(event).trimEnd()),
      event,
      "it is another one when read",
    );
    // deno-lint-ignore no-control-regex
    const isOneLine = (shown: string) => !/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(shown);
    assert.ok(isOneLine(eventLine(event)), "a control character gets to the terminal");
    for (const name of Object.keys(journalFields(event))) assert.match(name, /^[A-Z][A-Z_]*$/);
    return event.event;
  },
});
