/**
 * Messages of ours that come back as packets. They are sent on through another peer, and dropped
 * when they would come back again.
 */
import assert from "node:assert/strict";
import { type Milliseconds, type PeerSlot, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { CARRIED_MS, HOPS_MAX } from "../../lib/data/loops.ts";
import { LOOP_EVERY_MS } from "../../lib/data/event_reporter.ts";
import { makePacket, plainFrame } from "./packets.ts";
import { after, datagramsOf, ENDPOINT_A, NOON, Side } from "./two_sides.ts";

/** The MTU of the tunnel: a message of a full packet comes back in fragments. */
const MTU = 1420;
const slotOf = (n: number): PeerSlot => peerSlot(n);
const remoteOf = (n: number) => sessionIndex(0x4000_0000 + n);

/** The endpoint of peer N: 10.0.0.N or fd00::N, in the ranges of the tunnel. */
function endpointOf(n: number, v6: boolean): Endpoint {
  const address = v6
    ? Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n)
    : Uint8Array.of(10, 0, 0, n);
  return { address, port: 7000 + n, scope: 0 };
}

/**
 * A side with peers 1 to `count`, each with a session; `carriers[n]` has the endpoint of n among
 * its allowed IPs. Peer n has the host 100 + n too.
 */
function sideWith(count: number, carriers: Readonly<Record<number, number>>, v6: boolean): Side {
  const side = new Side(ENDPOINT_A, { mtu: MTU });
  for (let n = 1; n <= count; n++) {
    const hosts = [
      100 + n,
      ...Object.keys(carriers).map(Number).filter((other) => carriers[other] === n),
    ];
    const ranges = hosts.map((host) => ({
      address: endpointOf(host, v6).address,
      prefix: v6 ? 128 : 32,
    }));
    side.addPeer(slotOf(n), endpointOf(n, v6), ranges);
    side.apply({
      type: "session-install",
      peer: slotOf(n),
      initiator: true,
      localIndex: sessionIndex(n),
      remoteIndex: remoteOf(n),
      sendKey: new Uint8Array(32).fill(n),
      receiveKey: new Uint8Array(32).fill(n),
      createdAt: NOON,
    });
  }
  side.udp.sent.length = 0;
  return side;
}

/** An IP packet as the kernel hands it to a device of the MTU: whole, or in two fragments. */
function fragments(packet: Uint8Array, v6: boolean): Uint8Array[] {
  if (packet.length <= MTU) return [packet];
  const head = v6 ? 40 : 20;
  const room = (MTU - head - (v6 ? 8 : 0)) & ~7;
  const parts: Uint8Array[] = [];
  for (let from = head; from < packet.length; from += room) {
    const part = packet.subarray(from, from + room);
    const more = from + room < packet.length ? 1 : 0;
    const offset = from - head;
    const fragment = new Uint8Array(head + (v6 ? 8 : 0) + part.length);
    fragment.set(packet.subarray(0, head));
    const view = new DataView(fragment.buffer);
    if (v6) {
      view.setUint16(4, 8 + part.length);
      fragment[6] = 44;
      fragment[40] = packet[6];
      view.setUint16(42, offset | more);
    } else {
      view.setUint16(2, fragment.length);
      view.setUint16(6, more << 13 | offset >>> 3);
    }
    fragment.set(part, fragment.length - part.length);
    parts.push(fragment);
  }
  return parts;
}

/**
 * The messages that a side sent, by peer. The messages to peers in `returning` come back as packets
 * until there are no more.
 */
function circulate(
  side: Side,
  returning: ReadonlySet<number>,
  v6: boolean,
  now: Milliseconds = NOON,
): number[] {
  const sent: number[] = [];
  for (let rounds = 0;; rounds++) {
    assert.ok(rounds < 50, "it goes on for ever");
    side.turn(now);
    const runs = side.udp.sent.splice(0);
    if (runs.length === 0) return sent;
    for (const run of runs) {
      const n = run.to!.port - 7000;
      for (const payload of datagramsOf(run)) {
        sent.push(n);
        if (!returning.has(n)) continue;
        const fields = {
          v6,
          udp: true,
          source: 200,
          sourcePort: 1001,
          destination: n,
          destinationPort: 7000 + n,
        };
        for (const part of fragments(makePacket({ ...fields, payload }), v6)) {
          side.tun.push(plainFrame(part));
        }
      }
    }
  }
}

function start(side: Side, n: number, v6: boolean, bytes = 100): void {
  const fields = {
    v6,
    udp: true,
    source: 200,
    sourcePort: 1,
    destination: 100 + n,
    destinationPort: 2,
  };
  side.tun.push(plainFrame(makePacket({ ...fields, payload: new Uint8Array(bytes) })));
}

/** The longest packet for the tunnel. */
const full = (v6: boolean) => MTU - (v6 ? 48 : 28);
const all = (count: number) => new Set(Array.from({ length: count }, (_, i) => i + 1));

for (const v6 of [false, true]) {
  const family = v6 ? "IPv6" : "IPv4";

  Deno.test(`${family}: messages to one peer go through another, in fragments too`, () => {
    const side = sideWith(3, { 1: 2, 2: 3 }, v6);
    start(side, 1, v6);
    assert.deepEqual(circulate(side, new Set([1, 2]), v6), [1, 2, 3]);
    start(side, 1, v6, full(v6));
    assert.deepEqual(circulate(side, new Set([1]), v6), [1, 2, 2]);
    assert.equal(side.dataplane.counts().tx_looped, 0);
    assert.deepEqual(side.said("loop"), []);
  });

  Deno.test(`${family}: what comes back to the same peer ends, fragments with it, and is said once a minute`, () => {
    const side = sideWith(1, { 1: 1 }, v6);
    start(side, 1, v6);
    assert.deepEqual(circulate(side, all(1), v6), [1]);
    assert.equal(side.dataplane.counts().tx_looped, 1);
    start(side, 1, v6, full(v6));
    // The second fragment has no header that tells whose it is. Its message is short, and does not
    // get far.
    assert.deepEqual(circulate(side, all(1), v6, after(1)), [1, 1]);
    assert.equal(side.dataplane.counts().tx_looped, 3);
    const loop = { type: "loop", peer: slotOf(1), through: slotOf(1) };
    assert.deepEqual(side.said("loop"), [loop]);
    start(side, 1, v6);
    circulate(side, all(1), v6, after(LOOP_EVERY_MS));
    assert.deepEqual(side.said("loop"), [loop, loop]);
  });

  Deno.test(`${family}: rings of two and more peers end, and are said`, () => {
    for (const count of [2, 3, HOPS_MAX, HOPS_MAX + 3]) {
      const carriers: Record<number, number> = {};
      for (let n = 1; n <= count; n++) carriers[n] = n % count + 1;
      const side = sideWith(count, carriers, v6);
      for (let i = 0; i < 3; i++) {
        start(side, 1, v6, i === 1 ? full(v6) : 100);
        const sent = circulate(side, all(count), v6, after(i));
        assert.ok(sent.length <= 2 ** Math.min(count, 3) * count, `${count} peers: ${sent}`);
      }
      assert.ok(side.dataplane.counts().tx_looped > 0);
      assert.ok(side.said("loop").length > 0);
    }
  });

  Deno.test(`${family}: a way that was given up is no part of a ring`, () => {
    const side = sideWith(2, { 1: 2, 2: 1 }, v6);
    start(side, 1, v6);
    assert.deepEqual(circulate(side, new Set([1]), v6), [1, 2], "1 through 2");
    start(side, 2, v6);
    assert.deepEqual(circulate(side, new Set([2]), v6, after(CARRIED_MS)), [2, 1], "2 through 1");
    assert.equal(side.dataplane.counts().tx_looped, 0);
  });
}

Deno.test("our handshake messages are recognized by their index, and those of others are sent on", () => {
  const side = sideWith(2, { 1: 1, 2: 1 }, false);
  const packet = (n: number, type: number, length: number, index: number) => {
    const payload = new Uint8Array(length);
    payload[0] = type;
    new DataView(payload.buffer).setUint32(4, index, true);
    const fields = {
      v6: false,
      udp: true,
      source: 200,
      sourcePort: 1001,
      destination: n,
      destinationPort: 7000 + n,
    };
    return makePacket({ ...fields, payload });
  };
  side.table.handshakeLeaves(slotOf(1), sessionIndex(0x8000_0001));
  side.table.handshakeLeaves(slotOf(2), sessionIndex(0x8000_0002));
  assert.equal(side.sendPacket(packet(1, 1, 148, 0x8000_0001)).length, 0, "an initiation");
  assert.equal(side.sendPacket(packet(1, 2, 92, 0x8000_0001)).length, 0, "a response");
  assert.equal(side.dataplane.counts().tx_looped, 2);
  assert.equal(side.sendPacket(packet(2, 1, 148, 0x8000_0002)).length, 1, "through another peer");
  assert.equal(side.sendPacket(packet(1, 1, 148, 0x8000_0003)).length, 1, "somebody else's");
  assert.equal(side.sendPacket(packet(1, 1, 148, 0)).length, 1, "somebody else's");
  assert.equal(side.sendPacket(packet(1, 3, 64, 0x8000_0001)).length, 1, "a cookie reply");
  assert.equal(side.dataplane.counts().tx_looped, 2);
  assert.deepEqual(side.table.counters.counts(slotOf(1)).tx_looped, 2);
  assert.deepEqual(side.table.counters.counts(slotOf(2)).tx_looped, undefined);
});

Deno.test("messages of a replaced session are recognized, and those of a retired one are not", () => {
  const side = sideWith(1, { 1: 1 }, false);
  start(side, 1, false);
  side.turn();
  const [{ bytes }] = side.udp.sent.splice(0);
  const fields = {
    v6: false,
    udp: true,
    source: 200,
    sourcePort: 1001,
    destination: 1,
    destinationPort: 7001,
  };
  const back = makePacket({ ...fields, payload: bytes });
  side.apply({
    type: "session-install",
    peer: slotOf(1),
    initiator: true,
    localIndex: sessionIndex(5),
    remoteIndex: remoteOf(5),
    sendKey: new Uint8Array(32).fill(5),
    receiveKey: new Uint8Array(32).fill(5),
    createdAt: NOON,
  });
  side.udp.sent.length = 0;
  assert.equal(side.sendPacket(back).length, 0);
  side.apply({ type: "session-retire", localIndex: sessionIndex(1) });
  assert.equal(side.sendPacket(back).length, 1);
});
