/**
 * Events as records: what is told is read again, and hostile lines are not.
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import type { PublicKey } from "../../lib/base/brands.ts";
import { EVENTS, type InterfaceEvent } from "../../lib/base/events.ts";
import { eventRecord, formatEvent, missedRecord, parseEvent } from "../../lib/uapi/events.ts";
import { eventLine } from "../../lib/cli/monitor/text.ts";

const TIME = "2026-11-27T18:00:00.000Z";
const publicKey = new Uint8Array(32).fill(7) as PublicKey;
const KEY = publicKey.toBase64();
const peer = { publicKey, description: "anna" };
const endpoint = { address: Uint8Array.of(192, 0, 2, 7), port: 51820, scope: 0 };
const before = { ...endpoint, port: 9 };

/** One of each kind, and its line for people. */
const ALL: readonly (readonly [InterfaceEvent, string])[] = [
  [{ kind: "up" }, "up"],
  [{ kind: "down" }, "down"],
  [{ kind: "connected", peer, endpoint }, `connected: anna (${KEY}) at 192.0.2.7:51820`],
  [
    { kind: "disconnected", peer, why: "expired" },
    `disconnected: anna (${KEY}): its session was not renewed`,
  ],
  [
    { kind: "handshake", peer: { publicKey, description: "" }, endpoint, initiator: false },
    `handshake: ${KEY} at 192.0.2.7:51820, begun by the peer`,
  ],
  [{ kind: "unanswered", peer, endpoint: undefined }, `unanswered: anna (${KEY})`],
  [
    { kind: "roamed", peer, before, endpoint },
    `roamed: anna (${KEY}) from 192.0.2.7:9 to 192.0.2.7:51820`,
  ],
  [{ kind: "key-expired", peer }, `key expired: anna (${KEY})`],
  [
    { kind: "refused", why: "handshake_unknown_peer", peer, endpoint, leftOut: 3 },
    `refused: a message of anna (${KEY}) from 192.0.2.7:51820: its sender is not a peer; 3 before it are left out`,
  ],
  [
    { kind: "refused", why: "handshake_mac1_wrong", peer: undefined, endpoint, leftOut: 0 },
    "refused: a message from 192.0.2.7:51820: it is made for another public key than that of " +
    "this interface",
  ],
  [
    { kind: "changed", changed: ["listen port"], by: { uid: 7, pid: 12, program: "wg" } },
    "changed by wg, process 12 of user 7: listen port",
  ],
  [
    { kind: "changed", changed: ["debug"], by: undefined },
    "changed by a process that is not known: debug",
  ],
];

Deno.test("every kind is told, read again as the same, and has a line for people", () => {
  for (const [event, text] of ALL) {
    const record = eventRecord(event, "wg1", TIME);
    deepEqual(parseEvent(formatEvent(record).trimEnd()), record);
    equal(eventLine(record), `${TIME} wg1: ${text}`);
  }
  const missed = missedRecord(5, "wg1", TIME);
  deepEqual(parseEvent(formatEvent(missed).trimEnd()), missed);
  const told = new Set([...ALL.map(([{ kind }]) => kind as string), "missed"]);
  deepEqual([...told].sort(), EVENTS.map(([kind]) => kind as string).sort());
});

Deno.test("lines that are no events are not read, and wrong values are left out", () => {
  const fine = { time: TIME, interface: "wg1", event: "up" };
  const line = (value: unknown) => `event=${JSON.stringify(value)}`;
  deepEqual(parseEvent(line({ ...fine, uid: "0", changed: [1], peer: 7, more: {} })), fine);
  for (
    const wrong of [
      "",
      "event=",
      "event={",
      "event=[]",
      "event=null",
      JSON.stringify(fine),
      line({ ...fine, event: "toString" }),
      line({ ...fine, time: 5 }),
      line({ ...fine, interface: undefined }),
      line({ ...fine, peer: "x".repeat(20_000) }),
    ]
  ) {
    equal(parseEvent(wrong), undefined, wrong.slice(0, 60));
  }
});

Deno.test("a description of another process's making cannot write to the terminal", () => {
  const record = {
    ...eventRecord({ kind: "key-expired", peer }, "wg1", TIME),
    description: "\x1b[2J",
  };
  equal(eventLine(record), `${TIME} wg1: key expired: ?[2J (${KEY})`);
});
