/** What data planes report, and how often they repeat it. */
import assert from "node:assert/strict";
import { milliseconds, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import type { DataEvent } from "../../lib/base/messages.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { EventReporter } from "../../lib/data/event_reporter.ts";
import { Peer } from "../../lib/data/sessions.ts";
import { endpointOf } from "../device/harness.ts";

const SLOT = peerSlot(3);
const at = (ms: number) => milliseconds(ms);

function reporting() {
  const events: DataEvent[] = [];
  const table = new PeerTable();
  const handshakes = new HandshakeMemory();
  const reporter = new EventReporter(table, handshakes, (event) => events.push(event));
  return { reporter, table, handshakes, take: () => events.splice(0) };
}

Deno.test("in debug mode five notices of a kind are reported in a second, with peer and source", () => {
  const { reporter, take } = reporting();
  const source = endpointOf(9);
  const notice = (now: number) => {
    if (reporter.wants("not-ip", at(now))) reporter.notice("not-ip", SLOT, source);
  };
  notice(1_000);
  assert.deepEqual(take(), []);
  reporter.debug = true;
  for (let i = 0; i < 10; i++) notice(1_000 + i);
  const event = { type: "notice", notice: "not-ip", peer: SLOT, source };
  assert.deepEqual(take(), new Array(5).fill(event));
  assert.ok(reporter.wants("unknown-response", at(1_010)), "each kind has its own limit");
  reporter.notice("unknown-response", undefined, undefined);
  assert.deepEqual(take(), [
    { type: "notice", notice: "unknown-response", peer: undefined, source: undefined },
  ]);
  notice(1_999);
  assert.deepEqual(take(), []);
  for (let i = 0; i < 10; i++) notice(2_000);
  assert.equal(take().length, 5);
  notice(2_999);
  assert.equal(take().length, 0);
});

Deno.test("refused messages are reported without debug too, five of a kind in a second", () => {
  const { reporter } = reporting();
  for (const notice of ["invalid-initiation-mac", "unallowed-source"] as const) {
    const wanted = Array.from({ length: 10 }, (_, i) => reporter.wants(notice, at(1_000 + i)));
    assert.equal(wanted.filter((one) => one).length, 5);
  }
});

Deno.test("the first notice of a peer in a second is not hidden by others', up to 32 peers", () => {
  const { reporter } = reporting();
  const reported = (slot: number, now: number) =>
    reporter.wants("unallowed-source", at(now), peerSlot(slot));
  for (const begin of [1_000, 2_000]) {
    const noisy = Array.from({ length: 10 }, () => reported(0, begin));
    assert.deepEqual(noisy, Array.from({ length: 10 }, (_, i) => i < 5));
    const others = Array.from({ length: 40 }, (_, i) => reported(1 + i, begin + 500));
    assert.deepEqual(others, Array.from({ length: 40 }, (_, i) => i < 31));
    assert.ok(!reported(1, begin + 999), "its second one");
    assert.ok(!reporter.wants("unallowed-source", at(begin + 999)), "of no peer");
  }
});

Deno.test("a loop of a peer is reported once a minute, that of another peer too", () => {
  const { reporter, take } = reporting();
  const [peer, through] = [3, 4].map((slot) => new Peer(peerSlot(slot), 0));
  for (const now of [10, 11, 60_009]) reporter.loop(peer, through, at(now));
  assert.deepEqual(take(), [{ type: "loop", peer: 3, through: 4 }]);
  reporter.loop(through, peer, at(60_009));
  assert.deepEqual(take(), [{ type: "loop", peer: 4, through: 3 }]);
  reporter.loop(peer, through, at(60_010));
  assert.equal(take().length, 1);
  for (const now of [60_011, 120_009]) reporter.loop(peer, through, at(now));
  assert.equal(take().length, 0);
});

Deno.test("a wanted handshake and waiting messages are reported until the control plane has heard", () => {
  const { reporter, table, handshakes, take } = reporting();
  for (let i = 0; i < 3; i++) reporter.wantHandshake(SLOT);
  assert.deepEqual(take(), [{ type: "handshake-wanted", peer: SLOT }]);
  table.clearWanted(SLOT);
  reporter.wantHandshake(SLOT);
  assert.equal(take().length, 1);
  for (let i = 0; i < 3; i++) reporter.handshakesWaiting();
  assert.deepEqual(take(), [{ type: "handshakes-waiting" }]);
  handshakes.heard();
  reporter.handshakesWaiting();
  assert.equal(take().length, 1);
});

Deno.test("activity and confirmed sessions are reported each time", () => {
  const { reporter, take } = reporting();
  reporter.active(SLOT);
  reporter.confirmed(SLOT, sessionIndex(7));
  assert.deepEqual(take(), [
    { type: "peer-active", peer: SLOT },
    { type: "session-confirmed", peer: SLOT, localIndex: 7 },
  ]);
});
