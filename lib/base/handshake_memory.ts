/**
 * The memory about handshake messages that the two planes share: the queues of received messages,
 * the keys and indices with which the data plane checks them, and the session keys that follow from
 * them. Its size is fixed.
 * @module
 */
import { AWAITED_INDICES_BYTES, AwaitedIndices } from "./awaited_indices.ts";
import { HANDSHAKE_QUEUE_MAX, PROVEN_QUEUE_MAX } from "./constants.ts";
import { COOKIE_KEYS_BYTES, CookieKeys } from "./cookie_keys.ts";
import { usesSecretMemory } from "./secret_bytes.ts";
import { SESSION_KEYS_AREA_BYTES, SessionKeySlots } from "./session_keys.ts";
import { type HandshakeMessage, HandshakeRing, handshakeRingBytes } from "./handshake_ring.ts";

export type { HandshakeMessage } from "./handshake_ring.ts";

const WORDS_BYTES = 64;
const KEYS_AT = WORDS_BYTES;
const PROVEN_AT = KEYS_AT + Math.ceil(COOKIE_KEYS_BYTES / 64) * 64;
const OTHERS_AT = PROVEN_AT + handshakeRingBytes(PROVEN_QUEUE_MAX);
const AWAITED_AT = OTHERS_AT + handshakeRingBytes(HANDSHAKE_QUEUE_MAX);

const SESSION_KEYS_AT = AWAITED_AT + Math.ceil(AWAITED_INDICES_BYTES / 64) * 64;

/** Bytes of the memory, about 1.6 MB. A page becomes resident when it is used. */
export const HANDSHAKE_MEMORY_BYTES: number = SESSION_KEYS_AT + SESSION_KEYS_AREA_BYTES;

/** The word that is 1 from the event `handshakes-waiting` until `heard`. */
const TOLD = 0;

/**
 * The handshake memory of one interface.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { HandshakeMemory } from "./handshake_memory.ts";
 *
 * const here = new HandshakeMemory();
 * const there = new HandshakeMemory(here.buffer);
 * assert.ok(there.tell() && !here.tell());
 * here.heard();
 * assert.ok(here.take() === undefined);
 * ```
 */
export class HandshakeMemory {
  /** The memory, from which another isolate makes its HandshakeMemory. */
  readonly buffer: SharedArrayBuffer;
  /** The keys with which messages are checked and answered. */
  readonly keys: CookieKeys;
  /** The queue of initiations and responses that were received under load with a right mac2. */
  readonly proven: HandshakeRing;
  /** The queue of all other messages. */
  readonly others: HandshakeRing;
  /** The indices that wait for a response or a cookie reply. */
  readonly awaited: AwaitedIndices;
  /** Session keys on their way to the data plane. */
  readonly sessionKeys: SessionKeySlots;
  readonly #words: Int32Array;

  /**
   * Makes the memory, or opens that of another isolate.
   * @param buffer the `buffer` of another isolate; by default new memory
   * @param senders how many data planes send; only the control plane needs it
   */
  constructor(
    buffer: SharedArrayBuffer = new SharedArrayBuffer(HANDSHAKE_MEMORY_BYTES),
    senders = 1,
  ) {
    this.buffer = buffer;
    usesSecretMemory(new Uint8Array(buffer, KEYS_AT, COOKIE_KEYS_BYTES));
    usesSecretMemory(new Uint8Array(buffer, SESSION_KEYS_AT, SESSION_KEYS_AREA_BYTES));
    this.#words = new Int32Array(buffer, 0, WORDS_BYTES / 4);
    this.keys = new CookieKeys(buffer, KEYS_AT);
    this.proven = new HandshakeRing(buffer, PROVEN_AT, PROVEN_QUEUE_MAX);
    this.others = new HandshakeRing(buffer, OTHERS_AT, HANDSHAKE_QUEUE_MAX);
    this.awaited = new AwaitedIndices(buffer, AWAITED_AT);
    this.sessionKeys = new SessionKeySlots(buffer, SESSION_KEYS_AT, senders);
  }

  /** The number of messages that wait. */
  get waiting(): number {
    return this.proven.waiting + this.others.waiting;
  }

  /**
   * Call from the data plane when messages wait. Returns whether to report `handshakes-waiting`.
   */
  tell(): boolean {
    return Atomics.exchange(this.#words, TOLD, 1) === 0;
  }

  /** Call from the control plane before `take`: `handshakes-waiting` may be reported again. */
  heard(): void {
    Atomics.store(this.#words, TOLD, 0);
  }

  /**
   * Removes and returns the next message; undefined when none waits. The control plane calls it.
   * Messages with a right mac2 come first.
   */
  take(): HandshakeMessage | undefined {
    return this.proven.take() ?? this.others.take();
  }
}
