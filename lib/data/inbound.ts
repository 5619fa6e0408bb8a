/**
 * UDP to TUN. Stages: receive a run of datagrams; pass handshake messages to the gate (gate.ts);
 * find the session by its index; check its age and counter; open the message; check for replay;
 * follow the endpoint and confirm the keys; check version, length and source of the inner packet;
 * set its ECN bits; merge and write it (merge.ts).
 * @module
 */
import { type Milliseconds, sessionIndex } from "../base/brands.ts";
import * as C from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { cellHasPort, type IpBytes, readEndpointCell } from "../base/endpoint.ts";
import { formatIp } from "../base/ip_text.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { PacketCipher } from "../crypto/suite.ts";
import type { AllowedIps } from "../allowed_ips/allowed_ips.ts";
import * as Ip from "../wire/ip.ts";
import { DATA } from "../wire/messages.ts";
import type { Capture } from "./capture.ts";
import { carryEcn } from "./ecn.ts";
import type { Endpoints } from "./endpoints.ts";
import type { Gate } from "./gate.ts";
import { OPEN_LARGE_SLOTS, OPEN_SLOTS, type PacketMemory, SLOT_MESSAGE_MAX } from "./memory.ts";
import type { Merger } from "./merge.ts";
import type { UdpPort } from "./ports.ts";
import { isExhausted } from "./replay.ts";
import type { Sender } from "./sender.ts";
import type { Peer, Session, SessionTable } from "./sessions.ts";
import type { EventReporter } from "./event_reporter.ts";

/** The most receives of a turn. */
export const INBOUND_RECEIVES_MAX = 64;
/** Bytes from which on a turn receives no more: four full runs. */
export const INBOUND_BYTES_MAX = 4 * 65_000;
/**
 * The most opened packets that wait for the next turn, to be merged with others. More would leave
 * the processor's cache before they are written.
 */
const HELD_MAX = 128;

/** The parts of Inbound. */
export interface InboundParts {
  readonly memory: PacketMemory;
  readonly cipher: PacketCipher;
  readonly table: PeerTable;
  readonly udp: UdpPort;
  readonly allowedIps: AllowedIps;
  readonly sessions: SessionTable;
  readonly endpoints: Endpoints;
  /** Undefined when another data plane sends. The control plane tells it of confirmed sessions. */
  readonly sender: Sender | undefined;
  readonly gate: Gate;
  readonly merger: Merger;
  readonly counters: Counters;
  readonly events: EventReporter;
  readonly times: Times;
  readonly catchUp: () => void;
}

/** The inbound half of the data plane. */
export class Inbound {
  /** Whether the link is up. While it is down, datagrams are dropped. */
  up = false;
  /** Records what is received; null without a capture. */
  capture: Capture | null = null;
  /** Whether the last turn has read everything. */
  drained = true;
  readonly #parts: InboundParts;
  /** The next free slots for opened packets. `flush` frees all slots. */
  #openSlot = 0;
  #openLargeSlot = 0;
  readonly #allowed = new Uint32Array(5);
  /** The refused IPv4 sources, as little-endian words. */
  #refused4: ReadonlySet<number> = new Set();
  /** The peer of the last messages of the run. Its endpoint has been set. */
  #runPeer: Peer | null = null;
  /** Bytes of that peer's messages that are not yet in the table. */
  #runBytes = 0;
  /** Whether one of these messages is not a keepalive. */
  #runHasData = false;

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /** Sets the IPv4 sources whose packets are dropped. */
  refuseSources(addresses: readonly IpBytes[]): void {
    this.#refused4 = new Set(
      addresses.map((address) => new DataView(address.slice().buffer).getUint32(0, true)),
    );
  }

  /**
   * Receives a bounded number of runs. Their packets are written, except those that wait to be
   * merged with packets of the next turn. Returns whether there was work.
   */
  turn(now: Milliseconds): boolean {
    const { merger, udp, memory, counters: { values }, gate } = this.#parts;
    merger.now = now;
    const dropped = values[COUNTER.rx_datagrams] - values[COUNTER.rx_opened];
    let worked = false;
    let receivedBytes = 0;
    this.drained = false;
    for (let i = 0; i < INBOUND_RECEIVES_MAX && receivedBytes < INBOUND_BYTES_MAX; i++) {
      const received = udp.receive(memory.received);
      if (received <= 0) {
        this.drained = true;
        break;
      }
      worked = true;
      receivedBytes += received;
      values[COUNTER.udp_receives]++;
      this.#parts.catchUp();
      this.#run(received, now);
    }
    // In a flood a turn never reads everything, so packets would wait long to be merged.
    const isFlood = values[COUNTER.rx_datagrams] - values[COUNTER.rx_opened] > dropped;
    if (this.drained || isFlood || this.#openSlot > HELD_MAX || this.#openLargeSlot > 0) {
      this.#flush();
    }
    if (!gate.endTurn(this.drained, now)) return worked;
    this.drained = false;
    return true;
  }

  #flush(): void {
    this.#parts.merger.flush();
    this.#openSlot = 0;
    this.#openLargeSlot = 0;
  }

  /**
   * Processes a run of datagrams. All have the same source, local address and ECN bits, and most
   * often the same session and inner flow. A value that is the same as in the last datagram is not
   * looked up or checked again.
   */
  #run(received: number, now: Milliseconds): void {
    const { cipher, counters, gate, merger, sessions, times, udp } = this.#parts;
    const { bytes, view, u32, received: start } = this.#parts.memory;
    const segment = udp.segmentSize > 0 ? udp.segmentSize : received;
    const ecn = udp.ecn;
    const datagrams = received > segment ? Math.ceil(received / segment) : 1;
    counters.values[COUNTER.rx_datagrams] += datagrams;
    if (!this.up) {
      counters.add(COUNTER.rx_link_down, datagrams);
      return;
    }
    // Nothing can be sent to port 0, and somebody on the way can change the port of a message.
    if (!cellHasPort(bytes, udp.sourceAt)) {
      counters.add(COUNTER.rx_malformed, datagrams);
      return;
    }
    const end = start + received;
    const { capture } = this;
    // The row of the session of the last data message and its index (signed). `isAuthenticated`
    // tells that #authenticated was called for the session and need not be called again.
    let row = -1;
    let index = 0;
    let isAuthenticated = false;
    let opened = 0;
    // Version (0 for none) and source of the last inner packet with an allowed source.
    const allowed = this.#allowed;
    allowed[0] = 0;
    for (let at = start; at < end; at += segment) {
      const length = end - at < segment ? end - at : segment;
      // The three bytes after the type are reserved and zero.
      if (length < C.DATA_LENGTH_MIN || view.getInt32(at, true) !== C.MESSAGE_DATA) {
        if (capture !== null) capture.handshake(at, length, udp.sourceAt, ecn);
        gate.receive(at, length, udp.sourceAt, now);
        continue;
      }
      if (row < 0 || view.getInt32(at + DATA.receiver, true) !== index) {
        index = view.getInt32(at + DATA.receiver, true);
        row = sessions.rowOf(index);
        isAuthenticated = false;
        allowed[0] = 0;
        if (row < 0) {
          if (capture !== null) capture.arrived(null, at, length, udp.sourceAt, ecn);
          counters.add(COUNTER.rx_no_session);
          continue;
        }
      }
      // The processor fetches the session, its peer and the line of its key at the same time.
      const session = sessions.at(row);
      const { peer } = session;
      const { slot } = peer;
      if (capture !== null) capture.arrived(peer, at, length, udp.sourceAt, ecn);
      const low = view.getUint32(at + DATA.counter, true);
      const high = view.getUint32(at + DATA.counter + 4, true);
      if (sessions.receivesNoMore(row, times.rejectAfter, now) || isExhausted(low, high)) {
        counters.addOf(COUNTER.rx_expired, slot);
        continue;
      }
      const messageBytes = length - C.DATA_OVERHEAD;
      const to = this.#slotFor(messageBytes);
      if (!cipher.open(sessions.receiveKeyAt(row), low, high, at + DATA.packet, messageBytes, to)) {
        counters.addOf(COUNTER.rx_unauthentic, slot);
        continue;
      }
      if (!sessions.accept(row, low, high)) {
        counters.addOf(COUNTER.rx_replayed, slot);
        continue;
      }
      opened++;
      if (isAuthenticated) {
        this.#runBytes += length;
        if (messageBytes > 0) this.#runHasData = true;
      } else isAuthenticated = this.#authenticated(session, length, now);
      if (messageBytes === 0) {
        this.#keepalive(session, now);
        continue;
      }
      const innerBytes = this.#innerLength(session, to, messageBytes, now);
      if (innerBytes === 0) continue;
      if (!hasSource(allowed, u32, to >>> 2)) {
        if (!this.#isSourceAllowed(session, to, now)) continue;
        keepSource(allowed, u32, to >>> 2);
      }
      if (ecn !== Ip.ECN_NOT_ECT && !carryEcn(bytes, view, to, ecn)) {
        counters.addOf(COUNTER.rx_ecn_dropped, slot);
        continue;
      }
      if (capture !== null) {
        capture.accepted(peer, to, innerBytes, at, length, udp.sourceAt, ecn);
      }
      merger.add(to, innerBytes);
    }
    counters.values[COUNTER.rx_opened] += opened;
    this.#endRunOfPeer(now);
  }

  /** Writes the bytes and time of the last messages of one peer to the table. */
  #endRunOfPeer(now: Milliseconds): void {
    const peer = this.#runPeer;
    if (peer === null) return;
    this.#runPeer = null;
    if (this.#parts.table.received(peer.slot, this.#runBytes, this.#runHasData, now)) {
      this.#parts.events.active(peer.slot);
    }
    this.#runBytes = 0;
    this.#runHasData = false;
  }

  /**
   * Sets the peer's endpoint, once for all messages of the peer that follow each other in the run.
   */
  #beginRunOfPeer(peer: Peer, now: Milliseconds): void {
    this.#endRunOfPeer(now);
    this.#runPeer = peer;
    this.#parts.endpoints.follow(peer, this.#parts.udp.sourceAt);
  }

  /**
   * The offset of a free slot for an opened message. If all are in use, packets are written first.
   */
  #slotFor(messageBytes: number): number {
    const isLarge = messageBytes > SLOT_MESSAGE_MAX;
    if (this.#openSlot === OPEN_SLOTS || this.#openLargeSlot === OPEN_LARGE_SLOTS) this.#flush();
    return this.#parts.memory.openMessage(
      isLarge ? this.#openLargeSlot++ : this.#openSlot++,
      isLarge,
    );
  }

  /**
   * Processes that a message was authenticated: endpoint, key confirmation, renewal of the session.
   * Returns whether only bytes are to be counted for the next messages of the session in the run.
   */
  #authenticated(session: Session, length: number, now: Milliseconds): boolean {
    const { peer } = session;
    if (peer !== this.#runPeer) this.#beginRunOfPeer(peer, now);
    this.#runBytes += length;
    if (length > C.DATA_LENGTH_MIN) this.#runHasData = true;
    if (peer.next === session) this.#confirm(session, now);
    if (
      session.initiator && !session.renewalAsked && peer.current === session &&
      now - session.createdAt >= this.#parts.times.rekeyAfterReceiving
    ) {
      session.renewalAsked = true;
      this.#parts.events.wantHandshake(peer.slot);
    }
    return this.#runPeer === peer;
  }

  #keepalive(session: Session, now: Milliseconds): void {
    const { slot, cellAt } = session.peer;
    const { memory, counters, events } = this.#parts;
    counters.addOf(COUNTER.rx_keepalives, slot);
    if (!events.wants("keepalive-received", now, slot)) return;
    events.notice("keepalive-received", slot, readEndpointCell(memory.bytes, cellAt));
  }

  /** Makes a confirmed session the current one (whitepaper section 5.4.3), and sends on it. */
  #confirm(session: Session, now: Milliseconds): void {
    const { peer } = session;
    // Write the table first, because the packets that are sent now answer these messages.
    this.#endRunOfPeer(now);
    peer.current = session;
    peer.next = null;
    this.#parts.events.confirmed(peer.slot, sessionIndex(session.localIndex));
    this.#parts.sender?.sendStaged(peer, false, now);
  }

  /** The length of the inner packet without padding, from its header; 0 when it is not IP. */
  #innerLength(session: Session, at: number, room: number, now: Milliseconds): number {
    const { bytes, view } = this.#parts.memory;
    const version = bytes[at] >>> 4;
    let length = 0;
    if (version === 4 && room >= Ip.IPV4_HEADER_BYTES) {
      length = view.getUint16(at + Ip.IPV4_LENGTH);
      if (length < Ip.IPV4_HEADER_BYTES) length = 0;
    } else if (version === 6 && room >= Ip.IPV6_HEADER_BYTES) {
      length = Ip.IPV6_HEADER_BYTES + view.getUint16(at + Ip.IPV6_LENGTH);
    }
    if (length > 0 && length <= room) return length;
    const { slot, cellAt } = session.peer;
    const { counters, events } = this.#parts;
    counters.addOf(COUNTER.rx_not_ip, slot);
    if (events.wants("not-ip", now, slot)) {
      events.notice("not-ip", slot, readEndpointCell(bytes, cellAt));
    }
    return 0;
  }

  /** Whether the source of an inner packet is in the peer's allowed IPs, and is not refused. */
  #isSourceAllowed(session: Session, at: number, now: Milliseconds): boolean {
    const { memory: { bytes, u32 }, allowedIps, counters } = this.#parts;
    const { slot } = session.peer;
    const owner = bytes[at] >>> 4 === 4
      ? allowedIps.lookup4(bytes, at + Ip.IPV4_SOURCE)
      : allowedIps.lookup6(bytes, at + Ip.IPV6_SOURCE);
    if (owner === slot) {
      // For IPv6 the kernel accepts local sources from every link.
      if (this.#refused4.size === 0 || bytes[at] >>> 4 !== 4) return true;
      if (!this.#refused4.has(u32[at + Ip.IPV4_SOURCE >>> 2])) return true;
      counters.addOf(COUNTER.rx_own_source, slot);
      this.#tellSource("own-source", session, at, now);
      return false;
    }
    counters.addOf(COUNTER.rx_unallowed_source, slot);
    this.#tellSource("unallowed-source", session, at, now);
    return false;
  }

  /** Reports an inner packet whose source was refused. */
  #tellSource(
    notice: "unallowed-source" | "own-source",
    { peer: { slot, cellAt } }: Session,
    at: number,
    now: Milliseconds,
  ): void {
    const { memory: { bytes }, events } = this.#parts;
    if (!events.wants(notice, now, slot)) return;
    const source = bytes[at] >>> 4 === 4
      ? formatIp(bytes, at + Ip.IPV4_SOURCE, 4)
      : formatIp(bytes, at + Ip.IPV6_SOURCE, 16);
    events.notice(notice, slot, readEndpointCell(bytes, cellAt), source);
  }
}

/** Whether the IP packet at `word` has the version and source that `keepSource` stored. */
function hasSource(kept: Uint32Array, u32: Uint32Array, word: number): boolean {
  const version = u32[word] & 0xf0;
  if (version !== kept[0]) return false;
  if (version === 0x40) return u32[word + 3] === kept[1];
  return u32[word + 2] === kept[1] && u32[word + 3] === kept[2] && u32[word + 4] === kept[3] &&
    u32[word + 5] === kept[4];
}

function keepSource(kept: Uint32Array, u32: Uint32Array, word: number): void {
  const version = u32[word] & 0xf0;
  const source = word + (version === 0x40 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE) / 4;
  kept[0] = version;
  for (let i = 0; i < 4; i++) kept[1 + i] = u32[source + i];
}
