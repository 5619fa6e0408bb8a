/**
 * What goes through the data plane: packets and super-packets from the TUN device, runs of
 * datagrams, and the packets in a peer's messages.
 * @module
 */
import assert from "node:assert/strict";
import type { CounterName } from "../../../lib/base/counters.ts";
import { choosePacketCipher, chooseSuite } from "../../../lib/runtime/crypto.ts";
import { DATA_LENGTH_MIN, DATA_OVERHEAD, MESSAGE_DATA } from "../../../lib/base/constants.ts";
import {
  concat,
  frameBytes,
  makePacket,
  offload,
  packetsOf,
  type PacketSpec,
  parseFrame,
  plainFrame,
  transportOf,
  withPseudoSum,
} from "../../data/packets.ts";
import { dataMessage } from "../../data/data_message.ts";
import { packetIn, sameButId } from "../../data/plaintexts.ts";
import {
  connectedSides,
  datagramsOf,
  ENDPOINT_A,
  INDEX_B,
  installSession,
  KEY_AB,
  type Side,
} from "../../data/two_sides.ts";
import type { Chance } from "../../random.ts";
import { DATAGRAM_VERDICTS, PACKET_VERDICTS } from "../../sim/checks/ledger.ts";
import type { Feed, Target } from "../target.ts";

const suite = chooseSuite();
const VNET_BYTES = 10;

/** Each input finds a new session, because counters go on. */
function newSession(a: Side, b: Side): void {
  installSession(a, b);
  a.turn();
  a.udp.sent.length = 0;
  b.tun.written.length = 0;
  a.events.length = b.events.length = 0;
}

/** The counters of `names` that changed, with how much. */
function changes(
  before: Readonly<Record<CounterName, number>>,
  now: Readonly<Record<CounterName, number>>,
  names: readonly CounterName[],
): [CounterName, number][] {
  return names.map((name): [CounterName, number] => [name, now[name] - before[name]])
    .filter(([, change]) => change !== 0);
}

const sumOf = (changes: readonly (readonly [string, number])[]) =>
  changes.reduce((sum, [, change]) => sum + change, 0);

function specOf(chance: Chance): PacketSpec {
  return {
    v6: chance.once(2),
    udp: chance.once(2),
    source: 1,
    destination: 2,
    sourcePort: 7,
    destinationPort: 8,
    payload: chance.bytes(chance.oneOf([0, 1, 16, 100, 1300])),
    id: chance.int(65_536),
    sequence: chance.u32(),
    tos: chance.int(4),
    ...(chance.once(4) && { ipOptions: Uint8Array.of(1, 1, 1, 0) }),
    ...(chance.once(4) && { tcpOptions: Uint8Array.of(1, 1, 1, 0) }),
    ...(chance.once(8) && { extension: true }),
  };
}

/** A packet from the TUN device with its virtio_net_hdr. */
export const superPacket: Target = {
  name: "super-packet",
  covers: ["lib/data/", "lib/wire/"],
  bytesMax: 2_500,
  make(chance) {
    const size = chance.oneOf([0, 1, 100, 536, 1360]);
    const payload = chance.bytes(chance.int(Math.min(2_000, 1 + size * 30)));
    const packet = makePacket({ ...specOf(chance), payload });
    if (chance.once(3)) return frameBytes(plainFrame(packet));
    return frameBytes(offload(packet, size, chance.once(4)));
  },
  open() {
    const { a, b } = connectedSides({ cipher: choosePacketCipher }, { cipher: choosePacketCipher });
    return (input) => {
      if (input.length <= VNET_BYTES) return "no packet";
      newSession(a, b);
      const before = a.dataplane.counts();
      a.tun.queue.push(input.slice());
      a.turn();
      const runs = a.udp.sent.splice(0);
      const inner = runs.flatMap(datagramsOf).map(opened).filter(({ length }) => length > 0);
      const change = changes(before, a.dataplane.counts(), PACKET_VERDICTS);
      const [[verdict, count] = ["tx_sealed", 0] as const, ...more] = change;
      assert.equal(more.length, 0, `several verdicts: ${JSON.stringify(change)}`);
      assert.equal(inner.length, verdict === "tx_sealed" ? count : 0, "datagrams without verdict");
      if (verdict !== "tx_sealed") {
        assert.equal(count, 1, `${verdict} counted ${count} times`);
        return verdict;
      }
      const read = parseFrame(input);
      // The flag of ECN alone is no kind of super-packet.
      const frame = read.gsoType === 0x80 ? { ...read, gsoType: 0 } : read;
      const expected = !isPlain(frame)
        ? undefined
        : packetsOf(frame.gsoType === 0 ? frame : withPseudoSum(frame));
      if (expected === undefined) return "sent";
      assert.equal(inner.length, expected.length, "the number of packets");
      for (const [i, packet] of expected.entries()) assertPadded(inner[i], packet);
      return inner.length > 1 ? "split" : "one";
    };
  },
};

/** The plaintext of a datagram of side a. */
function opened(datagram: Uint8Array): Uint8Array {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  assert.ok(datagram.length >= DATA_LENGTH_MIN && view.getUint32(0, true) === MESSAGE_DATA);
  assert.equal(view.getUint32(4, true), INDEX_B);
  const counter = view.getBigUint64(8, true);
  const inner = suite.open(KEY_AB, counter, datagram.subarray(16), new Uint8Array());
  assert.ok(inner !== undefined, "a datagram that cannot be opened");
  return inner;
}

/** Whether the twin of tests/data knows what the frame stands for: its fields agree. */
function isPlain(
  { packet, needsChecksum, gsoType, checksumStart, checksumOffset }: Frame,
): boolean {
  if (gsoType === 0) return !needsChecksum || checksumStart + checksumOffset + 2 <= packet.length;
  const { start, protocol } = transportOf(packet);
  return start === checksumStart && protocol === ((gsoType & 0x7f) === 5 ? 17 : 6) &&
    gsoType !== 0x85;
}
type Frame = ReturnType<typeof parseFrame>;

function assertPadded(inner: Uint8Array, packet: Uint8Array): void {
  assert.equal(inner.subarray(0, packet.length).toHex(), packet.toHex(), "another packet");
  assert.ok(inner.subarray(packet.length).every((byte) => byte === 0), "padding that is not zero");
  assert.ok(inner.length - packet.length < 16, "too much padding");
}

/** Plaintexts, each with its length in two bytes before it; those after the last length are one. */
export const innerPackets: Target = {
  name: "inner-packets",
  covers: ["lib/data/", "lib/wire/"],
  bytesMax: 20_000,
  make(chance) {
    const spec = specOf(chance);
    let sequence = spec.sequence ?? 0;
    let id = spec.id ?? 0;
    return concat(
      ...Array.from({ length: 1 + chance.int(8) }, () => {
        const payload = chance.once(6) ? chance.bytes(chance.int(200)) : spec.payload;
        const packet = makePacket({ ...spec, payload, sequence: sequence >>> 0, id: id & 0xffff });
        sequence += payload.length;
        id++;
        const padded = concat(packet, new Uint8Array(-packet.length & 15));
        return concat(Uint8Array.of(padded.length >> 8, padded.length), padded);
      }),
    );
  },
  open() {
    const { a, b } = connectedSides({}, { cipher: choosePacketCipher });
    return (input) => {
      newSession(a, b);
      const before = b.dataplane.counts();
      const plaintexts = piecesOf(input);
      for (const [i, plaintext] of plaintexts.entries()) {
        const bytes = dataMessage(INDEX_B, BigInt(i), KEY_AB, plaintext);
        b.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: ENDPOINT_A });
      }
      b.turn();
      const got = b.tun.written.splice(0).flatMap((bytes) => packetsOf(parseFrame(bytes)));
      const expected = plaintexts.map(packetIn).filter((packet) => packet !== undefined);
      assert.deepEqual(got.map(sameButId).sort(), expected.map(sameButId).sort());
      const now = b.dataplane.counts();
      const refused = sumOf(changes(before, now, ["rx_not_ip", "rx_keepalives"]));
      assert.equal(refused, plaintexts.length - expected.length, "packets without verdict");
      const merged = now.tun_merged - before.tun_merged;
      return merged > 0 ? "merged" : got.length > 0 ? "delivered" : "refused";
    };
  },
};

function piecesOf(input: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at + 2 <= input.length && pieces.length < 256;) {
    const length = input[at] << 8 | input[at + 1];
    pieces.push(input.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return pieces;
}

/** The size of the segments in two bytes, then a run of datagrams. */
export const datagrams: Target = {
  name: "datagrams",
  covers: ["lib/data/", "lib/wire/"],
  bytesMax: 8_000,
  words: [Uint8Array.of(4, 0, 0, 0), Uint8Array.of(9, 0, 0xef, 0xbe), Uint8Array.of(1, 0, 0, 0)],
  make(chance) {
    const payload = chance.bytes(chance.oneOf([0, 20, 68]));
    const packet = makePacket({ ...specOf(chance), payload });
    const first = BigInt(chance.u32()) << BigInt(chance.int(33));
    const run = Array.from(
      { length: 1 + chance.int(6) },
      (_, i) =>
        dataMessage(
          INDEX_B,
          first + BigInt(chance.once(8) ? 0 : i),
          KEY_AB,
          chance.once(8) ? payload : packet,
        ),
    );
    const segment = chance.once(4) ? chance.int(300) : run[0].length;
    return concat(Uint8Array.of(segment, segment >> 8), ...run);
  },
  open(): Feed {
    const { a, b } = connectedSides({}, { cipher: choosePacketCipher });
    b.handshakes.keys.setKeys({
      mac1Key: new Uint8Array(32).fill(5),
      cookieKey: new Uint8Array(32).fill(6),
    });
    return (input) => {
      if (input.length < 3) return "nothing";
      newSession(a, b);
      const before = b.dataplane.counts();
      const run = {
        bytes: input.slice(2),
        segmentSize: input[0] | input[1] << 8,
        ecn: 0,
        from: ENDPOINT_A,
      };
      const sent = datagramsOf(run);
      b.udp.inbox.push(run);
      b.turn();
      const change = changes(before, b.dataplane.counts(), DATAGRAM_VERDICTS);
      assert.equal(sumOf(change), sent.length, `verdicts: ${JSON.stringify(change)}`);
      const got = b.tun.written.splice(0).flatMap((bytes) => packetsOf(parseFrame(bytes)));
      assert.deepEqual(
        got.map(sameButId).sort(),
        deliverable(sent).map(sameButId).sort(),
        "what was delivered",
      );
      return change.map(([name]) => name).join(" ");
    };
  },
};

/** The packets of authentic messages with new counters: the plain twin of the receiver. */
function deliverable(sent: readonly Uint8Array[]): Uint8Array[] {
  const seen = new Set<bigint>();
  let greatest = -1n;
  const packets: Uint8Array[] = [];
  for (const datagram of sent) {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    if (datagram.length < DATA_OVERHEAD || view.getUint32(0, true) !== MESSAGE_DATA) continue;
    if (view.getUint32(4, true) !== INDEX_B) continue;
    const counter = view.getBigUint64(8, true);
    if (counter >= REJECT_AFTER_MESSAGES) continue;
    const inner = suite.open(KEY_AB, counter, datagram.subarray(16), new Uint8Array());
    if (inner === undefined || seen.has(counter)) continue;
    if (greatest >= 0n && counter + WINDOW < greatest) continue;
    seen.add(counter);
    if (counter > greatest) greatest = counter;
    const packet = packetIn(inner);
    if (packet !== undefined) packets.push(packet);
  }
  return packets;
}

/** Whitepaper section 6.1, and the counters behind the greatest that are still taken. */
const REJECT_AFTER_MESSAGES = 2n ** 64n - 2n ** 13n - 1n;
const WINDOW = 8_128n;
