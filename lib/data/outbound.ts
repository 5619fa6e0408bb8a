/**
 * TUN to UDP. Stages: read a packet with its virtio_net_hdr; find the peer of its destination by
 * allowed IPs; find the session; split a super-packet and complete checksums while the packet is
 * copied to a slot; pad, seal and send it (sender.ts).
 *
 * Packets without a session are staged, and a handshake is wanted. A packet without a peer gets an
 * ICMP answer. A message of ours that would come back for ever is dropped (loops.ts).
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { formatIp } from "../base/ip_text.ts";
import type { OwnAddresses } from "../base/own_addresses.ts";
import type { AllowedIps } from "../allowed_ips/allowed_ips.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { type Checksum, fold16, swap16 } from "../wire/checksum.ts";
import * as Ip from "../wire/ip.ts";
import * as Vnet from "../wire/vnet.ts";
import {
  BULK_PACKET_BYTES,
  type BulkFlows,
  QUEUE_BULK,
  QUEUE_MAIN,
  QUEUES_EACH,
} from "./bulk_flows.ts";
import { ecnOf } from "./ecn.ts";
import type { Endpoints } from "./endpoints.ts";
import type { Unreachable } from "./icmp.ts";
import type { Loops } from "./loops.ts";
import type { PacketMemory } from "./memory.ts";
import { PORT_DRAINED, PORT_GONE, type TunPort, VNET_HEADER_BYTES } from "./ports.ts";
import type { Sender } from "./sender.ts";
import type { Peer, Session } from "./sessions.ts";
import type { Staging } from "./staging.ts";
import type { EventReporter } from "./event_reporter.ts";

/** The most reads of a turn, and the bytes from which on it reads no more: two super-packets. */
export const OUTBOUND_READS_MAX = 128;
export const OUTBOUND_BYTES_MAX = 2 * 65_000;
/**
 * The most packets that are read from the main queue before one of the bulk queue is read. After a
 * packet with BULK_PACKET_BYTES it is one: flows that nobody answers are in either queue, and share
 * the rate.
 */
const MAIN_IN_ROW_MAX = 64;
/** The most turns in which waiting packets are dropped. */
const DROP_TURNS_MAX = 16;

/** The parts of Outbound. */
export interface OutboundParts {
  readonly memory: PacketMemory;
  readonly checksum: Checksum;
  readonly tun: TunPort;
  readonly allowedIps: AllowedIps;
  readonly peers: readonly (Peer | undefined)[];
  readonly sender: Sender;
  readonly endpoints: Endpoints;
  readonly staging: Staging;
  readonly unreachable: Unreachable;
  readonly loops: Loops;
  readonly bulkFlows: BulkFlows;
  /** Which of the data planes that send it is, from 0 on. */
  readonly share: number;
  readonly counters: Counters;
  readonly events: EventReporter;
}

/** The outbound half of the data plane. */
export class Outbound {
  /** Whether the TUN device was deleted. */
  gone = false;
  /** Whether the last turn has read everything. */
  drained = true;
  readonly #parts: OutboundParts;
  #up = false;
  /**
   * Whether turns read nothing: a gated device, the link down, and the queue emptied since then.
   */
  #waiting: boolean;
  /**
   * Packets read from the main queue since the last one of the bulk queue. A packet with
   * BULK_PACKET_BYTES counts as MAIN_IN_ROW_MAX.
   */
  #mainInRow = 0;

  constructor(parts: OutboundParts) {
    this.#parts = parts;
    this.#waiting = parts.tun.gated === true;
  }

  /**
   * Sets whether the link is up. While it is down, packets are dropped, or stay in the queue of a
   * gated device.
   */
  set up(up: boolean) {
    if (up === this.#up) return;
    this.#up = up;
    this.#waiting = false;
    // The next turn reads, whatever poll(2) found.
    this.drained = false;
  }

  /** Drops the packets that the device holds while the link is down. A flood is not awaited. */
  dropWaiting(now: Milliseconds): void {
    if (this.#up) return;
    this.#waiting = false;
    for (let turns = 0; turns < DROP_TURNS_MAX && !this.#waiting && !this.gone; turns++) {
      this.turn(now);
    }
  }

  /** Whether turns read nothing until the link is up. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Sets the source addresses of ICMP answers. */
  answerFrom(own: OwnAddresses): void {
    this.#parts.unreachable.answerFrom(own);
  }

  /**
   * Reads a bounded number of packets. They are sent, except a run that the next turn may continue.
   * Returns whether there was work.
   * @param fromBulk false when the bulk queue is known to be empty
   */
  turn(now: Milliseconds, fromBulk = true): boolean {
    if (this.gone || this.#waiting) return false;
    let reads = 0;
    let readBytes = 0;
    this.drained = false;
    while (!this.drained && reads < OUTBOUND_READS_MAX && readBytes < OUTBOUND_BYTES_MAX) {
      const read = this.#next(now, fromBulk);
      if (read <= 0) {
        this.drained = true;
        if (read === PORT_GONE) this.gone = true;
      } else {
        reads++;
        readBytes += read;
        this.#route(read - VNET_HEADER_BYTES, now);
      }
    }
    this.#parts.counters.values[COUNTER.tun_reads] += reads;
    if (this.drained) {
      this.#parts.sender.flush(now);
      this.#waiting = !this.#up && this.#parts.tun.gated === true;
    }
    return reads > 0;
  }

  /**
   * Reads the next packet, first from the main queue. So a packet of the main queue waits for one
   * packet of the bulk queue at most.
   */
  #next(now: Milliseconds, fromBulk: boolean): number {
    const { tun, memory, bulkFlows } = this.#parts;
    const hasBulk = fromBulk && tun.queues > 1;
    const isBulkNext = hasBulk && this.#mainInRow >= MAIN_IN_ROW_MAX;
    let read = isBulkNext ? this.#nextOfBulk(now) : this.#nextOfMain();
    if (read === PORT_DRAINED && hasBulk) {
      read = isBulkNext ? this.#nextOfMain() : this.#nextOfBulk(now);
    }
    if (tun.queues > 1 && read >= BULK_PACKET_BYTES) {
      bulkFlows.mark(memory.u32, memory.tunPacket, now);
    }
    return read;
  }

  #nextOfMain(): number {
    const { tun, memory, share } = this.#parts;
    const queue = share * QUEUES_EACH + QUEUE_MAIN;
    const read = tun.read(memory.tunPacket - VNET_HEADER_BYTES, queue);
    if (read > 0) this.#mainInRow += read < BULK_PACKET_BYTES ? 1 : MAIN_IN_ROW_MAX;
    return read;
  }

  /** Reads from the bulk queue. Packets of the main queue are sent before. */
  #nextOfBulk(now: Milliseconds): number {
    const { tun, memory, sender, share } = this.#parts;
    const queue = share * QUEUES_EACH + QUEUE_BULK;
    const read = tun.read(memory.tunPacket - VNET_HEADER_BYTES, queue);
    if (read > 0 && this.#mainInRow > 0) sender.flush(now);
    this.#mainInRow = 0;
    return read;
  }

  #route(length: number, now: Milliseconds): void {
    const { memory, counters, allowedIps, peers, endpoints, unreachable } = this.#parts;
    const { bytes, tunPacket } = memory;
    if (!this.#up) {
      counters.add(COUNTER.tx_link_down);
      return;
    }
    const version = length > 0 ? bytes[tunPacket] >>> 4 : 0;
    const v4 = version === 4 && length >= Ip.IPV4_HEADER_BYTES;
    if (!v4 && !(version === 6 && length >= Ip.IPV6_HEADER_BYTES)) {
      counters.add(COUNTER.tx_malformed);
      return;
    }
    const slot = v4
      ? allowedIps.lookup4(bytes, tunPacket + Ip.IPV4_DESTINATION)
      : allowedIps.lookup6(bytes, tunPacket + Ip.IPV6_DESTINATION);
    const peer = slot < 0 ? undefined : peers[slot];
    if (peer === undefined) {
      counters.add(COUNTER.tx_no_peer);
      this.#tellNoPeer(v4, now);
      unreachable.answer(tunPacket, length, now);
      return;
    }
    if (peer.disabled) {
      counters.addOf(COUNTER.tx_disabled, peer.slot);
      unreachable.answer(tunPacket, length, now);
      return;
    }
    if (!endpoints.has(peer)) {
      counters.addOf(COUNTER.tx_no_endpoint, peer.slot);
      const { events } = this.#parts;
      if (events.wants("no-endpoint", now, peer.slot)) {
        events.notice("no-endpoint", peer.slot, undefined);
      }
      unreachable.answer(tunPacket, length, now);
      return;
    }
    if (this.#parts.loops.isLoop(peer, v4, length, now)) return;
    const gso = bytes[tunPacket - VNET_HEADER_BYTES + Vnet.VNET_GSO_TYPE] & ~Vnet.GSO_ECN;
    const session = gso === Vnet.GSO_NONE
      ? this.#one(peer, length, now)
      : this.#split(peer, v4, gso, length, now);
    if (session !== null) this.#parts.sender.keepFresh(session, now);
  }

  #tellNoPeer(v4: boolean, now: Milliseconds): void {
    const { memory: { bytes, tunPacket }, events } = this.#parts;
    if (!events.wants("no-peer", now)) return;
    const destination = v4
      ? formatIp(bytes, tunPacket + Ip.IPV4_DESTINATION, 4)
      : formatIp(bytes, tunPacket + Ip.IPV6_DESTINATION, 16);
    events.notice("no-peer", undefined, undefined, destination);
  }

  /** Sends a packet that need not be split. Returns its session. */
  #one(peer: Peer, length: number, now: Milliseconds): Session | null {
    const { memory: { bytes, tunPacket }, sender, counters } = this.#parts;
    if (length > sender.packetMax) {
      counters.addOf(COUNTER.tx_too_long, peer.slot);
      return null;
    }
    if (!this.#finishChecksum(length)) {
      counters.add(COUNTER.tx_malformed);
      return null;
    }
    const session = sender.add(peer, tunPacket, length, now);
    if (session === null) {
      this.#parts.staging.push(peer, bytes.slice(tunPacket, tunPacket + length));
      this.#parts.events.wantHandshake(peer.slot);
    }
    return session;
  }

  /**
   * Completes a checksum that the kernel left to the device (VIRTIO_NET_HDR_F_NEEDS_CSUM). Returns
   * false when its offset is outside of the packet.
   */
  #finishChecksum(length: number): boolean {
    const { bytes, view, tunPacket } = this.#parts.memory;
    const vnet = tunPacket - VNET_HEADER_BYTES;
    if ((bytes[vnet + Vnet.VNET_FLAGS] & Vnet.VNET_NEEDS_CHECKSUM) === 0) return true;
    const start = view.getUint16(vnet + Vnet.VNET_CHECKSUM_START, true);
    const offset = view.getUint16(vnet + Vnet.VNET_CHECKSUM_OFFSET, true);
    if (start + offset + 2 > length) return false;
    let sum = ~this.#parts.checksum.sum(tunPacket + start, length - start, 0) & 0xffff;
    // In UDP, 0 means that there is no checksum (RFC 768).
    if (sum === 0 && offset === Ip.UDP_CHECKSUM) sum = 0xffff;
    view.setUint16(tunPacket + start + offset, sum, true);
    return true;
  }

  /**
   * Splits a TSO or USO super-packet. Each segment gets its headers, length, id and checksum while
   * it is copied to its slot. Fields that differ are zeroed in the super-packet first. So the sum
   * of all other fields is computed once.
   */
  #split(peer: Peer, v4: boolean, gso: number, length: number, now: Milliseconds): Session | null {
    const { checksum, sender } = this.#parts;
    const { bytes, view, tunPacket: packet, scratch } = this.#parts.memory;
    const udp = gso === Vnet.GSO_UDP_L4;
    const mss = view.getUint16(packet - VNET_HEADER_BYTES + Vnet.VNET_GSO_SIZE, true);
    const start = view.getUint16(packet - VNET_HEADER_BYTES + Vnet.VNET_CHECKSUM_START, true);
    const transport = packet + start;
    const least = udp ? Ip.UDP_HEADER_BYTES : Ip.TCP_HEADER_BYTES;
    const known = udp || gso === (v4 ? Vnet.GSO_TCPV4 : Vnet.GSO_TCPV6);
    const ipBytes = v4 ? (bytes[packet] & 15) * 4 : Ip.IPV6_HEADER_BYTES;
    const startFits = v4 ? start === ipBytes && ipBytes >= Ip.IPV4_HEADER_BYTES : start >= ipBytes;
    const transportBytes = !known || !startFits || start + least > length
      ? 0
      : udp
      ? least
      : (bytes[transport + Ip.TCP_OFFSET] >>> 4) * 4;
    const headers = start + transportBytes;
    if (mss === 0 || transportBytes < least || headers > length) {
      this.#parts.counters.add(COUNTER.tx_malformed);
      return null;
    }
    const payload = length - headers;
    if (headers + Math.min(mss, payload) > sender.packetMax) {
      this.#parts.counters.addOf(COUNTER.tx_too_long, peer.slot);
      return null;
    }
    const session = sender.sendable(peer, Math.max(1, Math.ceil(payload / mss)), now);
    const ecn = ecnOf(bytes, packet);

    const id = view.getUint16(packet + Ip.IPV4_ID);
    let ipSum = 0;
    if (v4) {
      view.setUint32(packet + Ip.IPV4_LENGTH, 0);
      view.setUint16(packet + Ip.IPV4_CHECKSUM, 0);
      ipSum = checksum.sum(packet, start, 0);
    }
    const sequence = udp ? 0 : view.getUint32(transport + Ip.TCP_SEQUENCE);
    const flags = udp ? 0 : bytes[transport + Ip.TCP_FLAGS];
    if (udp) view.setUint32(transport + Ip.UDP_LENGTH, 0);
    else {
      view.setUint32(transport + Ip.TCP_SEQUENCE, 0);
      view.setUint16(transport + Ip.TCP_CHECKSUM, 0);
      bytes[transport + Ip.TCP_FLAGS] = 0;
    }
    const protocol = (udp ? Ip.PROTOCOL_UDP : Ip.PROTOCOL_TCP) << 8;
    const pseudo = v4
      ? checksum.sum(packet + Ip.IPV4_SOURCE, 8, protocol)
      : checksum.sum(packet + Ip.IPV6_SOURCE, 32, protocol);
    const transportSum = checksum.sum(transport, transportBytes, pseudo);

    let from = 0;
    let index = 0;
    do {
      const part = from + mss < payload ? mss : payload - from;
      const isLast = from + part >= payload;
      const total = headers + part;
      const padded = sender.paddedLength(total);
      const at = session === null ? scratch : sender.makeRoom(peer, padded, ecn, now);
      checksum.copy(at, packet, headers);
      let sum = checksum.sumCopy(
        at + headers,
        packet + headers + from,
        part,
        transportSum + swap16(total - start),
      );
      if (v4) {
        const ownId = (id + index) & 0xffff;
        view.setUint16(at + Ip.IPV4_LENGTH, total);
        view.setUint16(at + Ip.IPV4_ID, ownId);
        view.setUint16(at + Ip.IPV4_CHECKSUM, ~fold16(ipSum + swap16(total) + swap16(ownId)), true);
      } else view.setUint16(at + Ip.IPV6_LENGTH, total - Ip.IPV6_HEADER_BYTES);
      const t = at + start;
      if (udp) {
        view.setUint16(t + Ip.UDP_LENGTH, total - start);
        sum = ~fold16(sum + swap16(total - start)) & 0xffff;
        view.setUint16(t + Ip.UDP_CHECKSUM, sum === 0 ? 0xffff : sum, true);
      } else {
        const ownSequence = (sequence + from) >>> 0;
        let ownFlags = isLast ? flags : flags & ~(Ip.TCP_FIN | Ip.TCP_PSH);
        if (index > 0) ownFlags &= ~Ip.TCP_CWR;
        view.setUint32(t + Ip.TCP_SEQUENCE, ownSequence);
        bytes[t + Ip.TCP_FLAGS] = ownFlags;
        sum += swap16(ownSequence >>> 16) + swap16(ownSequence & 0xffff) + (ownFlags << 8);
        view.setUint16(t + Ip.TCP_CHECKSUM, ~fold16(sum), true);
      }
      if (session === null) this.#parts.staging.push(peer, bytes.slice(at, at + total));
      else sender.seal(session, at, total, padded);
      from += part;
      index++;
    } while (from < payload);
    if (session === null) this.#parts.events.wantHandshake(peer.slot);
    return session;
  }
}
