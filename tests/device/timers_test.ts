import assert from "node:assert/strict";
import { peerSlot } from "../../lib/base/brands.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { LOG_LINES_PER_SECOND } from "../../lib/device/outputs.ts";
import { Bench, endpointOf, keyOf, pair, publicOf, shake } from "./harness.ts";

const SLOT = peerSlot(0);

/** Two peers with a new session. The outputs of `a` are cleared. */
function shaken() {
  const { a, b } = pair();
  const { initiator, responder } = shake(a, b);
  a.clear();
  b.clear();
  return { a, b, initiator, responder };
}

Deno.test("an initiation is repeated every 5 s and 0 to 333 ms, then given up with the staged packets", () => {
  const { a } = pair();
  a.want();
  const times = [a.now as number];
  let seen = 1;
  while (a.of("staged-drop").length === 0) {
    a.pass(1);
    if (a.datagrams.length > seen) {
      seen = a.datagrams.length;
      times.push(a.now);
    }
    assert.ok(a.now - times[0] < 110_000, "it is given up some time");
  }
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  assert.equal(gaps.length, 19);
  for (const gap of gaps) assert.ok(gap >= 5_000 && gap <= 5_333, `${gap}`);
  assert.ok(new Set(gaps).size > 5, "the jitter varies");
  assert.ok(a.now - times[0] >= 90_000 && a.now - times[0] <= 20 * 5_334);
  assert.equal(
    a.log[1],
    "Handshake for peer 1 did not complete after 5 seconds, retrying (try 2) (10.0.0.2:51820)",
  );
  assert.equal(
    a.log.at(-1),
    "Handshake for peer 1 did not complete after 20 retries, giving up (10.0.0.2:51820)",
  );
  a.pass(10_000);
  assert.equal(a.datagrams.length, 20, "then there is silence");
  const { a: again } = pair();
  again.want();
  again.pass(110_000);
  assert.ok(again.want(), "the next packet asks again");
  assert.equal(again.datagrams.length, 21);
  a.pass(540_000);
  assert.equal(a.log.at(-1), "Zeroing out keys for peer 1 (10.0.0.2:51820)");
  assert.equal(a.device.nextDeadline(), undefined);
});

Deno.test("traffic that goes on keeps the attempt going", () => {
  const { a } = pair();
  for (let i = 0; i < 200; i++) {
    a.want();
    a.pass(1_000);
  }
  assert.equal(a.of("staged-drop").length, 0);
  assert.ok(
    a.datagrams.length > 200 / 5.4 && a.datagrams.length <= 200 / 5 + 1,
    `${a.datagrams.length}`,
  );
});

Deno.test("two initiations are at least 5 s apart, and a wanted handshake is deferred until then", () => {
  const { a, initiator } = shaken();
  a.handle({ type: "session-confirmed", peer: SLOT, localIndex: initiator.localIndex });
  a.device.configure({ privateKey: keyOf(1) }, a.now);
  a.pass(1_000);
  // The data plane has lost the session and wants a handshake, but the last initiation is 1 s old.
  a.device.link(false, 1420, a.now);
  a.device.link(true, 1420, a.now);
  a.collect().clear();
  a.want();
  assert.equal(a.datagrams.length, 1, "going down forgets when the last one was sent");
  a.pass(1_000);
  a.want();
  assert.equal(a.datagrams.length, 1);
  a.pass(4_400);
  assert.equal(a.datagrams.length, 2);
});

Deno.test("a repeated initiation clears the local address", () => {
  const { a } = pair();
  const local = { address: Uint8Array.of(10, 0, 0, 1), interfaceIndex: 2 };
  a.table.writeEndpoint(SLOT, endpointOf(2), local);
  a.want();
  assert.deepEqual(a.datagrams[0].local, local);
  a.pass(5_400);
  assert.equal(a.table.readEndpoint(SLOT).local, undefined);
  assert.equal(a.datagrams[1].local, undefined);
});

Deno.test("a new handshake 15 s after data went out and nothing came back", () => {
  const { a } = shaken();
  a.table.writeEndpoint(SLOT, endpointOf(2), {
    address: Uint8Array.of(10, 0, 0, 1),
    interfaceIndex: 2,
  });
  a.pass(2_000);
  a.sent(true);
  a.pass(14_999);
  assert.equal(a.datagrams.length, 0);
  a.pass(335);
  assert.equal(a.datagrams.length, 1);
  assert.equal(a.table.readEndpoint(SLOT).local, undefined);
  assert.equal(
    a.log[0],
    "Retrying handshake with peer 1 because we stopped hearing back after 15 seconds (10.0.0.2:51820)",
  );
  assert.ok(a.pass(80_000) < 30, "it waits between its tries");
  assert.equal(a.log.filter((line) => line.includes("stopped hearing")).length, 1);
});

Deno.test("no new handshake after an authenticated answer, or when only a keepalive was sent", () => {
  const { a } = shaken();
  a.pass(2_000);
  a.sent(true);
  a.pass(9_000);
  a.received(false);
  a.pass(1_000);
  a.sent(false);
  a.pass(100_000);
  assert.deepEqual(a.datagrams, []);
});

Deno.test("a handshake counts as an answer", () => {
  const { a, b } = shaken();
  a.pass(121_000);
  b.pass(121_000);
  a.sent(true);
  a.want();
  b.receive(a.datagrams[0].bytes, endpointOf(1));
  a.receive(b.datagrams[0].bytes, endpointOf(2));
  a.sent(false);
  a.clear().pass(50_000);
  assert.deepEqual(a.datagrams, []);
});

Deno.test("a passive keepalive is sent 10 s after data was received and nothing sent", () => {
  const { a } = shaken();
  a.pass(2_000);
  a.received(true);
  a.pass(9_999);
  assert.equal(a.of("keepalive-send").length, 0);
  a.pass(1);
  assert.equal(a.of("keepalive-send").length, 1);
  a.sent(false);
  a.pass(60_000);
  assert.equal(a.of("keepalive-send").length, 1, "two idle peers do not ping each other");
});

Deno.test("a timer that is set while a later one is pending fires in time", () => {
  const { a } = shaken();
  a.pass(2_000);
  a.sent(true);
  a.pass(1_000);
  a.received(true);
  a.pass(9_999);
  assert.equal(a.of("keepalive-send").length, 0);
  a.pass(1);
  assert.equal(a.of("keepalive-send").length, 1);
});

Deno.test("a second passive keepalive is sent when more data came while the first was pending", () => {
  const { a } = shaken();
  a.pass(2_000);
  a.received(true);
  a.pass(3_000);
  a.received(true);
  a.pass(7_000);
  assert.equal(a.of("keepalive-send").length, 1);
  a.sent(false);
  a.pass(9_999);
  assert.equal(a.of("keepalive-send").length, 1);
  a.pass(2);
  assert.equal(a.of("keepalive-send").length, 2);
  a.sent(false);
  a.pass(60_000);
  assert.equal(a.of("keepalive-send").length, 2);
});

Deno.test("no passive keepalive is sent when another packet was sent in time", () => {
  const { a } = shaken();
  a.pass(2_000);
  for (let i = 0; i < 20; i++) {
    a.received(true);
    a.pass(2_000);
    a.sent(true);
    a.pass(1_000);
    a.received(true);
    a.sent(true);
    a.received(false);
  }
  assert.equal(a.of("keepalive-send").length, 0);
});

Deno.test("a persistent keepalive: at once when enabled, then counted from the last authenticated packet either way", () => {
  const { a } = shaken();
  a.pass(3_000);
  a.device.configure({ peers: [{ publicKey: publicOf(2), persistentKeepalive: 25 }] }, a.now);
  a.collect();
  assert.equal(a.of("keepalive-send").length, 1);
  a.sent(false);
  a.pass(20_000);
  a.received(false);
  a.pass(24_999);
  assert.equal(a.of("keepalive-send").length, 1);
  a.pass(1);
  assert.equal(a.of("keepalive-send").length, 2);
  a.sent(false);
  a.device.configure({ peers: [{ publicKey: publicOf(2), persistentKeepalive: 30 }] }, a.now);
  a.collect();
  assert.equal(a.of("keepalive-send").length, 2, "only switching on sends at once");
  a.device.configure({ peers: [{ publicKey: publicOf(2), persistentKeepalive: 0 }] }, a.now);
  a.collect().pass(100_000);
  assert.equal(a.of("keepalive-send").length, 2);
});

Deno.test("a persistent keepalive without a session makes one, on up and for ever after", () => {
  const a = new Bench(1);
  const peer = { publicKey: publicOf(2), endpoint: endpointOf(2), persistentKeepalive: 10 };
  a.device.configure({ privateKey: keyOf(1), debug: true, peers: [peer] }, a.now);
  a.collect();
  assert.equal(a.datagrams.length, 0, "not while down");
  a.device.link(true, 1420, a.now);
  a.collect();
  assert.equal(a.datagrams.length, 1);
  a.pass(400_000);
  assert.ok(a.datagrams.length > 60, `${a.datagrams.length}`);
});

Deno.test("keepalives that the data plane cannot send are not requested more often", () => {
  const { a } = shaken();
  a.device.configure({ peers: [{ publicKey: publicOf(2), persistentKeepalive: 10 }] }, a.now);
  a.collect();
  a.received(true);
  a.pass(100_000);
  const asked = a.of("keepalive-send").length;
  assert.ok(asked >= 9 && asked <= 13, `${asked}`);
});

Deno.test("sessions are retired at 180 s and all keys at 540 s", () => {
  const { a, b, initiator, responder } = shaken();
  for (const [bench, install] of [[a, initiator], [b, responder]] as const) {
    bench.pass(179_999);
    assert.deepEqual(bench.of("session-retire"), []);
    bench.pass(1);
    assert.deepEqual(bench.of("session-retire").map((retire) => retire.localIndex), [
      install.localIndex,
    ]);
    bench.pass(359_999);
    assert.equal(bench.log.length, 0);
    bench.pass(1);
    assert.match(bench.log[0], /^Zeroing out keys for peer 1/);
    assert.equal(bench.device.nextDeadline(), undefined);
  }
});

Deno.test("a wanted handshake is dropped when the session is new, and begins when it is old", () => {
  const { a } = shaken();
  a.pass(1_000);
  assert.ok(a.want());
  assert.deepEqual(a.datagrams, []);
  a.pass(119_500);
  assert.ok(a.want());
  assert.equal(a.datagrams.length, 1);
});

Deno.test("down: staged packets dropped, timers stopped, sessions wiped; nothing is answered", () => {
  const { a, b, initiator } = shaken();
  a.pass(121_000);
  a.sent(true);
  a.want();
  a.clear().device.link(false, 1420, a.now);
  a.collect();
  assert.deepEqual(a.of("session-retire").map((retire) => retire.localIndex), [
    initiator.localIndex,
  ]);
  assert.equal(a.of("staged-drop").length, 1);
  assert.deepEqual(a.of("link"), [{ type: "link", up: false, mtu: 1420 }]);
  assert.equal(a.device.nextDeadline(), undefined);
  b.device.configure({ peers: [{ publicKey: publicOf(1), endpoint: endpointOf(1) }] }, b.now);
  b.pass(181_000);
  b.want();
  a.clear().receive(b.datagrams.at(-1)!.bytes, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_link_down");
  assert.deepEqual([a.commands, a.datagrams], [[], []]);
});

Deno.test("events reported while the interface went down can be reported again after it is up", () => {
  const { a } = shaken();
  a.pass(121_000);
  a.device.link(false, 1420, a.now);
  a.collect();
  assert.ok(a.want());
  a.sent(true);
  a.device.link(true, 1420, a.now);
  a.collect().clear();
  assert.equal(a.device.nextDeadline(), undefined);
  a.received(true);
  a.pass(10_000);
  assert.equal(a.datagrams.length, 1, "the passive keepalive wants a session");
  a.device.link(false, 1420, a.now);
  a.device.link(true, 1420, a.now);
  a.collect().clear();
  assert.ok(a.want());
  assert.equal(a.datagrams.length, 1);
});

Deno.test("strangers cannot fill the log", () => {
  const { a } = pair();
  const nonsense = new Uint8Array(92);
  nonsense[0] = 2;
  for (let i = 0; i < 5_000; i++) a.receive(nonsense, endpointOf(i));
  assert.equal(a.log.length, LOG_LINES_PER_SECOND);
  a.pass(1_000);
  a.receive(nonsense, endpointOf(1));
  assert.deepEqual(a.log.slice(-2), [
    "4800 messages left out",
    "Invalid response MAC (10.0.0.1:51820)",
  ]);
});

Deno.test("without an endpoint a handshake is tried and given up, and a new endpoint is used at once", () => {
  const a = new Bench(1).start([{ publicKey: publicOf(2) }]).clear();
  a.want();
  assert.equal(a.datagrams.length, 0);
  assert.equal(a.log[0], "Unable to send handshake initiation to peer 1: it has no endpoint");
  a.device.configure({ peers: [{ publicKey: publicOf(2), endpoint: endpointOf(2) }] }, a.now);
  a.collect().pass(1);
  assert.equal(a.datagrams.length, 1);
});

Deno.test("without a private key a wanted handshake waits for one", () => {
  const a = new Bench(1);
  a.device.configure({ peers: [{ publicKey: publicOf(2), endpoint: endpointOf(2) }] }, a.now);
  a.device.link(true, 1420, a.now);
  a.collect();
  assert.ok(a.want());
  a.pass(1_000);
  assert.equal(a.want(), false, "it is not said again and again");
  a.device.configure({ privateKey: keyOf(1) }, a.now);
  a.collect().pass(1);
  assert.equal(a.datagrams.length, 1);
  a.device.configure({ privateKey: new Uint8Array(32) as never }, a.now);
  a.pass(100_000);
  assert.ok(a.want());
  a.pass(100_000);
  assert.equal(a.datagrams.length, 1);
  assert.equal(a.device.nextDeadline(), undefined);
});

Deno.test("a wall clock that jumps back or far ahead stalls nothing", () => {
  const { a, b } = pair();
  for (
    const step of [-3_600_000_000_000n, 10n ** 18n, -(10n ** 18n), -1_600_000_000_000_000_000n, 5n]
  ) {
    a.wallNs += step;
    b.wallNs -= step / 2n;
    a.pass(130_000);
    b.pass(130_000);
    const { initiator } = shake(a, b);
    assert.ok(initiator !== undefined, `step ${step}`);
  }
});

Deno.test("a timer that is due again at once runs a millisecond later", () => {
  const { a } = pair({ ...STANDARD_TIMES, keepaliveTimeout: 0 });
  a.sent(true);
  assert.equal(a.device.nextDeadline(), a.now);
  a.device.tick(a.now);
  assert.equal(a.device.nextDeadline(), a.now + 1);
});

Deno.test("ten thousand idle peers cost nothing, and the row of a busy peer is read every ten seconds", () => {
  const peers = Array.from({ length: 10_000 }, (_, i) => {
    const publicKey = new Uint8Array(32);
    new DataView(publicKey.buffer).setUint32(0, i + 1);
    return { publicKey: publicKey as never };
  });
  const a = new Bench(1).start(peers);
  assert.equal(a.pass(3_600_000), 0);
  const { a: busy } = shaken();
  let ticks = 0;
  let events = 0;
  for (let i = 0; i < 1_000; i++) {
    const before = busy.commands.length;
    busy.sent(true);
    busy.received(true);
    ticks += busy.pass(100);
    events += busy.commands.length - before;
  }
  assert.ok(ticks <= 25, `${ticks} ticks in 100 s`);
  assert.equal(events, 0);
});
