/**
 * The timers of one peer. Every event updates the queue.
 */
import assert from "node:assert/strict";
import { type Milliseconds, milliseconds, peerSlot } from "../../lib/base/brands.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { NOT_PENDING, STANDARD_TIMES } from "../../lib/base/times.ts";
import { PeerTimers, type Timer } from "../../lib/timers/peer_timers.ts";
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

Deno.test("at the last look the data plane may report again, and the peer is watched on", () => {
  const { queue, table, timers } = running();
  const report = (now: Milliseconds) => {
    const first = table.sent(SLOT, 32, false, now);
    if (first) timers.anyAuthenticatedPacketTraversal(now);
    return first;
  };
  assert.ok(report(NOW));
  for (let at = 10_000; at <= 50_000; at += 10_000) {
    const now = milliseconds(NOW + at);
    assert.ok(!report(now), "it need not say so while it is watched");
    assert.ok(timers.expired("activity", now));
    assert.ok(report(now), "before the last look");
    queue.settle(now);
    assert.equal(queue.next(), now + 10_000);
  }
});

Deno.test("a peer that was not started has no timer, and the first attempt of a handshake is the first", () => {
  const queue = new TimerQueue(STANDARD_TIMES, new PeerTable());
  const timers = new PeerTimers(SLOT, queue);
  timers.handshakeInitiated(NOW, 0);
  queue.settle(NOW);
  assert.equal(queue.next(), NOT_PENDING);
  assert.equal(timers.handshakeUnanswered(NOW, 19), 2);
  timers.start();
  queue.settle(NOW);
  assert.equal(queue.next(), NOW + 5_000);
});

Deno.test("an initiation may follow 5 s after the last handshake message, or at once after stop", () => {
  const { timers } = running();
  assert.ok(timers.handshakeAllowedAt < NOW);
  timers.handshakeInitiated(NOW, 300);
  assert.equal(timers.handshakeAllowedAt, NOW + 5_000);
  timers.anyAuthenticatedPacketSent(milliseconds(NOW + 100));
  assert.equal(timers.handshakeAllowedAt, NOW + 5_100);
  timers.stop();
  assert.ok(timers.handshakeAllowedAt < NOW);
});

Deno.test("every packet puts off the persistent keepalive by its interval", () => {
  const { queue, timers } = running();
  const next = () => {
    queue.settle(NOW);
    return queue.next() - NOW;
  };
  timers.persistentKeepaliveSet(25);
  assert.equal(next(), 0);
  timers.persistentKeepaliveSent(NOW);
  assert.equal(next(), 25_000);
  timers.anyAuthenticatedPacketSent(milliseconds(NOW + 1_000));
  assert.equal(next(), 26_000);
  timers.anyAuthenticatedPacketReceived(milliseconds(NOW + 2_000));
  assert.equal(next(), 27_000);
  assert.equal(timers.handshakeReceivedAt, NOW + 2_000);
  timers.persistentKeepaliveSet(1);
  assert.equal(next(), 3_000);
  const due = milliseconds(NOW + 3_000);
  assert.equal(timers.expired("persistentKeepalive", milliseconds(due - 1)), false);
  assert.equal(timers.expired("persistentKeepalive", due), true);
  assert.equal(next(), 4_000);
  timers.persistentKeepaliveSet(0);
  assert.equal(next(), Infinity);
});

Deno.test("a handshake that waits is begun once, and is not needed after another one", () => {
  const at = milliseconds(NOW + 700);
  const deferred = () => {
    const made = running();
    made.timers.handshakeDeferred(at);
    made.queue.settle(NOW);
    assert.equal(made.queue.next(), at);
    return made;
  };
  const ends: Readonly<Record<string, (timers: PeerTimers) => void>> = {
    complete: (timers) => timers.handshakeComplete(),
    stopped: (timers) => {
      timers.stop();
      timers.start();
    },
    begun: (timers) => assert.ok(timers.expired("deferredHandshake", at)),
  };
  for (const [name, end] of Object.entries(ends)) {
    const { queue, timers } = deferred();
    end(timers);
    queue.settle(NOW);
    assert.equal(queue.next(), NOT_PENDING, name);
    assert.equal(timers.expired("deferredHandshake", at), false, name);
  }
  const { queue, timers } = deferred();
  timers.handshakeInitiated(NOW, 0);
  assert.equal(timers.expired("deferredHandshake", at), false);
  // While an initiation waits for its response, nothing else is needed.
  timers.handshakeDeferred(at);
  queue.settle(NOW);
  assert.equal(queue.next(), NOW + 5_000);
  timers.handshakeComplete();
  queue.settle(NOW);
  assert.equal(queue.next(), NOT_PENDING);
});

Deno.test("a key or endpoint begins the handshake that waits for it, and no other one", () => {
  const waiting: Readonly<Record<string, (timers: PeerTimers) => void>> = {
    "for its turn": (timers) => timers.handshakeDeferred(milliseconds(NOW + 700)),
    "for a response": (timers) => timers.handshakeInitiated(NOW, 0),
  };
  for (const [name, wait] of Object.entries(waiting)) {
    const { queue, timers } = running();
    wait(timers);
    queue.settle(NOW);
    assert.equal(timers.handshakePossible(NOW), true, name);
    assert.ok(timers.handshakeAllowedAt < NOW, name);
    queue.settle(NOW);
    assert.equal(queue.next(), NOW, name);
    assert.equal(timers.expired("retransmitHandshake", milliseconds(1e9)), false, name);
    assert.equal(timers.expired("deferredHandshake", NOW), true, name);
  }
  const { queue, timers } = running();
  timers.anyAuthenticatedPacketSent(NOW);
  assert.equal(timers.handshakePossible(NOW), false);
  assert.ok(timers.handshakeAllowedAt < NOW);
  queue.settle(NOW);
  assert.equal(queue.next(), NOT_PENDING);
});

Deno.test("an unanswered handshake has so many retries, and then its keys are erased after 540 s", () => {
  const { queue, timers } = running();
  for (const round of [0, 1]) {
    timers.handshakeWanted();
    const attempts = Array.from({ length: 4 }, () => timers.handshakeUnanswered(NOW, 3));
    assert.deepEqual(attempts, [2, 3, 4, 0], `round ${round}`);
    queue.settle(NOW);
    assert.equal(queue.next(), NOW + 540_000, `round ${round}`);
  }
  // Keys that are to be erased before keep their time.
  timers.sessionDerived(milliseconds(NOW - 100_000));
  timers.handshakeWanted();
  assert.equal(timers.handshakeUnanswered(NOW, 0), 0);
  queue.settle(NOW);
  assert.equal(queue.next(), NOW + 440_000);
  const due = milliseconds(NOW + 440_000);
  assert.equal(timers.expired("zeroKeyMaterial", milliseconds(due - 1)), false);
  assert.equal(timers.expired("zeroKeyMaterial", due), true);
  queue.settle(due);
  assert.equal(queue.next(), NOT_PENDING);
});

Deno.test("expired sessions are looked at once", () => {
  const { queue, timers } = running();
  const due = milliseconds(NOW + 180_000);
  timers.sessionsChanged(due);
  assert.equal(timers.expired("expireSessions", milliseconds(due - 1)), false);
  assert.equal(timers.expired("expireSessions", due), true);
  queue.settle(due);
  assert.equal(queue.next(), NOT_PENDING);
});

Deno.test("stop ends all timers, and lets the data plane report again", () => {
  const { queue, table, timers } = running();
  assert.equal(table.wantHandshake(SLOT), true);
  assert.equal(table.sent(SLOT, 128, true, NOW), true);
  assert.deepEqual([table.wantHandshake(SLOT), table.sent(SLOT, 128, true, NOW)], [false, false]);
  timers.anyAuthenticatedPacketTraversal(NOW);
  timers.handshakeInitiated(NOW, 0);
  timers.sessionDerived(NOW);
  timers.sessionsChanged(milliseconds(NOW + 180_000));
  queue.settle(NOW);
  timers.stop();
  queue.settle(NOW);
  assert.equal(queue.next(), NOT_PENDING);
  timers.start();
  queue.settle(NOW);
  assert.equal(queue.next(), NOT_PENDING);
  assert.deepEqual([table.wantHandshake(SLOT), table.sent(SLOT, 128, true, NOW)], [true, true]);
});

Deno.test("data without an answer wants a handshake after 15 s and the jitter of the last one, once", () => {
  const { queue, table, timers } = running();
  timers.handshakeInitiated(NOW, 200);
  timers.handshakeComplete();
  table.sent(SLOT, 128, true, NOW);
  const due = milliseconds(NOW + 15_200);
  assert.equal(timers.expired("newHandshake", due), false, "the data plane has not reported it");
  timers.anyAuthenticatedPacketTraversal(NOW);
  assert.equal(timers.expired("newHandshake", milliseconds(due - 1)), false);
  assert.equal(timers.expired("newHandshake", due), true);
  assert.equal(timers.expired("newHandshake", due), false);
  queue.settle(NOW);
  assert.equal(queue.next(), NOW + 10_000, "the next look at the row");
});

Deno.test("a passive keepalive is due once, and once more for data that came meanwhile", () => {
  for (const more of [false, true]) {
    const { table, timers } = running();
    table.received(SLOT, 128, true, NOW);
    const due = milliseconds(NOW + 10_000);
    assert.equal(timers.expired("passiveKeepalive", due), false, "nothing was reported");
    timers.anyAuthenticatedPacketTraversal(NOW);
    assert.equal(timers.expired("passiveKeepalive", milliseconds(due - 1)), false);
    if (more) table.received(SLOT, 128, true, milliseconds(NOW + 5_000));
    assert.equal(timers.expired("passiveKeepalive", due), true);
    assert.equal(timers.expired("passiveKeepalive", due), false);
    table.sent(SLOT, 32, false, due);
    const again = milliseconds(due + 10_000);
    assert.equal(timers.expired("passiveKeepalive", again), more);
    assert.equal(timers.expired("passiveKeepalive", milliseconds(again + 60_000)), false);
  }
});

Deno.test("the row is read every ten seconds as long as one timer depends on it", () => {
  const cases = [(table: PeerTable) => table.sent(SLOT, 128, true, milliseconds(NOW + 9_000))]
    .concat([(table) => table.received(SLOT, 128, true, milliseconds(NOW + 9_000))]);
  for (const happen of cases) {
    const { table, timers } = running();
    assert.ok(table.sent(SLOT, 32, false, NOW));
    timers.anyAuthenticatedPacketTraversal(NOW);
    happen(table);
    assert.equal(timers.expired("activity", milliseconds(NOW + 10_000)), true);
    assert.equal(table.sent(SLOT, 32, false, NOW), false, "it need not say so again");
    assert.equal(timers.expired("activity", milliseconds(NOW + 19_999)), false);
    assert.equal(timers.expired("activity", milliseconds(NOW + 20_000)), true);
  }
});

Deno.test("the queue asks a peer for its deadline only after a change", () => {
  const { queue, timers } = running();
  let asked = 0;
  const settle = timers.settle.bind(timers);
  timers.settle = () => {
    asked++;
    return settle();
  };
  timers.handshakeInitiated(NOW, 0);
  for (let i = 0; i < 3; i++) queue.settle(NOW);
  assert.equal(asked, 1);
});

Deno.test("a peer is settled once for all events since the last time", () => {
  const table = new PeerTable();
  const dirty: PeerTimers[] = [];
  const timers = new PeerTimers(SLOT, {
    times: STANDARD_TIMES,
    table,
    dirty: (one) => dirty.push(one),
  });
  timers.start();
  timers.handshakeInitiated(NOW, 0);
  timers.sessionDerived(NOW);
  assert.deepEqual(dirty, [timers]);
  assert.equal(timers.settle(), NOW + 5_000);
  timers.handshakeComplete();
  assert.deepEqual(dirty, [timers, timers]);
});

Deno.test("a timer that fires leaves the others pending", () => {
  const late = milliseconds(NOW + 10_000_000);
  const rows: Readonly<Record<string, (table: PeerTable) => boolean>> = {
    newHandshake: (table) => table.sent(SLOT, 128, true, NOW),
    passiveKeepalive: (table) => table.received(SLOT, 128, true, NOW),
  };
  for (const [ofRow, happen] of Object.entries(rows)) {
    for (const ofHandshake of ["retransmitHandshake", "deferredHandshake"] as const) {
      const pending = ["zeroKeyMaterial", "expireSessions", ofHandshake, ofRow] as Timer[];
      pending.push("persistentKeepalive", "activity");
      for (const fired of pending) {
        for (const other of pending) {
          const { table, timers } = running();
          timers.persistentKeepaliveSet(25);
          timers.sessionDerived(NOW);
          timers.sessionsChanged(NOW);
          if (ofHandshake === "deferredHandshake") timers.handshakeDeferred(NOW);
          else timers.handshakeInitiated(milliseconds(NOW - 10_000), 0);
          happen(table);
          timers.anyAuthenticatedPacketTraversal(NOW);
          assert.equal(timers.expired(fired, late), true, fired);
          assert.equal(timers.expired(other, late), other !== fired, `${fired}, then ${other}`);
        }
      }
    }
  }
});
