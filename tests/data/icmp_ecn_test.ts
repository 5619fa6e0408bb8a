/** ICMP answers to packets without a peer, and ECN in the tunnel. */
import assert from "node:assert/strict";
import { peerSlot } from "../../lib/base/brands.ts";
import { NO_OWN_ADDRESSES } from "../../lib/base/own_addresses.ts";
import { finish, internetChecksum, makePacket, type PacketSpec, plainFrame } from "./packets.ts";
import { after, connectedSides, datagramsOf, ENDPOINT_A, NOON, P0, Side } from "./two_sides.ts";

const SPEC: PacketSpec = {
  v6: false,
  udp: true,
  source: 1,
  destination: 2,
  sourcePort: 1,
  destinationPort: 2,
  payload: new Uint8Array(600),
};

function answersTo(side: Side, packet: Uint8Array, now = NOON): Uint8Array[] {
  side.tun.push(plainFrame(packet));
  side.turn(now);
  return side.tun.takePackets();
}

Deno.test("a packet without a peer is answered by ICMP host unreachable", () => {
  const side = new Side(ENDPOINT_A);
  const packet = makePacket(SPEC);
  const [answer] = answersTo(side, packet);
  assert.equal(answer.length, 576);
  assert.equal(internetChecksum(answer.subarray(0, 20)), 0);
  assert.equal(internetChecksum(answer.subarray(20)), 0);
  assert.deepEqual([answer[9], answer[20], answer[21]], [1, 3, 1]);
  assert.deepEqual(answer.subarray(12, 20), Uint8Array.of(10, 0, 0, 2, 10, 0, 0, 1));
  assert.deepEqual(answer.subarray(28), packet.subarray(0, 548));
});

Deno.test("a packet without a peer is answered by ICMPv6 address unreachable", () => {
  const side = new Side(ENDPOINT_A);
  const packet = makePacket({ ...SPEC, v6: true });
  const [answer] = answersTo(side, packet);
  assert.equal(answer.length, 40 + 8 + packet.length);
  assert.deepEqual([answer[6], answer[40], answer[41]], [58, 1, 3]);
  assert.deepEqual(answer.subarray(8, 24), packet.subarray(24, 40));
  assert.deepEqual(answer.subarray(24, 40), packet.subarray(8, 24));
  const length = answer.length - 40;
  const pseudo = Uint8Array.of(
    ...answer.subarray(8, 40),
    0,
    0,
    length >>> 8,
    length & 255,
    0,
    0,
    0,
    58,
  );
  assert.equal(internetChecksum(pseudo, answer.subarray(40)), 0);
});

Deno.test("answers come from our own addresses once they are known; where there is none, from the destination", () => {
  const side = new Side(ENDPOINT_A);
  const v4 = Uint8Array.of(192, 168, 5, 1);
  const v6 = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i);
  const sources = () => {
    const [answer4] = answersTo(side, makePacket(SPEC));
    const [answer6] = answersTo(side, makePacket({ ...SPEC, v6: true }));
    assert.equal(internetChecksum(answer4.subarray(0, 20)), 0);
    assert.equal(internetChecksum(answer4.subarray(20)), 0);
    const length = answer6.length - 40;
    const pseudo = Uint8Array.of(
      ...answer6.subarray(8, 40),
      0,
      0,
      length >>> 8,
      length & 255,
      0,
      0,
      0,
      58,
    );
    assert.equal(internetChecksum(pseudo, answer6.subarray(40)), 0);
    return [answer4.subarray(12, 16), answer6.subarray(8, 24)];
  };
  const before = sources();
  const own = { answersFrom4: v4, answersFrom6: v6, refused4: [v4] };
  side.apply({ type: "own-addresses", own });
  assert.deepEqual(sources(), [v4, v6]);
  side.apply({ type: "own-addresses", own: { ...own, answersFrom6: undefined } });
  assert.deepEqual(sources(), [v4, before[1]]);
  side.apply({ type: "own-addresses", own: NO_OWN_ADDRESSES });
  assert.deepEqual(sources(), before);
});

Deno.test("packets from our own IPv4 addresses are dropped while they are to be refused", () => {
  const { a, b } = connectedSides();
  const arrived = (v6: boolean, source: number) => {
    for (const run of a.sendPacket(makePacket({ ...SPEC, v6, source }))) b.udp.inbox.push(run);
    b.turn();
    return b.tun.takePackets().length;
  };
  const refused4 = [Uint8Array.of(10, 0, 0, 7), Uint8Array.of(10, 0, 0, 8)];
  b.apply({ type: "own-addresses", own: { ...NO_OWN_ADDRESSES, refused4 } });
  assert.deepEqual([7, 8, 9, 7].map((source) => arrived(false, source)), [0, 0, 1, 0]);
  assert.equal(b.dataplane.counts().rx_own_source, 3);
  assert.equal(b.table.counters.counts(P0).rx_own_source, 3);
  assert.equal(arrived(true, 7), 1);
  // What is at the place of an IPv4 source is none in a packet of IPv6.
  const inSource6 = makePacket({ ...SPEC, v6: true, source: 7 }).slice(12, 16);
  b.apply({ type: "own-addresses", own: { ...NO_OWN_ADDRESSES, refused4: [inSource6] } });
  assert.equal(arrived(true, 7), 1);
  b.apply({ type: "own-addresses", own: NO_OWN_ADDRESSES });
  assert.equal(arrived(false, 7), 1);
});

Deno.test("packets to a disabled peer are answered by ICMP, and no other peer gets them", () => {
  const { a, b } = connectedSides();
  const send = () => a.sendPacket(makePacket(SPEC)).length;
  assert.equal(send(), 1);
  a.apply({ type: "peer-disable", peer: P0, on: true });
  const other = peerSlot(7);
  a.apply({ type: "peer-add", peer: other });
  for (const [peer, prefix] of [[P0, 8], [other, 7]] as const) {
    const add = [{ address: Uint8Array.of(10, 0, 0, 0), prefix }];
    a.apply({ type: "allowed-ips", peer, replace: true, remove: [], add });
  }
  const [answer] = answersTo(a, makePacket(SPEC));
  assert.deepEqual([answer[9], answer[20], answer[21]], [1, 3, 1]);
  assert.equal(a.dataplane.counts().tx_disabled, 1);
  assert.equal(a.table.counters.counts(P0).tx_disabled, 1);
  assert.ok(!a.events.some(({ type }) => type === "handshake-wanted"));
  a.apply({ type: "peer-disable", peer: P0, on: false });
  assert.equal(send(), 1);
  b.turn();
});

Deno.test("a packet to a peer without an endpoint is answered, without a handshake and without staging", () => {
  const side = new Side(ENDPOINT_A);
  side.addPeer(P0, undefined);
  assert.equal(answersTo(side, makePacket(SPEC)).length, 1);
  assert.equal(side.dataplane.counts().tx_no_endpoint, 1);
  assert.deepEqual(side.said("handshake-wanted"), []);
});

Deno.test("errors, multicasts, fragments and packets without a source are not answered", () => {
  const side = new Side(ENDPOINT_A);
  const changed = (v6: boolean, change: (packet: Uint8Array) => void) => {
    const packet = makePacket({ ...SPEC, v6 });
    change(packet);
    return packet;
  };
  const silent = [
    changed(false, (packet) => packet[16] = 224),
    changed(false, (packet) => packet.fill(255, 16, 20)),
    changed(false, (packet) => packet[12] = 0),
    changed(false, (packet) => packet[12] = 127),
    changed(false, (packet) => packet[12] = 240),
    changed(false, (packet) => packet[7] = 9),
    changed(false, (packet) => {
      packet[9] = 1;
      packet[20] = 3;
    }),
    changed(true, (packet) => packet[24] = 0xff),
    changed(true, (packet) => packet.fill(0, 8, 24)),
    changed(true, (packet) => {
      packet[6] = 58;
      packet[40] = 1;
    }),
  ];
  for (const packet of silent) assert.deepEqual(answersTo(side, packet), []);
  const echo = changed(false, (packet) => {
    packet[9] = 1;
    packet[20] = 8;
  });
  assert.equal(answersTo(side, echo).length, 1, "an echo request is answered");
});

Deno.test("of ICMP only queries and their answers are answered, as every type of them", () => {
  // RFC 1122 section 3.2.2: an error is never answered. Types of queries by IANA's registry: echo,
  // router discovery, timestamp, information, address mask, and extended echo.
  const queries = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43];
  const side = new Side(ENDPOINT_A);
  let ms = 0;
  const answered = (v6: boolean, protocol: number) =>
    Array.from({ length: 256 }, (_, type) => {
      const packet = makePacket({ ...SPEC, v6 });
      packet[v6 ? 6 : 9] = protocol;
      packet[v6 ? 40 : 20] = type;
      return answersTo(side, packet, after(ms += 1_000)).length === 1 ? [type] : [];
    }).flat();
  assert.deepEqual(answered(false, 1), queries);
  assert.deepEqual(answered(true, 58), Array.from({ length: 128 }, (_, i) => 128 + i));
});

Deno.test("answers are bounded: 50 at once, then 100 a second", () => {
  const side = new Side(ENDPOINT_A);
  const packet = makePacket(SPEC);
  let answers = 0;
  for (let i = 0; i < 300; i++) answers += answersTo(side, packet).length;
  assert.equal(answers, 50);
  for (let i = 0; i < 300; i++) answers += answersTo(side, packet, after(200)).length;
  assert.equal(answers, 70);
});

Deno.test("the outer header has the inner packet's ECN bits, and a run has one value", () => {
  for (const v6 of [false, true]) {
    const { a } = connectedSides();
    for (const tos of [0, 1, 2, 3, 2, 2, 0xbb]) {
      a.tun.push(plainFrame(makePacket({ ...SPEC, v6, tos })));
    }
    a.turn();
    assert.deepEqual(a.udp.sent.map((run) => [run.ecn, datagramsOf(run).length]), [
      [0, 1],
      [1, 1],
      [2, 1],
      [3, 1],
      [2, 2],
      [3, 1],
    ]);
  }
});

Deno.test("inner and outer ECN bits are combined as RFC 6040 figure 4 says, and the checksum holds", () => {
  const NOT_ECT = 0, ECT1 = 1, ECT0 = 2, CE = 3;
  const table: readonly (readonly [inner: number, outer: number, result: number | undefined])[] = [
    [NOT_ECT, NOT_ECT, NOT_ECT],
    [NOT_ECT, ECT0, NOT_ECT],
    [NOT_ECT, ECT1, NOT_ECT],
    [NOT_ECT, CE, undefined],
    [ECT0, NOT_ECT, ECT0],
    [ECT0, ECT0, ECT0],
    [ECT0, ECT1, ECT1],
    [ECT0, CE, CE],
    [ECT1, NOT_ECT, ECT1],
    [ECT1, ECT0, ECT1],
    [ECT1, ECT1, ECT1],
    [ECT1, CE, CE],
    [CE, NOT_ECT, CE],
    [CE, ECT0, CE],
    [CE, ECT1, CE],
    [CE, CE, CE],
  ];
  for (const v6 of [false, true]) {
    for (const [inner, outer, result] of table) {
      const { a, b } = connectedSides();
      const spec = { ...SPEC, v6, tos: 0xb8 | inner };
      const [run] = a.sendPacket(makePacket(spec));
      b.udp.inbox.push({ ...run, ecn: outer });
      b.turn();
      const expected = result === undefined
        ? []
        : [finish(makePacket({ ...spec, tos: 0xb8 | result }))];
      assert.deepEqual(b.tun.takePackets(), expected, `inner ${inner}, outer ${outer}`);
    }
  }
});
