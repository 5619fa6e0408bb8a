/** Random traffic through two data planes. Every packet is compared with that of a simple twin. */
import assert from "node:assert/strict";
import type { Arena } from "../../lib/base/arena.ts";
import { ALL_OFFLOADS, NO_OFFLOADS, type Offloads } from "../../lib/base/offloads.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import type { PacketCipher } from "../../lib/crypto/suite.ts";
import { choosePacketCipher } from "../../lib/runtime/crypto.ts";
import { plainChecksum, wasmChecksum } from "../../lib/wire/checksum.ts";
import {
  finish,
  flowOf,
  makePacket,
  offload,
  packetsOf,
  type PacketSpec,
  parseFrame,
  plainFrame,
  type TunFrame,
} from "./packets.ts";
import { carry, connectedSides, type Side } from "./two_sides.ts";
import { Chance, trial } from "../random.ts";

/** A flow of packets, which is disturbed at random. */
class Conversation {
  #id: number;
  #sequence: number;
  constructor(
    readonly chance: Chance,
    readonly v6: boolean,
    readonly udp: boolean,
    readonly port: number,
  ) {
    this.#id = chance.int(0x10000);
    this.#sequence = chance.int(2 ** 32);
  }

  #spec(payloadBytes: number): PacketSpec {
    const { chance } = this;
    const spec: PacketSpec = {
      v6: this.v6,
      udp: this.udp,
      source: 1,
      destination: 2,
      sourcePort: this.port,
      destinationPort: 80,
      payload: chance.bytes(payloadBytes),
      id: this.#id,
      sequence: this.#sequence,
      tcpOptions: this.port % 2 === 0
        ? Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2)
        : new Uint8Array(),
      flags: this.port % 3 === 0 ? 0 : 0x40,
      ...(chance.once(12) ? { tcpFlags: 0x18 } : {}),
      ...(chance.once(20) ? { tcpFlags: chance.oneOf([0x11, 0x90, 0x50, 0x12, 0x30, 0]) } : {}),
      ...(chance.once(20) ? { tos: chance.oneOf([1, 2, 3, 4, 0xb8]) } : {}),
      ...(chance.once(20) ? { ttl: 63 } : {}),
      ...(chance.once(20) ? { window: 499 } : {}),
      ...(chance.once(20) ? { acknowledgement: 8 } : {}),
      ...(chance.once(20) ? { tcpOptions: Uint8Array.of(1, 1, 1, 0) } : {}),
      ...(chance.once(30) ? { flags: 0x20 } : {}),
      ...(chance.once(30) ? { ipOptions: Uint8Array.of(1, 1, 1, 0) } : {}),
      ...(chance.once(30) ? { extension: true } : {}),
    };
    return spec;
  }

  #advance(bytes: number, packets: number): void {
    this.#sequence = (this.#sequence + bytes) >>> 0;
    this.#id = (this.#id + packets) & 0xffff;
    if (this.chance.once(25)) this.#sequence = (this.#sequence + 1) >>> 0;
  }

  /** The next packet. At random its checksum is wrong or, for UDP, missing. */
  single(mss: number): TunFrame {
    const { chance } = this;
    const payloadBytes = chance.once(8) ? chance.int(mss) : chance.once(20) ? 0 : mss;
    const packet = makePacket(this.#spec(payloadBytes));
    this.#advance(payloadBytes, 1);
    if (chance.once(4)) return offload(packet, 0);
    if (chance.once(15)) packet[packet.length - 1 - chance.int(8)] ^= 1 << chance.int(8);
    if (this.udp && chance.once(15) && !this.v6 && packet[0] === 0x45) packet.fill(0, 26, 28);
    return plainFrame(packet);
  }

  /** A super-packet. */
  many(mss: number): TunFrame {
    const count = 1 + this.chance.int(30);
    const payloadBytes = Math.min(60_000, Math.max(1, mss * count - this.chance.int(mss)));
    const packet = makePacket({ ...this.#spec(payloadBytes), flags: 0x40 });
    this.#advance(payloadBytes, Math.ceil(payloadBytes / mss));
    return offload(packet, mss);
  }
}

/** Packets without a flow: ICMP, an unknown protocol, a header alone. */
function oddPacket(chance: Chance): Uint8Array {
  const packet = makePacket({
    v6: false,
    udp: true,
    source: 1,
    destination: 2,
    sourcePort: 1,
    destinationPort: 2,
    payload: chance.bytes(chance.int(200)),
    id: chance.int(0x10000),
    flags: 0,
  });
  packet[9] = chance.oneOf([1, 47, 6, 17]);
  return chance.once(2) ? finish(packet) : packet;
}

function byFlow(packets: readonly Uint8Array[]): Map<string, string[]> {
  const flows = new Map<string, string[]>();
  for (const packet of packets) {
    const flow = flowOf(packet);
    const list = flows.get(flow) ?? [];
    if (list.length === 0) flows.set(flow, list);
    list.push(packet.toHex());
  }
  return flows;
}

function assertSameTraffic(got: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  assert.equal(got.length, expected.length);
  const gotFlows = byFlow(got);
  for (const [flow, packets] of byFlow(expected)) {
    const gotPackets = gotFlows.get(flow) ?? [];
    packets.forEach((packet, i) => {
      // Compare first, so that the message of a failure is short.
      if (gotPackets[i] !== packet) {
        assert.equal(
          gotPackets[i]?.slice(0, 160),
          packet.slice(0, 160),
          `flow ${flow}, packet ${i}`,
        );
        assert.fail(`flow ${flow}, packet ${i}: another payload`);
      }
    });
  }
}

const ciphers: readonly (readonly [string, (arena: Arena) => PacketCipher])[] = [
  ["the best cipher", choosePacketCipher],
  ["noble", nobleCipher],
];

/** @param between called on both sides before each round */
function exchange(
  chance: Chance,
  cipher: (arena: Arena) => PacketCipher,
  rounds: number,
  between: (side: Side) => void = () => {},
): { a: Side; b: Side } {
  const offloads = () => ({ tso: !chance.once(5), uso: !chance.once(5), gso: !chance.once(5) });
  const checksum = chance.oneOf([plainChecksum, wasmChecksum]);
  const side = () => ({
    ...offloads(),
    cipher,
    checksum,
    mtu: chance.oneOf([1280, 1420, 1500, 9000]),
  });
  const { a, b } = connectedSides(side(), side());
  const conversations = [40, 41, 42, 43, 45, 46].map((port, i) =>
    new Conversation(chance, i % 2 === 1, i % 3 === 2, port)
  );
  const expected: Uint8Array[] = [];
  for (let round = 0; round < rounds; round++) {
    const frames: TunFrame[] = [];
    for (let burst = 0; burst < 6; burst++) {
      const conversation = chance.oneOf(conversations);
      const mss = chance.oneOf([
        536,
        1000,
        1360,
        1368,
        1370,
        ...(chance.once(4) ? [1, 17, 1800, 1900, 8000] : []),
      ]);
      if (chance.once(3)) frames.push(conversation.many(Math.max(mss, 100)));
      else for (let i = chance.int(12); i >= 0; i--) frames.push(conversation.single(mss));
      if (chance.once(6)) frames.push(plainFrame(oddPacket(chance)));
    }
    between(a);
    between(b);
    for (const frame of frames) {
      a.tun.push(frame);
      expected.push(...packetsOf(frame));
    }
    carry(a, b);
  }
  const got = b.tun.written.flatMap((bytes) => packetsOf(parseFrame(bytes)));
  // Without DF ids must not change. With DF the kernel's splitting increments them, so flows do
  // too.
  assertSameTraffic(got, expected);
  return { a, b };
}

for (const [name, cipher] of ciphers) {
  Deno.test(`what goes in comes out, byte for byte, with ${name}`, () => {
    let merged = 0;
    for (let number = 0; number < (name === "noble" ? 4 : 12); number++) {
      trial((chance) => {
        const { b } = exchange(chance, cipher, 8);
        merged += b.dataplane.counts().tun_merged;
        assert.equal(
          b.dataplane.counts().rx_unauthentic + b.dataplane.counts().rx_replayed +
            b.dataplane.counts().rx_not_ip,
          0,
        );
      }, number);
    }
    assert.ok(merged > 100, `only ${merged} packets were merged`);
  });
}

Deno.test("a whole flow is written as few super-packets, of TCP and UDP, IPv4 and IPv6", () => {
  for (const v6 of [false, true]) {
    for (const udp of [false, true]) {
      const { a, b } = connectedSides();
      const packet = makePacket({
        v6,
        udp,
        source: 1,
        destination: 2,
        sourcePort: 9,
        destinationPort: 9,
        payload: Chance.of(1).bytes(40_000),
      });
      const frame = offload(packet, 1360);
      a.tun.push(frame);
      carry(a, b);
      assert.equal(b.tun.written.length, 1, `${v6 ? "IPv6" : "IPv4"} ${udp ? "UDP" : "TCP"}`);
      assert.deepEqual(b.tun.takePackets(), packetsOf(frame));
    }
  }
});

Deno.test("a checksum that is completed may be any number, and for UDP it is never 0", () => {
  for (const udp of [false, true]) {
    const { a, b } = connectedSides();
    const of = (word: number) =>
      makePacket({
        v6: false,
        udp,
        source: 1,
        destination: 2,
        sourcePort: 9,
        destinationPort: 9,
        payload: Uint8Array.of(word >>> 8, word),
      });
    const sumOf = (packet: Uint8Array) => new DataView(packet.buffer).getUint16(udp ? 26 : 36);
    for (const sum of [0, 1, 2, 0xfffe]) {
      const packet = of((sumOf(of(0)) - sum + 0xffff) % 0xffff);
      assert.equal(sumOf(packet), udp && sum === 0 ? 0xffff : sum);
      a.tun.push(offload(packet, 0));
      carry(a, b);
      assert.deepEqual(b.tun.takePackets(), [packet]);
    }
  }
});

Deno.test("interleaved flows are merged separately", () => {
  const { a, b } = connectedSides();
  const flows = [1, 2, 3, 4].map((port) => {
    const spec = {
      v6: port > 2,
      udp: port % 2 === 0,
      source: 1,
      destination: 2,
      sourcePort: port,
      destinationPort: 9,
    };
    return packetsOf(
      offload(makePacket({ ...spec, payload: Chance.of(port).bytes(10_000) }), 1000),
    );
  });
  for (let i = 0; i < 10; i++) for (const flow of flows) a.tun.push(plainFrame(flow[i]));
  a.turn();
  b.udp.inbox.push(...a.udp.sent.splice(0));
  b.turn();
  assert.ok(b.tun.written.length <= 3 * flows.length, `${b.tun.written.length} writes`);
  assertSameTraffic(b.tun.takePackets(), flows.flat());
});

Deno.test("a device that refuses merged packets gets them one by one, and no more of that kind", () => {
  for (const v6 of [false, true]) {
    for (const udp of [false, true]) {
      const { a, b } = connectedSides();
      b.tun.refuses = true;
      const packet = makePacket({
        v6,
        udp,
        source: 1,
        destination: 2,
        sourcePort: 9,
        destinationPort: 9,
        payload: Chance.of(2).bytes(20_000),
        tcpFlags: 0x18,
      });
      const frame = offload(packet, 1360);
      for (let i = 0; i < 3; i++) {
        a.tun.push(frame);
        carry(a, b);
        assert.deepEqual(b.tun.takePackets(), packetsOf(frame));
      }
      assert.equal(b.dataplane.counts().tun_merge_refused, 1);
      assert.equal(
        b.dataplane.offloads[udp ? "uso" : "tso"],
        true,
        "the other family is not known to be refused",
      );
    }
  }
});

Deno.test("one refusal does not stop merging where it worked before", () => {
  const { a, b } = connectedSides();
  const spec = {
    v6: false,
    udp: false,
    source: 1,
    destination: 2,
    sourcePort: 9,
    destinationPort: 9,
  };
  const frame = offload(makePacket({ ...spec, payload: new Uint8Array(9000) }), 1000);
  for (const refuses of [false, true, false]) {
    b.tun.refuses = refuses;
    a.tun.push(frame);
    carry(a, b);
    assert.equal(b.tun.written.length, refuses ? 9 : 1);
    assert.deepEqual(b.tun.takePackets(), packetsOf(frame));
  }
});

Deno.test("what goes in comes out, byte for byte, while offloads are switched off and on", () => {
  let merged = 0;
  for (let number = 0; number < 12; number++) {
    trial((chance) => {
      const { b } = exchange(chance, choosePacketCipher, 12, ({ dataplane, tun, udp }) => {
        const wanted = {
          tso: chance.once(2),
          uso: chance.once(2),
          gso: chance.once(2),
          gro: chance.once(2),
        };
        dataplane.setOffloads(wanted);
        assert.deepEqual(dataplane.offloads, {
          ...wanted,
          tso: wanted.tso && tun.tso,
          uso: wanted.uso && tun.uso,
          gso: wanted.gso && udp.gso,
        });
      });
      merged += b.dataplane.counts().tun_merged;
      assert.equal(
        b.dataplane.counts().rx_unauthentic + b.dataplane.counts().rx_replayed +
          b.dataplane.counts().rx_not_ip,
        0,
      );
    }, number);
  }
  assert.ok(merged > 100, `only ${merged} packets were merged`);
});

Deno.test("each offload alone, off and on again: how many sends and writes there are", () => {
  const { a, b } = connectedSides();
  const frames = [false, true].map((udp) => {
    const spec = { v6: false, udp, source: 1, destination: 2, sourcePort: 9, destinationPort: 9 };
    return offload(makePacket({ ...spec, payload: Chance.of(3).bytes(5000) }), 1000);
  });
  const run = (): number[] => {
    for (const frame of frames) a.tun.push(frame);
    a.turn();
    const sends = a.udp.sent.length;
    carry(a, b);
    const written = b.tun.written.map(parseFrame);
    assertSameTraffic(b.tun.takePackets(), frames.flatMap(packetsOf));
    return [
      sends,
      ...[6, 17].map((protocol) => written.filter(({ packet }) => packet[9] === protocol).length),
    ];
  };
  const steps: readonly (readonly [Partial<Offloads>, readonly number[]])[] = [
    [{}, [1, 1, 1]],
    [{ tso: false }, [1, 5, 1]],
    [{ uso: false }, [1, 1, 5]],
    [{ gso: false }, [10, 1, 1]],
    [{ gro: false }, [1, 1, 1]],
    [NO_OFFLOADS, [10, 5, 5]],
    [{}, [1, 1, 1]],
  ];
  for (const [off, counts] of steps) {
    for (const side of [a, b]) {
      side.dataplane.setOffloads({ ...ALL_OFFLOADS, ...off });
      assert.deepEqual(side.dataplane.offloads, { ...ALL_OFFLOADS, ...off });
    }
    assert.deepEqual(run(), counts, JSON.stringify(off));
  }
});

Deno.test("what the device refused stays off when it is switched on again", () => {
  const { a, b } = connectedSides();
  b.tun.refuses = true;
  const spec = { udp: false, source: 1, destination: 2, sourcePort: 9, destinationPort: 9 };
  for (const v6 of [false, true]) {
    a.tun.push(offload(makePacket({ ...spec, v6, payload: new Uint8Array(9000) }), 1000));
    carry(a, b);
  }
  assert.equal(b.dataplane.counts().tun_merge_refused, 2);
  for (const tso of [true, false, true]) {
    b.dataplane.setOffloads({ ...ALL_OFFLOADS, tso });
    assert.deepEqual(b.dataplane.offloads, { ...ALL_OFFLOADS, tso: false });
  }
  // A port without offloads.
  const plain = connectedSides({ tso: false, uso: false, gso: false });
  plain.a.dataplane.setOffloads(ALL_OFFLOADS);
  assert.deepEqual(plain.a.dataplane.offloads, { ...NO_OFFLOADS, gro: true });
});

Deno.test("every offload can be left unused", () => {
  const offloads = { tso: false, uso: false, gso: false, gro: false };
  const options = { options: { offloads } };
  const { a, b } = connectedSides(options, options);
  assert.deepEqual(a.dataplane.offloads, offloads);
  const spec = {
    v6: false,
    udp: false,
    source: 1,
    destination: 2,
    sourcePort: 9,
    destinationPort: 9,
  };
  const frame = offload(makePacket({ ...spec, payload: new Uint8Array(5000) }), 1000);
  a.tun.push(frame);
  a.turn();
  assert.equal(a.udp.sent.length, 5);
  carry(a, b);
  assert.equal(b.tun.written.length, 5);
  assert.deepEqual(b.tun.takePackets(), packetsOf(frame));
});
