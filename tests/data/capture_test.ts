/**
 * What a capture of the data plane records: both directions, both layers, the filter, and nothing
 * of a peer that came later.
 * @module
 */
import assert from "node:assert/strict";
import { peerSlot } from "../../lib/base/brands.ts";
import { RECORD } from "../../lib/base/capture_record.ts";
import { capture, type Recorded } from "./captured.ts";
import { makePacket, offload, packetsOf } from "./packets.ts";
import {
  after,
  carry,
  connectedSides,
  datagramsOf,
  ENDPOINT_A,
  ENDPOINT_B,
  EVERYTHING,
  NOON,
  P0,
} from "./two_sides.ts";

/** An ECN value that the outer header takes over. */
const ECT_0 = 2;

const packet = (source: number, destination: number, bytes = 100, v6 = false) =>
  makePacket({
    v6,
    udp: true,
    source,
    destination,
    sourcePort: 1000,
    destinationPort: 2000,
    tos: ECT_0,
    payload: new Uint8Array(bytes).fill(source),
  });

const ofKind = (records: readonly Recorded[], kind: number) =>
  records.filter((record) => record.kind === kind);

Deno.test("both ends of a tunnel record the packet, and the datagram that carried it", () => {
  const { a, b } = connectedSides();
  const [ofA, ofB] = [capture(a), capture(b)];
  const sent = packet(1, 2);
  const [run] = a.sendPacket(sent);
  b.udp.inbox.push(run);
  b.turn();
  for (const [records, way] of [[ofA(), true], [ofB(), false]] as const) {
    const [inner] = ofKind(records, RECORD.inner);
    assert.deepEqual(inner.bytes, sent);
    assert.deepEqual([inner.sent, inner.peer], [way, P0]);
    const [outer] = ofKind(records, RECORD.outer);
    assert.deepEqual(outer.bytes, run.bytes);
    assert.deepEqual([outer.sent, outer.peer], [way, P0]);
    assert.equal(records.length, 2);
    assert.equal(outer.port, way ? ENDPOINT_B.port : 1001);
  }
});

Deno.test("a record has the time of its turn, and a datagram the TOS byte of its header", () => {
  const { a, b } = connectedSides();
  const ofA = capture(a), ofB = capture(b);
  for (const ms of [0, 7]) {
    b.udp.inbox.push(...a.sendPacket(packet(1, 2), after(ms)), {
      bytes: new Uint8Array(50),
      segmentSize: 0,
      ecn: 3,
      from: ENDPOINT_B,
    });
    b.turn(after(ms + 1));
  }
  const facts = (records: readonly Recorded[]) =>
    records.map(({ kind, time, tos }) => [kind, Math.floor(time - NOON), tos]);
  const { inner, outer } = RECORD;
  assert.deepEqual(facts(ofA()), [
    [inner, 0, 0],
    [outer, 0, ECT_0],
    [inner, 7, 0],
    [outer, 7, ECT_0],
  ]);
  assert.deepEqual(facts(ofB()), [
    [outer, 1, ECT_0],
    [inner, 1, 0],
    [outer, 1, 3],
    [outer, 8, ECT_0],
    [inner, 8, 0],
    [outer, 8, 3],
  ]);
});

Deno.test("a datagram is recorded with the endpoint that the peer has now", () => {
  const { a } = connectedSides();
  const ofA = capture(a);
  for (const port of [5_001, 5_002]) {
    a.table.writeEndpoint(P0, { ...ENDPOINT_B, port }, undefined);
    const [{ to }] = a.sendPacket(packet(1, 2));
    assert.equal(to?.port, port);
  }
  assert.deepEqual(ofKind(ofA(), RECORD.outer).map(({ port }) => port), [5_001, 5_002]);
});

Deno.test("each piece of a super-packet is recorded as it is sent", () => {
  const { a, b } = connectedSides();
  const ofA = capture(a), ofB = capture(b);
  const frame = offload(
    makePacket({
      v6: false,
      udp: false,
      source: 1,
      destination: 2,
      sourcePort: 5,
      destinationPort: 6,
      payload: new Uint8Array(10_000).fill(7),
    }),
    1380,
  );
  a.tun.push(frame);
  a.turn();
  const runs = a.udp.sent.splice(0);
  b.udp.inbox.push(...runs);
  b.turn();
  const pieces = packetsOf(frame);
  const sent = ofA(), received = ofB();
  assert.deepEqual(ofKind(sent, RECORD.inner).map(({ bytes }) => bytes), pieces);
  assert.deepEqual(ofKind(received, RECORD.inner).map(({ bytes }) => bytes), pieces);
  const datagrams = runs.flatMap(datagramsOf);
  assert.deepEqual(ofKind(sent, RECORD.outer).map(({ bytes }) => bytes), datagrams);
  assert.deepEqual(ofKind(received, RECORD.outer).map(({ bytes }) => bytes), datagrams);
});

Deno.test("the snap length cuts what is recorded, and the whole length is told", () => {
  const { a } = connectedSides();
  const ofA = capture(a, { snap: 24 });
  const sent = packet(1, 2, 1000);
  a.sendPacket(sent);
  const [inner] = ofKind(ofA(), RECORD.inner);
  assert.deepEqual([inner.bytes.length, inner.original], [24, sent.length]);
});

Deno.test("ranges select by source or destination, of the right family, with datagrams", () => {
  const { a, b } = connectedSides();
  const ranges = [{ address: Uint8Array.of(10, 0, 0, 2), prefix: 32 }];
  const ofA = capture(a, { ranges }), ofB = capture(b, { ranges });
  const wanted = [packet(1, 2), packet(2, 9)];
  const carriers: Uint8Array[] = [];
  for (const one of [wanted[0], packet(1, 3), wanted[1], packet(1, 2, 100, true)]) {
    const [run] = a.sendPacket(one);
    if (wanted.includes(one)) carriers.push(run.bytes);
    b.udp.inbox.push(run);
    b.turn();
  }
  for (const records of [ofA(), ofB()]) {
    assert.deepEqual(ofKind(records, RECORD.inner).map(({ bytes }) => bytes), wanted);
    const outer = ofKind(records, RECORD.outer);
    assert.deepEqual(outer.map(({ bytes }) => bytes), carriers);
    const port = outer[0].sent ? ENDPOINT_B.port : ENDPOINT_A.port;
    assert.ok(outer.every((record) => record.tos === ECT_0 && record.port === port));
    assert.ok(records.every(({ peer }) => peer === P0));
  }
});

Deno.test("a keepalive has no addresses, so no range selects it", () => {
  const { a, b } = connectedSides();
  const sides = [a, b].map((side) => capture(side, { ranges: EVERYTHING }));
  a.sendPacket(packet(1, 2));
  a.apply({ type: "keepalive-send", peer: P0 });
  carry(a, b);
  assert.deepEqual(sides.map((records) => records().length), [2, 0]);
});

Deno.test("a range of IPv6 selects packets of IPv6 alone", () => {
  const { a } = connectedSides();
  const fd00 = Uint8Array.of(0xfd, ...new Uint8Array(15));
  const ofA = capture(a, { ranges: [{ address: fd00, prefix: 8 }] });
  const wanted = packet(1, 2, 100, true);
  for (const one of [packet(1, 2), wanted]) a.sendPacket(one);
  assert.deepEqual(ofKind(ofA(), RECORD.inner).map(({ bytes }) => bytes), [wanted]);
});

Deno.test("another peer's packets are not recorded, nor those of a peer in a removed one's slot", () => {
  const { a, b } = connectedSides();
  const none = capture(a, { peers: [peerSlot(1)] });
  a.sendPacket(packet(1, 2));
  assert.deepEqual(none(), []);
  const ofB = capture(b, { peers: [P0] });
  b.udp.inbox.push(...a.sendPacket(packet(1, 2)));
  b.turn();
  assert.equal(ofB().length, 2);
  b.apply({ type: "peer-remove", peer: P0 });
  const again = connectedSides();
  const later = capture(again.b, { peers: [P0] });
  again.b.apply({ type: "peer-remove", peer: P0 });
  again.b.addPeer(P0, ENDPOINT_B);
  again.b.udp.inbox.push(...again.a.sendPacket(packet(1, 2)));
  again.b.turn();
  assert.deepEqual(later(), []);
});

Deno.test("layers: a keepalive is an outer datagram only; inner alone has no datagrams", () => {
  const { a, b } = connectedSides();
  const ofA = capture(a);
  a.apply({ type: "keepalive-send", peer: P0 });
  assert.deepEqual(ofA().map(({ kind, original }) => [kind, original]), [[RECORD.outer, 32]]);
  carry(a, b);
  const inner = capture(a, { handshakes: false, data: false });
  a.sendPacket(packet(1, 2));
  assert.deepEqual(inner().map(({ kind }) => kind), [RECORD.inner]);
});

Deno.test("what cannot be opened, or is no message, is recorded too", () => {
  const { a, b } = connectedSides();
  const ofB = capture(b);
  const [run] = a.sendPacket(packet(1, 2));
  const forged = run.bytes.slice();
  forged[20] ^= 1;
  const unknown = run.bytes.slice();
  unknown[4] ^= 1;
  const noise = new Uint8Array(50).fill(9);
  for (const bytes of [forged, unknown, noise]) b.udp.inbox.push({ ...run, bytes, segmentSize: 0 });
  b.turn();
  assert.deepEqual(ofB().map(({ peer, bytes }) => [peer, bytes]), [
    [P0, forged],
    [-1, unknown],
    [-1, noise],
  ]);
});

Deno.test("a capture that has ended records nothing more", () => {
  const { a } = connectedSides();
  const ofA = capture(a);
  a.apply({ type: "capture", capture: undefined });
  a.sendPacket(packet(1, 2));
  assert.deepEqual(ofA(), []);
});
