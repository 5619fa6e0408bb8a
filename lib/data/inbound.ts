/**
 * UDP to TUN. Stages: receive a run of datagrams -> what is no data message goes to the gate
 * (gate.ts) -> session by index -> age, counter limit ->
 * open -> replay -> endpoint and key confirmation -> the inner packet: version, length, source -> ECN -> merge -> write (merge.ts).
 * @module
 */
import { type Milliseconds, sessionIndex } from "../base/brands.ts";
import * as C from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { type IpBytes, readEndpointCell } from "../base/endpoint.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { PacketCipher } from "../crypto/suite.ts";
import type { AllowedIps } from "../allowed_ips/allowed_ips.ts";
import * as Ip from "../wire/ip.ts";
import { DATA } from "../wire/messages.ts";
import { carryEcn } from "./ecn.ts";
import type { Endpoints } from "./endpoints.ts";
import type { Gate } from "./gate.ts";
import { OPEN_LARGE_SLOTS, OPEN_SLOTS, type PacketMemory, SLOT_MESSAGE_MAX } from "./memory.ts";
import type { Merger } from "./merge.ts";
import type { UdpPort } from "./ports.ts";
import { isExhausted } from "./replay.ts";
import type { Sender } from "./sender.ts";
import type { Peer, Session, SessionTable } from "./sessions.ts";
import type { Voice } from "./voice.ts";

/** A turn receives until one of these is reached: four full runs, or many short ones. */
export const INBOUND_RECEIVES_MAX = 64;
export const INBOUND_BYTES_MAX = 4 * 65_000;
/** Opened packets that may wait from one turn to the next for others to be merged with. More would not stay in the cache until they are written. */
const HELD_MAX = 128;

/** What Inbound works with. */
export interface InboundParts {
  readonly memory: PacketMemory;
  readonly cipher: PacketCipher;
  readonly table: PeerTable;
  readonly udp: UdpPort;
  readonly allowedIps: AllowedIps;
  readonly sessions: SessionTable;
  readonly endpoints: Endpoints;
  /** Undefined where another data plane sends: it is told of a confirmed session by the control plane. */
  readonly sender: Sender | undefined;
  readonly gate: Gate;
  readonly merger: Merger;
  readonly counters: Counters;
  readonly voice: Voice;
  readonly times: Times;
  readonly catchUp: () => void;
}

/** The inbound half of the data plane. */
export class Inbound {
  /** Whether the interface is up; datagrams are dropped otherwise. */
  up = false;
  /** Whether the last turn left nothing unread. */
  drained = true;
  readonly #parts: InboundParts;
  /** The next free slots of opened packets; all are free again after a flush. */
  #openSlot = 0;
  #openLargeSlot = 0;
  readonly #allowed = new Uint32Array(5);
  /** IPv4 addresses as they stand in memory, read as one word. */
  #refused4: ReadonlySet<number> = new Set();
  /** Of the run at hand: the peer whose messages came last, its endpoint already set; and what came of it that is not in the table yet. */
  #runPeer: Peer | null = null;
  #runBytes = 0;
  #runHasData = false;

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  /** From now on IPv4 packets from these sources are dropped. */
  refuseSources(addresses: readonly IpBytes[]): void {
    this.#refused4 = new Set(
      addresses.map((address) => new DataView(address.slice().buffer).getUint32(0, true)),
    );
  }

  /** A bounded number of receives. What they gave is written, but for packets of a flow that goes on in the next turn. Returns whether there was anything. */
  turn(now: Milliseconds): boolean {
    const { merger, udp, memory, counters: { values }, gate } = this.#parts;
    merger.now = now;
    const dropped = values[COUNTER.rx_datagrams] - values[COUNTER.rx_opened];
    let worked = false;
    let taken = 0;
    this.drained = false;
    for (let i = 0; i < INBOUND_RECEIVES_MAX && taken < INBOUND_BYTES_MAX; i++) {
      const received = udp.receive(memory.received);
      if (received <= 0) {
        this.drained = true;
        break;
      }
      worked = true;
      taken += received;
      values[COUNTER.udp_receives]++;
      this.#parts.catchUp();
      this.#run(received, now);
    }
    // In a flood something is always left unread: what waits to be merged would wait long.
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
   * A run of datagrams: all from one endpoint to one of our addresses with the same ECN bits, as a rule of one session and one inner flow.
   * So whatever is the same as in the datagram before is not looked up, compared or checked again.
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
    const end = start + received;
    // The session of the datagram before, its index (signed), and whether the last right tag was one of its own.
    let session: Session | null = null;
    let index = 0;
    let isAuthenticated = false;
    let opened = 0;
    // Version (0 for none) and source of the last inner packet whose source was the session's peer's.
    const allowed = this.#allowed;
    allowed[0] = 0;
    for (let at = start; at < end; at += segment) {
      const length = end - at < segment ? end - at : segment;
      // The three bytes behind the type are reserved and zero.
      if (length < C.DATA_LENGTH_MIN || view.getInt32(at, true) !== C.MESSAGE_DATA) {
        gate.take(at, length, udp.sourceAt, now);
        continue;
      }
      if (session === null || view.getInt32(at + DATA.receiver, true) !== index) {
        index = view.getInt32(at + DATA.receiver, true);
        session = sessions.find(index >>> 0);
        isAuthenticated = false;
        allowed[0] = 0;
        if (session === null) {
          counters.add(COUNTER.rx_no_session);
          continue;
        }
      }
      const low = view.getUint32(at + DATA.counter, true);
      const high = view.getUint32(at + DATA.counter + 4, true);
      if (now - session.createdAt >= times.rejectAfter || isExhausted(low, high)) {
        counters.addOf(COUNTER.rx_expired, session.peer.slot);
        continue;
      }
      const messageBytes = length - C.DATA_OVERHEAD;
      const to = this.#slotFor(messageBytes);
      if (!cipher.open(session.receiveKeyAt, low, high, at + DATA.packet, messageBytes, to)) {
        counters.addOf(COUNTER.rx_unauthentic, session.peer.slot);
        continue;
      }
      if (!session.replay.accept(low, high)) {
        counters.addOf(COUNTER.rx_replayed, session.peer.slot);
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
        counters.addOf(COUNTER.rx_ecn_dropped, session.peer.slot);
        continue;
      }
      merger.add(to, innerBytes);
    }
    counters.values[COUNTER.rx_opened] += opened;
    this.#endRunOfPeer(now);
  }

  /** Writes what came of one peer in a row to the shared table. */
  #endRunOfPeer(now: Milliseconds): void {
    const peer = this.#runPeer;
    if (peer === null) return;
    this.#runPeer = null;
    if (this.#parts.table.received(peer.slot, this.#runBytes, this.#runHasData, now)) {
      this.#parts.voice.active(peer.slot);
    }
    this.#runBytes = 0;
    this.#runHasData = false;
  }

  /** All messages of a run come from one endpoint, so one look at the peer's is enough for all of them in a row. */
  #beginRunOfPeer(peer: Peer, now: Milliseconds): void {
    this.#endRunOfPeer(now);
    this.#runPeer = peer;
    this.#parts.endpoints.follow(peer, this.#parts.udp.sourceAt);
  }

  /** A slot to open a message to. What waits is written first when none is free. */
  #slotFor(messageBytes: number): number {
    const isLarge = messageBytes > SLOT_MESSAGE_MAX;
    if (this.#openSlot === OPEN_SLOTS || this.#openLargeSlot === OPEN_LARGE_SLOTS) this.#flush();
    return this.#parts.memory.openMessage(
      isLarge ? this.#openLargeSlot++ : this.#openSlot++,
      isLarge,
    );
  }

  /**
   * What a right tag on a new counter means, whatever is inside. Returns whether the messages of this session that follow in the run mean nothing
   * more than their bytes.
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
      this.#parts.voice.wantHandshake(peer.slot);
    }
    return this.#runPeer === peer;
  }

  #keepalive(session: Session, now: Milliseconds): void {
    const { slot, cellAt } = session.peer;
    const { memory, counters, voice } = this.#parts;
    counters.addOf(COUNTER.rx_keepalives, slot);
    if (!voice.debug) return;
    voice.notice("keepalive-received", slot, readEndpointCell(memory.bytes, cellAt), now);
  }

  /** The initiator has shown that it has the keys: the responder may send on them now (whitepaper section 5.4.3). */
  #confirm(session: Session, now: Milliseconds): void {
    const { peer } = session;
    // What follows answers what was received.
    this.#endRunOfPeer(now);
    peer.current = session;
    peer.next = null;
    this.#parts.voice.confirmed(peer.slot, sessionIndex(session.localIndex));
    this.#parts.sender?.sendStaged(peer, false, now);
  }

  /** Bytes of the packet in a data message, whose padding its own length cuts; 0 when it is none. */
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
    const { counters, voice } = this.#parts;
    counters.addOf(COUNTER.rx_not_ip, slot);
    if (voice.debug) {
      voice.notice("not-ip", slot, readEndpointCell(bytes, cellAt), now);
    }
    return 0;
  }

  /** Whether the source of an inner packet belongs to the peer. */
  #isSourceAllowed(session: Session, at: number, now: Milliseconds): boolean {
    const { memory: { bytes, u32 }, allowedIps, counters, voice } = this.#parts;
    const { slot, cellAt } = session.peer;
    const owner = bytes[at] >>> 4 === 4
      ? allowedIps.lookup4(bytes, at + Ip.IPV4_SOURCE)
      : allowedIps.lookup6(bytes, at + Ip.IPV6_SOURCE);
    if (owner === slot) {
      // IPv6's kernel takes any source, as from every other link.
      if (this.#refused4.size === 0 || bytes[at] >>> 4 !== 4) return true;
      if (!this.#refused4.has(u32[at + Ip.IPV4_SOURCE >>> 2])) return true;
      counters.addOf(COUNTER.rx_own_source, slot);
      return false;
    }
    counters.addOf(COUNTER.rx_unallowed_source, slot);
    if (voice.debug) {
      voice.notice("unallowed-source", slot, readEndpointCell(bytes, cellAt), now);
    }
    return false;
  }
}

/** Whether an IP packet, given by the word that it begins at, has the version and source that `keepSource` kept. */
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
