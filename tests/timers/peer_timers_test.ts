/**
 * The timers of one peer. Every event updates the queue.
 */
import assert from "node:assert/strict";
import { type Milliseconds, milliseconds, peerSlot } from "../../lib/base/brands.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { NOT_PENDING, STANDARD_TIMES } from "../../lib/base/times.ts";
import { PeerTimers } from "../../lib/timers/peer_timers.ts";
import { TimerQueue } from "../../lib/timers/timer_queue.ts";

const SLOT = peerSlot(0);
const NOW = milliseconds(100_000);

function running(): { queue: TimerQueue; table: PeerTable; timers: PeerTimers } {
  const table = new PeerTable();
  const queue = new TimerQueue(STANDARD_TIMES, table);
  const timers = new PeerTimers(SLOT, queue);
  timers.start();
  queue.settle(NOW);
  assert.equal(queue.next(), NOT_PENDING);
  return { queue, table, timers };
}

/** An event, and when the first timer is due after it. */
const EVENTS: Readonly<Record<string, readonly [(timers: PeerTimers) => void, number]>> = {
  "an initiation was sent": [(timers) => timers.handshakeInitiated(NOW, 200), 5_200],
  "a handshake had to wait": [(timers) => timers.handshakeDeferred(milliseconds(NOW + 700)), 700],
  "a handshake gave keys": [(timers) => timers.sessionDerived(NOW), 540_000],
  "a session came": [(timers) => timers.sessionsChanged(milliseconds(NOW + 180_000)), 180_000],
  "data messages go again": [(timers) => timers.anyAuthenticatedPacketTraversal(NOW), 10_000],
  "persistent keepalives are switched on": [(timers) => timers.persistentKeepaliveSet(25), 0],
};

for (const [name, [happen, after]] of Object.entries(EVENTS)) {
  Deno.test(`${name}: the queue has it once it is settled, and nothing while the interface is down`, () => {
    const { queue, timers } = running();
    happen(timers);
    queue.settle(NOW);
    assert.equal(queue.next(), NOW + after);
    timers.stop();
    timers.persistentKeepaliveSet(0);
    queue.settle(NOW);
    assert.equal(queue.next(), NOT_PENDING);
    happen(timers);
    queue.settle(NOW);
    assert.equal(queue.next(), NOT_PENDING);
  });
}

Deno.test("a timer fires once, and one that is not due does not", () => {
  const { queue, timers } = running();
  timers.handshakeInitiated(NOW, 0);
  queue.settle(NOW);
  const due = milliseconds(NOW + 5_000);
  assert.equal(queue.popDue(milliseconds(due - 1)), undefined);
  assert.equal(queue.popDue(due), SLOT);
  assert.equal(timers.expired("zeroKeyMaterial", due), false);
  assert.equal(timers.expired("retransmitHandshake", due), true);
  assert.equal(timers.expired("retransmitHandshake", due), false);
  queue.settle(due);
  assert.equal(queue.next(), NOT_PENDING);
});

Deno.test("a deadline that packets have moved is computed again when it comes", () => {
  const { queue, table, timers } = running();
  table.received(SLOT, 128, true, NOW);
  timers.anyAuthenticatedPacketTraversal(NOW);
  queue.settle(NOW);
  assert.equal(queue.next(), NOW + 10_000);
  const later = milliseconds(NOW + 4_000);
  table.sent(SLOT, 128, true, later);
  const due = queue.next();
  assert.equal(queue.popDue(due), SLOT);
  timers.markDirty();
  assert.equal(timers.expired("passiveKeepalive", due), false, "data went out");
  assert.equal(timers.expired("activity", due), true);
  queue.settle(due);
  assert.equal(queue.next(), later + 15_000, "and waits for an answer");
});

Deno.test("without pending timers the row is read once more after ten seconds, and then only after a report", () => {
  const { queue, table, timers } = running();
  const looks: number[] = [];
  assert.ok(table.sent(SLOT, 32, false, NOW));
  timers.anyAuthenticatedPacketTraversal(NOW);
  queue.settle(NOW);
  for (let due: Milliseconds = queue.next(); due !== NOT_PENDING; due = queue.next()) {
    assert.equal(queue.popDue(due), SLOT);
    assert.ok(timers.expired("activity", due));
    looks.push(due - NOW);
    queue.settle(due);
  }
  assert.deepEqual(looks, [10_000, 20_000]);
  assert.ok(table.sent(SLOT, 32, false, NOW), "it may say so again");
});
