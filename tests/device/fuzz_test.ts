import assert from "node:assert/strict";
import { type Milliseconds, milliseconds, peerSlot } from "../../lib/base/brands.ts";
import type { DataEvent } from "../../lib/base/messages.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { Device } from "../../lib/device/device.ts";
import { chooseSuite } from "../../lib/runtime/crypto.ts";
import { Bench, endpointOf, keyOf, pair, publicOf } from "./harness.ts";
import { Chance, filler, SEED } from "../random.ts";

/** A valid initiation, response and cookie reply, which `b` and `a` would accept now. */
function fresh() {
  const { a, b } = pair();
  a.want();
  const initiation = a.datagrams[0].bytes;
  b.receive(initiation, endpointOf(1));
  const response = b.datagrams[0].bytes;
  const cookie = b.cookieReply(initiation, endpointOf(1));
  return { a, b: new Bench(2).start([{ publicKey: publicOf(1) }]), initiation, response, cookie };
}

Deno.test("a message is refused at every length except its own", () => {
  const { a, b, initiation, response, cookie } = fresh();
  for (const [bench, message] of [[b, initiation], [a, response], [a, cookie]] as const) {
    bench.clear();
    for (let length = 0; length <= 2 * message.length; length++) {
      if (length === message.length) continue;
      const cut = new Uint8Array(length);
      cut.set(message.subarray(0, Math.min(length, message.length)));
      bench.receive(cut, endpointOf(3));
      assert.equal(bench.lastVerdict, "handshake_malformed", `length ${length}`);
    }
    assert.deepEqual([bench.commands, bench.datagrams, bench.log], [[], [], []]);
  }
});

Deno.test("a message with one wrong bit and right macs is refused and changes nothing", () => {
  const { a, b, initiation, response, cookie } = fresh();
  const chance = Chance.of(SEED);
  const random = () => chance.fraction();
  const toB = new CookieJar(nobleSuite, publicOf(2), 120_000);
  const toA = new CookieJar(nobleSuite, publicOf(1), 120_000);
  for (
    const [bench, jar, message] of [[b, toB, initiation], [a, toA, response], [
      a,
      undefined,
      cookie,
    ]] as const
  ) {
    bench.clear();
    for (let round = 0; round < 300; round++) {
      const bad = message.slice();
      // Only mac1 covers the sender index. In a cookie reply only nonce and cookie are
      // authenticated.
      const [from, to] = jar === undefined
        ? [8, 64]
        : [message === initiation ? 8 : 12, message.length - 32];
      for (let flips = Math.floor(random() * 3) + 1; flips > 0; flips--) {
        bad[from + Math.floor(random() * (to - from))] ^= 1 << Math.floor(random() * 8);
      }
      if (bad.every((byte, i) => byte === message[i])) continue;
      jar?.seal(bad, bench.now);
      bench.receive(bad, endpointOf(3));
      assert.match(
        bench.lastVerdict ?? "",
        /^(handshake_(initiation|response)|cookie)_forged$/,
        `seed ${SEED}, round ${round}`,
      );
      bench.now = milliseconds(bench.now + 21);
    }
    assert.deepEqual([bench.commands, bench.datagrams], [[], []], `seed ${SEED}`);
  }
  a.receive(cookie, endpointOf(2));
  assert.equal(a.lastVerdict, "cookie_accepted", "the real ones are still taken");
  a.receive(response, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_response_accepted");
  b.receive(initiation, endpointOf(1));
  assert.equal(b.lastVerdict, "handshake_initiation_accepted");
});

Deno.test("random datagrams and random events in any order never throw, and every deadline passes", () => {
  const chance = Chance.of(SEED);
  const random = () => chance.fraction();
  const fill = filler(chance);
  const suite = chooseSuite();
  for (let trial = 0; trial < 2; trial++) {
    const { initiation, response, cookie } = fresh();
    const table = new PeerTable();
    const device = new Device({
      suite,
      random: fill,
      wallClock: () => BigInt(Math.floor(random() * 4e18)) - 10n ** 18n,
      table,
      handshakes: new HandshakeMemory(),
    });
    const peers = [1, 3, 4].map((i) => ({
      publicKey: publicOf(i),
      endpoint: endpointOf(i),
      persistentKeepalive: i,
    }));
    let now: Milliseconds = milliseconds(1_000);
    device.configure({ privateKey: keyOf(2), peers, debug: true }, now);
    device.link(true, 1420, now);
    for (let round = 0; round < 3_000; round++) {
      const seeds = [initiation, response, cookie];
      let datagram = seeds[Math.floor(random() * 3)].slice();
      if (random() < 0.3) fill(datagram.subarray(random() < 0.5 ? 4 : 0));
      if (random() < 0.2) datagram = datagram.slice(0, random() * 200);
      const peer = peerSlot(Math.floor(random() * 5));
      const notices = [
        "invalid-response-mac",
        "keepalive-sent",
        "not-ip",
        "unallowed-source",
      ] as const;
      const events: DataEvent[] = [
        { type: "handshakes-waiting" },
        { type: "handshake-wanted", peer },
        { type: "peer-active", peer },
        { type: "session-confirmed", peer, localIndex: Math.floor(random() * 2 ** 32) as never },
        { type: "notice", notice: notices[Math.floor(random() * 4)], peer, source: undefined },
      ];
      if (random() < 0.5) table.sent(peer, 100, random() < 0.5, now);
      if (random() < 0.5) table.received(peer, 100, random() < 0.5, now);
      device.handle(events[Math.floor(random() * events.length)], now);
      device.receive(
        { datagram, source: endpointOf(Math.floor(random() * 4)), local: undefined },
        now,
      );
      if (random() < 0.01) device.link(random() < 0.5, 1420, now);
      now = milliseconds(now + Math.floor(random() ** 4 * 100_000));
      for (let ticks = 0; (device.nextDeadline() ?? Infinity) <= now; ticks++) {
        assert.ok(ticks < 100, `seed ${SEED}, round ${round}: the timers never rest`);
        device.tick(now);
      }
      for (const { bytes } of device.takeOutputs().datagrams) {
        assert.ok([148, 92, 64].includes(bytes.length));
      }
    }
    assert.equal(device.status().peers.length, 3);
  }
});
