/**
 * Inner packets on their way into the TUN device: segments of a TCP or UDP flow that follow each other are written as one super-packet.
 * A packet joins a flow when every field of its headers but length, id, sequence number and checksum is the same, the sequence goes on, and both checksums
 * are right; the payloads are gathered from where they lie. Everything else is written alone, after what waits of its own flow.
 * @module
 */
import { type Checksum, swap16 } from "../wire/checksum.ts";
import * as Ip from "../wire/ip.ts";
import * as Vnet from "../wire/vnet.ts";
import type { PacketMemory } from "./memory.ts";
import { GATHER_MAX, type TunPort, VNET_HEADER_BYTES } from "./ports.ts";
import type { DataStats } from "./stats.ts";

/** Flows that may wait at once. */
export const FLOWS_MAX = 8;
/** Longest super-packet. */
const SUPER_PACKET_MAX = 65_535;
/** Segments of a super-packet: what older kernels take of UDP. */
const TCP_SEGMENTS_MAX = GATHER_MAX - 6;
const UDP_SEGMENTS_MAX = 64;

/** Verdicts of `#classify`. */
const NOT_A_FLOW = 0;
/** Perhaps of a waiting flow, but its ports are not where they are sought: fragments, IPv4 options, IPv6 extension headers. */
const BARRIER = 1;
const ALONE = 2;
const MERGEABLE = 3;

/** A kind of flow is a number made of these: 0 is TCP over IPv4, 3 is UDP over IPv6. */
const KIND_V6 = 1;
const KIND_UDP = 2;

/** A flow that waits: its first packet, whole, and the payloads of those behind it. */
class Flow {
  live = false;
  kind = 0;
  first = 0;
  firstBytes = 0;
  headerBytes = 0;
  transportBytes = 0;
  segment = 0;
  total = 0;
  count = 0;
  nextSequence = 0;
  lastId = 0;
  psh = false;
  /** Whether the first packet's checksum is known to be right. */
  verified = false;
  /** Packets (not payloads) of the pieces behind the first, so that they can be written alone after all. */
  readonly packets = new Int32Array(TCP_SEGMENTS_MAX);
  readonly lengths = new Int32Array(TCP_SEGMENTS_MAX);
}

/** Collects and writes. Packets handed to `add` stay where they are until `flush`. */
export class Merger {
  readonly #memory: PacketMemory;
  readonly #checksum: Checksum;
  readonly #tun: TunPort;
  readonly #stats: DataStats;
  readonly #flows: readonly Flow[] = Array.from({ length: FLOWS_MAX }, () => new Flow());
  #live = 0;
  #victim = 0;
  /** By kind: whether merged writes are tried, and whether the device ever took one. */
  readonly #merges: boolean[];
  readonly #wasTaken = [false, false, false, false];

  // What #classify found of the packet at hand.
  #v4 = false;
  #udp = false;
  #headerBytes = 0;
  #transportBytes = 0;
  #payload = 0;

  /** @param tso @param uso whether the device takes merged TCP and UDP */
  constructor(
    memory: PacketMemory,
    checksum: Checksum,
    tun: TunPort,
    stats: DataStats,
    tso: boolean,
    uso: boolean,
  ) {
    this.#memory = memory;
    this.#checksum = checksum;
    this.#tun = tun;
    this.#stats = stats;
    this.#merges = [tso, tso, uso, uso];
  }

  /** Whether merged TCP, and merged UDP, is written. */
  get tso(): boolean {
    return this.#merges[0] || this.#merges[KIND_V6];
  }
  get uso(): boolean {
    return this.#merges[KIND_UDP] || this.#merges[KIND_UDP + KIND_V6];
  }

  /** Takes a checked IP packet of exactly `length` bytes at `at` (a multiple of 64, with 64 bytes of room before it). */
  add(at: number, length: number): void {
    const verdict = this.#classify(at, length);
    if (verdict <= BARRIER) {
      if (verdict === BARRIER) this.flush();
      this.#writeAlone(at, length);
      return;
    }
    const flow = this.#find(at);
    if (verdict === ALONE) {
      if (flow !== null) this.#write(flow);
      this.#writeAlone(at, length);
      return;
    }
    if (flow !== null) {
      if (this.#continues(flow, at, length)) {
        this.#append(flow, at, length);
        return;
      }
      this.#write(flow);
    }
    if (!this.#udp && (this.#memory.bytes[at + this.#headerBytes + Ip.TCP_FLAGS] & Ip.TCP_PSH) !== 0) {
      this.#writeAlone(at, length);
    } else this.#begin(flow ?? this.#free(), at, length);
  }

  /** Writes everything that waits. */
  flush(): void {
    if (this.#live === 0) return;
    for (let i = 0; i < FLOWS_MAX; i++) if (this.#flows[i].live) this.#write(this.#flows[i]);
  }

  #classify(at: number, length: number): number {
    const { bytes, view } = this.#memory;
    const v4 = bytes[at] >>> 4 === 4;
    const headerBytes = v4 ? Ip.IPV4_HEADER_BYTES : Ip.IPV6_HEADER_BYTES;
    if (v4 && (bytes[at] !== 0x45 || (bytes[at + Ip.IPV4_FLAGS] & 0x3f) !== 0 || bytes[at + Ip.IPV4_FLAGS + 1] !== 0)) {
      return BARRIER;
    }
    const protocol = bytes[at + (v4 ? Ip.IPV4_PROTOCOL : Ip.IPV6_NEXT)];
    const t = at + headerBytes;
    this.#v4 = v4;
    this.#headerBytes = headerBytes;
    if (protocol === Ip.PROTOCOL_TCP) {
      if (length < headerBytes + Ip.TCP_HEADER_BYTES) return NOT_A_FLOW;
      this.#udp = false;
      const transportBytes = (bytes[t + Ip.TCP_OFFSET] >>> 4) * 4;
      this.#transportBytes = transportBytes;
      this.#payload = length - headerBytes - transportBytes;
      const flags = bytes[t + Ip.TCP_FLAGS] & ~Ip.TCP_PSH;
      const fits = transportBytes >= Ip.TCP_HEADER_BYTES && this.#payload > 0 && flags === Ip.TCP_ACK;
      // The reserved bits share a byte with the header length.
      return fits && (bytes[t + Ip.TCP_OFFSET] & 15) === 0 && this.#merges[v4 ? 0 : KIND_V6] ? MERGEABLE : ALONE;
    }
    if (protocol === Ip.PROTOCOL_UDP) {
      if (length < headerBytes + Ip.UDP_HEADER_BYTES) return NOT_A_FLOW;
      this.#udp = true;
      this.#transportBytes = Ip.UDP_HEADER_BYTES;
      this.#payload = length - headerBytes - Ip.UDP_HEADER_BYTES;
      const fits = this.#payload > 0 && view.getUint16(t + Ip.UDP_LENGTH) === length - headerBytes &&
        view.getUint16(t + Ip.UDP_CHECKSUM) !== 0;
      return fits && this.#merges[v4 ? KIND_UDP : KIND_UDP + KIND_V6] ? MERGEABLE : ALONE;
    }
    return v4 || protocol === Ip.PROTOCOL_ICMPV6 ? NOT_A_FLOW : BARRIER;
  }

  /** The waiting flow with the same protocol, addresses and ports, or null. */
  #find(at: number): Flow | null {
    if (this.#live === 0) return null;
    const { u32 } = this.#memory;
    const kind = this.#kind();
    const ports = u32[(at + this.#headerBytes) >>> 2];
    for (let i = 0; i < FLOWS_MAX; i++) {
      const flow = this.#flows[i];
      if (!flow.live || flow.kind !== kind || u32[(flow.first + this.#headerBytes) >>> 2] !== ports) continue;
      let word = (at + (this.#v4 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE)) >>> 2;
      let other = (flow.first + (this.#v4 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE)) >>> 2;
      const end = (at + this.#headerBytes) >>> 2;
      while (word < end && u32[word] === u32[other]) {
        word++;
        other++;
      }
      if (word === end) return flow;
    }
    return null;
  }

  #kind(): number {
    return (this.#v4 ? 0 : KIND_V6) + (this.#udp ? KIND_UDP : 0);
  }

  /** Whether a mergeable packet goes on where the flow of the same addresses and ports stands. */
  #continues(flow: Flow, at: number, length: number): boolean {
    const { bytes, u32, view } = this.#memory;
    const first = flow.first;
    const payload = this.#payload;
    if (payload > flow.segment || flow.total + payload > SUPER_PACKET_MAX) return false;
    if (flow.count >= (this.#udp ? UDP_SEGMENTS_MAX : TCP_SEGMENTS_MAX)) return false;
    if (this.#transportBytes !== flow.transportBytes) return false;
    const word = at >>> 2;
    const firstWord = first >>> 2;
    if (this.#v4) {
      // TOS; DF and its neighbours; TTL (the protocol is the same).
      if (bytes[at + Ip.IPV4_TOS] !== bytes[first + Ip.IPV4_TOS]) return false;
      if (bytes[at + Ip.IPV4_FLAGS] !== bytes[first + Ip.IPV4_FLAGS]) return false;
      if (bytes[at + Ip.IPV4_TTL] !== bytes[first + Ip.IPV4_TTL]) return false;
      // Without DF ids matter to whoever fragments later: they must be those that splitting the super-packet gives again.
      const isFragmentable = (bytes[at + Ip.IPV4_FLAGS] & 0x40) === 0;
      if (isFragmentable && view.getUint16(at + Ip.IPV4_ID) !== (flow.lastId + 1 & 0xffff)) return false;
    } else if (u32[word] !== u32[firstWord] || bytes[at + Ip.IPV6_HOP_LIMIT] !== bytes[first + Ip.IPV6_HOP_LIMIT]) {
      return false;
    }
    if (!this.#udp) {
      const t = at + this.#headerBytes;
      const firstT = first + this.#headerBytes;
      if (view.getUint32(t + Ip.TCP_SEQUENCE) !== flow.nextSequence) return false;
      if (u32[(t + Ip.TCP_ACKNOWLEDGEMENT) >>> 2] !== u32[(firstT + Ip.TCP_ACKNOWLEDGEMENT) >>> 2]) return false;
      if (view.getUint16(t + Ip.TCP_WINDOW) !== view.getUint16(firstT + Ip.TCP_WINDOW)) return false;
      if (view.getUint16(t + Ip.TCP_URGENT) !== view.getUint16(firstT + Ip.TCP_URGENT)) return false;
      for (let i = Ip.TCP_HEADER_BYTES; i < this.#transportBytes; i += 4) {
        if (u32[(t + i) >>> 2] !== u32[(firstT + i) >>> 2]) return false;
      }
    }
    if (!flow.verified) {
      if (!this.#isSumRight(first, flow.firstBytes)) return false;
      flow.verified = true;
    }
    return this.#isSumRight(at, length);
  }

  /** Whether the IP header's and the TCP or UDP checksum are right. */
  #isSumRight(at: number, length: number): boolean {
    const transportLength = length - this.#headerBytes;
    const start = (this.#udp ? Ip.PROTOCOL_UDP : Ip.PROTOCOL_TCP) * 256 + swap16(transportLength);
    const checksum = this.#checksum;
    if (!this.#v4) {
      // Addresses and transport are one stretch.
      return checksum.sum(at + Ip.IPV6_SOURCE, length - Ip.IPV6_SOURCE, start) === 0xffff;
    }
    return checksum.sum(at, Ip.IPV4_HEADER_BYTES, 0) === 0xffff &&
      checksum.sum(at + Ip.IPV4_SOURCE, length - Ip.IPV4_SOURCE, start) === 0xffff;
  }

  #append(flow: Flow, at: number, length: number): void {
    const { bytes, view } = this.#memory;
    flow.packets[flow.count] = at;
    flow.lengths[flow.count++] = length;
    flow.total += this.#payload;
    flow.nextSequence = (flow.nextSequence + this.#payload) >>> 0;
    flow.lastId = view.getUint16(at + Ip.IPV4_ID);
    if (!this.#udp && (bytes[at + this.#headerBytes + Ip.TCP_FLAGS] & Ip.TCP_PSH) !== 0) flow.psh = true;
    if (flow.psh || this.#payload < flow.segment) this.#write(flow);
  }

  #free(): Flow {
    if (this.#live < FLOWS_MAX) {
      for (let i = 0; i < FLOWS_MAX; i++) if (!this.#flows[i].live) return this.#flows[i];
    }
    this.#victim = (this.#victim + 1) % FLOWS_MAX;
    const flow = this.#flows[this.#victim];
    this.#write(flow);
    return flow;
  }

  #begin(flow: Flow, at: number, length: number): void {
    const { view } = this.#memory;
    flow.live = true;
    this.#live++;
    flow.kind = this.#kind();
    flow.first = at;
    flow.firstBytes = length;
    flow.headerBytes = this.#headerBytes;
    flow.transportBytes = this.#transportBytes;
    flow.segment = this.#payload;
    flow.total = length;
    flow.count = 1;
    flow.verified = false;
    flow.psh = false;
    flow.lastId = view.getUint16(at + Ip.IPV4_ID);
    flow.nextSequence = this.#udp
      ? 0
      : (view.getUint32(at + this.#headerBytes + Ip.TCP_SEQUENCE) + this.#payload) >>> 0;
  }

  #writeAlone(at: number, length: number): boolean {
    const { u32 } = this.#memory;
    const word = at >>> 2;
    u32[word - 1] = 0;
    u32[word - 2] = 0;
    u32[word - 3] = 0;
    this.#tun.gather(0, at - VNET_HEADER_BYTES, VNET_HEADER_BYTES + length);
    this.#stats.tunWrites++;
    return this.#tun.write(1);
  }

  #write(flow: Flow): void {
    flow.live = false;
    this.#live--;
    if (flow.count === 1) {
      this.#writeAlone(flow.first, flow.firstBytes);
      return;
    }
    const { first, kind, headerBytes, transportBytes, total } = flow;
    const { bytes, view } = this.#memory;
    const v4 = (kind & KIND_V6) === 0;
    const udp = (kind & KIND_UDP) !== 0;
    const transport = first + headerBytes;
    const sumAt = transport + (udp ? Ip.UDP_CHECKSUM : Ip.TCP_CHECKSUM);
    const ownSum = view.getUint16(sumAt);
    const ownIpSum = view.getUint16(first + Ip.IPV4_CHECKSUM);

    const vnet = first - VNET_HEADER_BYTES;
    bytes[vnet + Vnet.VNET_FLAGS] = Vnet.VNET_NEEDS_CHECKSUM;
    bytes[vnet + Vnet.VNET_GSO_TYPE] = udp ? Vnet.GSO_UDP_L4 : v4 ? Vnet.GSO_TCPV4 : Vnet.GSO_TCPV6;
    view.setUint16(vnet + Vnet.VNET_HEADER_LENGTH, headerBytes + transportBytes, true);
    view.setUint16(vnet + Vnet.VNET_GSO_SIZE, flow.segment, true);
    view.setUint16(vnet + Vnet.VNET_CHECKSUM_START, headerBytes, true);
    view.setUint16(vnet + Vnet.VNET_CHECKSUM_OFFSET, udp ? Ip.UDP_CHECKSUM : Ip.TCP_CHECKSUM, true);
    this.#setLength(flow, total);
    if (flow.psh) bytes[transport + Ip.TCP_FLAGS] |= Ip.TCP_PSH;
    const start = (udp ? Ip.PROTOCOL_UDP : Ip.PROTOCOL_TCP) * 256 + swap16(total - headerBytes);
    const addresses = v4 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE;
    view.setUint16(sumAt, this.#checksum.sum(first + addresses, headerBytes - addresses, start), true);

    const headers = headerBytes + transportBytes;
    this.#tun.gather(0, vnet, VNET_HEADER_BYTES + flow.firstBytes);
    for (let i = 1; i < flow.count; i++) this.#tun.gather(i, flow.packets[i] + headers, flow.lengths[i] - headers);
    this.#stats.tunWrites++;
    if (this.#tun.write(flow.count)) {
      this.#wasTaken[kind] = true;
      this.#stats.merged += flow.count;
      return;
    }

    this.#stats.mergeRefused++;
    // A kind that was ever taken is refused for this packet's sake only.
    if (!this.#wasTaken[kind]) this.#merges[kind] = false;
    this.#setLength(flow, flow.firstBytes);
    if (v4) view.setUint16(first + Ip.IPV4_CHECKSUM, ownIpSum);
    view.setUint16(sumAt, ownSum);
    if (flow.psh) bytes[transport + Ip.TCP_FLAGS] &= ~Ip.TCP_PSH;
    this.#writeAlone(first, flow.firstBytes);
    for (let i = 1; i < flow.count; i++) this.#writeAlone(flow.packets[i], flow.lengths[i]);
  }

  /** Sets the first packet's lengths, and the IP header's checksum with them. */
  #setLength(flow: Flow, length: number): void {
    const { first, headerBytes, kind } = flow;
    const { view } = this.#memory;
    if ((kind & KIND_V6) === 0) {
      view.setUint16(first + Ip.IPV4_LENGTH, length);
      view.setUint16(first + Ip.IPV4_CHECKSUM, 0);
      view.setUint16(first + Ip.IPV4_CHECKSUM, ~this.#checksum.sum(first, headerBytes, 0), true);
    } else view.setUint16(first + Ip.IPV6_LENGTH, length - Ip.IPV6_HEADER_BYTES);
    if ((kind & KIND_UDP) !== 0) view.setUint16(first + headerBytes + Ip.UDP_LENGTH, length - headerBytes);
  }
}
