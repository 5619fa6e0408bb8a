/**
 * What a data plane keeps from one message to the next, in slots, runs and tables, serves the right
 * session only.
 */
import assert from "node:assert/strict";
import { type PeerSlot, peerSlot, type SessionIndex, sessionIndex } from "../../lib/base/brands.ts";
import { AllowedIps } from "../../lib/allowed_ips/allowed_ips.ts";
import { SESSION_SLOTS } from "../../lib/base/constants.ts";
import { SEAL_SLOTS } from "../../lib/data/memory.ts";
import { type Session, SessionTable } from "../../lib/data/sessions.ts";
import { counterOf, dataMessage, plaintextOf } from "./data_message.ts";
import { concat, makePacket, type PacketSpec, plainFrame } from "./packets.ts";
import {
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

const packetOf = (bytes: number, fill = 0, spec: Partial<PacketSpec> = {}): Uint8Array => {
  const addresses = { source: 1, destination: 2, sourcePort: 1000, destinationPort: 9 };
  const payload = new Uint8Array(bytes - (spec.v6 === true ? 48 : 28)).fill(fill);
  return makePacket({ v6: false, udp: true, ...addresses, payload, flags: 0, ...spec });
};

/** Collects the sessions that are installed while `body` runs. */
function installedDuring(body: () => void): Session[] {
  const { install } = SessionTable.prototype;
  const sessions: Session[] = [];
  SessionTable.prototype.install = function (...args) {
    const session = install.apply(this, args);
    if (session !== null) sessions.push(session);
    return session;
  };
  try {
    body();
  } finally {
    SessionTable.prototype.install = install;
  }
  return sessions;
}

Deno.test("padding is zero, also in slots that longer packets have filled", () => {
  const { a } = connectedSides();
  const messages = (bytes: number) => {
    for (let i = 0; i < SEAL_SLOTS; i++) a.tun.push(plainFrame(packetOf(bytes, 0xff)));
    a.turn();
    return a.udp.sent.splice(0).flatMap(datagramsOf);
  };
  assert.equal(messages(1400).length, SEAL_SLOTS);
  for (const bytes of [33, 47, 49, 1409]) {
    const padded = Math.min(1420, Math.ceil(bytes / 16) * 16);
    for (const message of messages(bytes)) {
      const plaintext = plaintextOf(message, KEY_AB);
      assert.equal(plaintext?.length, padded);
      assert.deepEqual(plaintext?.subarray(bytes), new Uint8Array(padded - bytes));
    }
  }
});

Deno.test("the counter carries past 2^32, for packets alone and in runs, and they are received", () => {
  let sides: ReturnType<typeof connectedSides> | undefined;
  const sessions = installedDuring(() => sides = connectedSides());
  const { a, b } = sides!;
  for (const session of sessions) [session.sendLow, session.sendHigh] = [2 ** 32 - 3, 6];
  const packets = Array.from({ length: 6 }, (_, i) => packetOf(100, i));
  for (const packet of packets.slice(0, 4)) a.tun.push(plainFrame(packet));
  a.turn();
  const sent = a.udp.sent.splice(0);
  for (const packet of packets.slice(4)) sent.push(...a.sendPacket(packet));
  const first = (7n << 32n) - 3n;
  assert.deepEqual(
    sent.flatMap(datagramsOf).map(counterOf),
    [0n, 1n, 2n, 3n, 4n, 5n].map((i) => first + i),
  );
  b.udp.inbox.push(...sent, ...sent);
  b.turn();
  assert.deepEqual(b.tun.takePackets(), packets);
  assert.equal(b.dataplane.counts().rx_replayed, packets.length);
});

Deno.test("a session whose slot another takes is wiped", () => {
  const a = new Side(ENDPOINT_A);
  a.addPeer(P0, ENDPOINT_B);
  const install = (localIndex: SessionIndex, fill: number) =>
    a.apply({
      type: "session-install",
      peer: P0,
      initiator: true,
      localIndex,
      remoteIndex: INDEX_B,
      sendKey: new Uint8Array(32).fill(fill),
      receiveKey: new Uint8Array(32).fill(fill + 1),
      createdAt: NOON,
    });
  const before = sessionIndex(0x1111_0007);
  const after = sessionIndex(0x1111_0007 + SESSION_SLOTS);
  install(before, 0xa1);
  install(after, 0xb1);
  const arena = a.arena.bytes.toHex();
  assert.ok(!arena.includes("a1".repeat(32)), "the send key is still in the arena");
  assert.ok(!arena.includes("a2".repeat(32)), "the receive key is still in the arena");
  const receive = (index: number, fill: number) => {
    const bytes = dataMessage(index, 0n, new Uint8Array(32).fill(fill), packetOf(60));
    a.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
    a.turn();
    return a.tun.takePackets().length;
  };
  assert.equal(receive(before, 0xa2), 0);
  assert.equal(a.dataplane.counts().rx_no_session, 1);
  assert.equal(receive(after, 0xb2), 1);
  // What is left of the first session would be wiped a second time now.
  a.apply({ type: "peer-remove", peer: P0 });
  assert.ok(!a.arena.bytes.toHex().includes("b1".repeat(32)));
});

/** Two peers of a side, each with a session and addresses of its own. */
function sideOfTwo(): { side: Side; one: PeerSlot } {
  const side = new Side(ENDPOINT_A);
  const one = peerSlot(1);
  side.addPeer(P0, ENDPOINT_B, [
    { address: Uint8Array.of(10, 0, 0, 1), prefix: 32 },
    { address: Uint8Array.of(0xfd, ...new Uint8Array(14), 1), prefix: 128 },
  ]);
  side.addPeer(one, ENDPOINT_B, [
    { address: Uint8Array.of(10, 0, 0, 5), prefix: 32 },
    { address: Uint8Array.of(0xfd, ...new Uint8Array(14), 5), prefix: 128 },
  ]);
  const session = { type: "session-install", initiator: true, createdAt: NOON } as const;
  const keys = { sendKey: KEY_AB, receiveKey: KEY_BA };
  side.apply({ ...session, ...keys, peer: P0, localIndex: INDEX_A, remoteIndex: INDEX_B });
  const other = { localIndex: sessionIndex(77), remoteIndex: sessionIndex(78) };
  side.apply({ ...session, ...keys, ...other, peer: one });
  return { side, one };
}

/** Receives packets in one run, in which all messages have the same length. */
function receiveRun(side: Side, messages: readonly (readonly [index: number, Uint8Array])[]) {
  const counters = new Map<number, bigint>();
  const datagrams = messages.map(([index, packet]) => {
    const counter = counters.get(index) ?? 0n;
    counters.set(index, counter + 1n);
    return dataMessage(index, counter, KEY_BA, packet);
  });
  const segmentSize = datagrams[0].length;
  side.udp.inbox.push({ bytes: concat(...datagrams), segmentSize, ecn: 0, from: ENDPOINT_B });
  side.turn();
  return side.tun.takePackets();
}

Deno.test("in a run of datagrams of two peers a source is allowed to its own peer only", () => {
  for (const v6 of [false, true]) {
    const { side, one } = sideOfTwo();
    const of = (source: number, mark: number) => packetOf(80, mark, { v6, source });
    const packets = [of(1, 1), of(1, 2), of(5, 3), of(5, 4), of(5, 5), of(1, 6)];
    const indices = [INDEX_A, 77, 77, INDEX_A, 77, INDEX_A];
    const delivered = receiveRun(side, packets.map((packet, i) => [indices[i], packet]));
    assert.deepEqual(delivered.map((packet) => packet.at(-1)).sort(), [1, 3, 5, 6]);
    assert.equal(side.table.counters.counts(P0).rx_unallowed_source, 1);
    assert.equal(side.table.counters.counts(one).rx_unallowed_source, 1);
  }
});

Deno.test("a message of no session in a run does not lend its successor a source", () => {
  const { side } = sideOfTwo();
  const packets = [packetOf(60, 1, { source: 1 }), packetOf(60, 2), packetOf(60, 3)];
  assert.equal(
    receiveRun(side, [[INDEX_A, packets[0]], [99, packets[1]], [77, packets[2]]]).length,
    1,
  );
  assert.equal(side.dataplane.counts().rx_no_session, 1);
  assert.equal(side.dataplane.counts().rx_unallowed_source, 1);
});

Deno.test("in a run of one session every word of a source counts, where it is in the header", () => {
  const allowed = Uint8Array.from({ length: 16 }, (_, i) => 0x20 + i);
  const b = new Side(ENDPOINT_B);
  b.addPeer(P0, ENDPOINT_A, [
    { address: allowed, prefix: 128 },
    { address: Uint8Array.of(10, 0, 0, 1), prefix: 32 },
  ]);
  const a = new Side(ENDPOINT_A);
  a.addPeer(P0, ENDPOINT_B);
  installSession(a, b);
  carry(a, b);
  const v6 = (source: Uint8Array) => {
    const packet = packetOf(80, 0, { v6: true });
    packet.set(source, 8);
    return packet;
  };
  const good = v6(allowed);
  const wrong = [0, 4, 8, 12].map((at) => {
    const source = allowed.slice();
    source[at] ^= 1;
    return v6(source);
  });
  // The same words one word further, and before.
  wrong.push(v6(concat(allowed.subarray(4), Uint8Array.of(1, 2, 3, 4))));
  wrong.push(v6(concat(Uint8Array.of(1, 2, 3, 4), allowed.subarray(0, 12))));
  // An IPv4 packet whose words are those of another from its source on, but one word earlier.
  const four = packetOf(80);
  const shifted = concat(four.subarray(0, 8), four.subarray(12), four.subarray(0, 4));
  const messages = wrong.flatMap((packet) => [good, packet]).concat([four, shifted]);
  let counter = 10n;
  const run = concat(...messages.map((packet) => dataMessage(INDEX_B, counter++, KEY_AB, packet)));
  b.udp.inbox.push({
    bytes: run,
    segmentSize: run.length / messages.length,
    ecn: 0,
    from: ENDPOINT_A,
  });
  b.turn();
  assert.equal(b.dataplane.counts().rx_unallowed_source, wrong.length + 1);
  assert.equal(b.tun.takePackets().length, wrong.length + 1);
});

Deno.test("in a run a source is looked up once, and again after another one", () => {
  for (const v6 of [false, true]) {
    const { a, b } = connectedSides();
    const look = v6 ? "lookup6" : "lookup4";
    const { [look]: real } = AllowedIps.prototype;
    for (const [sources, lookUps] of [[[1, 1, 1, 1], 1], [[1, 1, 2, 2, 1, 1], 3]] as const) {
      const packets = sources.map((source) => packetOf(100, 7, { v6, source }));
      const runs = packets.flatMap((packet) => a.sendPacket(packet));
      const bytes = concat(...runs.map((run) => run.bytes));
      b.udp.inbox.push({ ...runs[0], bytes, segmentSize: runs[0].bytes.length });
      let count = 0;
      AllowedIps.prototype[look] = function (...where) {
        count++;
        return real.apply(this, where);
      };
      b.turn();
      AllowedIps.prototype[look] = real;
      assert.equal(count, lookUps, `${look}, sources ${sources}`);
      assert.equal(b.tun.takePackets().length, packets.length);
    }
  }
});
