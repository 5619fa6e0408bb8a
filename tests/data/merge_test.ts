/**
 * What becomes one super-packet and what does not, bit by bit of the headers, and the bytes that
 * are written.
 */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { BulkFlows } from "../../lib/data/bulk_flows.ts";
import { PacketMemory } from "../../lib/data/memory.ts";
import { DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { Merger } from "../../lib/data/merge.ts";
import type { TunPort } from "../../lib/data/ports.ts";
import { chooseChecksum } from "../../lib/wire/checksum.ts";
import { concat, finish, internetChecksum, makePacket, type PacketSpec } from "./packets.ts";

const STRIDE = 2_048;
const SEGMENT = 64;

interface Written {
  readonly header: Uint8Array;
  readonly packet: Uint8Array;
  readonly queue: number;
}

/** A merger, and what it wrote. Each packet has a place of its own with other bytes around it. */
function merging(more: { refuses?: (parts: number) => boolean; queues?: 1 | 2 } = {}) {
  const arena = new Arena(DATAPLANE_ARENA_BYTES);
  const memory = new PacketMemory(arena);
  const area = memory.openMessage(0, false) - 64;
  const counters = new Counters(new PeerTable());
  const bulkFlows = new BulkFlows();
  const written: Written[] = [];
  let parts: Uint8Array[] = [];
  const tun: TunPort = {
    tso: true,
    uso: true,
    queues: more.queues ?? 1,
    read: () => 0,
    gather: (index, at, length) => {
      if (index === 0) parts = [];
      assert.equal(index, parts.length);
      parts.push(arena.bytes.slice(at, at + length));
    },
    write: (count, queue) => {
      assert.equal(count, parts.length);
      if (more.refuses?.(count)) return false;
      const frame = concat(...parts);
      written.push({ header: frame.slice(0, 10), packet: frame.slice(10), queue });
      return true;
    },
  };
  const checksum = chooseChecksum(arena);
  const merger = new Merger({ memory, checksum, tun, counters, bulkFlows, tso: true, uso: true });
  let index = 0;
  const add = (...packets: readonly Uint8Array[]) => {
    for (const packet of packets) {
      const at = area + index++ * STRIDE + 64;
      arena.bytes.fill(0xa5, at - 64, at + 1_984);
      arena.bytes.set(packet, at);
      merger.add(at, packet.length);
    }
  };
  const take = () => written.splice(0);
  const flush = () => {
    merger.flush();
    // Now no packet waits in its place.
    index = 0;
    return take();
  };
  const counts = () => counters.counts();
  return { merger, memory, bulkFlows, add, take, flush, counts };
}

type Kind = Pick<PacketSpec, "v6" | "udp">;
const KINDS: readonly Kind[] = [false, true].flatMap((v6) =>
  [false, true].map((udp) => ({ v6, udp }))
);
const nameOf = ({ v6, udp }: Kind) => `${udp ? "UDP" : "TCP"} over IPv${v6 ? 6 : 4}`;

/** The packet `number` of a flow, with so many bytes of payload. */
function packetOf(kind: Kind, number: number, bytes = SEGMENT, more: Partial<PacketSpec> = {}) {
  return makePacket({
    ...kind,
    source: 1,
    destination: 2,
    sourcePort: 1_000,
    destinationPort: 2_000,
    payload: Uint8Array.from({ length: bytes }, (_, i) => number * 7 + i),
    id: 0x12ff + number,
    sequence: 0xffff_ff80 + number * SEGMENT,
    ...more,
  });
}

const ALONE = new Uint8Array(10);

/** The super-packet of packets, as the device gets it. */
function superPacket(kind: Kind, packets: readonly Uint8Array[], psh = false): Written {
  const ip = kind.v6 ? 40 : 20;
  const head = ip + (kind.udp ? 8 : (packets[0][ip + 12] >>> 4) * 4);
  const packet = concat(packets[0], ...packets.slice(1).map((one) => one.subarray(head)));
  if (psh) packet[ip + 13] |= 8;
  finish(packet);
  // The device completes the checksum: there is the sum of the pseudo header.
  const length = packet.length - ip;
  const pseudo = concat(
    kind.v6 ? packet.subarray(8, 40) : packet.subarray(12, 20),
    Uint8Array.of(0, 0, length >>> 8, length, 0, kind.udp ? 17 : 6),
  );
  const sum = ~internetChecksum(pseudo) & 0xffff;
  packet.set([sum >>> 8, sum], ip + (kind.udp ? 6 : 16));
  const gso = kind.udp ? 5 : kind.v6 ? 4 : 1;
  const segment = packets[0].length - head;
  const offset = kind.udp ? 6 : 16;
  const header = Uint8Array.of(1, gso, head, 0, segment, segment >>> 8, ip, 0, offset, 0);
  return { header, packet, queue: 0 };
}

const alone = (packet: Uint8Array): Written => ({ header: ALONE, packet, queue: 0 });

for (const kind of KINDS) {
  const name = nameOf(kind);

  Deno.test(`${name}: packets that follow each other are one, a shorter one ends it`, () => {
    const { add, take, flush, counts } = merging();
    const packets = [0, 1, 2, 3].map((number) => packetOf(kind, number));
    add(...packets);
    assert.deepEqual(take(), []);
    assert.deepEqual(flush(), [superPacket(kind, packets)]);
    assert.deepEqual([counts().tun_writes, counts().tun_merged], [1, 4]);
    const short = [...packets.slice(0, 2), packetOf(kind, 2, SEGMENT - 1)];
    add(...short);
    assert.deepEqual(take(), [superPacket(kind, short)]);
    assert.deepEqual(flush(), []);
    // One byte is enough.
    const least = [0, 1, 2].map((number) => packetOf(kind, number, 1, { sequence: number }));
    add(...least);
    assert.deepEqual(flush(), [superPacket(kind, least)]);
    // A longer one begins another.
    const long = packetOf(kind, 1, SEGMENT + 1);
    add(packets[0], long);
    assert.deepEqual(flush(), [alone(packets[0]), alone(long)]);
    add(packets[0]);
    assert.deepEqual(flush(), [alone(packets[0])]);
  });

  Deno.test(`${name}: one other bit of the headers, and it is another packet`, () => {
    const { add, flush } = merging();
    const head = (kind.v6 ? 40 : 20) + (kind.udp ? 8 : 32);
    const options = { tcpOptions: Uint8Array.fromHex("0101080a0102030405060708") };
    const base = [0, 1].map((number) => packetOf(kind, number, SEGMENT, options));
    const ip = kind.v6 ? 40 : 20;
    const isTransport = (at: number) => at - ip;
    for (let bit = 0; bit < head * 8; bit++) {
      const [at, mask] = [bit >>> 3, 0x80 >>> (bit & 7)];
      // Lengths and checksums are those of the packet.
      const isLength = kind.v6 ? at === 4 || at === 5 : at === 2 || at === 3;
      const isIpSum = !kind.v6 && (at === 10 || at === 11);
      const t = isTransport(at);
      const isSum = kind.udp ? t >= 4 : t === 16 || t === 17;
      // The version, the length of the header and the protocol decide how the rest is read.
      if (at === 0 || at === (kind.v6 ? 6 : 9) || !kind.udp && t === 12) continue;
      // The length of IPv6 was compared with that of the datagram before.
      if (kind.v6 && isLength) continue;
      const changed = base[1].slice();
      changed[at] ^= mask;
      add(base[0], changed);
      assert.deepEqual(flush(), [alone(base[0]), alone(changed)], `bit ${bit}, checksum wrong`);
      if (isLength || isIpSum || isSum) continue;
      const right = finish(changed.slice());
      add(base[0], right);
      const isId = !kind.v6 && (at === 4 || at === 5);
      const isPsh = !kind.udp && t === 13 && mask === 8;
      const expected = isId || isPsh
        ? [superPacket(kind, [base[0], right], isPsh)]
        : [alone(base[0]), alone(right)];
      assert.deepEqual(flush(), expected, `bit ${bit}`);
    }
  });

  Deno.test(`${name}: a wrong checksum of the first packet keeps the others apart`, () => {
    const { add, flush } = merging();
    const [first, second] = [0, 1].map((number) => packetOf(kind, number));
    for (const at of kind.v6 ? [41, first.length - 1] : [8, 21, first.length - 1]) {
      const wrong = first.slice();
      wrong[at] ^= 0x10;
      add(wrong, second);
      assert.deepEqual(flush().map(({ header }) => header), [ALONE, ALONE], `byte ${at}`);
    }
    // The same damage in both headers, which the sums of the transport do not cover.
    if (!kind.v6) {
      const both = [first, second].map((packet) => packet.with(8, packet[8] ^ 0x10));
      add(...both);
      assert.deepEqual(flush(), both.map(alone));
    }
    // A payload that was damaged in a later packet.
    const bad = second.slice();
    bad[bad.length - 1] ^= 1;
    add(first, bad);
    assert.deepEqual(flush(), [alone(first), alone(bad)]);
  });

  Deno.test(`${name}: at most ${kind.udp ? 64 : 250} packets and 65,535 bytes are one`, () => {
    const { add, flush } = merging();
    const most = kind.udp ? 64 : 250;
    const packets = Array.from({ length: most + 2 }, (_, number) => packetOf(kind, number));
    add(...packets);
    const [all, rest, ...others] = flush();
    assert.deepEqual([all, rest], [
      superPacket(kind, packets.slice(0, most)),
      superPacket(kind, packets.slice(most)),
    ]);
    assert.deepEqual(others, []);
    // To the byte.
    const head = (kind.v6 ? 40 : 20) + (kind.udp ? 8 : 20);
    const segment = 1_400;
    const whole = Math.floor((65_535 - head) / segment);
    const left = 65_535 - head - whole * segment;
    for (const [bytes, fits] of [[left, true], [left + 1, false]] as const) {
      const big = Array.from(
        { length: whole },
        (_, number) => packetOf(kind, number, segment, { sequence: number * segment }),
      );
      const last = packetOf(kind, whole, bytes, { sequence: whole * segment });
      add(...big, last);
      const lengths = flush().map(({ packet }) => packet.length);
      assert.deepEqual(lengths, fits ? [65_535] : [65_535 - left, head + bytes]);
    }
  });

  Deno.test(`${name}: eight flows wait, and for the ninth the oldest victims are written in turn`, () => {
    const { add, take, flush } = merging();
    const flow = (n: number) => packetOf(kind, 0, SEGMENT, { sourcePort: 3_000 + n });
    const flows = Array.from({ length: 11 }, (_, n) => flow(n));
    add(...flows.slice(0, 8));
    assert.deepEqual(take(), []);
    add(flows[8]);
    assert.equal(take().length, 1);
    add(...flows.slice(9));
    const early = take();
    assert.equal(early.length, 2);
    assert.equal(flush().length, 8);
    // Each waits for its own next packet, whatever comes between them.
    add(
      ...flows.slice(0, 8),
      ...flows.slice(0, 8).map((_, n) => packetOf(kind, 1, SEGMENT, { sourcePort: 3_000 + n })),
    );
    assert.deepEqual(
      flush().map(({ packet }) => packet.length),
      new Array(8).fill(flows[0].length + SEGMENT),
    );
  });

  Deno.test(`${name}: what the device refuses is written as it came, and merged no more if none was accepted`, () => {
    let refused = 0;
    const { merger, add, flush, counts } = merging({
      refuses: (parts) => parts > 1 && ++refused > 0,
    });
    const packets = [0, 1, 2].map((number) =>
      packetOf(kind, number, SEGMENT, number === 2 ? { tcpFlags: 0x18 } : {})
    );
    add(...packets);
    assert.deepEqual(flush(), packets.map(alone));
    assert.deepEqual([refused, counts().tun_merge_refused], [1, 1]);
    add(...packets);
    assert.deepEqual(flush(), packets.map(alone));
    assert.equal(refused, 1);
    const isStillOn = kind.udp ? merger.uso : merger.tso;
    assert.ok(isStillOn, "the other family has not been refused");
    merger.setMerging(true, true);
    add(...packets);
    assert.deepEqual([flush().length, refused], [3, 1], "not by switching it on either");
  });

  Deno.test(`${name}: a device that has accepted one may refuse another`, () => {
    let refuses = false;
    const { add, flush, counts } = merging({ refuses: (parts) => refuses && parts > 1 });
    const packets = [0, 1].map((number) => packetOf(kind, number));
    add(...packets);
    assert.equal(flush().length, 1);
    refuses = true;
    add(...packets);
    assert.deepEqual(flush(), packets.map(alone));
    refuses = false;
    add(...packets);
    assert.deepEqual(flush(), [superPacket(kind, packets)]);
    assert.deepEqual([counts().tun_merge_refused, counts().tun_merged], [1, 4]);
  });

  Deno.test(`${name}: switched off, each packet is written alone`, () => {
    const { merger, add, flush } = merging();
    const packets = [0, 1].map((number) => packetOf(kind, number));
    merger.setMerging(kind.udp, !kind.udp);
    assert.deepEqual([merger.tso, merger.uso], [kind.udp, !kind.udp]);
    add(...packets);
    assert.deepEqual(flush(), packets.map(alone));
    merger.setMerging(true, true);
    add(...packets);
    assert.deepEqual(flush(), [superPacket(kind, packets)]);
  });

  Deno.test(`${name}: packets of a flow with much to send go to the queue of its own`, () => {
    const { merger, memory, bulkFlows, add, flush } = merging({ queues: 2 });
    const packets = [0, 1].map((number) => packetOf(kind, number));
    add(...packets);
    assert.deepEqual(flush().map(({ queue }) => queue), [0]);
    memory.bytes.set(packets[0], memory.tunPacket);
    bulkFlows.mark(memory.u32, memory.tunPacket, merger.now);
    add(...packets);
    assert.deepEqual(flush().map(({ queue }) => queue), [1]);
    add(packets[0]);
    assert.deepEqual(flush().map(({ queue }) => queue), [1]);
  });
}

Deno.test("TCP: PSH ends a super-packet, and a packet with it begins none; other flags stay alone", () => {
  for (const v6 of [false, true]) {
    const kind = { v6, udp: false };
    const { add, take, flush } = merging();
    const first = packetOf(kind, 0);
    const pushed = packetOf(kind, 1, SEGMENT, { tcpFlags: 0x18 });
    add(first, pushed);
    assert.deepEqual(take(), [superPacket(kind, [first, pushed], true)]);
    add(pushed);
    assert.deepEqual(take(), [alone(pushed)]);
    for (const tcpFlags of [0x11, 0x12, 0x14, 0x30, 0x50, 0x90, 0x00, 0x08]) {
      const other = packetOf(kind, 1, SEGMENT, { tcpFlags });
      add(first, other);
      assert.deepEqual(take(), [alone(first), alone(other)], `flags ${tcpFlags}: in order`);
    }
    // An acknowledgement without data is written after what came before it.
    const empty = packetOf(kind, 1, 0);
    add(first, empty);
    assert.deepEqual(take(), [alone(first), alone(empty)]);
    // Another flow's does not end this one.
    add(first, packetOf(kind, 1, 0, { sourcePort: 9 }), packetOf(kind, 1));
    assert.equal(take().length, 1);
    assert.deepEqual(flush(), [superPacket(kind, [first, packetOf(kind, 1)])]);
    // Reserved bits.
    const reserved = packetOf(kind, 1);
    reserved[(v6 ? 40 : 20) + 12] |= 1;
    finish(reserved);
    add(first, reserved);
    assert.deepEqual(take(), [alone(first), alone(reserved)]);
  }
});

Deno.test("UDP: without a checksum, or with another length, a packet stays alone", () => {
  for (const v6 of [false, true]) {
    const kind = { v6, udp: true };
    const t = v6 ? 40 : 20;
    const { add, flush } = merging();
    const [first, second] = [packetOf(kind, 0), packetOf(kind, 1)];
    const none = second.slice();
    none.fill(0, t + 6, t + 8);
    add(first, none, second);
    assert.deepEqual(flush(), [alone(first), alone(none), alone(second)]);
    const shorter = second.slice();
    shorter[t + 5]--;
    add(first, shorter);
    assert.deepEqual(flush(), [alone(first), alone(shorter)]);
    add(shorter, first);
    assert.deepEqual(flush(), [alone(shorter), alone(first)]);
    const empty = packetOf(kind, 0, 0);
    add(empty, first);
    assert.deepEqual(flush(), [alone(empty), alone(first)]);
  }
});

Deno.test("IPv4 without DF: the ids must be one after the other, also past 65,535", () => {
  for (const udp of [false, true]) {
    const kind = { v6: false, udp };
    const { add, flush } = merging();
    const packet = (number: number, id: number) =>
      packetOf(kind, number, SEGMENT, { flags: 0, id: id & 0xffff });
    const follow = [0, 1, 2, 3].map((number) => packet(number, 0xfffe + number));
    add(...follow);
    assert.deepEqual(flush(), [superPacket(kind, follow)]);
    for (const id of [0x100, 0x102, 0x201]) {
      const other = packet(1, id);
      add(packet(0, 0x100), other);
      assert.deepEqual(flush().length, 2, `${id}`);
    }
    // DF and no DF do not mix.
    add(packet(0, 5), packetOf(kind, 1, SEGMENT, { id: 6 }));
    assert.equal(flush().length, 2);
  }
});

Deno.test("fragments and packets with options or extension headers come after all before them", () => {
  const { add, take, flush } = merging();
  const waiting = [
    packetOf({ v6: false, udp: false }, 0),
    packetOf({ v6: true, udp: true }, 0),
  ];
  const v4 = { v6: false, udp: true };
  const barriers = [
    packetOf(v4, 0, SEGMENT, { ipOptions: new Uint8Array(4) }),
    ...[0x20, 0x01, 0x10].map((flags) => packetOf(v4, 0, SEGMENT, { flags })),
    packetOf({ v6: true, udp: true }, 0, SEGMENT, { extension: true }),
  ];
  const later = packetOf(v4, 0);
  later[7] = 1;
  barriers.push(finish(later));
  for (const [i, barrier] of barriers.entries()) {
    add(...waiting);
    assert.deepEqual(take(), []);
    add(barrier);
    assert.deepEqual(take(), [...waiting, barrier].map(alone), `${i}`);
    assert.deepEqual(flush(), []);
  }
  // DF and the reserved flag do not make a fragment.
  add(packetOf(v4, 0, SEGMENT, { flags: 0xc0 }));
  assert.deepEqual(take(), []);
  flush();
  // Other protocols, and packets without a whole transport header, pass by what waits.
  const icmp = packetOf(v4, 0);
  icmp[9] = 1;
  const icmp6 = packetOf({ v6: true, udp: true }, 0);
  icmp6[6] = 58;
  const cut = [
    packetOf({ v6: false, udp: false }, 0).slice(0, 39),
    packetOf({ v6: true, udp: false }, 0).slice(0, 59),
    packetOf({ v6: false, udp: true }, 0).slice(0, 27),
    packetOf({ v6: true, udp: true }, 0).slice(0, 47),
  ];
  for (const passing of [icmp, icmp6, ...cut]) {
    add(...waiting, passing);
    assert.deepEqual(take(), [alone(passing)]);
    assert.deepEqual(flush(), waiting.map(alone));
  }
});

Deno.test("a header of TCP that is shorter than 20 bytes or longer than the packet is no flow's", () => {
  const { add, flush } = merging();
  for (const v6 of [false, true]) {
    const t = v6 ? 40 : 20;
    const first = packetOf({ v6, udp: false }, 0);
    for (const words of [0, 4, 15]) {
      const odd = packetOf({ v6, udp: false }, 1, 20);
      odd[t + 12] = words << 4;
      finish(odd);
      add(first, odd);
      assert.deepEqual(flush(), [alone(first), alone(odd)], `${words}`);
      add(odd, first);
      assert.deepEqual(flush(), [alone(odd), alone(first)], `${words}`);
    }
  }
});
