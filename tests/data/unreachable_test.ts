/** ICMP answers byte for byte, to which packets there is one, and how many in a time. */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { milliseconds } from "../../lib/base/brands.ts";
import { Counters } from "../../lib/base/counter_block.ts";
import { NO_OWN_ADDRESSES } from "../../lib/base/own_addresses.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { DATAPLANE_ARENA_BYTES } from "../../lib/data/dataplane.ts";
import { Unreachable } from "../../lib/data/icmp.ts";
import { PacketMemory } from "../../lib/data/memory.ts";
import type { TunPort } from "../../lib/data/ports.ts";
import { chooseChecksum } from "../../lib/wire/checksum.ts";
import { concat, internetChecksum, makePacket, type PacketSpec } from "./packets.ts";

const SPEC: PacketSpec = {
  v6: false,
  udp: true,
  source: 1,
  destination: 2,
  sourcePort: 0x1500,
  destinationPort: 2,
  payload: new Uint8Array(100),
};

/** One that answers, with memory that is full of other things. */
function answering() {
  const arena = new Arena(DATAPLANE_ARENA_BYTES);
  const memory = new PacketMemory(arena);
  const counters = new Counters(new PeerTable());
  const written: { count: number; queue: number; frame: Uint8Array }[] = [];
  let gathered = new Uint8Array();
  const tun: TunPort = {
    tso: false,
    uso: false,
    queues: 1,
    read: () => 0,
    gather: (index, at, length) => {
      assert.equal(index, 0);
      gathered = arena.bytes.slice(at, at + length);
    },
    write: (count, queue) => {
      written.push({ count, queue, frame: gathered });
      return true;
    },
  };
  const unreachable = new Unreachable(memory, chooseChecksum(arena), tun, counters);
  const answer = (packet: Uint8Array, now = 1_000): Uint8Array | undefined => {
    arena.bytes.fill(0xa5, memory.scratch - 64, memory.scratch + 1_400);
    // What follows the packet in memory is not looked at: this would be an echo request.
    const echo = packet[0] >>> 4 === 4 ? 8 : 128;
    arena.bytes.fill(echo, memory.tunPacket, memory.tunPacket + 2_000);
    arena.bytes.set(packet, memory.tunPacket);
    unreachable.answer(memory.tunPacket, packet.length, milliseconds(now));
    assert.deepEqual(
      arena.bytes.subarray(memory.tunPacket, memory.tunPacket + packet.length),
      packet,
    );
    const [one] = written.splice(0);
    if (one === undefined) return undefined;
    assert.deepEqual([one.count, one.queue], [1, 0]);
    assert.deepEqual(one.frame.subarray(0, 10), new Uint8Array(10), "no offloads");
    return one.frame.subarray(10);
  };
  return { unreachable, answer, counts: () => counters.counts() };
}

const u16 = (value: number) => Uint8Array.of(value >>> 8, value & 255);

/** RFC 792: destination unreachable, host unreachable. */
function expected4(packet: Uint8Array, from = packet.subarray(16, 20)): Uint8Array {
  const quoted = packet.subarray(0, 548);
  const icmp = concat(Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0), quoted);
  icmp.set(u16(internetChecksum(icmp)), 2);
  const header = concat(
    Uint8Array.of(0x45, 0),
    u16(20 + icmp.length),
    Uint8Array.of(0, 0, 0, 0, 64, 1, 0, 0),
    from,
    packet.subarray(12, 16),
  );
  header.set(u16(internetChecksum(header)), 10);
  return concat(header, icmp);
}

/** RFC 4443: destination unreachable, address unreachable. */
function expected6(packet: Uint8Array, from = packet.subarray(24, 40)): Uint8Array {
  const quoted = packet.subarray(0, 1_232);
  const icmp = concat(Uint8Array.of(1, 3, 0, 0, 0, 0, 0, 0), quoted);
  const addresses = concat(from, packet.subarray(8, 24));
  const pseudo = concat(addresses, u16(0), u16(icmp.length), Uint8Array.of(0, 0, 0, 58));
  icmp.set(u16(internetChecksum(pseudo, icmp)), 2);
  return concat(
    Uint8Array.of(0x60, 0, 0, 0),
    u16(icmp.length),
    Uint8Array.of(58, 64),
    addresses,
    icmp,
  );
}

Deno.test("an answer quotes as much of the packet as fits into 576 or 1280 bytes", () => {
  for (const bytes of [0, 1, 99, 520, 521, 1_183, 1_184, 1_185, 1_352]) {
    const { answer, counts } = answering();
    const payload = Uint8Array.from({ length: bytes }, (_, i) => i);
    const packet4 = makePacket({ ...SPEC, payload });
    assert.deepEqual(answer(packet4), expected4(packet4), `IPv4, ${bytes}`);
    const packet6 = makePacket({ ...SPEC, v6: true, payload });
    assert.deepEqual(answer(packet6), expected6(packet6), `IPv6, ${bytes}`);
    assert.equal(counts().icmp_unreachable_sent, 2);
  }
});

Deno.test("an answer comes from the own address that was told last", () => {
  const { unreachable, answer } = answering();
  const own4 = Uint8Array.of(10, 9, 8, 7);
  const own6 = Uint8Array.from({ length: 16 }, (_, i) => 0x20 + i);
  const packet4 = makePacket(SPEC), packet6 = makePacket({ ...SPEC, v6: true });
  unreachable.answerFrom({ answersFrom4: own4, answersFrom6: own6, refused4: [] });
  assert.deepEqual(answer(packet4), expected4(packet4, own4));
  assert.deepEqual(answer(packet6), expected6(packet6, own6));
  unreachable.answerFrom(NO_OWN_ADDRESSES);
  assert.deepEqual(answer(packet4), expected4(packet4));
  assert.deepEqual(answer(packet6), expected6(packet6));
});

Deno.test("IPv4: hosts are answered, the rest of the addresses is not (RFC 1122 section 3.2.2)", () => {
  const { answer } = answering();
  const packet = makePacket(SPEC);
  let now = 0;
  const isAnswered = (at: number, ...bytes: number[]) => {
    const changed = packet.slice();
    changed.set(bytes, at);
    return answer(changed, now += 1_000) !== undefined;
  };
  for (
    const [first, is] of [[0, false], [1, true], [126, true], [127, false], [128, true]] as const
  ) {
    assert.equal(isAnswered(12, first), is, `from ${first}`);
  }
  for (const [first, is] of [[223, true], [224, false], [225, false], [255, false]] as const) {
    assert.equal(isAnswered(12, first), is, `from ${first}`);
    assert.equal(isAnswered(16, first), is, `to ${first}`);
  }
  // DF, MF and the first fragment are answered, and no later one.
  for (const flags of [0, 0x40, 0x20, 0x80, 0xe0]) assert.ok(isAnswered(6, flags, 0), `${flags}`);
  for (let bit = 0; bit < 13; bit++) {
    const offset = 1 << bit;
    assert.ok(!isAnswered(6, offset >>> 8, offset & 255), `fragment ${offset}`);
  }
});

Deno.test("IPv6: hosts are answered, groups and packets without a source are not", () => {
  const { answer } = answering();
  const packet = makePacket({ ...SPEC, v6: true });
  const isAnswered = (at: number, address: Uint8Array) => {
    const changed = packet.slice();
    changed.set(address, at);
    return answer(changed) !== undefined;
  };
  const one = new Uint8Array(16);
  assert.equal(isAnswered(8, one), false);
  for (let i = 0; i < 16; i++) {
    const address = new Uint8Array(16);
    address[i] = 1;
    assert.equal(isAnswered(8, address), true, `byte ${i}`);
  }
  for (const [first, is] of [[0xfd, true], [0xfe, true], [0xff, false]] as const) {
    const address = new Uint8Array(16).fill(1);
    address[0] = first;
    assert.equal(isAnswered(8, address), is, `from ${first}`);
    assert.equal(isAnswered(24, address), is, `to ${first}`);
  }
});

Deno.test("an ICMP packet that ends before its type is not answered", () => {
  const { answer } = answering();
  const short = makePacket(SPEC).slice(0, 21);
  short[9] = 1;
  for (const [type, is] of [[8, true], [3, false]] as const) {
    short[20] = type;
    assert.equal(answer(short) !== undefined, is, `type ${type}`);
  }
  assert.equal(answer(short.slice(0, 20)), undefined);
  const packet4 = makePacket({ ...SPEC, ipOptions: new Uint8Array(4) }).slice(0, 25);
  packet4[9] = 1;
  packet4[24] = 8;
  assert.notEqual(answer(packet4), undefined);
  packet4[24] = 3;
  assert.equal(answer(packet4), undefined);
  const echo = answering();
  // The byte behind the packet is that of a query.
  assert.equal(echo.answer(Uint8Array.from([...packet4.subarray(0, 24)])), undefined);
  const packet6 = makePacket({ ...SPEC, v6: true }).slice(0, 41);
  packet6[6] = 58;
  for (const [type, is] of [[1, false], [127, false], [128, true], [255, true]] as const) {
    packet6[40] = type;
    assert.equal(answer(packet6) !== undefined, is, `type ${type}`);
  }
  assert.equal(answer(packet6.slice(0, 40)), undefined);
});

Deno.test("50 answers at once, then exactly one in 10 ms", () => {
  const { answer, counts } = answering();
  const packet = makePacket(SPEC);
  const answered = (now: number) => answer(packet, now) !== undefined;
  for (let i = 0; i < 50; i++) assert.ok(answered(1_000), `${i}`);
  assert.ok(!answered(1_000));
  assert.ok(!answered(1_009));
  assert.equal(counts().icmp_unreachable_limited, 2);
  for (let i = 1; i <= 1_200; i++) {
    assert.ok(answered(1_000 + 10 * i), `${i}`);
    assert.ok(!answered(1_000 + 10 * i), `${i}`);
  }
  // A clock that goes back gives none, and no more than 50 are saved up.
  assert.ok(!answered(5));
  let sum = 0;
  for (let i = 0; i < 200; i++) if (answered(1e6)) sum++;
  assert.equal(sum, 50);
  assert.equal(counts().icmp_unreachable_sent, 50 + 1_200 + 50);
});
