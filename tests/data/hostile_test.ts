/**
 * Datagrams and packets that nobody should send: each gets a verdict and a counter, and what comes
 * after them works.
 */
import assert from "node:assert/strict";
import { INBOUND_BYTES_MAX, INBOUND_RECEIVES_MAX } from "../../lib/data/inbound.ts";
import { OUTBOUND_BYTES_MAX, OUTBOUND_READS_MAX } from "../../lib/data/outbound.ts";
import { concat, frameBytes, makePacket, offload, plainFrame } from "./packets.ts";
import {
  carry,
  connectedSides,
  ENDPOINT_A,
  INDEX_A,
  INDEX_B,
  installSession,
  NOON,
  P0,
  Side,
} from "./two_sides.ts";
import { Chance, property } from "../random.ts";
import { WORKERS } from "./worker_forms.ts";

const typed = (type: number, length: number): Uint8Array => {
  const datagram = new Uint8Array(length);
  if (length > 0) datagram[0] = type;
  return datagram;
};

const smallPacket = () =>
  makePacket({
    v6: false,
    udp: true,
    source: 1,
    destination: 2,
    sourcePort: 1,
    destinationPort: 2,
    payload: Uint8Array.of(1, 2, 3),
  });

function assertStillWorks(a: Side, b: Side): void {
  const packet = smallPacket();
  b.tun.written.length = 0;
  a.tun.push(plainFrame(packet));
  carry(a, b);
  assert.deepEqual(b.tun.takePackets(), [packet]);
}

const totalDrops = ({ dataplane }: Side) => {
  const { rx_malformed, rx_no_session, rx_unauthentic, rx_replayed, rx_expired, ...others } =
    dataplane.counts();
  const { handshake_mac1_wrong, handshake_unknown_index, cookie_unknown_index } = others;
  return rx_malformed + rx_no_session + rx_unauthentic + rx_replayed + rx_expired +
    handshake_mac1_wrong +
    handshake_unknown_index + cookie_unknown_index;
};

Deno.test("messages of every type and every length from 0 to 300 are counted and dropped", () => {
  const { a, b } = connectedSides();
  b.handshakes.keys.setKeys({
    mac1Key: new Uint8Array(32).fill(5),
    cookieKey: new Uint8Array(32).fill(6),
  });
  let sent = 0;
  const before = totalDrops(b);
  for (const type of [0, 1, 2, 3, 4, 5, 255]) {
    for (let length = 1; length <= 300; length++) {
      b.udp.inbox.push({ bytes: typed(type, length), segmentSize: 0, ecn: 0, from: ENDPOINT_A });
      sent++;
    }
    b.turn();
  }
  assert.equal(totalDrops(b) - before, sent);
  assert.deepEqual([b.said("handshakes-waiting").length, b.handshakes.waiting], [0, 0]);
  assertStillWorks(a, b);
});

Deno.test("a data message without room for header and tag is not opened, even with a session's index", () => {
  const { a, b } = connectedSides();
  const message = (length: number) => {
    const bytes = typed(4, length);
    if (length >= 8) new DataView(bytes.buffer).setUint32(4, INDEX_B, true);
    return bytes;
  };
  for (let length = 1; length <= 33; length++) {
    b.udp.inbox.push({ bytes: message(length), segmentSize: 0, ecn: 0, from: ENDPOINT_A });
  }
  b.turn();
  const { rx_malformed, rx_unauthentic } = b.dataplane.counts();
  assert.deepEqual([rx_malformed, rx_unauthentic], [31, 2]);
  assertStillWorks(a, b);
});

Deno.test("what comes from port 0 is dropped, and no endpoint becomes port 0", () => {
  const { a, b } = connectedSides();
  const packet = smallPacket();
  const [run] = a.sendPacket(packet);
  for (const bytes of [run.bytes, typed(1, 148)]) {
    b.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: { ...ENDPOINT_A, port: 0 } });
  }
  b.turn();
  assert.deepEqual([b.dataplane.counts().rx_malformed, b.tun.takePackets()], [2, []]);
  b.udp.inbox.push({
    bytes: run.bytes,
    segmentSize: 0,
    ecn: 0,
    from: { ...ENDPOINT_A, port: 256 },
  });
  b.turn();
  assert.deepEqual(b.tun.takePackets(), [packet]);
  assertStillWorks(a, b);
});

Deno.test("a run may be cut anywhere", () => {
  const { a, b } = connectedSides();
  const chance = Chance.of(3);
  for (let segmentSize = 0; segmentSize <= 300; segmentSize++) {
    b.udp.inbox.push({
      bytes: chance.bytes(1 + chance.int(600)),
      segmentSize,
      ecn: chance.int(4),
      from: ENDPOINT_A,
    });
    b.turn();
  }
  assertStillWorks(a, b);
});

Deno.test("mutated real datagrams deliver only what was really sent", () => {
  property(3, (chance) => {
    const { a, b } = connectedSides();
    const spec = {
      v6: false,
      udp: false,
      source: 1,
      destination: 2,
      sourcePort: 1,
      destinationPort: 2,
    };
    for (let i = 0; i < 300; i++) {
      const packet = makePacket({ ...spec, payload: chance.bytes(chance.int(300)), sequence: i });
      const [run] = a.sendPacket(packet);
      const bytes = concat(
        run.bytes,
        chance.once(3) ? chance.bytes(chance.int(40)) : new Uint8Array(),
      );
      if (chance.once(3)) bytes[chance.int(bytes.length)] ^= 1 << chance.int(8);
      const cut = chance.once(3) ? bytes.subarray(0, 1 + chance.int(bytes.length)) : bytes;
      b.udp.inbox.push({ bytes: cut, segmentSize: 0, ecn: 0, from: ENDPOINT_A });
      b.turn();
      const got = b.tun.takePackets();
      assert.deepEqual(got, cut.toHex() === run.bytes.toHex() ? [packet] : []);
    }
    assertStillWorks(a, b);
  });
});

Deno.test("offload fields that make no sense drop the packet", () => {
  property(5, (chance) => {
    const { a, b } = connectedSides();
    for (let i = 0; i < 400; i++) {
      const packet = makePacket({
        v6: chance.once(2),
        udp: chance.once(2),
        source: 1,
        destination: 2,
        sourcePort: 1,
        destinationPort: 2,
        payload: chance.bytes(chance.int(3000)),
      });
      const frame = frameBytes(offload(packet, chance.once(2) ? 0 : 1 + chance.int(1500)));
      for (let changes = chance.int(4); changes >= 0; changes--) {
        frame[chance.once(2) ? chance.int(10) : chance.int(Math.min(frame.length, 80))] = chance
          .int(256);
      }
      a.tun.queue.push(
        chance.once(5) ? frame.subarray(0, 11 + chance.int(frame.length - 11)) : frame,
      );
      a.turn();
    }
    for (const run of a.udp.sent.splice(0)) b.udp.inbox.push(run);
    b.turn();
    assertStillWorks(a, b);
  });
});

// A turn is that of one data plane in a direction.
if (WORKERS <= 2) {
  Deno.test("a turn is bounded in both directions", () => {
    const { a, b } = connectedSides();
    const spec = {
      v6: true,
      udp: false,
      source: 1,
      destination: 2,
      sourcePort: 1,
      destinationPort: 2,
    };
    const packet = makePacket({ ...spec, payload: new Uint8Array(10) });
    const takenOf = (queue: { length: number }, turn: () => boolean) => {
      const before = queue.length;
      assert.ok(turn());
      return before - queue.length;
    };
    const many = frameBytes(
      offload(makePacket({ ...spec, payload: new Uint8Array(60_000) }), 1300),
    );
    for (let i = 0; i < 2 * OUTBOUND_READS_MAX; i++) a.tun.push(plainFrame(packet));
    assert.equal(takenOf(a.tun.queue, () => a.dataplane.turn(NOON)), OUTBOUND_READS_MAX);
    a.tun.queue.length = 0;
    for (let i = 0; i < 100; i++) a.tun.queue.push(many);
    assert.equal(
      takenOf(a.tun.queue, () => a.dataplane.turn(NOON)),
      Math.ceil(OUTBOUND_BYTES_MAX / many.length),
    );
    a.tun.queue.length = 0;

    const [small, ...runs] = a.udp.sent.splice(0);
    for (let i = 0; i < 10 * INBOUND_RECEIVES_MAX; i++) {
      b.udp.inbox.push({ ...small, bytes: small.bytes.slice(0, 48) });
    }
    assert.equal(takenOf(b.udp.inbox, () => b.dataplane.turn(NOON)), INBOUND_RECEIVES_MAX);
    b.udp.inbox.length = 0;
    const long = runs.find((run) => run.bytes.length > 60_000)!;
    for (let i = 0; i < 100; i++) b.udp.inbox.push(long);
    assert.equal(
      takenOf(b.udp.inbox, () => b.dataplane.turn(NOON)),
      Math.ceil(INBOUND_BYTES_MAX / long.bytes.length),
    );
  });
}

Deno.test("commands for a removed peer or session do nothing", () => {
  const side = new Side(ENDPOINT_A);
  for (
    const command of [
      { type: "peer-remove", peer: P0 },
      { type: "staged-drop", peer: P0 },
      { type: "keepalive-send", peer: P0 },
      { type: "session-retire", localIndex: 7 as never },
      { type: "session-promote", peer: P0, localIndex: 7 as never },
      { type: "allowed-ips", peer: P0, replace: true, remove: [], add: [] },
    ] as const
  ) side.apply(command);
  assert.equal(side.dataplane.turn(NOON), false);
});

Deno.test("a message of ours that is routed into the tunnel is dropped, and a similar packet is sent on", () => {
  const { a } = connectedSides();
  const inner = { udp: true, source: 1, destination: 2, sourcePort: 1001, destinationPort: 1002 };
  const [sent] = a.sendPacket(makePacket({ ...inner, v6: false, payload: new Uint8Array(100) }));
  for (const v6 of [false, true]) {
    assert.deepEqual(a.sendPacket(makePacket({ ...inner, v6, payload: sent.bytes })), []);
    assert.deepEqual(
      a.sendPacket(makePacket({ ...inner, v6, payload: sent.bytes.subarray(0, 8) })),
      [],
    );
  }
  assert.equal(a.dataplane.counts().tx_looped, 4);
  const other = sent.bytes.slice();
  other[4] ^= 1;
  const handshake = sent.bytes.slice();
  handshake[0] = 1;
  for (const payload of [other, handshake, sent.bytes.subarray(0, 7), new Uint8Array()]) {
    for (const v6 of [false, true]) {
      assert.equal(a.sendPacket(makePacket({ ...inner, v6, payload })).length, 1);
    }
  }
  assert.equal(
    a.sendPacket(makePacket({ ...inner, udp: false, v6: false, payload: sent.bytes })).length,
    1,
  );
  assert.equal(a.dataplane.counts().tx_looped, 4);
});

Deno.test("with an MTU beyond the longest datagram, packets that fit are sent and others dropped", () => {
  for (const session of [true, false]) {
    const { a, b } = connectedSides({ mtu: 65_535 }, { mtu: 65_535 });
    if (!session) a.apply({ type: "session-retire", localIndex: INDEX_A });
    const fields = {
      v6: false,
      udp: false,
      source: 1,
      destination: 2,
      sourcePort: 1,
      destinationPort: 2,
    };
    for (let length = 65_400; length <= 65_535; length++) {
      const packet = makePacket({ ...fields, payload: new Uint8Array(length - 40) });
      a.tun.push(plainFrame(packet));
      a.turn();
      const before = b.dataplane.counts().rx_opened;
      if (session) carry(a, b);
      if (session) {
        assert.equal(
          b.dataplane.counts().rx_opened - before,
          length <= 65_475 ? 1 : 0,
          `${length}`,
        );
      }
    }
    assert.equal(a.dataplane.counts().tx_too_long, 60);
    const payload = new Uint8Array(65_535 - 40);
    a.tun.push(offload(makePacket({ ...fields, payload }), payload.length));
    a.turn();
    assert.equal(a.dataplane.counts().tx_too_long, 61);
    // What counts is the longest segment.
    a.tun.push(offload(makePacket({ ...fields, payload }), 1_000));
    a.tun.push(offload(makePacket({ ...fields, payload: payload.subarray(0, 9) }), 65_535));
    a.turn();
    assert.equal(a.dataplane.counts().tx_too_long, 61);
    carry(a, b);
    b.tun.written.length = 0;
    if (session) assertStillWorks(a, b);
    else installSession(a, b);
    carry(a, b);
  }
});

Deno.test("a deleted device ends the turns", () => {
  const side = new Side(ENDPOINT_A);
  assert.equal(side.dataplane.gone, false);
  side.tun.gone = true;
  side.turn();
  assert.equal(side.dataplane.gone, true);
});

Deno.test("what the device returns is malformed without a whole header of IPv4 or IPv6", () => {
  const side = new Side(ENDPOINT_A);
  const { dataplane } = side;
  for (let version = 0; version < 16; version++) {
    for (const length of [0, 1, 19, 20, 39, 40, 100]) {
      const packet = new Uint8Array(length);
      if (length > 0) packet[0] = version << 4 | 5;
      const before = dataplane.counts();
      side.tun.push(plainFrame(packet));
      side.turn();
      const { tx_malformed, tx_no_peer } = dataplane.counts();
      const isWhole = version === 4 && length >= 20 || version === 6 && length >= 40;
      assert.deepEqual(
        [tx_malformed - before.tx_malformed, tx_no_peer - before.tx_no_peer],
        isWhole ? [0, 1] : [1, 0],
        `version ${version}, ${length} bytes`,
      );
    }
  }
});
