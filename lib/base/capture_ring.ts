/**
 * The memory of a capture: a ring of records for each writer. The writers are the data planes and
 * the control plane, the reader is the main isolate. A writer never waits: a record for which there
 * is no room is dropped and counted.
 * @module
 */
import { CAPTURE_SNAP_MAX } from "./capture_filter.ts";
import { ENDPOINT_CELL_BYTES } from "./endpoint.ts";
import {
  RECORD,
  RECORD_BYTES_MAX,
  RECORD_CAPTURED,
  RECORD_HEAD_BYTES,
  RECORD_KIND,
  RECORD_LENGTH,
  RECORD_ORIGINAL,
  RECORD_PEER,
  RECORD_TIME,
  recordBytes,
} from "./capture_record.ts";

/** The number of the control plane's ring. Those of the data planes follow. */
export const CONTROL_RING = 0;

/** Bytes of a ring's records, a power of two. The control plane writes handshake messages only. */
const CONTROL_BYTES = 1 << 20;
const DATA_BYTES = 4 << 20;

// The head of a ring. Counts of bytes are 32 bits that wrap. Each writer's fields and the reader's
// are in cache lines of their own.
const TAKEN = 0;
const PUT = 16;
const DROPPED = 17;
/** The time of the last record, as a 64-bit float: word 18, float 9. */
const LAST_TIME = 9;
/**
 * Milliseconds between a record and the one before it, at least. A 64-bit float can tell them apart
 * up to a time of twenty years.
 */
const STEP_MS = 2 ** -13;
const HEAD_BYTES = 128;

const offsetOf = (ring: number): number =>
  ring === CONTROL_RING ? 0 : HEAD_BYTES + CONTROL_BYTES + (ring - 1) * (HEAD_BYTES + DATA_BYTES);

/**
 * Bytes of the memory of a capture of so many data planes. A page of it is used once it is written.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { captureMemoryBytes } from "./capture_ring.ts";
 *
 * assert.ok(captureMemoryBytes(2) < 10_000_000);
 * ```
 */
export const captureMemoryBytes = (dataPlanes: number): number => offsetOf(dataPlanes + 1);

/** The rings in a memory of `captureMemoryBytes`. */
const ringsIn = (bytes: number): number =>
  1 + Math.floor((bytes - offsetOf(1)) / (HEAD_BYTES + DATA_BYTES));

/**
 * The number of the ring of a data plane.
 * @param direction a data plane of both directions is the only one
 * @param index which of those of its direction it is
 * @param senders how many send
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { captureRingOf } from "./capture_ring.ts";
 *
 * assert.equal(captureRingOf("both", 0, 1), 1);
 * assert.equal(captureRingOf("inbound", 1, 2), 4);
 * ```
 */
export function captureRingOf(
  direction: "both" | "outbound" | "inbound",
  index: number,
  senders: number,
): number {
  return 1 + index + (direction === "inbound" ? senders : 0);
}

/**
 * The ring of one writer.
 *
 * A record is later than every record that was put before it, in whatever ring, so the order of the
 * times is that of causes: a writer takes a time just after the latest of all rings unless its own
 * is later still. The turn of a data plane may have begun before the initiation whose response it
 * reads. What is sent is put before it is sent.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { RECORD } from "./capture_record.ts";
 * import { captureMemoryBytes, CaptureRing } from "./capture_ring.ts";
 *
 * const ring = new CaptureRing(new SharedArrayBuffer(captureMemoryBytes(1)), 1);
 * const packet = new Uint8Array(20).fill(0x45);
 * ring.put(RECORD.inner, 0, 0, 1000, 7, packet, 0, 20, packet, 0);
 * const into = new Uint8Array(4096);
 * assert.ok(ring.nextTime === 1000 && ring.takeTo(into, 0) === 56);
 * ```
 */
export class CaptureRing {
  readonly #words: Int32Array;
  readonly #times: readonly Float64Array[];
  readonly #own: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #size: number;
  readonly #snap: number;

  /**
   * Opens a ring.
   * @param buffer memory of `captureMemoryBytes`, which is zeros at first
   * @param ring its number: CONTROL_RING or that of `captureRingOf`
   * @param snap the most bytes of a packet that its writer records
   */
  constructor(buffer: SharedArrayBuffer, ring: number, snap: number = CAPTURE_SNAP_MAX) {
    this.#snap = snap;
    const at = offsetOf(ring);
    this.#size = ring === CONTROL_RING ? CONTROL_BYTES : DATA_BYTES;
    this.#words = new Int32Array(buffer, at, HEAD_BYTES / 4);
    this.#own = new Float64Array(buffer, at, HEAD_BYTES / 8);
    this.#times = Array.from(
      { length: ringsIn(buffer.byteLength) },
      (_, one) => new Float64Array(buffer, offsetOf(one), HEAD_BYTES / 8),
    );
    this.#bytes = new Uint8Array(buffer, at + HEAD_BYTES, this.#size);
    this.#view = new DataView(buffer, at + HEAD_BYTES, this.#size);
  }

  /** The number of records that had no room; it wraps at 2^32. */
  get dropped(): number {
    return Atomics.load(this.#words, DROPPED) >>> 0;
  }

  /**
   * Adds a record with the first `snap` bytes of a packet, or the whole secrets of a handshake. The
   * writer calls it.
   * @param time milliseconds of CLOCK_BOOTTIME
   * @param peer the peer's slot, -1 for none
   * @param original bytes of the whole packet
   * @param cell memory with the endpoint cell of a datagram at `cellAt`; not read for other kinds
   * @returns false when there was no room
   */
  put(
    kind: number,
    direction: number,
    tos: number,
    time: number,
    peer: number,
    bytes: Uint8Array,
    at: number,
    original: number,
    cell: Uint8Array,
    cellAt: number,
  ): boolean {
    const captured = kind === RECORD.secrets ? original : Math.min(original, this.#snap);
    const length = recordBytes(kind, captured);
    const put = Atomics.load(this.#words, PUT);
    const used = put - Atomics.load(this.#words, TAKEN) | 0;
    let to = put & this.#size - 1;
    // A record is in one piece. The rest of the memory is skipped when it is too short.
    const skipped = to + length > this.#size ? this.#size - to : 0;
    if (used + skipped + length > this.#size) {
      Atomics.add(this.#words, DROPPED, 1);
      return false;
    }
    const view = this.#view;
    if (skipped > 0) {
      view.setUint32(to + RECORD_LENGTH, skipped, true);
      this.#bytes[to + RECORD_KIND] = RECORD.end;
      to = 0;
    }
    view.setUint32(to + RECORD_LENGTH, length, true);
    view.setUint32(to + RECORD_KIND, kind | direction << 8 | tos << 16, true);
    view.setFloat64(to + RECORD_TIME, this.#later(time), true);
    view.setInt32(to + RECORD_PEER, peer, true);
    view.setUint32(to + RECORD_ORIGINAL, original, true);
    view.setUint32(to + RECORD_CAPTURED, captured, true);
    let data = to + RECORD_HEAD_BYTES;
    if (kind === RECORD.outer) {
      this.#bytes.set(cell.subarray(cellAt, cellAt + ENDPOINT_CELL_BYTES), data);
      data += ENDPOINT_CELL_BYTES;
    }
    this.#bytes.set(bytes.subarray(at, at + captured), data);
    Atomics.store(this.#words, PUT, put + skipped + length | 0);
    return true;
  }

  /**
   * Takes back the record that was put last, for what could not be sent. The writer calls it, only
   * where the reader cannot have taken the record.
   * @param put what `mark` returned before it was put
   */
  withdraw(put: number): void {
    Atomics.store(this.#words, PUT, put);
  }

  /** Where the next record will be put, for `withdraw`. */
  get mark(): number {
    return Atomics.load(this.#words, PUT);
  }

  #later(time: number): number {
    const latest = Math.max(time, this.latestTime + STEP_MS);
    this.#own[LAST_TIME] = latest;
    return latest;
  }

  /** The time of the latest record of all rings; 0 when there was none. */
  get latestTime(): number {
    let latest = 0;
    for (const times of this.#times) if (times[LAST_TIME] > latest) latest = times[LAST_TIME];
    return latest;
  }

  /** The time of the oldest record; Infinity when there is none. The reader calls it. */
  get nextTime(): number {
    const at = this.#next();
    return at < 0 ? Infinity : this.#view.getFloat64(at + RECORD_TIME, true);
  }

  /**
   * Moves the oldest record to `at`, if it fits. The reader calls it. Secrets are erased in the
   * ring.
   * @returns its length, or 0 when there is none or it does not fit
   */
  takeTo(into: Uint8Array, at: number): number {
    const from = this.#next();
    if (from < 0) return 0;
    const length = this.#view.getUint32(from + RECORD_LENGTH, true);
    if (at + length > into.length) return 0;
    const record = this.#bytes.subarray(from, from + length);
    into.set(record, at);
    if (record[RECORD_KIND] === RECORD.secrets) record.fill(0);
    this.#taken(length);
    return length;
  }

  /** The offset of the oldest record; -1 when there is none. */
  #next(): number {
    while (true) {
      const taken = Atomics.load(this.#words, TAKEN);
      const waiting = Atomics.load(this.#words, PUT) - taken | 0;
      if (waiting <= 0) return -1;
      const at = taken & this.#size - 1;
      const length = this.#view.getUint32(at + RECORD_LENGTH, true);
      // A length that cannot be: the memory is damaged. All of it is dropped.
      if (length < 8 || (length & 7) !== 0 || length > waiting || at + length > this.#size) {
        this.#taken(waiting);
        return -1;
      }
      const isEnd = this.#bytes[at + RECORD_KIND] === RECORD.end;
      if (!isEnd && length >= RECORD_HEAD_BYTES && length <= RECORD_BYTES_MAX) return at;
      this.#taken(length);
    }
  }

  #taken(length: number): void {
    Atomics.store(this.#words, TAKEN, Atomics.load(this.#words, TAKEN) + length | 0);
  }
}
