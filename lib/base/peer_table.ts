/**
 * The peer table: the state of each peer that the control plane and the data planes share.
 *
 * Sending and receiving may run in several threads. Each field is written by one thread, and each
 * thread has a cache line of its own for each peer: the first sender and the first receiver in the
 * row, the others (`PeerTableOptions`) behind the rows. Reading adds these up. "Sent since
 * something was received" (the `since` fields) is found by comparing counts, so no thread resets a
 * field of another.
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
import type { DataPlanes } from "./data_planes.ts";
import { PEER_COUNTERS_BYTES, PeerCounters } from "./peer_counters.ts";
import { NEVER } from "./times.ts";

/** Bytes of a line, which one thread writes. */
const LINE_BYTES = 64;
/** Bytes of a row: a sending line, the receiving line, and a line that several threads write. */
const ROW_BYTES = 3 * LINE_BYTES;
const ROW_I32 = ROW_BYTES / 4;

// Indices in a sending line: three of 64-bit floats, then two of 32-bit words.
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

// Indices in a receiving line: four of 64-bit floats, then two of 32-bit words.
const RX_BYTES = 0;
const RECEIVED_AT = 1;
const DATA_RECEIVED_AT = 2;
const DATA_RECEIVED_FIRST = 3;
/** Counts authenticated receives, as SENT_COUNT does sends. */
const RECEIVED_COUNT = 8;
/** SENT_COUNT + 1 at the time of DATA_RECEIVED_FIRST; 0 for none. */
const DATA_RECEIVED_UNANSWERED = 9;

/**
 * The index of a 32-bit word in the row, in the first receiving line: 1 from the event
 * `endpoint-moved` until `clearRoamed`. Several threads write it.
 */
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

/** The threads that send and receive, and which of them a table writes for. */
export interface PeerTableOptions extends Partial<DataPlanes> {
  /** The sender whose line `sent` and `handshakeSent` write, from 0 on; 0 by default. */
  readonly sender?: number;
  /** The receiver whose line `received` and `handshakeReceived` write; 0 by default. */
  readonly receiver?: number;
}

/**
 * Bytes for one peer: its row, its counters, and `lines` lines of further senders and receivers.
 * The rows of all peers come first, then the counters of all, then the lines.
 */
const peerBytes = (lines: number): number => ROW_BYTES + PEER_COUNTERS_BYTES + lines * LINE_BYTES;

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
  readonly #senders: number;
  readonly #receivers: number;
  /** The lines that this table's thread writes. */
  readonly #sender: number;
  readonly #receiver: number;
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
  constructor(buffer?: SharedArrayBuffer, options: PeerTableOptions = {}) {
    const { senders = 1, receivers = 1, sender = 0, receiver = 0 } = options;
    const lines = senders - 1 + receivers - 1;
    // Lines begin at a multiple of their length.
    const rest = HANDSHAKES_BYTES + (lines > 0 ? LINE_BYTES : 0);
    buffer ??= new SharedArrayBuffer(PEERS_MAX * peerBytes(lines) + rest);
    const peers = Math.floor((buffer.byteLength - rest) / peerBytes(lines));
    this.buffer = buffer;
    this.#senders = senders;
    this.#receivers = receivers;
    this.#sender = sender;
    this.#receiver = receiver;
    this.counters = new PeerCounters(buffer, peers * ROW_BYTES, peers);
    this.#linesAt = Math.ceil(peers * (ROW_BYTES + PEER_COUNTERS_BYTES) / LINE_BYTES) * LINE_BYTES;
    this.#peers = peers;
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
    const clearLine = (at: number) => this.#bytes.fill(0, at, at + LINE_BYTES);
    for (let k = 1; k < this.#senders; k++) clearLine(this.#sendingLine(k, peer));
    for (let k = 1; k < this.#receivers; k++) clearLine(this.#receivingLine(k, peer));
    this.counters.clear(peer);
  }

  /**
   * Call from the sending data plane after authenticated datagrams were sent.
   * @param bytes bytes on the wire
   * @param data false when all were keepalives
   * @returns whether to report `peer-active`
   */
  sent(peer: PeerSlot, bytes: number, data: boolean, now: Milliseconds): boolean {
    const line = this.#sendingLine(this.#sender, peer);
    const f64 = line / 8;
    const i32 = line / 4;
    this.#f64[f64 + TX_BYTES] += bytes;
    this.#f64[f64 + SENT_AT] = now;
    this.#i32[i32 + SENT_COUNT]++;
    if (data) {
      const unanswered = this.#receivedCount(peer) + 1 | 0;
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
    const line = this.#receivingLine(this.#receiver, peer);
    const f64 = line / 8;
    const i32 = line / 4;
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
    this.#i32[this.#sendingLine(this.#sender, peer) / 4 + SENT_COUNT]++;
  }

  /**
   * Call from the receiving data plane when it installs a session. A handshake message was
   * received, so data sent before counts as answered.
   */
  handshakeReceived(peer: PeerSlot): void {
    this.#i32[this.#receivingLine(this.#receiver, peer) / 4 + RECEIVED_COUNT]++;
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
    for (let k = 0; k < this.#senders; k++) {
      bytes += this.#f64[this.#sendingLine(k, peer) / 8 + TX_BYTES];
    }
    return bytes;
  }
  /** Bytes of data messages and keepalives received, on the wire. */
  rxBytes(peer: PeerSlot): number {
    let bytes = 0;
    for (let k = 0; k < this.#receivers; k++) {
      bytes += this.#f64[this.#receivingLine(k, peer) / 8 + RX_BYTES];
    }
    return bytes;
  }
  /** When a data message or keepalive was last sent. */
  sentAt(peer: PeerSlot): Milliseconds {
    let latest = NEVER;
    for (let k = 0; k < this.#senders; k++) {
      latest = later(latest, this.#time(this.#sendingLine(k, peer) / 8 + SENT_AT));
    }
    return latest;
  }
  /** When a data message or keepalive was last received. */
  receivedAt(peer: PeerSlot): Milliseconds {
    return this.#latestReceived(peer, RECEIVED_AT);
  }
  /**
   * When data was first sent after anything authenticated was last received, handshakes included;
   * NEVER when no data waits for an answer.
   */
  dataSentSince(peer: PeerSlot): Milliseconds {
    const waiting = this.#receivedCount(peer) + 1 | 0;
    let first: number = Infinity;
    for (let k = 0; k < this.#senders; k++) {
      const line = this.#sendingLine(k, peer);
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
    for (let k = 0; k < this.#senders; k++) {
      latest = later(latest, this.#time(this.#sendingLine(k, peer) / 8 + DATA_SENT_FIRST));
    }
    return latest;
  }
  /**
   * When data was first received after anything authenticated was last sent, handshakes included;
   * NEVER when no keepalive is owed.
   */
  dataReceivedSince(peer: PeerSlot): Milliseconds {
    const waiting = this.#sentCount(peer) + 1 | 0;
    let first: number = Infinity;
    for (let k = 0; k < this.#receivers; k++) {
      const line = this.#receivingLine(k, peer);
      if (Atomics.load(this.#i32, line / 4 + DATA_RECEIVED_UNANSWERED) !== waiting) continue;
      first = Math.min(first, this.#time(line / 8 + DATA_RECEIVED_FIRST));
    }
    return first === Infinity ? NEVER : milliseconds(first);
  }
  /** When data, not a keepalive, was last received. */
  dataReceivedAt(peer: PeerSlot): Milliseconds {
    return this.#latestReceived(peer, DATA_RECEIVED_AT);
  }

  /** The latest time of a field of all receivers. */
  #latestReceived(peer: PeerSlot, field: number): Milliseconds {
    let latest = NEVER;
    for (let k = 0; k < this.#receivers; k++) {
      latest = later(latest, this.#time(this.#receivingLine(k, peer) / 8 + field));
    }
    return latest;
  }

  /** Authenticated sends of all senders. */
  #sentCount(peer: PeerSlot): number {
    let count = 0;
    for (let k = 0; k < this.#senders; k++) {
      count = count + this.#i32[this.#sendingLine(k, peer) / 4 + SENT_COUNT] | 0;
    }
    return count;
  }

  /** Authenticated receives of all receivers. */
  #receivedCount(peer: PeerSlot): number {
    let count = 0;
    for (let k = 0; k < this.#receivers; k++) {
      count = count + this.#i32[this.#receivingLine(k, peer) / 4 + RECEIVED_COUNT] | 0;
    }
    return count;
  }

  /** The offset of a sender's line, in bytes. */
  #sendingLine(sender: number, peer: PeerSlot): number {
    return sender === 0 ? peer * ROW_BYTES : this.#line(sender - 1, peer);
  }

  /** The offset of a receiver's line, in bytes. */
  #receivingLine(receiver: number, peer: PeerSlot): number {
    return receiver === 0
      ? peer * ROW_BYTES + LINE_BYTES
      : this.#line(this.#senders + receiver - 2, peer);
  }

  /** The offset of a line behind the rows, in bytes. */
  #line(number: number, peer: PeerSlot): number {
    return this.#linesAt + (number * this.#peers + peer) * LINE_BYTES;
  }

  /** A time of a row. New memory holds zeros, which stand for NEVER. */
  #time(at: number): Milliseconds {
    const time = this.#f64[at];
    return time === 0 ? NEVER : milliseconds(time);
  }
}

function later(a: Milliseconds, b: Milliseconds): Milliseconds {
  return a > b ? a : b;
}
