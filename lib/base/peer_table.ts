/**
 * The peer table: the state of each peer that the control plane and the data planes share.
 *
 * Sending and receiving may run in several threads. What is received of a peer is received by one
 * thread, but several may send to it. Each field is written by one thread, and each thread has a
 * cache line of its own: the receiving one and the first that sends in the row, the others that
 * send (`PeerTableOptions`) behind the rows. Reading adds these up. "Sent since something was
 * received" (the `since` fields) is found by comparing counts, so no thread resets a field of
 * another.
 *
 * Several threads write, with Atomics: the flags ACTIVE, WANTED and ROAMED, and the endpoint.
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

/** Bytes of a line, which one thread writes. */
const LINE_BYTES = 64;
const LINE_F64 = LINE_BYTES / 8;
const LINE_I32 = LINE_BYTES / 4;
/** Bytes of a row: a sending line, the receiving line, and a line that several threads write. */
const ROW_BYTES = 3 * LINE_BYTES;
const ROW_F64 = ROW_BYTES / 8;
const ROW_I32 = ROW_BYTES / 4;

// Indices in the sending line: three of 64-bit floats, then two of 32-bit words.
const TX_BYTES = 0;
const SENT_AT = 1;
const DATA_SENT_FIRST = 2;
/** Counts authenticated sends, handshakes included. A run of datagrams counts once. */
const SENT_COUNT = 6;
/**
 * RECEIVED_COUNT + 1 at the time of DATA_SENT_FIRST; 0 for none. Nothing was received since, if
 * RECEIVED_COUNT is still the same.
 */
const DATA_SENT_UNANSWERED = 7;

// Indices in the receiving line: four of 64-bit floats, then three of 32-bit words.
const RX_BYTES = 8;
const RECEIVED_AT = 9;
const DATA_RECEIVED_AT = 10;
const DATA_RECEIVED_FIRST = 11;
/** Counts authenticated receives, as SENT_COUNT does sends. */
const RECEIVED_COUNT = 24;
/** SENT_COUNT + 1 at the time of DATA_RECEIVED_FIRST; 0 for none. */
const DATA_RECEIVED_UNANSWERED = 25;
/** 1 from the event `endpoint-moved` until `clearRoamed`. */
const ROAMED = 26;

// Indices of 32-bit words in the shared line.
/** 1 from the event `peer-active` until `clearActive`. */
const ACTIVE = 32;
/** 1 from the event `handshake-wanted` until `clearWanted`. */
const WANTED = 33;
/** Odd while a thread writes the endpoint; see `endpointVersion`. */
const CELL_VERSION = 34;
/** The interface of `keepSourcesBy`; 0 for any. Only the control plane writes it. */
const SOURCES_BY = 35;
/** Offset in bytes of the endpoint cell. */
const CELL_AT = 144;

/**
 * Entries of the table of handshake messages sent, which follows all rows. An entry is a sender
 * index and the slot + 1 of the peer. The low bits of the sender index choose the entry.
 */
const HANDSHAKES = 256;
const HANDSHAKES_BYTES = HANDSHAKES * 8;

/** The threads that send, and which of them a table writes for. */
export interface PeerTableOptions {
  /** The number of threads that send; 1 by default. It is the same for all tables of a buffer. */
  readonly senders?: number;
  /** The sender whose line `sent` and `handshakeSent` write, from 0 on; 0 by default. */
  readonly sender?: number;
}

/**
 * Bytes for one peer: its row, its counters, and the lines of the second and further senders. The
 * rows of all peers come first, then the counters of all, then the lines.
 */
const peerBytes = (senders: number): number =>
  ROW_BYTES + PEER_COUNTERS_BYTES + (senders - 1) * LINE_BYTES;

/**
 * The peer table, indexed by PeerSlot. Pages of rows that no peer uses are not resident.
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
  /** The memory of the table, from which another isolate makes its PeerTable. */
  readonly buffer: SharedArrayBuffer;
  /** The counters of each peer. */
  readonly counters: PeerCounters;
  /** The number of threads that send. */
  readonly senders: number;
  /** Where the sending line of this table's thread is: for peer 0, and from peer to peer. */
  readonly #sendF64: number;
  readonly #sendI32: number;
  readonly #sendStepF64: number;
  readonly #sendStepI32: number;
  /** Where the lines of the second sender begin, in bytes. */
  readonly #linesAt: number;
  readonly #peers: number;
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;
  /** Where `readEndpoint` copies a cell to. */
  readonly #cell: Uint8Array = new Uint8Array(ENDPOINT_CELL_BYTES);
  readonly #bytes: Uint8Array;
  readonly #handshakes: Int32Array;

  /**
   * Makes a table, or opens the table of another isolate.
   * @param buffer the `buffer` of another isolate; by default a new table of PEERS_MAX rows
   */
  constructor(buffer?: SharedArrayBuffer, { senders = 1, sender = 0 }: PeerTableOptions = {}) {
    // The lines of further senders begin at a multiple of their length.
    const rest = HANDSHAKES_BYTES + (senders > 1 ? LINE_BYTES : 0);
    buffer ??= new SharedArrayBuffer(PEERS_MAX * peerBytes(senders) + rest);
    const peers = Math.floor((buffer.byteLength - rest) / peerBytes(senders));
    this.buffer = buffer;
    this.senders = senders;
    this.counters = new PeerCounters(buffer, peers * ROW_BYTES, peers);
    const linesAt = Math.ceil(peers * (ROW_BYTES + PEER_COUNTERS_BYTES) / LINE_BYTES) * LINE_BYTES;
    this.#linesAt = linesAt;
    this.#peers = peers;
    const own = sender === 0 ? 0 : linesAt + (sender - 1) * peers * LINE_BYTES;
    this.#sendF64 = own / 8;
    this.#sendI32 = own / 4;
    this.#sendStepF64 = sender === 0 ? ROW_F64 : LINE_F64;
    this.#sendStepI32 = sender === 0 ? ROW_I32 : LINE_I32;
    this.#f64 = new Float64Array(buffer);
    this.#i32 = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
    this.#handshakes = new Int32Array(buffer, buffer.byteLength - HANDSHAKES_BYTES);
  }

  /**
   * Zeroes a row. The control plane calls it before a peer gets the slot. The data plane must have
   * removed the slot's previous peer.
   */
  clear(peer: PeerSlot): void {
    this.#bytes.fill(0, peer * ROW_BYTES, (peer + 1) * ROW_BYTES);
    for (let sender = 1; sender < this.senders; sender++) {
      const line = this.#lineOf(sender, peer);
      this.#bytes.fill(0, line, line + LINE_BYTES);
    }
    this.counters.clear(peer);
  }

  /**
   * Call from the sending data plane after authenticated datagrams were sent.
   * @param bytes bytes on the wire
   * @param data false when all were keepalives
   * @returns whether to report `peer-active`
   */
  sent(peer: PeerSlot, bytes: number, data: boolean, now: Milliseconds): boolean {
    const f64 = this.#sendF64 + peer * this.#sendStepF64;
    const i32 = this.#sendI32 + peer * this.#sendStepI32;
    this.#f64[f64 + TX_BYTES] += bytes;
    this.#f64[f64 + SENT_AT] = now;
    this.#i32[i32 + SENT_COUNT]++;
    if (data) {
      const unanswered = this.#i32[peer * ROW_I32 + RECEIVED_COUNT] + 1 | 0;
      if (this.#i32[i32 + DATA_SENT_UNANSWERED] !== unanswered) {
        this.#f64[f64 + DATA_SENT_FIRST] = now;
        // Stored after the time, so that another thread that sees the count reads the new time.
        Atomics.store(this.#i32, i32 + DATA_SENT_UNANSWERED, unanswered);
      }
    }
    return this.#firstSince(peer);
  }

  /**
   * Call from the receiving data plane after authenticated datagrams were received.
   * @param bytes bytes on the wire
   * @param data false when all were keepalives
   * @returns whether to report `peer-active`
   */
  received(peer: PeerSlot, bytes: number, data: boolean, now: Milliseconds): boolean {
    const f64 = peer * ROW_F64;
    const i32 = peer * ROW_I32;
    this.#f64[f64 + RX_BYTES] += bytes;
    this.#f64[f64 + RECEIVED_AT] = now;
    this.#i32[i32 + RECEIVED_COUNT]++;
    if (data) {
      this.#f64[f64 + DATA_RECEIVED_AT] = now;
      const unanswered = this.#sentCount(peer) + 1 | 0;
      if (this.#i32[i32 + DATA_RECEIVED_UNANSWERED] !== unanswered) {
        this.#f64[f64 + DATA_RECEIVED_FIRST] = now;
        Atomics.store(this.#i32, i32 + DATA_RECEIVED_UNANSWERED, unanswered);
      }
    }
    return this.#firstSince(peer);
  }

  /**
   * Call from the sending data plane when it installs a session. A handshake message was sent, so
   * no passive keepalive is owed to the peer.
   */
  handshakeSent(peer: PeerSlot): void {
    this.#i32[this.#sendI32 + peer * this.#sendStepI32 + SENT_COUNT]++;
  }

  /**
   * Call from the receiving data plane when it installs a session. A handshake message was
   * received, so data sent before counts as answered.
   */
  handshakeReceived(peer: PeerSlot): void {
    this.#i32[peer * ROW_I32 + RECEIVED_COUNT]++;
  }

  /**
   * Remembers which peer a handshake message goes to, in case the message comes back as a packet.
   * The control plane calls it before it sends an initiation or response.
   * @param index the message's sender index
   */
  handshakeLeaves(peer: PeerSlot, index: SessionIndex): void {
    const at = (index & (HANDSHAKES - 1)) * 2;
    Atomics.store(this.#handshakes, at + 1, peer + 1);
    Atomics.store(this.#handshakes, at, index);
  }

  /**
   * The peer that a handshake message of ours was sent to, by its sender index (unsigned).
   * Undefined for messages of others, and for those whose entry a later message has overwritten.
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

  /**
   * Call from a data plane that wants a handshake. Returns whether to report `handshake-wanted`.
   */
  wantHandshake(peer: PeerSlot): boolean {
    const at = peer * ROW_I32 + WANTED;
    if (this.#i32[at] !== 0) return false;
    return Atomics.exchange(this.#i32, at, 1) === 0;
  }

  /** Call from the control plane: `handshake-wanted` may be reported again. */
  clearWanted(peer: PeerSlot): void {
    Atomics.store(this.#i32, peer * ROW_I32 + WANTED, 0);
  }

  /**
   * Call from a data plane that has moved the peer's endpoint. Returns whether to report
   * `endpoint-moved`.
   */
  roamed(peer: PeerSlot): boolean {
    return Atomics.exchange(this.#i32, peer * ROW_I32 + ROAMED, 1) === 0;
  }

  /**
   * Call from the control plane before it reads the endpoint: `endpoint-moved` may be reported
   * again.
   */
  clearRoamed(peer: PeerSlot): void {
    Atomics.store(this.#i32, peer * ROW_I32 + ROAMED, 0);
  }

  /** Call from the control plane before it reads the row: `peer-active` may be reported again. */
  clearActive(peer: PeerSlot): void {
    Atomics.store(this.#i32, peer * ROW_I32 + ACTIVE, 0);
  }

  /**
   * Sets the peer's endpoint, from configuration or from the source of an authenticated message.
   * Any thread may call it. The last writer wins, and readers see a whole cell. A local address
   * that `keepsSourceBy` rejects is left out.
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

  /** Clears the peer's local address. The kernel then chooses the source of datagrams. */
  clearLocal(peer: PeerSlot): void {
    const at = this.#lockCell(peer);
    clearLocalCell(this.#bytes, peer * ROW_BYTES + CELL_AT);
    Atomics.add(this.#i32, at, 1);
  }

  /**
   * Restricts the local addresses that `writeEndpoint` stores to datagrams received by one
   * interface. The control plane calls it when the route to the peer has changed. The address that
   * is stored stays.
   * @param interfaceIndex the kernel's index of the interface; 0 lifts the restriction
   */
  keepSourcesBy(peer: PeerSlot, interfaceIndex: number): void {
    Atomics.store(this.#i32, peer * ROW_I32 + SOURCES_BY, interfaceIndex);
  }

  /** Whether `writeEndpoint` stores the local address of a datagram received by this interface. */
  keepsSourceBy(peer: PeerSlot, interfaceIndex: number): boolean {
    const only = Atomics.load(this.#i32, peer * ROW_I32 + SOURCES_BY);
    return only === 0 || only === interfaceIndex;
  }

  /** Whether the peer has a local address, from which datagrams to it are sent. */
  hasLocal(peer: PeerSlot): boolean {
    return this.#bytes[peer * ROW_BYTES + CELL_AT + 1] !== 0;
  }

  /**
   * Waits for other writers and makes the version odd. Returns the index of the version, to which
   * the caller adds 1. The wait is a few hundred nanoseconds, unless the kernel suspends the
   * writer.
   */
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

  /**
   * The version of the endpoint cell. It changes with every write, so a copy can be checked by it.
   */
  endpointVersion(peer: PeerSlot): number {
    return Atomics.load(this.#i32, peer * ROW_I32 + CELL_VERSION);
  }

  /**
   * Copies the endpoint cell into `bytes` at `to`. Returns its version, or -1 when another thread
   * wrote it meanwhile; the copy may then mix two endpoints.
   */
  copyEndpoint(peer: PeerSlot, bytes: Uint8Array, to: number): number {
    const at = peer * ROW_I32 + CELL_VERSION;
    const version = Atomics.load(this.#i32, at);
    const cell = peer * ROW_BYTES + CELL_AT;
    for (let i = 0; i < ENDPOINT_CELL_BYTES; i++) bytes[to + i] = this.#bytes[cell + i];
    return (version & 1) === 0 && Atomics.load(this.#i32, at) === version ? version : -1;
  }

  /** The peer's endpoint, and the local address from which datagrams to it are sent. */
  readEndpoint(
    peer: PeerSlot,
  ): { endpoint: Endpoint | undefined; local: LocalAddress | undefined } {
    const cell = this.#cell;
    while (this.copyEndpoint(peer, cell, 0) < 0);
    return { endpoint: readEndpointCell(cell, 0), local: readLocalCell(cell, 0) };
  }

  /** Bytes of data messages and keepalives sent, on the wire. */
  txBytes(peer: PeerSlot): number {
    let bytes = 0;
    for (let k = 0; k < this.senders; k++) bytes += this.#f64[this.#lineOf(k, peer) / 8 + TX_BYTES];
    return bytes;
  }
  /** Bytes of data messages and keepalives received, on the wire. */
  rxBytes(peer: PeerSlot): number {
    return this.#f64[peer * ROW_F64 + RX_BYTES];
  }
  /** When a data message or keepalive was last sent. */
  sentAt(peer: PeerSlot): Milliseconds {
    let latest = NEVER;
    for (let k = 0; k < this.senders; k++) {
      latest = milliseconds(Math.max(latest, this.#time(this.#lineOf(k, peer) / 8 + SENT_AT)));
    }
    return latest;
  }
  /** When a data message or keepalive was last received. */
  receivedAt(peer: PeerSlot): Milliseconds {
    return this.#time(peer * ROW_F64 + RECEIVED_AT);
  }
  /**
   * When data was first sent after anything authenticated was last received, handshakes included;
   * NEVER when no data waits for an answer.
   */
  dataSentSince(peer: PeerSlot): Milliseconds {
    const waiting = this.#i32[peer * ROW_I32 + RECEIVED_COUNT] + 1 | 0;
    let first: number = Infinity;
    for (let k = 0; k < this.senders; k++) {
      const line = this.#lineOf(k, peer);
      if (Atomics.load(this.#i32, line / 4 + DATA_SENT_UNANSWERED) !== waiting) continue;
      first = Math.min(first, this.#time(line / 8 + DATA_SENT_FIRST));
    }
    return first === Infinity ? NEVER : milliseconds(first);
  }
  /**
   * As `dataSentSince`, also after an answer: then the latest such time of all senders. NEVER when
   * no data was sent at all.
   */
  dataSentFirst(peer: PeerSlot): Milliseconds {
    const unanswered = this.dataSentSince(peer);
    if (unanswered !== NEVER) return unanswered;
    let latest = NEVER;
    for (let k = 0; k < this.senders; k++) {
      const first = this.#time(this.#lineOf(k, peer) / 8 + DATA_SENT_FIRST);
      latest = milliseconds(Math.max(latest, first));
    }
    return latest;
  }
  /**
   * When data was first received after anything authenticated was last sent, handshakes included;
   * NEVER when no keepalive is owed.
   */
  dataReceivedSince(peer: PeerSlot): Milliseconds {
    const row = peer * ROW_I32;
    const unanswered = Atomics.load(this.#i32, row + DATA_RECEIVED_UNANSWERED);
    if (unanswered !== (this.#sentCount(peer) + 1 | 0)) return NEVER;
    return this.#time(peer * ROW_F64 + DATA_RECEIVED_FIRST);
  }
  /** When data, not a keepalive, was last received. */
  dataReceivedAt(peer: PeerSlot): Milliseconds {
    return this.#time(peer * ROW_F64 + DATA_RECEIVED_AT);
  }

  /** Authenticated sends of all senders. */
  #sentCount(peer: PeerSlot): number {
    let count = this.#i32[peer * ROW_I32 + SENT_COUNT];
    for (let k = 1; k < this.senders; k++) {
      count = count + this.#i32[this.#lineOf(k, peer) / 4 + SENT_COUNT] | 0;
    }
    return count;
  }

  /** The offset of a sender's line, in bytes. */
  #lineOf(sender: number, peer: PeerSlot): number {
    return sender === 0
      ? peer * ROW_BYTES
      : this.#linesAt + ((sender - 1) * this.#peers + peer) * LINE_BYTES;
  }

  /** A time of a row. New memory holds zeros, which stand for NEVER. */
  #time(at: number): Milliseconds {
    const time = this.#f64[at];
    return time === 0 ? NEVER : milliseconds(time);
  }
}
