/**
 * What the planes know of each peer together, in memory that all of them read while packets flow.
 * Sending and receiving may be two threads: every field has one writer, sending or receiving, and a row has a cache line for each of the two.
 * What happened on one side since something on the other (the `since` fields) is told by comparing counts, so neither ever resets the other's fields.
 * Shared by all writers, by Atomics: the two "said" flags, and the endpoint with its version.
 * @module
 */
import { type Milliseconds, milliseconds, type PeerSlot, type SessionIndex } from "./brands.ts";
import {
  clearLocalCell,
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type LocalAddress,
  readEndpointCell,
  readLocalCell,
  writeEndpointCell,
} from "./endpoint.ts";
import { PEERS_MAX } from "./constants.ts";
import { PEER_COUNTERS_BYTES, PeerCounters } from "./peer_counters.ts";
import { NEVER } from "./times.ts";

/** Bytes of one row: 64 that sending writes, 64 that receiving writes, 64 that are shared. */
const ROW_BYTES = 192;
const ROW_F64 = ROW_BYTES / 8;
const ROW_I32 = ROW_BYTES / 4;

// Of the sending line, as 64-bit floats; then as 32-bit words.
const TX_BYTES = 0;
const SENT_AT = 1;
const DATA_SENT_FIRST = 2;
/** Counts everything authenticated that was sent, handshakes included; runs, not packets. */
const SENT_COUNT = 6;
/** RECEIVED_COUNT + 1 when DATA_SENT_FIRST was written, so that 0 is none: while it is the same, nothing came back since. */
const DATA_SENT_UNANSWERED = 7;

// Of the receiving line.
const RX_BYTES = 8;
const RECEIVED_AT = 9;
const DATA_RECEIVED_AT = 10;
const DATA_RECEIVED_FIRST = 11;
/** As SENT_COUNT. */
const RECEIVED_COUNT = 24;
/** SENT_COUNT + 1 when DATA_RECEIVED_FIRST was written. */
const DATA_RECEIVED_UNANSWERED = 25;

// Of the shared line.
const ACTIVE = 32;
const WANTED = 33;
const CELL_VERSION = 34;
/**
 * Written by the control plane alone: the index of the only interface by which sources are kept; 0
 * for any.
 */
const SOURCES_BY = 35;
const CELL_AT = 144;

/**
 * Behind all rows: which peer the last handshake messages went to, by the low bits of their sender
 * index. Each entry is the index and the slot + 1.
 */
const HANDSHAKES = 256;
const HANDSHAKES_BYTES = HANDSHAKES * 8;

/** Bytes for one peer: the rows of all stand first, then those of their counters. */
const PEER_BYTES = ROW_BYTES + PEER_COUNTERS_BYTES;

/**
 * Rows indexed by PeerSlot over one SharedArrayBuffer; pages that no peer uses are never resident.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { milliseconds, peerSlot } from "./brands.ts";
 * import { PeerTable } from "./peer_table.ts";
 *
 * const table = new PeerTable();
 * const peer = peerSlot(0);
 * table.sent(peer, 128, true, milliseconds(1_000));
 * assert.ok(new PeerTable(table.buffer).txBytes(peer) === 128);
 * ```
 */
export class PeerTable {
  /** The rows, for another isolate's PeerTable. */
  readonly buffer: SharedArrayBuffer;
  /** What was counted of each peer. */
  readonly counters: PeerCounters;
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #handshakes: Int32Array;

  /**
   * Makes a table, or opens another isolate's.
   * @param buffer another isolate's `buffer`; without it a new table of PEERS_MAX rows is made
   */
  constructor(
    buffer: SharedArrayBuffer = new SharedArrayBuffer(PEERS_MAX * PEER_BYTES + HANDSHAKES_BYTES),
  ) {
    const peers = Math.floor((buffer.byteLength - HANDSHAKES_BYTES) / PEER_BYTES);
    this.buffer = buffer;
    this.counters = new PeerCounters(buffer, peers * ROW_BYTES, peers);
    this.#f64 = new Float64Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#handshakes = new Int32Array(buffer, buffer.byteLength - HANDSHAKES_BYTES);
  }

  /** Control plane: zeroes a row before a peer takes the slot. The slot's last peer must be long gone from the data plane. */
  clear(peer: PeerSlot): void {
    this.#bytes.fill(0, peer * ROW_BYTES, (peer + 1) * ROW_BYTES);
    this.counters.clear(peer);
  }

  /** Whoever sends, after an authenticated packet was sent. `bytes` on the wire; `data` is false for a keepalive. Returns true when `peer-active` must be said. */
  sent(peer: PeerSlot, bytes: number, data: boolean, now: Milliseconds): boolean {
    const f64 = peer * ROW_F64;
    const i32 = peer * ROW_I32;
    this.#f64[f64 + TX_BYTES] += bytes;
    this.#f64[f64 + SENT_AT] = now;
    this.#i32[i32 + SENT_COUNT]++;
    if (data) {
      const unanswered = this.#i32[i32 + RECEIVED_COUNT] + 1 | 0;
      if (this.#i32[i32 + DATA_SENT_UNANSWERED] !== unanswered) {
        this.#f64[f64 + DATA_SENT_FIRST] = now;
        // After the time, for those who read it from another thread.
        Atomics.store(this.#i32, i32 + DATA_SENT_UNANSWERED, unanswered);
      }
    }
    return this.#firstSince(peer);
  }

  /** Whoever receives, after an authenticated packet was received. Returns true when `peer-active` must be said. */
  received(peer: PeerSlot, bytes: number, data: boolean, now: Milliseconds): boolean {
    const f64 = peer * ROW_F64;
    const i32 = peer * ROW_I32;
    this.#f64[f64 + RX_BYTES] += bytes;
    this.#f64[f64 + RECEIVED_AT] = now;
    this.#i32[i32 + RECEIVED_COUNT]++;
    if (data) {
      this.#f64[f64 + DATA_RECEIVED_AT] = now;
      const unanswered = this.#i32[i32 + SENT_COUNT] + 1 | 0;
      if (this.#i32[i32 + DATA_RECEIVED_UNANSWERED] !== unanswered) {
        this.#f64[f64 + DATA_RECEIVED_FIRST] = now;
        Atomics.store(this.#i32, i32 + DATA_RECEIVED_UNANSWERED, unanswered);
      }
    }
    return this.#firstSince(peer);
  }

  /** Whoever sends, when it installs a session: an authenticated handshake message went out, so the other side waits for nothing. */
  handshakeSent(peer: PeerSlot): void {
    this.#i32[peer * ROW_I32 + SENT_COUNT]++;
  }

  /** Whoever receives, when it installs a session: an authenticated handshake message came in, so this side waits for nothing. */
  handshakeReceived(peer: PeerSlot): void {
    this.#i32[peer * ROW_I32 + RECEIVED_COUNT]++;
  }

  /**
   * Control plane, before an initiation or response leaves: should it come back as a packet, its
   * sender index tells whom it was for.
   */
  handshakeLeaves(peer: PeerSlot, index: SessionIndex): void {
    const at = (index & (HANDSHAKES - 1)) * 2;
    Atomics.store(this.#handshakes, at + 1, peer + 1);
    Atomics.store(this.#handshakes, at, index);
  }

  /**
   * Whom the handshake message with this sender index (unsigned) was for; undefined when it is none
   * of ours, or so many went after it that it is forgotten.
   */
  handshakeAddressee(index: number): PeerSlot | undefined {
    const at = (index & (HANDSHAKES - 1)) * 2;
    if (Atomics.load(this.#handshakes, at) !== (index | 0)) return undefined;
    const slot = Atomics.load(this.#handshakes, at + 1) - 1;
    return slot < 0 ? undefined : slot as PeerSlot;
  }

  #firstSince(peer: PeerSlot): boolean {
    const at = peer * ROW_I32 + ACTIVE;
    if (this.#i32[at] !== 0) return false;
    return Atomics.exchange(this.#i32, at, 1) === 0;
  }

  /** Either side of the data plane: true when `handshake-wanted` must be said, false when it was and is not yet taken. */
  wantHandshake(peer: PeerSlot): boolean {
    const at = peer * ROW_I32 + WANTED;
    if (this.#i32[at] !== 0) return false;
    return Atomics.exchange(this.#i32, at, 1) === 0;
  }

  /** Control plane: takes `handshake-wanted`; it may be said again. */
  clearWanted(peer: PeerSlot): void {
    Atomics.store(this.#i32, peer * ROW_I32 + WANTED, 0);
  }

  /** Control plane: takes `peer-active`, before reading the row; it may be said again. */
  clearActive(peer: PeerSlot): void {
    Atomics.store(this.#i32, peer * ROW_I32 + ACTIVE, 0);
  }

  /**
   * Where the peer is from now on: configuration or anything authenticated says so. Anybody may
   * write; the version is odd meanwhile, so the last of two writers wins and the others see a whole
   * cell. A local address that `keepSourcesBy` excludes is left out.
   */
  writeEndpoint(
    peer: PeerSlot,
    endpoint: Endpoint | undefined,
    local: LocalAddress | undefined,
  ): void {
    const at = this.#lockCell(peer);
    const kept = local !== undefined && this.keepsSourceBy(peer, local.interfaceIndex)
      ? local
      : undefined;
    writeEndpointCell(this.#bytes, peer * ROW_BYTES + CELL_AT, endpoint, kept);
    Atomics.add(this.#i32, at, 1);
  }

  /** Forgets from which of our addresses to write to the peer; the kernel chooses again. */
  clearLocal(peer: PeerSlot): void {
    const at = this.#lockCell(peer);
    clearLocalCell(this.#bytes, peer * ROW_BYTES + CELL_AT);
    Atomics.add(this.#i32, at, 1);
  }

  /**
   * Control plane, as the way to the peer has changed: local addresses are kept only where the
   * datagram came in by this interface (its index; 0 for any). It does not touch the one that is
   * kept already.
   */
  keepSourcesBy(peer: PeerSlot, interfaceIndex: number): void {
    Atomics.store(this.#i32, peer * ROW_I32 + SOURCES_BY, interfaceIndex);
  }

  /** Whether the local address of a datagram that came in by this interface is kept. */
  keepsSourceBy(peer: PeerSlot, interfaceIndex: number): boolean {
    const only = Atomics.load(this.#i32, peer * ROW_I32 + SOURCES_BY);
    return only === 0 || only === interfaceIndex;
  }

  /** Whether it is known from which of our addresses to write to the peer. */
  hasLocal(peer: PeerSlot): boolean {
    return this.#bytes[peer * ROW_BYTES + CELL_AT + 1] !== 0;
  }

  /** Waits for other writers, a few hundred nanoseconds at most but for one that lost its processor. Returns the place of the version. */
  #lockCell(peer: PeerSlot): number {
    const at = peer * ROW_I32 + CELL_VERSION;
    while (true) {
      const version = Atomics.load(this.#i32, at);
      if (
        (version & 1) === 0 &&
        Atomics.compareExchange(this.#i32, at, version, version + 1 | 0) === version
      ) {
        return at;
      }
    }
  }

  /** Changes with every `writeEndpoint` and `clearLocal`; whoever keeps a copy of the cell looks here whether it is still right. */
  endpointVersion(peer: PeerSlot): number {
    return Atomics.load(this.#i32, peer * ROW_I32 + CELL_VERSION);
  }

  /** Copies the cell into `bytes` at `to`. Returns its version, or -1 when it is just being written and what was copied may be torn. */
  copyEndpoint(peer: PeerSlot, bytes: Uint8Array, to: number): number {
    const at = peer * ROW_I32 + CELL_VERSION;
    const version = Atomics.load(this.#i32, at);
    const cell = peer * ROW_BYTES + CELL_AT;
    for (let i = 0; i < ENDPOINT_CELL_BYTES; i++) bytes[to + i] = this.#bytes[cell + i];
    return (version & 1) === 0 && Atomics.load(this.#i32, at) === version ? version : -1;
  }

  /** Where the peer is, and from which of our addresses to write to it. */
  readEndpoint(
    peer: PeerSlot,
  ): { endpoint: Endpoint | undefined; local: LocalAddress | undefined } {
    const cell = new Uint8Array(ENDPOINT_CELL_BYTES);
    while (this.copyEndpoint(peer, cell, 0) < 0);
    return { endpoint: readEndpointCell(cell, 0), local: readLocalCell(cell, 0) };
  }

  /** Bytes of data messages sent on the wire. */
  txBytes(peer: PeerSlot): number {
    return this.#f64[peer * ROW_F64 + TX_BYTES];
  }
  /** Bytes of data messages received on the wire. */
  rxBytes(peer: PeerSlot): number {
    return this.#f64[peer * ROW_F64 + RX_BYTES];
  }
  /** When a data message or keepalive was last sent. */
  sentAt(peer: PeerSlot): Milliseconds {
    return this.#time(peer * ROW_F64 + SENT_AT);
  }
  /** When a data message or keepalive was last received. */
  receivedAt(peer: PeerSlot): Milliseconds {
    return this.#time(peer * ROW_F64 + RECEIVED_AT);
  }
  /** When the first data was sent since anything authenticated came back, handshakes included; NEVER when nothing waits for an answer. */
  dataSentSince(peer: PeerSlot): Milliseconds {
    const row = peer * ROW_I32;
    const unanswered = Atomics.load(this.#i32, row + DATA_SENT_UNANSWERED);
    if (unanswered !== (this.#i32[row + RECEIVED_COUNT] + 1 | 0)) return NEVER;
    return this.#time(peer * ROW_F64 + DATA_SENT_FIRST);
  }
  /** When the first data came in since anything authenticated was sent, handshakes included; NEVER when nothing waits for a keepalive. */
  dataReceivedSince(peer: PeerSlot): Milliseconds {
    const row = peer * ROW_I32;
    const unanswered = Atomics.load(this.#i32, row + DATA_RECEIVED_UNANSWERED);
    if (unanswered !== (this.#i32[row + SENT_COUNT] + 1 | 0)) return NEVER;
    return this.#time(peer * ROW_F64 + DATA_RECEIVED_FIRST);
  }
  /** When data (not a keepalive) last came in. */
  dataReceivedAt(peer: PeerSlot): Milliseconds {
    return this.#time(peer * ROW_F64 + DATA_RECEIVED_AT);
  }

  /** A time of a row; fresh memory holds zeros, which stand for NEVER. */
  #time(at: number): Milliseconds {
    const time = this.#f64[at];
    return time === 0 ? NEVER : milliseconds(time);
  }
}
