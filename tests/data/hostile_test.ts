/** Datagrams and packets that nobody should send: each gets a verdict and a counter, and what comes after them works. */
import assert from "node:assert/strict";
import { HANDSHAKE_QUEUE_MAX } from "../../lib/base/constants.ts";
import { INBOUND_BYTES_MAX, INBOUND_RECEIVES_MAX } from "../../lib/data/inbound.ts";
import { OUTBOUND_BYTES_MAX, OUTBOUND_READS_MAX } from "../../lib/data/outbound.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { concat, frameBytes, makePacket, offload, plainFrame } from "./packets.ts";
import {
  carry,
  connectedSides,
  ENDPOINT_A,
  ENDPOINT_B,
  INDEX_A,
  installSession,
  NOON,
  P0,
  Side,
} from "./two_sides.ts";
import { Chance, property } from "../random.ts";

const KEY = new Uint8Array(32).fill(5);

const typed = (type: number, length: number): Uint8Array => {
  const datagram = new Uint8Array(length);
  if (length > 0) datagram[0] = type;
  return datagram;
};

const withMac1 = (type: number, length: number): Uint8Array => {
  const datagram = typed(type, length);
  datagram.set(nobleSuite.mac(KEY, datagram.subarray(0, length - 32)), length - 32);
  return datagram;
};

function assertStillWorks(a: Side, b: Side): void {
  const packet = makePacket({
    v6: false,
    udp: true,
    source: 1,
    destination: 2,
    sourcePort: 1,
    destinationPort: 2,
    payload: Uint8Array.of(1, 2, 3),
  });
  b.tun.written.length = 0;
  a.tun.push(plainFrame(packet));
  carry(a, b);
  assert.deepEqual(b.tun.takePackets(), [packet]);
}

const totalDrops = ({ dataplane }: Side) => {
  const {
    rx_malformed,
    handshake_mac1_wrong,
    rx_no_session,
    rx_unauthentic,
    rx_replayed,
    rx_expired,
  } = dataplane
    .counts();
  return rx_malformed + handshake_mac1_wrong + rx_no_session + rx_unauthentic + rx_replayed +
    rx_expired;
};

Deno.test("every type at every length from 0 to 300 is counted, and nothing more", () => {
  const { a, b } = connectedSides();
  b.apply({ type: "mac1-key", key: KEY });
  let sent = 0;
  let cookies = 0;
  const before = totalDrops(b);
  for (const type of [0, 1, 2, 3, 4, 5, 255]) {
    for (let length = 1; length <= 300; length++) {
      b.udp.inbox.push({ bytes: typed(type, length), segmentSize: 0, ecn: 0, from: ENDPOINT_A });
      sent++;
      if (type === 3 && length === 64) cookies++;
    }
    b.turn();
  }
  assert.equal(totalDrops(b) - before, sent - cookies);
  assert.equal(b.said("handshake-datagram").length, cookies);
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

Deno.test("handshake messages go up only with a right mac1, and a key to check it with", () => {
  const side = new Side(ENDPOINT_A);
  const deliver = (bytes: Uint8Array) => {
    side.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
    side.turn();
    return side.said("handshake-datagram").length;
  };
  assert.equal(deliver(withMac1(1, 148)), 0);
  side.apply({ type: "mac1-key", key: KEY });
  assert.equal(deliver(withMac1(1, 148)), 1);
  assert.equal(deliver(withMac1(2, 92)), 2);
  assert.equal(deliver(typed(3, 64)), 3);
  const wrong = withMac1(1, 148);
  for (let bit = 0; bit < 128; bit++) {
    const forged = wrong.slice();
    forged[116 + (bit >>> 3)] ^= 1 << (bit & 7);
    assert.equal(deliver(forged), 3);
  }
  for (const length of [147, 149]) assert.equal(deliver(withMac1(1, length)), 3);
  for (const reserved of [1, 2, 3]) {
    const message = typed(1, 148);
    message[reserved] = 1;
    message.set(nobleSuite.mac(KEY, message.subarray(0, 116)), 116);
    assert.equal(deliver(message), 3, "the reserved bytes are zero");
  }
  assert.deepEqual(side.said("handshake-datagram")[0], {
    type: "handshake-datagram",
    datagram: withMac1(1, 148),
    source: ENDPOINT_B,
    local: undefined,
  });
  side.apply({ type: "mac1-key", key: undefined });
  assert.equal(deliver(withMac1(1, 148)), 3);
});

Deno.test("no more handshake messages wait than HANDSHAKE_QUEUE_MAX", () => {
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  const side = new Side(ENDPOINT_A, { options: { handshakesWaiting: waiting } });
  side.apply({ type: "mac1-key", key: KEY });
  const message = withMac1(1, 148);
  for (let i = 0; i < HANDSHAKE_QUEUE_MAX + 50; i++) {
    side.udp.inbox.push({ bytes: message, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
  }
  side.turn();
  assert.equal(side.said("handshake-datagram").length, HANDSHAKE_QUEUE_MAX);
  assert.equal(side.dataplane.counts().handshake_queue_full, 50);
  Atomics.sub(waiting, 0, 1);
  side.udp.inbox.push({ bytes: message, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
  side.turn();
  assert.equal(side.said("handshake-datagram").length, HANDSHAKE_QUEUE_MAX + 1);
});

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
  const many = frameBytes(offload(makePacket({ ...spec, payload: new Uint8Array(60_000) }), 1300));
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

Deno.test("commands for a peer or a session that is gone do nothing", () => {
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

Deno.test("a message of ours that was routed into the tunnel itself goes no further, whichever family; what only looks like it goes on", () => {
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

Deno.test("an MTU that no datagram has room for: what fits goes, what does not is dropped, with and without a session", () => {
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
    b.tun.written.length = 0;
    if (session) assertStillWorks(a, b);
    else installSession(a, b);
    carry(a, b);
  }
});

Deno.test("a device that is gone ends it", () => {
  const side = new Side(ENDPOINT_A);
  assert.equal(side.dataplane.gone, false);
  side.tun.gone = true;
  side.turn();
  assert.equal(side.dataplane.gone, true);
});
