/** Sessions: staging, key confirmation, padding, roaming, renewal, expiry, and events. */
import assert from "node:assert/strict";
import { milliseconds, type PeerSlot, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { REJECT_AFTER_MESSAGES, STAGED_PACKETS_MAX } from "../../lib/base/constants.ts";
import type { DataEvent } from "../../lib/base/messages.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { NEVER } from "../../lib/base/times.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import { PacketMemory } from "../../lib/data/memory.ts";
import { VNET_HEADER_BYTES } from "../../lib/data/ports.ts";
import { Peer, Session } from "../../lib/data/sessions.ts";
import { STAGED_BYTES_MAX, Staging } from "../../lib/data/staging.ts";
import { dataMessage } from "./data_message.ts";
import { concat, makePacket, offload } from "./packets.ts";
import {
  after,
  carry,
  connectedSides,
  datagramsOf,
  ENDPOINT_A,
  ENDPOINT_B,
  INDEX_A,
  INDEX_B,
  installSession,
  KEY_AB,
  KEY_BA,
  NOON,
  P0,
  Side,
} from "./two_sides.ts";

const packetOf = (bytes: number, mark = 0, source = 1): Uint8Array =>
  makePacket({
    v6: false,
    udp: true,
    source,
    destination: 2,
    id: mark,
    flags: 0,
    sourcePort: 1000,
    destinationPort: 9,
    payload: new Uint8Array(bytes - 28).fill(mark),
  });

const deliver = (side: Side, datagram: Uint8Array, from = ENDPOINT_B, now = NOON, ecn = 0) => {
  side.udp.inbox.push({ bytes: datagram, segmentSize: 0, ecn, from });
  side.turn(now);
};

function sidesWithoutSession(): { a: Side; b: Side } {
  const a = new Side(ENDPOINT_A);
  const b = new Side(ENDPOINT_B);
  a.addPeer(P0, ENDPOINT_B);
  b.addPeer(P0, ENDPOINT_A);
  return { a, b };
}

Deno.test("packets wait for a session, a handshake is wanted once, and they are sent in order", () => {
  const { a, b } = sidesWithoutSession();
  const packets = [0, 1, 2].map((mark) => packetOf(100, mark));
  for (const packet of packets) assert.deepEqual(a.sendPacket(packet), []);
  assert.deepEqual(a.said("handshake-wanted"), [{ type: "handshake-wanted", peer: P0 }]);
  a.table.clearWanted(P0);
  a.sendPacket(packets[0]);
  assert.equal(a.said("handshake-wanted").length, 2, "taken, so said again");
  installSession(a, b);
  carry(a, b);
  assert.deepEqual(b.tun.takePackets(), [...packets, packets[0]]);
});

Deno.test("of more than 128 waiting packets the oldest are dropped", () => {
  const { a, b } = sidesWithoutSession();
  for (let i = 0; i < STAGED_PACKETS_MAX + 10; i++) a.sendPacket(packetOf(100, i));
  assert.equal(a.dataplane.counts().tx_staged_dropped, 10);
  assert.deepEqual(a.table.counters.counts(P0), { tx_staged_dropped: 10 });
  installSession(a, b);
  carry(a, b);
  assert.deepEqual(
    b.tun.takePackets().map((packet) => packet[28]),
    Array.from({ length: 128 }, (_, i) => i + 10),
  );
});

Deno.test("all peers' waiting packets together are bounded", () => {
  const counters = new Counters(new PeerTable());
  const staging = new Staging(counters);
  const packet = new Uint8Array(65_000);
  const peers = Array.from({ length: 10 }, (_, i) => new Peer(peerSlot(i), 0));
  for (const peer of peers) for (let i = 0; i < STAGED_PACKETS_MAX; i++) staging.push(peer, packet);
  assert.ok(staging.bytes <= STAGED_BYTES_MAX);
  assert.ok(staging.bytes > STAGED_BYTES_MAX - packet.length);
  assert.equal(
    staging.bytes / packet.length + counters.counts().tx_staged_dropped,
    10 * STAGED_PACKETS_MAX,
  );
  for (const peer of peers) staging.drop(peer);
  assert.equal(staging.bytes, 0);
});

Deno.test("staged-drop and peer-remove drop what waits", () => {
  const { a, b } = sidesWithoutSession();
  a.sendPacket(packetOf(100));
  a.apply({ type: "staged-drop", peer: P0 });
  assert.equal(a.dataplane.counts().tx_staged_dropped, 1);
  installSession(a, b);
  carry(a, b);
  assert.deepEqual(b.tun.takePackets(), []);
  a.apply({ type: "peer-remove", peer: P0 });
  a.sendPacket(packetOf(100));
  assert.equal(a.dataplane.counts().tx_no_peer, 1);
});

Deno.test("an initiator without waiting packets sends a keepalive, which confirms the responder's session", () => {
  const { a, b } = sidesWithoutSession();
  const waiting = packetOf(60, 7);
  b.sendPacket(waiting);
  installSession(a, b);
  assert.deepEqual(b.sendPacket(packetOf(60, 8)), [], "not confirmed: nothing is sent on it");
  const [keepalive] = a.udp.sent;
  assert.equal(keepalive.bytes.length, 32);
  carry(a, b);
  assert.deepEqual(b.said("session-confirmed"), [{
    type: "session-confirmed",
    peer: P0,
    localIndex: INDEX_B,
  }]);
  assert.deepEqual(a.tun.takePackets(), [waiting, packetOf(60, 8)]);
});

Deno.test("a responder's session that an initiator's session overtook only receives", () => {
  const { a } = sidesWithoutSession();
  const session = {
    type: "session-install",
    peer: P0,
    localIndex: INDEX_A,
    remoteIndex: INDEX_B,
    sendKey: KEY_AB,
    receiveKey: KEY_BA,
    createdAt: NOON,
  } as const;
  a.apply({ ...session, initiator: false });
  const own = { ...session, localIndex: sessionIndex(77), remoteIndex: sessionIndex(78) };
  a.apply({ ...own, initiator: true });
  deliver(a, dataMessage(INDEX_A, 0n, KEY_BA, packetOf(60)));
  assert.equal(a.tun.takePackets().length, 1);
  assert.deepEqual(a.said("session-confirmed"), []);
  const [run] = a.sendPacket(packetOf(60)).slice(-1);
  assert.equal(new DataView(run.bytes.buffer).getUint32(4, true), 78);
});

Deno.test("padding goes to a multiple of 16 but never past the MTU", () => {
  for (
    const [mtu, length, padded] of [
      [1420, 1420, 1420],
      [1420, 1419, 1420],
      [1420, 1408, 1408],
      [1420, 1401, 1408],
      [
        1420,
        28,
        32,
      ],
      [1424, 1420, 1424],
      [1280, 1300, 1300],
      [65_455, 65_455, 65_455],
      [9000, 8999, 9000],
      [9000, 1905, 1920],
    ]
  ) {
    const { a, b } = connectedSides({ mtu }, { mtu });
    const packet = packetOf(length, 3);
    const [run] = a.sendPacket(packet);
    assert.equal(run.bytes.length, padded + 32, `${length} bytes at an MTU of ${mtu}`);
    b.udp.inbox.push(run);
    b.turn();
    assert.deepEqual(b.tun.takePackets(), [packet]);
  }
});

Deno.test("every message has the next counter, and the peer's index", () => {
  const { a } = connectedSides();
  for (let i = 1; i <= 3; i++) {
    const [run] = a.sendPacket(packetOf(100));
    const view = new DataView(run.bytes.buffer);
    assert.equal(view.getUint32(0, true), 4);
    assert.equal(view.getUint32(4, true), INDEX_B);
    assert.equal(view.getBigUint64(8, true), BigInt(i));
  }
});

Deno.test("replayed, forged and misdirected messages deliver nothing", () => {
  const { a, b } = connectedSides();
  const [run] = a.sendPacket(packetOf(100));
  deliver(b, run.bytes, ENDPOINT_A);
  deliver(b, run.bytes, ENDPOINT_A);
  assert.equal(b.dataplane.counts().rx_replayed, 1);
  for (let bit = 0; bit < 8 * run.bytes.length; bit++) {
    const forged = run.bytes.slice();
    forged[bit >>> 3] ^= 1 << (bit & 7);
    deliver(b, forged, { ...ENDPOINT_A, port: 6666 });
  }
  assert.equal(b.tun.takePackets().length, 1);
  const { rx_unauthentic, rx_no_session, rx_malformed } = b.dataplane.counts();
  assert.equal(rx_unauthentic + rx_no_session + rx_malformed, 8 * run.bytes.length);
  // Type, reserved bytes and index are the first 8 bytes. Without them right, no peer is known.
  assert.equal(rx_unauthentic, 8 * (run.bytes.length - 8));
  assert.deepEqual(b.table.counters.counts(P0), {
    rx_keepalives: 1,
    rx_replayed: 1,
    rx_unauthentic,
  });
  assert.equal(
    b.table.readEndpoint(P0).endpoint?.port,
    ENDPOINT_A.port,
    "nobody roams without authenticating",
  );
});

Deno.test("after the route to a peer changed, packets received by the old interface set no local address", () => {
  const { a, b } = connectedSides();
  const local = { address: Uint8Array.of(192, 0, 2, 9), interfaceIndex: 3 };
  const packet = packetOf(60);
  const receive = (from = ENDPOINT_A) => {
    for (const run of a.sendPacket(packet)) b.udp.inbox.push({ ...run, from });
    b.turn();
    return b.table.readEndpoint(P0);
  };
  b.udp.local = local;
  assert.deepEqual(receive(), { endpoint: ENDPOINT_A, local });
  b.table.keepSourcesBy(P0, 4);
  b.table.clearLocal(P0);
  const version = b.table.endpointVersion(P0);
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(receive(), { endpoint: ENDPOINT_A, local: undefined });
  }
  assert.equal(b.table.endpointVersion(P0), version, "nothing is written");
  const moved = { ...ENDPOINT_A, port: 2001 };
  assert.deepEqual(receive(moved), { endpoint: moved, local: undefined });
  b.udp.local = { ...local, interfaceIndex: 4 };
  assert.deepEqual(receive(moved), { endpoint: moved, local: b.udp.local });
});

Deno.test("the endpoint follows authenticated messages, from one family to the other and back", () => {
  const { a, b } = connectedSides();
  const six = { ...ENDPOINT_B, port: 5555 };
  const four = { address: Uint8Array.of(198, 51, 100, 7), port: 4444, scope: 0 };
  for (const endpoint of [six, four, six, ENDPOINT_A]) {
    const [run] = a.sendPacket(packetOf(100));
    deliver(b, run.bytes, endpoint);
    assert.deepEqual(b.table.readEndpoint(P0).endpoint, endpoint);
    const [answer] = b.sendPacket(packetOf(100, 1));
    assert.deepEqual(answer.to, endpoint);
  }
});

Deno.test("a lost source address is cleared and counted", () => {
  const { a } = connectedSides();
  const local = { address: Uint8Array.of(192, 0, 2, 9), interfaceIndex: 3 };
  a.table.writeEndpoint(P0, ENDPOINT_A, local);
  assert.deepEqual(a.table.readEndpoint(P0).local, local);
  a.udp.result = 2;
  a.sendPacket(packetOf(100));
  assert.equal(a.table.readEndpoint(P0).local, undefined);
  assert.deepEqual(a.table.readEndpoint(P0).endpoint, ENDPOINT_A);
  a.table.writeEndpoint(P0, ENDPOINT_A, local);
  a.table.clearLocal(P0);
  assert.equal(a.table.readEndpoint(P0).local, undefined);
});

Deno.test("a session of 180 s sends and accepts nothing", () => {
  const { a, b } = connectedSides();
  const [run] = a.sendPacket(packetOf(100), after(179_999));
  assert.notEqual(run, undefined);
  deliver(b, run.bytes, ENDPOINT_A, after(180_000));
  assert.equal(b.dataplane.counts().rx_expired, 1);
  a.table.clearWanted(P0);
  a.events.length = 0;
  assert.deepEqual(a.sendPacket(packetOf(100), after(180_000)), []);
  assert.equal(a.said("handshake-wanted").length, 1);
});

Deno.test("the initiator asks for renewal after 120 s when it sends, after 165 s when it receives, the responder never", () => {
  const { a, b } = connectedSides();
  a.sendPacket(packetOf(100), after(119_999));
  assert.equal(a.said("handshake-wanted").length, 0);
  const [run] = a.sendPacket(packetOf(100), after(120_000));
  assert.equal(a.said("handshake-wanted").length, 1);
  deliver(b, run.bytes, ENDPOINT_A, after(170_000));
  const runs = [1, 2, 3].flatMap((mark) => b.sendPacket(packetOf(100, mark), after(170_000)));
  assert.equal(b.said("handshake-wanted").length, 0);
  a.table.clearWanted(P0);
  a.events.length = 0;
  deliver(a, runs[0].bytes, ENDPOINT_B, after(164_999));
  assert.equal(a.said("handshake-wanted").length, 0);
  deliver(a, runs[1].bytes, ENDPOINT_B, after(165_000));
  a.table.clearWanted(P0);
  deliver(a, runs[2].bytes, ENDPOINT_B, after(166_000));
  assert.equal(a.said("handshake-wanted").length, 1, "once a session");
});

Deno.test("counters: renewal after 2^60 messages, nothing from 2^64 - 2^13 - 1 on", () => {
  const { a } = connectedSides();
  deliver(a, dataMessage(INDEX_A, REJECT_AFTER_MESSAGES, KEY_BA, packetOf(60)));
  assert.equal(a.dataplane.counts().rx_expired, 1);
  deliver(a, dataMessage(INDEX_A, REJECT_AFTER_MESSAGES - 1n, KEY_BA, packetOf(60)));
  assert.equal(a.tun.takePackets().length, 1);

  const session = new Session(new Peer(P0, 0), 0, 0, 1, 2, false, NOON);
  const at = (counter: bigint) => {
    session.sendLow = Number(counter & 0xffff_ffffn);
    session.sendHigh = Number(counter >> 32n);
    return session;
  };
  assert.equal(at(1n << 60n).isWorn, false);
  assert.equal(at((1n << 60n) + 1n).isWorn, true);
  assert.equal(at(REJECT_AFTER_MESSAGES - 1n).take(1), true);
  assert.equal(at(REJECT_AFTER_MESSAGES - 1n).take(2), false);
  assert.equal(at(REJECT_AFTER_MESSAGES).take(1), false);
  assert.equal(at(REJECT_AFTER_MESSAGES - (1n << 33n)).take(1000), true);
});

Deno.test("a retired session is unknown, its keys are gone, and its index serves another", () => {
  const { a } = connectedSides();
  a.apply({ type: "session-retire", localIndex: INDEX_A });
  deliver(a, dataMessage(INDEX_A, 9n, KEY_BA, packetOf(60)));
  assert.equal(a.dataplane.counts().rx_no_session, 1);
  assert.equal(
    a.arena.bytes.toHex().includes(KEY_BA.toHex()),
    false,
    "the key is still in the arena",
  );
  assert.deepEqual(a.sendPacket(packetOf(60)), []);
  a.apply({
    type: "session-install",
    peer: P0,
    initiator: true,
    localIndex: INDEX_A,
    remoteIndex: INDEX_B,
    sendKey: KEY_AB,
    receiveKey: KEY_BA,
    createdAt: NOON,
  });
  assert.equal(a.udp.sent.length, 1, "the waiting packet leaves");
  deliver(a, dataMessage(INDEX_A, 9n, KEY_BA, packetOf(60)));
  assert.equal(a.tun.takePackets().length, 1);
});

Deno.test("a removed peer's sessions are gone with it", () => {
  const { a } = connectedSides();
  a.apply({ type: "peer-remove", peer: P0 });
  deliver(a, dataMessage(INDEX_A, 9n, KEY_BA, packetOf(60)));
  assert.equal(a.dataplane.counts().rx_no_session, 1);
  a.apply({ type: "keepalive-send", peer: P0 });
  assert.deepEqual(a.udp.sent, []);
});

Deno.test("the cipher forgets the keys whose place a session takes, that is retired, or whose peer is removed", () => {
  let forgotten = 0;
  const { a } = connectedSides({
    cipher: (arena) => ({ ...nobleCipher(arena), forget: () => void forgotten++ }),
  });
  assert.ok(forgotten > 0, "session-install");
  for (const command of ["session-retire", "peer-remove"] as const) {
    const before = forgotten;
    a.apply({ type: command, peer: P0, localIndex: sessionIndex(INDEX_A) });
    assert.ok(forgotten > before, command);
  }
});

Deno.test("inner packets are let through only from the peer's own addresses, and only whole", () => {
  const a = new Side(ENDPOINT_A);
  const one: PeerSlot = peerSlot(1);
  a.addPeer(P0, ENDPOINT_B, [{ address: Uint8Array.of(10, 0, 0, 0), prefix: 8 }]);
  a.addPeer(one, ENDPOINT_B, [{ address: Uint8Array.of(10, 0, 0, 5), prefix: 32 }]);
  const b = new Side(ENDPOINT_B);
  b.addPeer(P0, ENDPOINT_A);
  installSession(a, b);
  let counter = 0n;
  const deliverPlain = (plaintext: Uint8Array) => {
    deliver(a, dataMessage(INDEX_A, counter++, KEY_BA, plaintext));
    return a.tun.takePackets();
  };
  const good = packetOf(60);
  assert.deepEqual(deliverPlain(good), [good]);
  assert.deepEqual(deliverPlain(concat(good, new Uint8Array(9))), [good], "padding is cut");
  assert.deepEqual(
    deliverPlain(packetOf(60, 0, 5)),
    [],
    "a longer prefix gives this source to another peer",
  );
  assert.equal(a.dataplane.counts().rx_unallowed_source, 1);
  const bad = (change: (packet: Uint8Array) => void) => {
    const packet = good.slice();
    change(packet);
    return packet;
  };
  const wrong = [
    good.subarray(0, 59),
    good.subarray(0, 19),
    good.subarray(0, 1),
    bad((packet) => packet[0] = 0x55),
    bad((packet) => packet[3] = 61),
    bad((packet) => packet[3] = 19),
    // In IPv6 the length would be that of the bytes after the header of 40.
    bad((packet) => packet.fill(0x60, 0, 6)),
  ];
  for (const packet of wrong) assert.deepEqual(deliverPlain(packet), []);
  assert.equal(a.dataplane.counts().rx_not_ip, wrong.length);
  const { rx_unallowed_source, rx_not_ip } = a.table.counters.counts(P0);
  assert.deepEqual([rx_unallowed_source, rx_not_ip], [1, wrong.length]);
  assert.deepEqual(a.table.counters.counts(one), {}, "whose address was used has done nothing");
});

Deno.test("in a run of datagrams every packet's own source counts", () => {
  const a = new Side(ENDPOINT_A);
  const v6 = (last: number) => {
    const packet = new Uint8Array(60);
    packet[0] = 0x60;
    packet[5] = 20;
    packet[6] = 59;
    packet.set([0xfd, 0x10], 8);
    // The last two words of the allowed source are the same.
    packet[19] = 1;
    packet[23] = last;
    packet[39] = 9;
    return packet;
  };
  const range = (packet: Uint8Array) =>
    packet[0] === 0x60 ? packet.slice(8, 24) : packet.slice(12, 16);
  const good = packetOf(60, 0, 4);
  const allowed = [good, v6(1)].map((packet) => ({
    address: range(packet),
    prefix: range(packet).length * 8,
  }));
  a.addPeer(P0, ENDPOINT_B, allowed);
  const b = new Side(ENDPOINT_B);
  b.addPeer(P0, ENDPOINT_A);
  installSession(a, b);
  // All pairs of an allowed and a refused source of each family.
  const kinds = [good, packetOf(60, 0, 5), v6(1), v6(2)];
  const packets = kinds.flatMap((one) => kinds.flatMap((other) => [one, other]));
  const run = concat(
    ...packets.map((packet, i) => dataMessage(INDEX_A, BigInt(i), KEY_BA, packet)),
  );
  a.udp.inbox.push({
    bytes: run,
    segmentSize: run.length / packets.length,
    ecn: 0,
    from: ENDPOINT_B,
  });
  a.turn();
  assert.deepEqual(
    a.tun.takePackets(),
    packets.filter((packet) => packet === good || packet === kinds[2]),
  );
  assert.equal(a.dataplane.counts().rx_unallowed_source, packets.length / 2);
});

Deno.test("every byte on the wire is counted, and activity is reported once", () => {
  const { a, b } = connectedSides();
  const before = [a.table.txBytes(P0), b.table.rxBytes(P0)];
  const [run] = a.sendPacket(packetOf(100), after(5));
  deliver(b, run.bytes, ENDPOINT_A, after(6));
  assert.equal(a.table.txBytes(P0) - before[0], run.bytes.length);
  assert.equal(b.table.rxBytes(P0) - before[1], run.bytes.length);
  assert.equal(a.table.dataSentSince(P0), after(5));
  assert.equal(b.table.dataReceivedSince(P0), after(6));
  a.sendPacket(packetOf(100));
  assert.deepEqual(a.said("peer-active"), [{ type: "peer-active", peer: P0 }]);
  b.apply({ type: "keepalive-send", peer: P0 }, after(7));
  assert.equal(b.table.dataReceivedSince(P0), NEVER);
  assert.equal(b.table.sentAt(P0), after(7));
});

Deno.test("every datagram of a run is counted", () => {
  const { a, b } = connectedSides();
  const before = [a.table.txBytes(P0), b.table.rxBytes(P0)];
  const large = makePacket({
    v6: false,
    udp: false,
    source: 1,
    destination: 2,
    sourcePort: 5,
    destinationPort: 6,
    payload: new Uint8Array(10_000),
  });
  a.tun.push(offload(large, 1380));
  a.turn(after(5));
  const [run] = a.udp.sent.splice(0);
  assert.ok(run.bytes.length > 5 * run.segmentSize);
  b.udp.inbox.push(run);
  b.turn(after(6));
  assert.equal(a.table.txBytes(P0) - before[0], run.bytes.length);
  assert.equal(b.table.rxBytes(P0) - before[1], run.bytes.length);
});

Deno.test("a failed send counts no bytes, but counts as an attempt", () => {
  const { a } = connectedSides();
  const before = a.table.txBytes(P0);
  a.udp.result = 1;
  a.sendPacket(packetOf(100), after(9));
  assert.equal(a.table.txBytes(P0), before);
  assert.equal(a.table.sentAt(P0), after(9));
  assert.equal(a.table.dataSentSince(P0), NEVER);
});

Deno.test("while the interface is down packets of both sides are dropped", () => {
  const { a, b } = connectedSides();
  const [run] = b.sendPacket(packetOf(100));
  a.apply({ type: "link", up: false, mtu: 1420 });
  assert.deepEqual(a.sendPacket(packetOf(100)), []);
  deliver(a, run.bytes);
  assert.deepEqual(a.tun.takePackets(), []);
  const { tx_link_down, rx_link_down, rx_datagrams } = a.dataplane.counts();
  assert.deepEqual([tx_link_down, rx_link_down, rx_datagrams], [1, 1, 1]);
});

Deno.test("what a gated device holds when the link goes up is sent, and when it goes down dropped", () => {
  const { a } = connectedSides();
  a.tun.gated = true;
  a.tun.queue.push(concat(new Uint8Array(VNET_HEADER_BYTES), packetOf(100)));
  a.apply({ type: "link", up: false, mtu: 1420 });
  // Nobody says that there is something to read.
  a.dataplane.turn(NOON, false, false);
  assert.equal(a.tun.queue.length, 0);
  // Another MTU is no other state.
  a.apply({ type: "link", up: false, mtu: 1300 });
  assert.deepEqual(a.sendPacket(packetOf(100)), []);
  assert.equal(a.dataplane.counts().tx_link_down, 1);
  a.apply({ type: "link", up: true, mtu: 1420 });
  a.turn();
  assert.equal(a.udp.sent.length, 1);
  assert.equal(a.tun.queue.length, 0);
  assert.equal(a.dataplane.counts().tx_link_down, 1);
});

Deno.test("what a gated device of a moved link holds when it goes up is dropped", () => {
  const { a } = connectedSides();
  a.tun.gated = true;
  a.apply({ type: "link", up: false, mtu: 1420 });
  a.dataplane.turn(NOON, false, false);
  a.tun.queue.push(concat(new Uint8Array(VNET_HEADER_BYTES), packetOf(100)));
  a.apply({ type: "link", up: true, mtu: 1420, dropWaiting: true });
  a.turn();
  assert.deepEqual([a.udp.sent.length, a.tun.queue.length], [0, 0]);
  assert.equal(a.dataplane.counts().tx_link_down, 1);
  // From now on packets are sent.
  assert.equal(a.sendPacket(packetOf(100)).length, 1);
});

Deno.test("notices are reported a few per second, those that are no refusals in debug mode only", () => {
  const { a } = connectedSides();
  a.handshakes.keys.setKeys({ mac1Key: new Uint8Array(32), cookieKey: new Uint8Array(32) });
  const forge = (now: number, times: number, message = FORGED_INITIATION) => {
    for (let i = 0; i < times; i++) {
      deliver(a, message, ENDPOINT_B, milliseconds(now));
    }
    return a.events.splice(0).filter((event: DataEvent) => event.type === "notice").length;
  };
  assert.equal(forge(NOON, 3, UNKNOWN_RESPONSE), 0);
  assert.equal(forge(NOON, 100), 5);
  assert.equal(forge(NOON + 999, 100), 0);
  assert.equal(forge(NOON + 1000, 2), 2);
  a.apply({ type: "debug", on: true });
  assert.equal(forge(NOON + 1000, 100, UNKNOWN_RESPONSE), 5);
  assert.equal(forge(NOON + 1999, 100, UNKNOWN_RESPONSE), 0);
});

/** Messages without right macs, and of no handshake under way. */
const FORGED_INITIATION = concat(Uint8Array.of(1, 0, 0, 0), new Uint8Array(144));
const UNKNOWN_RESPONSE = concat(Uint8Array.of(2, 0, 0, 0), new Uint8Array(88));

Deno.test("a data message from another endpoint is told once, until the control plane has heard", () => {
  const { a, b } = connectedSides();
  const peer = peerSlot(0);
  const roam = (host: number): unknown[] => {
    const [datagram] = b.sendPacket(packetOf(100)).flatMap(datagramsOf);
    const endpoint = { address: Uint8Array.of(10, 0, 0, host), port: 4000, scope: 0 };
    deliver(a, datagram, endpoint, milliseconds(NOON));
    return a.events.splice(0).filter((event: DataEvent) => event.type === "endpoint-moved");
  };
  const start = a.table.readEndpoint(peer).endpoint;
  assert.deepEqual(roam(7), [{ type: "endpoint-moved", peer, before: start }]);
  assert.deepEqual(roam(8), []);
  a.table.clearRoamed(peer);
  assert.deepEqual(roam(8), []);
  const before = { address: Uint8Array.of(10, 0, 0, 8), port: 4000, scope: 0 };
  assert.deepEqual(roam(9), [{ type: "endpoint-moved", peer, before }]);
});

Deno.test("a batch of datagrams of unequal length to one peer is sent in few runs of equal ones", () => {
  const { a, b } = connectedSides();
  const sizes = [1000, 1000, 1000, 500, 1000, 1000, 300, 300, 1000];
  const packets = sizes.map((size, i) => packetOf(size, i));
  for (const packet of packets.slice(0, 8)) {
    a.tun.push({
      needsChecksum: false,
      gsoType: 0,
      gsoSize: 0,
      checksumStart: 0,
      checksumOffset: 0,
      packet,
    });
  }
  a.turn();
  assert.deepEqual(a.udp.sent.map((run) => datagramsOf(run).length), [4, 3, 1]);
  carry(a, b);
  assert.deepEqual(b.tun.takePackets(), packets.slice(0, 8));
});

Deno.test("the arena is large enough, and keys are aligned for the cipher", () => {
  const { a } = connectedSides();
  assert.throws(() => new PacketMemory(a.arena), RangeError, "an arena serves one data plane");
});
