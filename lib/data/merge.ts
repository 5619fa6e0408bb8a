/**
 * Writes inner packets to the TUN device. Consecutive segments of a TCP or UDP flow are written as
 * one super-packet.
 *
 * A packet is merged into a flow when all fields of its headers except length, id, sequence number
 * and checksums are the same, its sequence number follows, and its checksums are right. Payloads
 * are not copied: the write gathers them. Other packets are written alone, after the waiting
 * packets of their flow.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { type Checksum, fold16, swap16 } from "../wire/checksum.ts";
import * as Ip from "../wire/ip.ts";
import * as Vnet from "../wire/vnet.ts";
import type { BulkFlows } from "./bulk_flows.ts";
import type { PacketMemory } from "./memory.ts";
import { GATHER_MAX, type TunPort, VNET_HEADER_BYTES } from "./ports.ts";

/** The most flows that wait at once. */
const FLOWS_MAX = 8;
/** Bytes of the longest super-packet. */
const SUPER_PACKET_MAX = 65_535;
/** The most segments of a super-packet. For UDP it is the limit of older kernels. */
const TCP_SEGMENTS_MAX = GATHER_MAX - 6;
const UDP_SEGMENTS_MAX = 64;

/** Results of `#classify`. A packet of neither TCP nor UDP is written at once. */
const NOT_A_FLOW = 0;
/**
 * A packet that may belong to a waiting flow, but whose ports are not read: a fragment, or a packet
 * with IPv4 options or IPv6 extension headers. All flows are written before it.
 */
const BARRIER = 1;
/** A packet that is not merged. Its flow is written before it. */
const ALONE = 2;
/** A packet that may be merged. */
const MERGEABLE = 3;

/** The kind of a flow is the sum of these: 0 is TCP over IPv4, 3 is UDP over IPv6. */
const KIND_V6 = 1;
const KIND_UDP = 2;

/** The flags DF of IPv4 and PSH of TCP in their little-endian words. */
const IPV4_DF_IN_WORD = 0x40_0000;
const TCP_PSH_IN_WORD = Ip.TCP_PSH << 8;

/** A flow that waits: its whole first packet, and the payloads of the packets after it. */
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
  /** Whether the checksums of the first packet were checked. */
  verified = false;
  /**
   * The sum of the first packet's IPv4 length, id and checksum. A packet with the same other fields
   * and a right checksum has the same sum.
   */
  ownFieldsSum = 0;
  /** The offsets of the packets after the first, in case they must be written alone. */
  readonly packets = new Int32Array(TCP_SEGMENTS_MAX);
  readonly lengths = new Int32Array(TCP_SEGMENTS_MAX);
}

/** The parts of Merger. */
export interface MergerParts {
  readonly memory: PacketMemory;
  readonly checksum: Checksum;
  readonly tun: TunPort;
  readonly counters: Counters;
  readonly bulkFlows: BulkFlows;
  /** Whether merged TCP packets are written at first. */
  readonly tso: boolean;
  /** Whether merged UDP packets are written at first. */
  readonly uso: boolean;
}

/** Merges and writes packets. Packets that were added must stay in memory until `flush`. */
export class Merger {
  /** The time of the present turn. */
  now: Milliseconds = milliseconds(0);
  readonly #parts: MergerParts;
  readonly #flows: readonly Flow[] = Array.from({ length: FLOWS_MAX }, () => new Flow());
  #live = 0;
  #victim = 0;
  /** The flow of the last packet, to which the next packet most likely belongs. */
  #last: Flow;
  /** Whether super-packets are written, by kind of flow. */
  readonly #merges: boolean[];
  /** Whether the device has accepted a super-packet, by kind of flow. */
  readonly #accepted = [false, false, false, false];
  /** Whether the device has refused super-packets for good, by kind of flow. */
  readonly #refused = [false, false, false, false];

  // Results of #classify for the present packet.
  #v4 = false;
  #udp = false;
  #headerBytes = 0;
  #transportBytes = 0;
  #payload = 0;

  constructor(parts: MergerParts) {
    const { tso, uso } = parts;
    this.#parts = parts;
    this.#merges = [tso, tso, uso, uso];
    this.#last = this.#flows[0];
  }

  /** Whether TCP super-packets are written. */
  get tso(): boolean {
    return this.#merges[0] || this.#merges[KIND_V6];
  }
  /** Whether UDP super-packets are written. */
  get uso(): boolean {
    return this.#merges[KIND_UDP] || this.#merges[KIND_UDP + KIND_V6];
  }

  /**
   * Switches TCP and UDP super-packets on or off. Those that the device lacks or has refused stay
   * off. Flows that wait are not split.
   */
  setMerging(tso: boolean, uso: boolean): void {
    const tcp = tso && this.#parts.tun.tso;
    const udp = uso && this.#parts.tun.uso;
    const wanted = [tcp, tcp, udp, udp];
    for (let kind = 0; kind < wanted.length; kind++) {
      this.#merges[kind] = wanted[kind] && !this.#refused[kind];
    }
  }

  /**
   * Adds a checked IP packet of exactly `length` bytes at `at`, a multiple of 64. The 64 bytes
   * before it may be overwritten.
   */
  add(at: number, length: number): void {
    const last = this.#last;
    if (last.live && this.#continues(last, at, length)) {
      this.#append(last, at, length);
      return;
    }
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
      if (flow !== last && this.#continues(flow, at, length)) {
        this.#last = flow;
        this.#append(flow, at, length);
        return;
      }
      this.#write(flow);
    }
    if (
      !this.#udp &&
      (this.#parts.memory.bytes[at + this.#headerBytes + Ip.TCP_FLAGS] & Ip.TCP_PSH) !== 0
    ) {
      this.#writeAlone(at, length);
    } else this.#begin(flow ?? this.#free(), at, length);
  }

  /** Writes all flows that wait. */
  flush(): void {
    if (this.#live === 0) return;
    for (let i = 0; i < FLOWS_MAX; i++) if (this.#flows[i].live) this.#write(this.#flows[i]);
  }

  #classify(at: number, length: number): number {
    const { bytes, view } = this.#parts.memory;
    const v4 = bytes[at] >>> 4 === 4;
    const headerBytes = v4 ? Ip.IPV4_HEADER_BYTES : Ip.IPV6_HEADER_BYTES;
    if (
      v4 &&
      (bytes[at] !== 0x45 || (bytes[at + Ip.IPV4_FLAGS] & 0x3f) !== 0 ||
        bytes[at + Ip.IPV4_FLAGS + 1] !== 0)
    ) {
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
      const fits = transportBytes >= Ip.TCP_HEADER_BYTES && this.#payload > 0 &&
        flags === Ip.TCP_ACK;
      // The low 4 bits of this byte are reserved.
      return fits && (bytes[t + Ip.TCP_OFFSET] & 15) === 0 && this.#merges[v4 ? 0 : KIND_V6]
        ? MERGEABLE
        : ALONE;
    }
    if (protocol === Ip.PROTOCOL_UDP) {
      if (length < headerBytes + Ip.UDP_HEADER_BYTES) return NOT_A_FLOW;
      this.#udp = true;
      this.#transportBytes = Ip.UDP_HEADER_BYTES;
      this.#payload = length - headerBytes - Ip.UDP_HEADER_BYTES;
      const fits = this.#payload > 0 &&
        view.getUint16(t + Ip.UDP_LENGTH) === length - headerBytes &&
        view.getUint16(t + Ip.UDP_CHECKSUM) !== 0;
      return fits && this.#merges[v4 ? KIND_UDP : KIND_UDP + KIND_V6] ? MERGEABLE : ALONE;
    }
    return v4 || protocol === Ip.PROTOCOL_ICMPV6 ? NOT_A_FLOW : BARRIER;
  }

  /** The waiting flow with the protocol, addresses and ports of a packet, or null. */
  #find(at: number): Flow | null {
    if (this.#live === 0) return null;
    const { u32 } = this.#parts.memory;
    const kind = this.#kind();
    const ports = u32[(at + this.#headerBytes) >>> 2];
    for (let i = 0; i < FLOWS_MAX; i++) {
      const flow = this.#flows[i];
      if (
        !flow.live || flow.kind !== kind || u32[(flow.first + this.#headerBytes) >>> 2] !== ports
      ) continue;
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

  /**
   * Whether a packet continues a flow. All fields of its headers except length, id, sequence
   * number, PSH and checksums must be those of the flow's first packet. The sequence number must
   * follow, and the checksums must be right. The headers are compared in little-endian words.
   */
  #continues(flow: Flow, at: number, length: number): boolean {
    const { u32, view } = this.#parts.memory;
    const { kind, headerBytes, transportBytes } = flow;
    const v4 = (kind & KIND_V6) === 0;
    const udp = (kind & KIND_UDP) !== 0;
    const payload = length - headerBytes - transportBytes;
    if (payload <= 0 || payload > flow.segment || flow.total + payload > SUPER_PACKET_MAX) {
      return false;
    }
    if (flow.count >= (udp ? UDP_SEGMENTS_MAX : TCP_SEGMENTS_MAX)) return false;
    const own = at >>> 2;
    const first = flow.first >>> 2;
    const t = own + (headerBytes >>> 2);
    const firstT = first + (headerBytes >>> 2);
    if (v4) {
      // Version, header length, TOS | length; id | flags, fragment offset; TTL, protocol |
      // checksum; source; destination.
      if (
        ((u32[own] ^ u32[first]) & 0xffff) !== 0 || (u32[own + 1] ^ u32[first + 1]) >>> 16 !== 0
      ) return false;
      if (((u32[own + 2] ^ u32[first + 2]) & 0xffff) !== 0) return false;
      if (u32[own + 3] !== u32[first + 3] || u32[own + 4] !== u32[first + 4]) return false;
      // Without DF a router may fragment the packet and needs its id. So the ids must be those that
      // the segments of the super-packet will get.
      const isFragmentable = (u32[own + 1] & IPV4_DF_IN_WORD) === 0;
      if (isFragmentable && view.getUint16(at + Ip.IPV4_ID) !== (flow.lastId + 1 & 0xffff)) {
        return false;
      }
    } else {
      // Version, traffic class, flow label; length | next header, hop limit; addresses.
      if (u32[own] !== u32[first] || (u32[own + 1] ^ u32[first + 1]) >>> 16 !== 0) return false;
      for (let i = 2; i < Ip.IPV6_HEADER_BYTES / 4; i++) {
        if (u32[own + i] !== u32[first + i]) return false;
      }
    }
    // Ports.
    if (u32[t] !== u32[firstT]) return false;
    if (udp) {
      // Length | checksum, of which 0 means none.
      if (swap16(u32[t + 1] & 0xffff) !== length - headerBytes || u32[t + 1] >>> 16 === 0) {
        return false;
      }
    } else {
      // Sequence number; acknowledgement; header length, flags | window; checksum | urgent pointer;
      // options.
      if (
        view.getUint32(t * 4 + Ip.TCP_SEQUENCE) !== flow.nextSequence ||
        u32[t + 2] !== u32[firstT + 2]
      ) return false;
      if (((u32[t + 3] ^ u32[firstT + 3]) & ~TCP_PSH_IN_WORD) !== 0) return false;
      if ((u32[t + 4] ^ u32[firstT + 4]) >>> 16 !== 0) return false;
      for (let i = Ip.TCP_HEADER_BYTES / 4; i < transportBytes >>> 2; i++) {
        if (u32[t + i] !== u32[firstT + i]) return false;
      }
    }
    if (!flow.verified) {
      if (v4) {
        if (this.#parts.checksum.sum(flow.first, Ip.IPV4_HEADER_BYTES, 0) !== 0xffff) return false;
        flow.ownFieldsSum = ipv4OwnFieldsSum(u32, first);
      }
      if (!this.#isTransportSumRight(flow, flow.first, flow.firstBytes)) return false;
      flow.verified = true;
    }
    if (v4 && ipv4OwnFieldsSum(u32, own) !== flow.ownFieldsSum) return false;
    return this.#isTransportSumRight(flow, at, length);
  }

  /** Whether the TCP or UDP checksum of a packet is right. The addresses precede the transport. */
  #isTransportSumRight(flow: Flow, at: number, length: number): boolean {
    const { kind } = flow;
    const protocol = (kind & KIND_UDP) !== 0 ? Ip.PROTOCOL_UDP << 8 : Ip.PROTOCOL_TCP << 8;
    const addresses = (kind & KIND_V6) === 0 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE;
    return this.#parts.checksum.sum(
      at + addresses,
      length - addresses,
      protocol + swap16(length - flow.headerBytes),
    ) ===
      0xffff;
  }

  #append(flow: Flow, at: number, length: number): void {
    const { bytes, view } = this.#parts.memory;
    const payload = length - flow.headerBytes - flow.transportBytes;
    flow.packets[flow.count] = at;
    flow.lengths[flow.count++] = length;
    flow.total += payload;
    if ((flow.kind & KIND_UDP) === 0) {
      flow.nextSequence = (flow.nextSequence + payload) >>> 0;
      if ((bytes[at + flow.headerBytes + Ip.TCP_FLAGS] & Ip.TCP_PSH) !== 0) flow.psh = true;
    }
    flow.lastId = view.getUint16(at + Ip.IPV4_ID);
    if (flow.psh || payload < flow.segment) this.#write(flow);
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
    const { view } = this.#parts.memory;
    flow.live = true;
    this.#live++;
    this.#last = flow;
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

  #queueFor(at: number): number {
    const { tun, bulkFlows, memory } = this.#parts;
    return bulkFlows.queueFor(memory.u32, at, tun.queues, this.now);
  }

  #writeAlone(at: number, length: number): void {
    const { u32 } = this.#parts.memory;
    const word = at >>> 2;
    u32[word - 1] = 0;
    u32[word - 2] = 0;
    u32[word - 3] = 0;
    this.#parts.tun.gather(0, at - VNET_HEADER_BYTES, VNET_HEADER_BYTES + length);
    this.#parts.counters.values[COUNTER.tun_writes]++;
    if (!this.#parts.tun.write(1, this.#queueFor(at))) {
      this.#parts.counters.add(COUNTER.tun_write_failed);
    }
  }

  #write(flow: Flow): void {
    flow.live = false;
    this.#live--;
    if (flow.count === 1) {
      this.#writeAlone(flow.first, flow.firstBytes);
      return;
    }
    const { first, kind, headerBytes, transportBytes, total } = flow;
    const { bytes, view } = this.#parts.memory;
    const v4 = (kind & KIND_V6) === 0;
    const udp = (kind & KIND_UDP) !== 0;
    const transport = first + headerBytes;
    const sumAt = transport + (udp ? Ip.UDP_CHECKSUM : Ip.TCP_CHECKSUM);
    const ownSum = view.getUint16(sumAt);

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
    view.setUint16(
      sumAt,
      this.#parts.checksum.sum(first + addresses, headerBytes - addresses, start),
      true,
    );

    const headers = headerBytes + transportBytes;
    this.#parts.tun.gather(0, vnet, VNET_HEADER_BYTES + flow.firstBytes);
    for (let i = 1; i < flow.count; i++) {
      this.#parts.tun.gather(i, flow.packets[i] + headers, flow.lengths[i] - headers);
    }
    this.#parts.counters.values[COUNTER.tun_writes]++;
    if (this.#parts.tun.write(flow.count, this.#queueFor(first))) {
      this.#accepted[kind] = true;
      this.#parts.counters.values[COUNTER.tun_merged] += flow.count;
      return;
    }

    this.#parts.counters.add(COUNTER.tun_merge_refused);
    // If the device has accepted this kind before, it refuses only this packet.
    if (!this.#accepted[kind]) {
      this.#refused[kind] = true;
      this.#merges[kind] = false;
    }
    this.#setLength(flow, flow.firstBytes);
    view.setUint16(sumAt, ownSum);
    if (flow.psh) bytes[transport + Ip.TCP_FLAGS] &= ~Ip.TCP_PSH;
    this.#writeAlone(first, flow.firstBytes);
    for (let i = 1; i < flow.count; i++) this.#writeAlone(flow.packets[i], flow.lengths[i]);
  }

  /** Sets the lengths of the first packet, and its IPv4 checksum. */
  #setLength(flow: Flow, length: number): void {
    const { first, headerBytes, kind } = flow;
    const { view } = this.#parts.memory;
    if ((kind & KIND_V6) === 0) {
      view.setUint16(first + Ip.IPV4_LENGTH, length);
      view.setUint16(first + Ip.IPV4_CHECKSUM, 0);
      view.setUint16(
        first + Ip.IPV4_CHECKSUM,
        ~this.#parts.checksum.sum(first, headerBytes, 0),
        true,
      );
    } else view.setUint16(first + Ip.IPV6_LENGTH, length - Ip.IPV6_HEADER_BYTES);
    if ((kind & KIND_UDP) !== 0) {
      view.setUint16(first + headerBytes + Ip.UDP_LENGTH, length - headerBytes);
    }
  }
}

/** The sum of length, id and checksum of the IPv4 header at `word`. */
function ipv4OwnFieldsSum(u32: Uint32Array, word: number): number {
  return fold16((u32[word] >>> 16) + (u32[word + 1] & 0xffff) + (u32[word + 2] >>> 16));
}
