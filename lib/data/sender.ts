/**
 * The last stages of outbound packets: slot, padding, sealing and sending. Datagrams of equal
 * length to one endpoint are collected in a run, which one call sends. A run ends when the next
 * datagram does not fit, or with `flush`. Runs of a single datagram, which packets to many peers
 * make, are queued and sent together.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { DATA_OVERHEAD, MESSAGE_DATA } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { readEndpointCell } from "../base/endpoint.ts";
import { errnoName } from "../base/errno.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { PacketCipher } from "../crypto/suite.ts";
import type { Checksum } from "../wire/checksum.ts";
import { ECN_NOT_ECT } from "../wire/ip.ts";
import { DATA } from "../wire/messages.ts";
import type { Capture } from "./capture.ts";
import { ecnOf } from "./ecn.ts";
import type { Endpoints } from "./endpoints.ts";
import {
  KEY_CREATED_AT,
  type PacketMemory,
  SEAL_LARGE_SLOTS,
  SEAL_SLOTS,
  SLOT_MESSAGE_MAX,
} from "./memory.ts";
import {
  SEND_FAILED,
  SEND_SOURCE_LOST,
  type SendQueue,
  type SendResult,
  type UdpPort,
} from "./ports.ts";
import type { Peer, Session } from "./sessions.ts";
import type { Staging } from "./staging.ts";
import type { EventReporter } from "./event_reporter.ts";

/** The parts of a Sender. */
export interface SenderParts {
  readonly memory: PacketMemory;
  readonly checksum: Checksum;
  readonly cipher: PacketCipher;
  readonly table: PeerTable;
  readonly udp: UdpPort;
  readonly endpoints: Endpoints;
  readonly staging: Staging;
  readonly counters: Counters;
  readonly events: EventReporter;
  readonly times: Times;
  /** Whether several datagrams may go with one send. */
  readonly gso: boolean;
  /** The interface's MTU at first, in bytes. */
  readonly mtu: number;
}

/** Seals and sends the messages of all peers. One run at a time is open. */
export class Sender {
  /** Bytes of the longest packet that fits into a datagram. */
  readonly packetMax: number;
  /** Records what is sent; null without a capture. */
  capture: Capture | null = null;
  #mtu = 0;
  readonly #parts: SenderParts;
  #smallMax = 1;
  #largeMax = 1;
  readonly #bytesMax: number;

  #peer: Peer | null = null;
  #count = 0;
  #bytes = 0;
  #segment = 0;
  #ecn = 0;
  #large = false;
  /** Whether the run has ended, because its last datagram is shorter than the others. */
  #closed = false;
  #hasData = false;

  /** Datagrams in the port's queue. They use the first slots. */
  #queued = 0;
  readonly #queue: SendQueue | undefined;
  readonly #queueMax: number;
  readonly #queuedPeers: Peer[] = [];
  readonly #queuedBytes: Int32Array;
  readonly #queuedData: Uint8Array;

  constructor(parts: SenderParts) {
    this.packetMax = parts.udp.bytesMax - DATA_OVERHEAD;
    this.mtu = parts.mtu;
    this.#parts = parts;
    this.#queue = parts.udp.makeSendQueue?.();
    this.#queueMax = this.#queue?.max ?? 0;
    this.gso = parts.gso;
    this.#bytesMax = parts.udp.bytesMax;
    this.#queuedBytes = new Int32Array(this.#queueMax);
    this.#queuedData = new Uint8Array(this.#queueMax);
  }

  /** The interface's MTU in bytes. Padding does not exceed it, nor the room in a datagram. */
  set mtu(mtu: number) {
    this.#mtu = Math.min(mtu, this.packetMax);
  }

  /** Whether one send may carry several datagrams. */
  set gso(on: boolean) {
    const most = on ? this.#parts.udp.segmentsMax : 1;
    this.#smallMax = Math.min(SEAL_SLOTS - this.#queueMax, most);
    this.#largeMax = Math.min(SEAL_LARGE_SLOTS, most);
  }

  /**
   * The session on which the next `count` messages to the peer are sent, or null. Seal them before
   * anything else is sent.
   */
  sendable(peer: Peer, count: number, now: Milliseconds): Session | null {
    const session = peer.current;
    if (session === null) return null;
    // The time that is in the line of the key, because that is needed next.
    const createdAt = this.#parts.memory.f64[(session.keyAt + KEY_CREATED_AT) >>> 3];
    if (now - createdAt >= this.#parts.times.rejectAfter || !session.take(count)) return null;
    return session;
  }

  /** The padded length of a packet in bytes: a multiple of 16, but at most the MTU. */
  paddedLength(length: number): number {
    const padded = (length + 15) & ~15;
    return padded <= this.#mtu ? padded : this.#mtu > length ? this.#mtu : length;
  }

  /**
   * Copies the packet of `length` bytes at `from` to a slot, pads and seals it. Returns its
   * session, or null when the peer has no session to send on.
   */
  add(peer: Peer, from: number, length: number, now: Milliseconds): Session | null {
    const session = this.sendable(peer, 1, now);
    if (session === null) return null;
    const { memory, checksum } = this.#parts;
    const padded = this.paddedLength(length);
    const at = this.makeRoom(peer, padded, ecnOf(memory.bytes, from), now);
    checksum.copy(at, from, length);
    this.seal(session, at, length, padded);
    return session;
  }

  /**
   * Adds a datagram to the open run. A run into which it does not fit is ended first. Write the
   * packet to the returned offset, and then call `seal` before other methods.
   * @param length bytes of the padded packet
   * @param ecn the ECN bits of the outer header
   * @returns the offset of the message
   */
  makeRoom(peer: Peer, length: number, ecn: number, now: Milliseconds): number {
    const wire = length + DATA_OVERHEAD;
    if (this.#count > 0 && !this.#fits(peer, wire, ecn)) this.#endRun(now);
    if (this.#count === 0) {
      this.#peer = peer;
      this.#ecn = ecn;
      this.#segment = wire;
      this.#large = length > SLOT_MESSAGE_MAX;
    } else if (wire < this.#segment) this.#closed = true;
    if (length > 0) this.#hasData = true;
    // The slots of queued datagrams are in use until they are sent.
    const at = this.#parts.memory.sealMessage(
      this.#large ? this.#count : this.#queued + this.#count,
      this.#large,
    );
    this.#parts.udp.gather(this.#count++, at - DATA.packet, wire);
    this.#bytes += wire;
    return at;
  }

  /** Whether a datagram of `wire` bytes fits into the open run. */
  #fits(peer: Peer, wire: number, ecn: number): boolean {
    return !this.#closed && wire <= this.#segment && peer === this.#peer && ecn === this.#ecn &&
      this.#bytes + wire <= this.#bytesMax &&
      this.#count < (this.#large ? this.#largeMax : this.#smallMax);
  }

  /**
   * Zeroes the padding, seals the message at `at` and writes its header.
   * @param length bytes of the packet
   * @param padded bytes of the padded packet
   */
  seal(session: Session, at: number, length: number, padded: number): void {
    const { bytes, u32 } = this.#parts.memory;
    for (let i = at + length; i < at + padded; i++) bytes[i] = 0;
    const { capture } = this;
    const isRecorded = capture !== null && capture.sealing(session.peer, at, length);
    const low = session.sendLow;
    const high = session.sendHigh;
    if (low === 0xffff_ffff) {
      session.sendLow = 0;
      session.sendHigh = high + 1;
    } else session.sendLow = low + 1;
    this.#parts.cipher.seal(session.keyAt, low, high, at, padded);
    const header = (at - DATA.packet) >>> 2;
    u32[header] = MESSAGE_DATA;
    u32[header + (DATA.receiver >>> 2)] = session.remoteIndex;
    u32[header + (DATA.counter >>> 2)] = low;
    u32[header + (DATA.counter >>> 2) + 1] = high;
    if (capture !== null && isRecorded) capture.sealed(session.peer, at, padded, this.#ecn);
  }

  /**
   * Wants a handshake when the session is due for renewal (whitepaper section 6.2). Call it after a
   * message was sent on the session.
   */
  keepFresh(session: Session, now: Milliseconds): void {
    if (
      session.isWorn || session.initiator && now - session.createdAt >= this.#parts.times.rekeyAfter
    ) {
      this.#parts.events.wantHandshake(session.peer.slot);
    }
  }

  /** Sends all sealed messages. */
  flush(now: Milliseconds): void {
    if (this.#queued > 0) {
      this.#endRun(now);
      this.#sendQueue(now);
    } else this.#sendRun(now);
  }

  /** Ends the run. A single datagram is queued; a longer run is sent after the queued datagrams. */
  #endRun(now: Milliseconds): void {
    const peer = this.#peer;
    const queue = this.#queue;
    if (this.#count !== 1 || this.#large || queue === undefined || peer === null) {
      this.#sendQueue(now);
      this.#sendRun(now);
      return;
    }
    this.#parts.endpoints.refresh(peer);
    const index = this.#queued++;
    queue.put(
      index,
      this.#parts.memory.sealMessage(index, false) - DATA.packet,
      this.#bytes,
      peer.cellAt,
      this.#ecn,
    );
    this.#queuedPeers[index] = peer;
    this.#queuedBytes[index] = this.#bytes;
    this.#queuedData[index] = this.#hasData ? 1 : 0;
    this.#forgetRun();
    if (this.#queued === this.#queueMax) this.#sendQueue(now);
  }

  #sendQueue(now: Milliseconds): void {
    const count = this.#queued;
    const queue = this.#queue;
    if (count === 0 || queue === undefined) return;
    this.#queued = 0;
    queue.send(count);
    this.#parts.counters.values[COUNTER.udp_sends]++;
    for (let i = 0; i < count; i++) {
      const hasData = this.#queuedData[i] !== 0;
      this.#recordResult(
        this.#queuedPeers[i],
        queue.result(i),
        1,
        this.#queuedBytes[i],
        hasData,
        queue.failure?.(i) ?? 0,
        now,
      );
    }
  }

  #sendRun(now: Milliseconds): void {
    const peer = this.#peer;
    if (this.#count === 0 || peer === null) return;
    const { counters, endpoints, udp } = this.#parts;
    endpoints.refresh(peer);
    const result = udp.send(this.#count, this.#segment, peer.cellAt, this.#ecn);
    counters.values[COUNTER.udp_sends]++;
    const failure = result === SEND_FAILED ? udp.failure ?? 0 : 0;
    this.#recordResult(peer, result, this.#count, this.#bytes, this.#hasData, failure, now);
    this.#forgetRun();
  }

  /** Counts a send of `count` datagrams with `bytes` in all, and handles its result. */
  #recordResult(
    peer: Peer,
    result: SendResult,
    count: number,
    bytes: number,
    hasData: boolean,
    errno: number,
    now: Milliseconds,
  ): void {
    const { counters, endpoints, table, events } = this.#parts;
    counters.values[COUNTER.tx_sealed] += count;
    if (result === SEND_SOURCE_LOST) {
      counters.addOf(COUNTER.tx_source_lost, peer.slot);
      endpoints.clearLocal(peer);
    }
    // A failed send counts as an attempt. Otherwise a persistent keepalive would be due at once.
    const failed = result === SEND_FAILED;
    if (failed) {
      counters.addOf(COUNTER.tx_send_failed, peer.slot, count);
      if (events.wants("send-failed", now, peer.slot)) {
        const endpoint = readEndpointCell(this.#parts.memory.bytes, peer.cellAt);
        events.notice("send-failed", peer.slot, endpoint, errnoName(errno));
      }
    }
    if (table.sent(peer.slot, failed ? 0 : bytes, !failed && hasData, now)) {
      events.active(peer.slot);
    }
  }

  #forgetRun(): void {
    this.#peer = null;
    this.#count = 0;
    this.#bytes = 0;
    this.#closed = false;
    this.#hasData = false;
  }

  /**
   * Sends the peer's staged packets. Call it when the peer has got a session to send on.
   * @param always whether a keepalive is sent when no packets are staged
   */
  sendStaged(peer: Peer, always: boolean, now: Milliseconds): void {
    const { endpoints, memory, staging } = this.#parts;
    if (!endpoints.has(peer)) return;
    const staged = staging.takeAll(peer);
    if (staged.length === 0) {
      if (always) this.sendKeepalive(peer, now);
      return;
    }
    for (const packet of staged) {
      memory.bytes.set(packet, memory.scratch);
      if (this.add(peer, memory.scratch, packet.length, now) === null) staging.push(peer, packet);
    }
    this.flush(now);
  }

  /** Sends a keepalive, if the peer has a session and an endpoint. */
  sendKeepalive(peer: Peer, now: Milliseconds): void {
    const { counters, endpoints, memory, events } = this.#parts;
    const session = this.sendable(peer, 1, now);
    if (session === null || !endpoints.has(peer)) return;
    this.seal(session, this.makeRoom(peer, 0, ECN_NOT_ECT, now), 0, 0);
    counters.addOf(COUNTER.tx_keepalives, peer.slot);
    this.flush(now);
    this.keepFresh(session, now);
    if (!events.wants("keepalive-sent", now, peer.slot)) return;
    events.notice("keepalive-sent", peer.slot, readEndpointCell(memory.bytes, peer.cellAt));
  }
}
