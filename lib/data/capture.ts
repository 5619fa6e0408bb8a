/**
 * Copies packets to the ring of a capture. It exists only while a capture is on: without one, the
 * stages of packets test a null.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { type CaptureFilter, isInRange } from "../base/capture_filter.ts";
import { RECEIVED, RECORD, SENT } from "../base/capture_record.ts";
import type { CaptureRing } from "../base/capture_ring.ts";
import { DATA_OVERHEAD } from "../base/constants.ts";
import * as Ip from "../wire/ip.ts";
import { DATA } from "../wire/messages.ts";
import type { Endpoints } from "./endpoints.ts";
import type { PacketMemory } from "./memory.ts";
import type { Peer } from "./sessions.ts";

/** The slot of packets whose peer is not known. */
const NO_PEER = -1;

/** The part of a capture that one data plane records. All offsets are in the arena. */
export class Capture {
  /** The time of the turn. */
  now: Milliseconds;
  readonly #bytes: Uint8Array;
  readonly #endpoints: Endpoints;
  readonly #ring: CaptureRing;
  readonly #filter: CaptureFilter;
  readonly #peers: Set<number> | null;

  constructor(
    memory: PacketMemory,
    endpoints: Endpoints,
    ring: CaptureRing,
    filter: CaptureFilter,
    now: Milliseconds,
  ) {
    this.#bytes = memory.bytes;
    this.#endpoints = endpoints;
    this.#ring = ring;
    this.#filter = filter;
    this.#peers = filter.peers === undefined ? null : new Set(filter.peers);
    this.now = now;
  }

  /** Call when a peer is removed: a later peer with its slot is not recorded in its place. */
  removePeer(slot: number): void {
    this.#peers?.delete(slot);
  }

  /**
   * A packet that is sealed next, `length` bytes at `at`; 0 for a keepalive.
   * @returns whether to call `sealed` afterwards
   */
  sealing(peer: Peer, at: number, length: number): boolean {
    if (!this.#passes(peer.slot, at, length)) return false;
    this.#inner(SENT, peer.slot, at, length);
    return this.#filter.data;
  }

  /** The data message of that packet, whose padded packet of `padded` bytes is at `at`. */
  sealed(peer: Peer, at: number, padded: number, ecn: number): void {
    this.#endpoints.refresh(peer);
    this.#outer(SENT, ecn, peer.slot, at - DATA.packet, padded + DATA_OVERHEAD, peer.cellAt);
  }

  /** A received data message, before it is opened. @param peer null without a session */
  arrived(peer: Peer | null, at: number, length: number, cellAt: number, ecn: number): void {
    const { data, ranges } = this.#filter;
    if (!data || ranges.length > 0) return;
    const slot = peer === null ? NO_PEER : peer.slot;
    if (this.#passesPeer(slot)) this.#outer(RECEIVED, ecn, slot, at, length, cellAt);
  }

  /**
   * A packet of `length` bytes at `at` that is accepted.
   * @param message offset of the data message it came in, of `wire` bytes
   */
  accepted(
    peer: Peer,
    at: number,
    length: number,
    message: number,
    wire: number,
    cellAt: number,
    ecn: number,
  ): void {
    if (!this.#passes(peer.slot, at, length)) return;
    // Without ranges `arrived` has recorded the message.
    const { data, ranges } = this.#filter;
    if (data && ranges.length > 0) this.#outer(RECEIVED, ecn, peer.slot, message, wire, cellAt);
    this.#inner(RECEIVED, peer.slot, at, length);
  }

  /** A received datagram that is no data message. Who sent it is not known yet. */
  handshake(at: number, length: number, cellAt: number, ecn: number): void {
    if (this.#filter.handshakes) this.#outer(RECEIVED, ecn, NO_PEER, at, length, cellAt);
  }

  /** A cookie reply that is sent. */
  cookieReply(at: number, length: number, cellAt: number, tos: number): void {
    if (this.#filter.handshakes) this.#outer(SENT, tos, NO_PEER, at, length, cellAt);
  }

  #inner(direction: number, slot: number, at: number, length: number): void {
    if (!this.#filter.inner || length === 0) return;
    const bytes = this.#bytes;
    this.#ring.put(
      RECORD.inner,
      direction,
      0,
      this.now,
      slot,
      bytes,
      at,
      length,
      bytes,
      0,
    );
  }

  #outer(
    direction: number,
    tos: number,
    slot: number,
    at: number,
    length: number,
    cellAt: number,
  ): void {
    const bytes = this.#bytes;
    this.#ring.put(
      RECORD.outer,
      direction,
      tos,
      this.now,
      slot,
      bytes,
      at,
      length,
      bytes,
      cellAt,
    );
  }

  #passesPeer(slot: number): boolean {
    return this.#peers === null || this.#peers.has(slot);
  }

  #passes(slot: number, at: number, length: number): boolean {
    const { ranges } = this.#filter;
    if (!this.#passesPeer(slot)) return false;
    return ranges.length === 0 || length > 0 && ranges.some((range) => this.#concerns(range, at));
  }

  /** Whether the source or the destination of the packet at `at` is in the range. */
  #concerns(range: CaptureFilter["ranges"][number], at: number): boolean {
    const bytes = this.#bytes;
    const isV4 = bytes[at] >>> 4 === 4;
    if (range.address.length !== (isV4 ? 4 : 16)) return false;
    const source = at + (isV4 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE);
    const destination = at + (isV4 ? Ip.IPV4_DESTINATION : Ip.IPV6_DESTINATION);
    return isInRange(bytes, source, range) || isInRange(bytes, destination, range);
  }
}
