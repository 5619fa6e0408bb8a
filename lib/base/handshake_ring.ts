/**
 * A queue of handshake messages in shared memory, from the data plane to the control plane. A slot
 * has a message and the endpoint cell of its source, so a flood allocates nothing.
 * @module
 */
import { INITIATION_LENGTH } from "./constants.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type LocalAddress,
  readEndpointCell,
  readLocalCell,
} from "./endpoint.ts";

/** A received handshake message with its addresses. */
export interface HandshakeMessage {
  /** The initiation, response or cookie reply: 148, 92 or 64 bytes. */
  readonly datagram: Uint8Array;
  /** The source of the datagram. */
  readonly source: Endpoint;
  /** The local address that the datagram was sent to; undefined when it is not known. */
  readonly local: LocalAddress | undefined;
}

// The head of a ring has two 32-bit counts that wrap, each in a cache line of its own, and beside
// the second one a word that is 1 while a producer puts a message in.
const TAKEN = 0;
const PUT = 16;
const PUTTING = 17;
const HEAD_BYTES = 128;

/**
 * How often a producer looks whether another one has finished, some 200 ns of work. After that the
 * other one is suspended by the kernel, or the memory is damaged, and the producer goes on: two
 * messages may be mixed then, which their macs show.
 */
const TRIES_MAX = 10_000;

// A slot has the length of the message, the endpoint cell, and the message.
const CELL_AT = 4;
const MESSAGE_AT = CELL_AT + ENDPOINT_CELL_BYTES;
const SLOT_BYTES = MESSAGE_AT + INITIATION_LENGTH;

/**
 * Bytes of a ring with `slots` slots.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { handshakeRingBytes } from "./handshake_ring.ts";
 *
 * assert.ok(handshakeRingBytes(1) === 128 + 200);
 * ```
 */
export function handshakeRingBytes(slots: number): number {
  return HEAD_BYTES + slots * SLOT_BYTES;
}

/**
 * A ring of slots with one consumer. It and the producers may be different isolates.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ENDPOINT_CELL_BYTES, writeEndpointCell } from "./endpoint.ts";
 * import { HandshakeRing, handshakeRingBytes } from "./handshake_ring.ts";
 *
 * const ring = new HandshakeRing(new SharedArrayBuffer(handshakeRingBytes(4)), 0, 4);
 * const bytes = new Uint8Array(ENDPOINT_CELL_BYTES + 64);
 * const source = { address: Uint8Array.of(192, 0, 2, 1), port: 51820, scope: 0 };
 * writeEndpointCell(bytes, 0, source, undefined);
 * assert.ok(ring.put(bytes, ENDPOINT_CELL_BYTES, 64, 0));
 * assert.ok(ring.take()?.source.port === 51820);
 * ```
 */
export class HandshakeRing {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #slots: number;

  /**
   * Makes a ring, or opens the ring of another isolate.
   * @param buffer memory of zeros, or the memory of another isolate's ring
   * @param at offset of the ring in `buffer`, in bytes, a multiple of 4
   * @param slots the most messages that wait, a power of two
   */
  constructor(buffer: SharedArrayBuffer, at: number, slots: number) {
    this.#words = new Int32Array(buffer, at, HEAD_BYTES / 4);
    this.#bytes = new Uint8Array(buffer, at + HEAD_BYTES, slots * SLOT_BYTES);
    this.#slots = slots;
  }

  /** The number of messages that wait. */
  get waiting(): number {
    return Atomics.load(this.#words, PUT) - Atomics.load(this.#words, TAKEN) | 0;
  }

  /**
   * The number of messages that can be taken. If the counts contradict each other, the memory is
   * damaged: all messages are dropped, so that the ring works again.
   */
  #takeable(): number {
    const waiting = this.waiting;
    if (waiting >= 0 && waiting <= this.#slots) return waiting;
    Atomics.store(this.#words, TAKEN, Atomics.load(this.#words, PUT));
    return 0;
  }

  /** Whether the ring is full. Only the answer of a single producer is exact. */
  get isFull(): boolean {
    return this.waiting >= this.#slots;
  }

  /**
   * Adds a message of `length` bytes (at most 148) at `at`, and the endpoint cell at `cellAt`.
   * Producers call it. Returns false when the ring is full.
   */
  put(bytes: Uint8Array, at: number, length: number, cellAt: number): boolean {
    if (this.isFull || length > INITIATION_LENGTH) return false;
    let tries = 0;
    while (Atomics.compareExchange(this.#words, PUTTING, 0, 1) !== 0 && tries < TRIES_MAX) tries++;
    const isPut = this.#putAlone(bytes, at, length, cellAt);
    Atomics.store(this.#words, PUTTING, 0);
    return isPut;
  }

  #putAlone(bytes: Uint8Array, at: number, length: number, cellAt: number): boolean {
    if (this.isFull) return false;
    const ring = this.#bytes;
    const count = Atomics.load(this.#words, PUT);
    const slot = this.#slotAt(count);
    ring[slot] = length;
    for (let i = 0; i < ENDPOINT_CELL_BYTES; i++) ring[slot + CELL_AT + i] = bytes[cellAt + i];
    for (let i = 0; i < length; i++) ring[slot + MESSAGE_AT + i] = bytes[at + i];
    Atomics.store(this.#words, PUT, count + 1 | 0);
    return true;
  }

  /**
   * Moves the oldest message to `at`, where 148 bytes are free, and its endpoint cell to `cellAt`.
   * The consumer calls it. Returns the length of the message, or 0 when none waits.
   */
  takeTo(bytes: Uint8Array, at: number, cellAt: number): number {
    if (this.#takeable() === 0) return 0;
    const ring = this.#bytes;
    const count = Atomics.load(this.#words, TAKEN);
    const slot = this.#slotAt(count);
    const length = Math.min(ring[slot], INITIATION_LENGTH);
    for (let i = 0; i < ENDPOINT_CELL_BYTES; i++) bytes[cellAt + i] = ring[slot + CELL_AT + i];
    for (let i = 0; i < length; i++) bytes[at + i] = ring[slot + MESSAGE_AT + i];
    Atomics.store(this.#words, TAKEN, count + 1 | 0);
    return length;
  }

  /**
   * Removes and returns the oldest message; undefined when none waits. The consumer calls it.
   * Messages without a source are skipped.
   */
  take(): HandshakeMessage | undefined {
    while (this.#takeable() > 0) {
      const bytes = new Uint8Array(SLOT_BYTES);
      const length = this.takeTo(bytes, MESSAGE_AT, CELL_AT);
      const source = readEndpointCell(bytes, CELL_AT);
      if (source === undefined) continue;
      const datagram = bytes.subarray(MESSAGE_AT, MESSAGE_AT + length);
      return { datagram, source, local: readLocalCell(bytes, CELL_AT) };
    }
    return undefined;
  }

  #slotAt(count: number): number {
    return (count & this.#slots - 1) * SLOT_BYTES;
  }
}
