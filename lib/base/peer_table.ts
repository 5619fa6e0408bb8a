/**
 * What the data plane knows of each peer, in memory that the control plane reads while packets flow.
 * One writer a field: the data plane writes everything but the two "said" flags, which the control plane takes back.
 * @module
 */
import { type Milliseconds, milliseconds, type PeerSlot } from "./brands.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type LocalAddress,
  readEndpointCell,
  readLocalCell,
  writeEndpointCell,
} from "./endpoint.ts";
import { PEERS_MAX } from "./constants.ts";

/** Bytes of one row: eight 64-bit floats, four 32-bit words, the endpoint's cell. */
const ROW_BYTES = 128;
const ROW_F64 = ROW_BYTES / 8;
const ROW_I32 = ROW_BYTES / 4;
const CELL_AT = 80;

const TX_BYTES = 0;
const RX_BYTES = 1;
const SENT_AT = 2;
const RECEIVED_AT = 3;
const DATA_SENT_SINCE = 4;
const DATA_RECEIVED_SINCE = 5;
const DATA_RECEIVED_AT = 6;

const ACTIVE = 16;
const WANTED = 17;
const CELL_VERSION = 18;

/** Rows indexed by PeerSlot over one SharedArrayBuffer; pages that no peer uses are never resident. */
export class PeerTable {
  readonly buffer: SharedArrayBuffer;
  /** Row fields as 64-bit floats: the data plane's hot path indexes it with the FIELD constants of this class. */
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly #bytes: Uint8Array;

  /** @param buffer another isolate's `buffer`; without it a new table of PEERS_MAX rows is made */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(PEERS_MAX * ROW_BYTES)) {
    this.buffer = buffer;
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
  }

  /** Data plane: zeroes a row when a peer takes the slot. */
  clear(peer: PeerSlot): void {
    this.#bytes.fill(0, peer * ROW_BYTES, (peer + 1) * ROW_BYTES);
  }

  /** Data plane, after an authenticated packet was sent. `bytes` on the wire; `data` is false for a keepalive. Returns true when `peer-active` must be said. */
  sent(peer: PeerSlot, bytes: number, data: boolean, now: Milliseconds): boolean {
    const row = peer * ROW_F64;
    this.f64[row + TX_BYTES] += bytes;
    this.f64[row + SENT_AT] = now;
    this.f64[row + DATA_RECEIVED_SINCE] = 0;
    if (data && this.f64[row + DATA_SENT_SINCE] === 0) this.f64[row + DATA_SENT_SINCE] = now;
    return this.#firstSince(peer);
  }

  /** Data plane, after an authenticated packet was received. Returns true when `peer-active` must be said. */
  received(peer: PeerSlot, bytes: number, data: boolean, now: Milliseconds): boolean {
    const row = peer * ROW_F64;
    this.f64[row + RX_BYTES] += bytes;
    this.f64[row + RECEIVED_AT] = now;
    this.f64[row + DATA_SENT_SINCE] = 0;
    if (data) {
      this.f64[row + DATA_RECEIVED_AT] = now;
      if (this.f64[row + DATA_RECEIVED_SINCE] === 0) this.f64[row + DATA_RECEIVED_SINCE] = now;
    }
    return this.#firstSince(peer);
  }

  /** Data plane, when it installs a session: authenticated handshake messages went both ways, so neither side waits for an answer. */
  handshaken(peer: PeerSlot): void {
    const row = peer * ROW_F64;
    this.f64[row + DATA_SENT_SINCE] = 0;
    this.f64[row + DATA_RECEIVED_SINCE] = 0;
  }

  #firstSince(peer: PeerSlot): boolean {
    const at = peer * ROW_I32 + ACTIVE;
    if (this.i32[at] !== 0) return false;
    return Atomics.exchange(this.i32, at, 1) === 0;
  }

  /** Data plane: true when `handshake-wanted` must be said, false when it was and is not yet taken. */
  wantHandshake(peer: PeerSlot): boolean {
    const at = peer * ROW_I32 + WANTED;
    if (this.i32[at] !== 0) return false;
    return Atomics.exchange(this.i32, at, 1) === 0;
  }

  /** Control plane: takes `handshake-wanted`; it may be said again. */
  clearWanted(peer: PeerSlot): void {
    Atomics.store(this.i32, peer * ROW_I32 + WANTED, 0);
  }

  /** Control plane: takes `peer-active`, before reading the row; it may be said again. */
  clearActive(peer: PeerSlot): void {
    Atomics.store(this.i32, peer * ROW_I32 + ACTIVE, 0);
  }

  /** Data plane: where the peer is now. The version is odd while the cell is being written. */
  writeEndpoint(peer: PeerSlot, endpoint: Endpoint | undefined, local: LocalAddress | undefined): void {
    const version = peer * ROW_I32 + CELL_VERSION;
    Atomics.add(this.i32, version, 1);
    writeEndpointCell(this.#bytes, peer * ROW_BYTES + CELL_AT, endpoint, local);
    Atomics.add(this.i32, version, 1);
  }

  /** Control plane: changes with every `writeEndpoint`, so that it can tell whether an `endpoint-set` of its own was applied yet. */
  endpointVersion(peer: PeerSlot): number {
    return Atomics.load(this.i32, peer * ROW_I32 + CELL_VERSION);
  }

  /** Control plane: where the peer is, and from which of our addresses to write to it. */
  readEndpoint(peer: PeerSlot): { endpoint: Endpoint | undefined; local: LocalAddress | undefined } {
    const version = peer * ROW_I32 + CELL_VERSION;
    const cell = new Uint8Array(ENDPOINT_CELL_BYTES);
    while (true) {
      const before = Atomics.load(this.i32, version);
      if ((before & 1) !== 0) continue;
      cell.set(this.#bytes.subarray(peer * ROW_BYTES + CELL_AT, peer * ROW_BYTES + CELL_AT + ENDPOINT_CELL_BYTES));
      if (Atomics.load(this.i32, version) === before) break;
    }
    return { endpoint: readEndpointCell(cell, 0), local: readLocalCell(cell, 0) };
  }

  /** Bytes of data messages sent on the wire. */
  txBytes(peer: PeerSlot): number {
    return this.f64[peer * ROW_F64 + TX_BYTES];
  }
  /** Bytes of data messages received on the wire. */
  rxBytes(peer: PeerSlot): number {
    return this.f64[peer * ROW_F64 + RX_BYTES];
  }
  /** When a data message or keepalive was last sent; 0 for never. */
  sentAt(peer: PeerSlot): Milliseconds {
    return milliseconds(this.f64[peer * ROW_F64 + SENT_AT]);
  }
  /** When a data message or keepalive was last received; 0 for never. */
  receivedAt(peer: PeerSlot): Milliseconds {
    return milliseconds(this.f64[peer * ROW_F64 + RECEIVED_AT]);
  }
  /** When the first data was sent since anything authenticated came back, handshakes included; 0 when nothing waits for an answer. */
  dataSentSince(peer: PeerSlot): Milliseconds {
    return milliseconds(this.f64[peer * ROW_F64 + DATA_SENT_SINCE]);
  }
  /** When the first data came in since anything authenticated was sent, handshakes included; 0 when nothing waits for a keepalive. */
  dataReceivedSince(peer: PeerSlot): Milliseconds {
    return milliseconds(this.f64[peer * ROW_F64 + DATA_RECEIVED_SINCE]);
  }
  /** When data (not a keepalive) last came in; 0 for never. */
  dataReceivedAt(peer: PeerSlot): Milliseconds {
    return milliseconds(this.f64[peer * ROW_F64 + DATA_RECEIVED_AT]);
  }
}
