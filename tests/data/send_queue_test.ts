/** Datagrams to many peers are queued and sent together, in order, before the state changes. */
import assert from "node:assert/strict";
import { peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import { ENDPOINT_A, NOON, Side } from "./two_sides.ts";
import { makePacket, plainFrame } from "./packets.ts";
import { trial } from "../random.ts";

const PEERS = 40;
const endpointOf = (peer: number) => ({
  address: Uint8Array.of(192, 0, 2, peer + 2),
  port: 1000 + peer,
  scope: 0,
});

/** A side with many peers, each with a session to send on and the address 10.0.0.N. */
function hub(): Side {
  const side = new Side(ENDPOINT_A);
  for (let peer = 0; peer < PEERS; peer++) {
    const slot = peerSlot(peer);
    side.addPeer(slot, endpointOf(peer), [{
      address: Uint8Array.of(10, 0, 0, peer + 1),
      prefix: 32,
    }]);
    side.apply({
      type: "session-install",
      peer: slot,
      initiator: true,
      localIndex: sessionIndex(0x1000 + peer),
      remoteIndex: sessionIndex(0x2000 + peer),
      sendKey: new Uint8Array(32).fill(peer),
      receiveKey: new Uint8Array(32).fill(peer + 100),
      createdAt: NOON,
    });
  }
  side.udp.sent.length = 0;
  side.udp.queuedSends.length = 0;
  return side;
}

const packetTo = (peer: number, bytes: number) =>
  plainFrame(makePacket({
    v6: false,
    udp: true,
    source: 200,
    destination: peer + 1,
    sourcePort: 1,
    destinationPort: 2,
    payload: new Uint8Array(bytes),
  }));

Deno.test("a datagram each to many peers goes with few sends", () => {
  const side = hub();
  for (let peer = 0; peer < PEERS; peer++) side.tun.push(packetTo(peer, 20));
  side.turn();
  assert.deepEqual(side.udp.queuedSends, [32, 8]);
  assert.deepEqual(
    side.udp.sent.map((run) => run.to),
    Array.from({ length: PEERS }, (_, peer) => endpointOf(peer)),
  );
});

Deno.test("a single datagram is sent without the queue", () => {
  const side = hub();
  side.tun.push(packetTo(7, 20));
  side.turn();
  assert.deepEqual([side.udp.queuedSends, side.udp.sent.length], [[], 1]);
});

Deno.test("random packets to random peers: each peer's leave in order, to its endpoint, and are counted as its own", () => {
  trial((chance) => {
    const side = hub();
    const before = Array.from({ length: PEERS }, (_, peer) => side.table.txBytes(peerSlot(peer)));
    const wanted = before.map(() => [] as number[]);
    const sent = before.map(() => [] as number[]);
    const counters = before.map(() => -1);
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 100; i++) {
        const peer = chance.once(3) ? 0 : chance.int(PEERS);
        const bytes = chance.once(4) ? 1200 : chance.int(1300);
        side.tun.push(packetTo(peer, bytes));
        wanted[peer].push(((28 + bytes + 15) & ~15) + 32);
      }
      side.turn();
    }
    for (const run of side.udp.sent) {
      for (let at = 0; at < run.bytes.length; at += run.segmentSize) {
        const message = new DataView(
          run.bytes.buffer,
          at,
          Math.min(run.segmentSize, run.bytes.length - at),
        );
        const peer = message.getUint32(4, true) - 0x2000;
        const counter = message.getUint32(8, true);
        assert.deepEqual(run.to, endpointOf(peer));
        assert.ok(counter > counters[peer]);
        counters[peer] = counter;
        sent[peer].push(message.byteLength);
      }
    }
    assert.deepEqual(sent, wanted);
    const counted = before.map((bytes, peer) => side.table.txBytes(peerSlot(peer)) - bytes);
    assert.deepEqual(counted, wanted.map((wires) => wires.reduce((sum, wire) => sum + wire, 0)));
  });
});

Deno.test("sealed messages are sent before a command is applied", () => {
  const side = hub();
  // More packets than a turn reads, so that a run stays open.
  for (let i = 0; i < 200; i++) side.tun.push(packetTo(i % 2, 20));
  side.dataplane.turn(NOON);
  side.apply({ type: "peer-remove", peer: peerSlot(1) });
  const sent = side.udp.sent.length;
  side.addPeer(peerSlot(1), endpointOf(99), []);
  side.turn();
  assert.ok(sent > 0);
  assert.ok(
    side.udp.sent.every((run) => run.to?.port !== endpointOf(99).port),
    "nothing of the old peer's to the new one",
  );
  assert.equal(side.table.txBytes(peerSlot(1)), 0);
});

Deno.test("failed sends of the queue are counted, and none is repeated", () => {
  const side = hub();
  side.udp.result = 1;
  const before = side.table.txBytes(peerSlot(3));
  for (let peer = 0; peer < 5; peer++) side.tun.push(packetTo(peer, 20));
  side.turn();
  assert.deepEqual([side.dataplane.counts().tx_send_failed, side.udp.sent.length], [5, 0]);
  assert.equal(side.table.txBytes(peerSlot(3)), before);
  assert.deepEqual(side.table.counters.counts(peerSlot(3)), {
    tx_keepalives: 1,
    tx_send_failed: 1,
  });
});
