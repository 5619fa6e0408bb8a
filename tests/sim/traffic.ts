/**
 * Packets with a number and a pattern. Each must be received at most once and unchanged.
 * @module
 */
import assert from "node:assert/strict";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { parseEndpoint, parseIp, parseRange } from "../../lib/base/ip_text.ts";
import { keyOf, publicOf } from "../device/harness.ts";
import { Node, type World } from "./world.ts";

const ICMP = 1;
const ICMPV6 = 58;

/** The endpoint of a text. */
export function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

/** Bytes of the smallest packet with a number. */
export const NUMBERED_BYTES_MIN = 48;

/**
 * An IP packet with a number, and bytes that follow from it.
 * @param from an address of either family; `to` has the same
 * @param length bytes of it all, at least 24 of IPv4, NUMBERED_BYTES_MIN of IPv6
 */
export function numberedPacket(
  from: string,
  to: string,
  length: number,
  number: number,
): Uint8Array {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  const source = parseIp(from)!;
  const headers = source.length === 4 ? 20 : 40;
  if (headers === 20) {
    packet.set([0x45, 0], 0);
    view.setUint16(2, length);
    packet.set([64, 253], 8);
    packet.set(source, 12);
    packet.set(parseIp(to)!, 16);
    let sum = 0;
    for (let i = 0; i < 20; i += 2) sum += view.getUint16(i);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(10, ~sum & 0xffff);
  } else {
    packet[0] = 0x60;
    view.setUint16(4, length - headers);
    packet.set([253, 64], 6);
    packet.set(source, 8);
    packet.set(parseIp(to)!, 24);
  }
  view.setUint32(headers, number);
  for (let i = headers + 4; i < length; i++) packet[i] = number * 31 + i;
  return packet;
}

const isV6 = (packet: Uint8Array) => packet[0] >>> 4 === 6;

/** The number of a packet that has one. */
export function numberOf(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint32(isV6(packet) ? 40 : 20);
}

/** The source of a packet, 4 or 16 bytes. */
export function sourceOf(packet: Uint8Array): Uint8Array {
  return isV6(packet) ? packet.subarray(8, 24) : packet.subarray(12, 16);
}

/** The destination of a packet, 4 or 16 bytes. */
export function destinationOf(packet: Uint8Array): Uint8Array {
  return isV6(packet) ? packet.subarray(24, 40) : packet.subarray(16, 20);
}

/** Whether a packet is the interface's own answer to its host. */
export function isIcmp(packet: Uint8Array): boolean {
  return isV6(packet) ? packet[6] === ICMPV6 : packet[9] === ICMP;
}

/** Two nodes that are peers, with the inner addresses 10.0.0.1 and 10.0.0.2, and their packets. */
export class Tunnel {
  readonly a: Node;
  readonly b: Node;
  sent = 0;
  /** The numbers of received packets, and when they were received. */
  readonly arrived = new Map<number, number>();
  keySeeds = { a: 1, b: 2 };
  readonly #sent = new Map<number, Uint8Array>();

  constructor(readonly world: World, addressA = "192.0.2.1:1000", addressB = "198.51.100.2:2000") {
    const { seed } = world;
    const deliver = (packet: Uint8Array) => {
      // An ICMP answer of the interface itself, while there is no peer or endpoint.
      if (isIcmp(packet)) return;
      const number = numberOf(packet);
      const original = this.#sent.get(number);
      assert.ok(original !== undefined, `seed ${seed}: a packet that nobody sent`);
      assert.deepEqual(packet, original, `seed ${seed}: packet ${number} changed`);
      assert.ok(!this.arrived.has(number), `seed ${seed}: packet ${number} came twice`);
      this.arrived.set(number, world.now);
    };
    this.a = new Node(world, endpoint(addressA), deliver);
    this.b = new Node(world, endpoint(addressB), deliver);
    this.a.device.configure(
      { privateKey: keyOf(1), debug: true, peers: [this.peerOf("a", true)] },
      world.now,
    );
    this.b.device.configure(
      { privateKey: keyOf(2), debug: true, peers: [this.peerOf("b", true)] },
      world.now,
    );
    for (const node of [this.a, this.b]) node.device.link(true, 1420, world.now);
    world.run(5);
  }

  /** The peer of a side. */
  peerOf(side: "a" | "b", withEndpoint: boolean) {
    const other = side === "a" ? this.b : this.a;
    return {
      publicKey: publicOf(side === "a" ? this.keySeeds.b : this.keySeeds.a),
      replaceAllowedIps: true,
      allowedIps: [parseRange(side === "a" ? "10.0.0.2/32" : "10.0.0.1/32")!],
      ...(withEndpoint ? { endpoint: other.endpoint } : {}),
    };
  }

  /** Sends a packet from a side to the other one. Returns its number. */
  packet(side: "a" | "b"): number {
    const number = this.sent++;
    const [from, to] = side === "a" ? ["10.0.0.1", "10.0.0.2"] : ["10.0.0.2", "10.0.0.1"];
    const length = 24 + Math.floor(this.world.random() * 1300);
    const packet = numberedPacket(from, to, length, number);
    this.#sent.set(number, packet);
    (side === "a" ? this.a : this.b).tun.inject(packet);
    return number;
  }

  /** Sends packets in both directions from now on, `rate` per second each. */
  flow(rate: number): void {
    this.world.every(1_000 / rate, () => void this.packet("a"));
    this.world.every(1_000 / rate, () => void this.packet("b"));
  }

  /** Waits for a packet in each direction, for at most `patience` ms. Returns how long it took. */
  assertConnected(patience: number): number {
    const from = this.world.now;
    const waiting = [this.packet("a"), this.packet("b")];
    while (
      this.world.now - from < patience && !waiting.every((number) => this.arrived.has(number))
    ) {
      this.world.run(50);
      // A single packet may be lost, when only one side still has the session. So send more.
      for (const [i, side] of (["a", "b"] as const).entries()) {
        if (!this.arrived.has(waiting[i]) && (this.world.now - from) % 1_000 < 50) {
          waiting[i] = this.packet(side);
        }
      }
    }
    assert.ok(
      waiting.every((number) => this.arrived.has(number)),
      `seed ${this.world.seed}: not connected after ${patience} ms: ${this.a.log.slice(-5)} | ${
        this.b.log.slice(-5)
      }`,
    );
    return this.world.now - from;
  }
}
