/** A suspended machine: the clock is hours ahead afterwards, and no timer ran meanwhile. */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { type Bench, endpointOf, pair, publicOf, shake } from "./harness.ts";

const HOURS_8 = 8 * 3_600_000;

function sleep(bench: Bench, ms: number): void {
  bench.now = milliseconds(bench.now + ms);
  bench.wallNs += BigInt(ms) * 1_000_000n;
  bench.clear();
  // Run timers until none is due, as a driver does.
  for (let turn = 0; turn < 10; turn++) {
    const due = bench.device.nextDeadline();
    if (due === undefined || due > bench.now) return;
    bench.device.tick(bench.now);
    bench.collect();
  }
  assert.fail("a deadline is overdue after ten turns");
}

for (const persistentKeepalive of [0, 25]) {
  Deno.test(`after eight hours asleep the keys are gone and the next packet brings a session, keepalive ${persistentKeepalive}`, () => {
    const { a, b } = pair();
    const { initiator } = shake(a, b);
    a.device.configure({ peers: [{ publicKey: publicOf(2), persistentKeepalive }] }, a.now);
    a.collect();
    sleep(a, HOURS_8);
    sleep(b, HOURS_8);
    assert.deepEqual(a.of("session-retire").map((retire) => retire.localIndex), [
      initiator.localIndex,
    ]);
    // Missed timers do not add up: at most one initiation is sent.
    assert.equal(a.datagrams.length, persistentKeepalive === 0 ? 0 : 1);
    assert.equal(b.datagrams.length, 0);
    if (persistentKeepalive === 0) a.want();
    assert.equal(a.datagrams.length, 1);
    b.receive(a.datagrams[0].bytes, endpointOf(1));
    assert.equal(b.lastVerdict, "handshake_initiation_accepted");
    a.receive(b.datagrams[0].bytes, endpointOf(2));
    assert.equal(a.lastVerdict, "handshake_response_accepted");
    assert.equal(a.of("session-install").length, 1);
  });
}

Deno.test("after a sleep in a handshake the initiation is repeated at once", () => {
  const { a, b } = pair();
  a.want();
  const late = a.datagrams[0].bytes;
  sleep(a, HOURS_8);
  assert.equal(a.datagrams.length, 1, "the repetition");
  b.receive(late, endpointOf(1));
  a.receive(b.datagrams[0].bytes, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_unknown_index");
});

Deno.test("a cloned machine ends its sessions at once and begins new ones with other keys", () => {
  const { a, b } = pair();
  const { initiator } = shake(a, b);
  a.pass(6_000);
  b.pass(6_000);
  a.clear();
  b.clear();
  a.device.renewSessions(a.now);
  a.collect();
  assert.deepEqual(a.of("session-retire").map((retire) => retire.localIndex), [
    initiator.localIndex,
  ]);
  assert.equal(a.datagrams.length, 1, "an initiation, without a packet that needs it");
  b.receive(a.datagrams[0].bytes, endpointOf(1));
  a.receive(b.datagrams[0].bytes, endpointOf(2));
  const [renewed] = a.of("session-install");
  assert.notDeepEqual(renewed.sendKey, initiator.sendKey);
});

Deno.test("a cloned machine sends nothing to peers without a session", () => {
  const { a } = pair();
  a.device.renewSessions(a.now);
  a.collect();
  assert.deepEqual([a.datagrams.length, a.of("session-retire").length], [0, 0]);
});
