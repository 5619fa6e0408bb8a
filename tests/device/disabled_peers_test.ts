import assert from "node:assert/strict";
import { milliseconds, peerSlot } from "../../lib/base/brands.ts";
import type { PeerChange } from "../../lib/base/config.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { type Bench, endpointOf, pair, publicOf } from "./harness.ts";

const HOUR = 3_600_000;
/** The wall clock of a bench in milliseconds. */
const wallOf = (bench: Bench) => Number(bench.wallNs / 1_000_000n);
const toB = (change: Partial<PeerChange>) => ({ peers: [{ publicKey: publicOf(2), ...change }] });
const statusOf = (bench: Bench) => bench.device.status().peers[0];
const kinds = (bench: Bench) => bench.commands.map(({ type }) => type);

function configure(bench: Bench, change: Partial<PeerChange>): Bench {
  bench.device.configure(toB(change), bench.now);
  return bench.collect();
}

/** Both clocks go on; `wallMs` differs when the wall clock is set meanwhile. */
function pass(bench: Bench, ms: number, wallMs = ms): Bench {
  bench.now = milliseconds(bench.now + ms);
  bench.wallNs += BigInt(wallMs) * 1_000_000n;
  bench.device.tick(bench.now);
  return bench.collect();
}

/** Two devices with a session. */
function connected() {
  const benches = pair();
  const { a, b } = benches;
  a.want();
  b.receive(a.datagrams[0].bytes, endpointOf(1));
  a.receive(b.datagrams[0].bytes, endpointOf(2));
  a.clear();
  b.clear();
  return benches;
}

Deno.test("a disabled peer loses its sessions at once and gets no handshake", () => {
  const { a } = connected();
  configure(a, { disabled: { reason: "hand" } });
  assert.deepEqual(kinds(a), ["peer-disable", "staged-drop", "session-retire"]);
  assert.deepEqual(statusOf(a).disabled, { reason: "hand", sinceUnixMs: wallOf(a) });
  a.clear().want();
  configure(a, { persistentKeepalive: 25, endpoint: endpointOf(9) });
  for (let i = 0; i < 100; i++) pass(a, 10_000);
  assert.deepEqual([a.datagrams, kinds(a)], [[], []]);
  assert.equal(a.device.nextDeadline(), undefined);
  // Nor when the interface was down and is up again.
  for (const up of [false, true]) a.device.link(up, 1420, a.now);
  a.collect();
  assert.deepEqual([a.datagrams, kinds(a)], [[], ["link", "link"]]);
});

Deno.test("the messages of a disabled peer are refused and counted", () => {
  const { a, b } = connected();
  b.device.configure(
    { peers: [{ publicKey: publicOf(1), disabled: { reason: "quota" } }] },
    b.now,
  );
  b.collect().clear();
  pass(a, 5_500);
  pass(b, 5_500);
  a.want();
  const [initiation] = a.datagrams;
  b.receive(initiation.bytes, endpointOf(1));
  assert.equal(b.lastVerdict, "handshake_disabled");
  assert.equal(statusOf(b).counters?.handshake_disabled, 1);
  assert.deepEqual([b.datagrams, b.commands], [[], []]);
  // It is not of use to anybody who recorded it, when the peer is enabled again.
  b.device.configure({ peers: [{ publicKey: publicOf(1), disabled: false }] }, b.now);
  b.receive(initiation.bytes, endpointOf(1));
  assert.equal(b.lastVerdict, "handshake_replayed");
});

Deno.test("an enabled peer takes part again, with its keepalives", () => {
  const { a, b } = connected();
  configure(a, { persistentKeepalive: 25, disabled: { reason: "hand" } });
  pass(a, HOUR);
  pass(b, HOUR);
  a.clear();
  configure(a, { disabled: false, endpoint: endpointOf(7) });
  assert.deepEqual(kinds(a), ["peer-disable"]);
  assert.equal(statusOf(a).disabled, undefined);
  assert.deepEqual(a.datagrams.map(({ endpoint }) => endpoint), [endpointOf(7)]);
  b.receive(a.datagrams[0].bytes, endpointOf(1));
  assert.equal(b.lastVerdict, "handshake_initiation_accepted");
});

Deno.test("a peer that is new and disabled sends nothing", () => {
  const { a } = pair();
  a.clear();
  a.device.configure({
    peers: [{
      publicKey: publicOf(5),
      endpoint: endpointOf(5),
      endpointName: { host: "example.org", port: 7 },
      persistentKeepalive: 1,
      disabled: { reason: "hand", sinceUnixMs: 1_000 },
    }],
  }, a.now);
  pass(a, HOUR);
  assert.deepEqual([a.datagrams, a.lookUps], [[], []]);
  const [, peer] = a.device.status().peers;
  assert.deepEqual(peer.disabled, { reason: "hand", sinceUnixMs: 1_000 });
  a.device.configure({ peers: [{ publicKey: publicOf(5), disabled: false }] }, a.now);
  a.collect();
  assert.deepEqual([a.datagrams.length, a.lookUps], [1, ["example.org"]]);
});

Deno.test("a quota leaves a peer that is disabled by hand, and by hand outlasts a quota", () => {
  const { a } = pair();
  const reason = () => statusOf(a).disabled?.reason;
  configure(a, { disabled: { reason: "quota" } });
  assert.equal(reason(), "quota");
  const [{ disabled }] = a.device.status().peers;
  pass(a, 1_000);
  configure(a, { disabled: { reason: "quota" } });
  assert.deepEqual(statusOf(a).disabled, disabled, "again changes nothing");
  configure(a, { disabled: { reason: "hand" } });
  configure(a, { disabled: { reason: "quota" } });
  assert.equal(reason(), "hand");
  configure(a, { disabled: false });
  assert.equal(reason(), undefined);
});

Deno.test("a peer expires at its date, and is told of in the log", () => {
  const { a } = connected();
  const date = wallOf(a) + 10_500;
  configure(a, { description: "ann", expiresUnixMs: date });
  assert.deepEqual(a.told.filter((line) => line.includes("has passed")), []);
  a.clear();
  for (let i = 0; i < 10; i++) pass(a, 1_000);
  assert.equal(statusOf(a).disabled, undefined);
  pass(a, 1_000);
  assert.deepEqual(statusOf(a).disabled, { reason: "expired", sinceUnixMs: date });
  assert.deepEqual(kinds(a), ["peer-disable", "staged-drop", "session-retire"]);
  assert.deepEqual(a.told, ["The date of peer 1 (ann) has passed: it is disabled"]);
  // To enable it is not enough: it needs another date.
  configure(a, { disabled: false });
  assert.equal(statusOf(a).disabled?.reason, "expired");
  configure(a, { expiresUnixMs: wallOf(a) + HOUR });
  assert.equal(statusOf(a).disabled, undefined);
  pass(a, HOUR);
  assert.equal(statusOf(a).disabled?.reason, "expired");
  configure(a, { expiresUnixMs: 0 });
  assert.deepEqual([statusOf(a).disabled, statusOf(a).expiresUnixMs], [undefined, undefined]);
});

Deno.test("a date holds also when the clock is set and when the machine sleeps", () => {
  const { a } = pair();
  const date = wallOf(a) + 24 * HOUR;
  const isExpired = () => statusOf(a).disabled !== undefined;
  configure(a, { expiresUnixMs: date });
  pass(a, 1_000, 25 * HOUR);
  assert.ok(isExpired(), "the clock was set forward");
  pass(a, 1_000, -2 * HOUR);
  assert.ok(!isExpired(), "the clock was set back");
  pass(a, 2 * HOUR);
  assert.ok(isExpired(), "the machine slept");
});

Deno.test("the wall clock is read every second while a peer has a date, and else never", () => {
  const { a } = pair();
  pass(a, HOUR);
  assert.equal(a.device.nextDeadline(), undefined);
  configure(a, { expiresUnixMs: wallOf(a) + HOUR });
  assert.equal(a.device.nextDeadline(), a.now + 1_000);
  pass(a, 1_000);
  assert.equal(a.device.nextDeadline(), a.now + 1_000);
  pass(a, 400);
  assert.equal(a.device.nextDeadline(), a.now + 600, "something else was due");
  configure(a, { remove: true });
  pass(a, 1_000);
  assert.equal(a.device.nextDeadline(), undefined);
});

Deno.test("of many dates each holds at its own time", () => {
  const { a } = pair();
  const date = wallOf(a);
  const peers = [5, 3, 9, 4].map((after, index) => ({
    publicKey: publicOf(10 + index),
    expiresUnixMs: date + after * 1_000,
  }));
  a.device.configure({ peers }, a.now);
  const expired = () =>
    a.device.status().peers.filter(({ disabled }) => disabled !== undefined).length;
  const seen = Array.from({ length: 10 }, () => (pass(a, 1_000), expired()));
  assert.deepEqual(seen, [0, 0, 1, 2, 3, 3, 3, 3, 4, 4]);
  pass(a, 1_000, -6_000);
  assert.equal(expired(), 2);
});

Deno.test("the interface without the peer's sessions refuses late events of the data plane", () => {
  const { b } = connected();
  const slot = peerSlot(0);
  b.device.configure({ peers: [{ publicKey: publicOf(1), disabled: { reason: "hand" } }] }, b.now);
  b.collect().clear();
  for (const type of ["handshake-wanted", "peer-active"] as const) b.handle({ type, peer: slot });
  assert.deepEqual([b.datagrams, b.commands, b.device.nextDeadline()], [[], [], undefined]);
});

Deno.test("dates that are out of range are refused whole", () => {
  const { a } = pair();
  for (const wrong of [-1, 0.5, NaN, 253_402_300_799_001]) {
    for (
      const change of [
        { expiresUnixMs: wrong },
        { disabled: { reason: "hand", sinceUnixMs: wrong } } as const,
      ]
    ) {
      assert.throws(() => configure(a, { description: "x", ...change }), ConfigError);
      assert.equal(statusOf(a).description, "");
    }
  }
});

Deno.test("the wall clock is read every second, as long as a peer has a date", () => {
  const { a } = pair();
  const next = () => {
    const deadline = a.device.nextDeadline();
    return deadline === undefined ? undefined : deadline - a.now;
  };
  assert.equal(next(), undefined);
  configure(a, { expiresUnixMs: wallOf(a) + 2_500 });
  for (const expired of [false, false, true, true]) {
    assert.equal(next(), 1_000);
    pass(a, 1_000);
    assert.equal(statusOf(a).disabled !== undefined, expired);
  }
  assert.equal(next(), 1_000, "the clock may be set back");
  configure(a, { expiresUnixMs: 0 });
  pass(a, 1_000);
  assert.equal(next(), undefined);
});
