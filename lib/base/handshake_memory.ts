/**
 * Everything about handshake messages that the two planes share: the queues of those that came in,
 * and what they are checked with where they come in. It has a fixed size, whatever comes.
 * @module
 */
import { AWAITED_INDICES_BYTES, AwaitedIndices } from "./awaited_indices.ts";
import { HANDSHAKE_QUEUE_MAX, PROVEN_QUEUE_MAX } from "./constants.ts";
import { COOKIE_KEYS_BYTES, CookieKeys } from "./cookie_keys.ts";
import { type HandshakeMessage, HandshakeRing, handshakeRingBytes } from "./handshake_ring.ts";

export type { HandshakeMessage } from "./handshake_ring.ts";

const WORDS_BYTES = 64;
const KEYS_AT = WORDS_BYTES;
const PROVEN_AT = KEYS_AT + Math.ceil(COOKIE_KEYS_BYTES / 64) * 64;
const OTHERS_AT = PROVEN_AT + handshakeRingBytes(PROVEN_QUEUE_MAX);
const AWAITED_AT = OTHERS_AT + handshakeRingBytes(HANDSHAKE_QUEUE_MAX);

/** Bytes of it, about 1.5 MB, of which only what was used takes memory. */
export const HANDSHAKE_MEMORY_BYTES: number = AWAITED_AT + AWAITED_INDICES_BYTES;

/** In the words: whether the control plane was told that messages wait, and has not looked yet. */
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
  /** The memory; send it to another isolate and open it there. */
  readonly buffer: SharedArrayBuffer;
  /** What messages are checked and answered with. */
  readonly keys: CookieKeys;
  /** Initiations and responses that came under load with a right mac2. */
  readonly proven: HandshakeRing;
  /** All other messages. */
  readonly others: HandshakeRing;
  /** The indices that wait for a response or a cookie reply. */
  readonly awaited: AwaitedIndices;
  readonly #words: Int32Array;

  /**
   * Makes an empty one, or opens another isolate's.
   * @param buffer another isolate's `buffer`
   */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HANDSHAKE_MEMORY_BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, WORDS_BYTES / 4);
    this.keys = new CookieKeys(buffer, KEYS_AT);
    this.proven = new HandshakeRing(buffer, PROVEN_AT, PROVEN_QUEUE_MAX);
    this.others = new HandshakeRing(buffer, OTHERS_AT, HANDSHAKE_QUEUE_MAX);
    this.awaited = new AwaitedIndices(buffer, AWAITED_AT);
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.proven.waiting + this.others.waiting;
  }

  /**
   * Data plane: true when `handshakes-waiting` must be said, false when it was and the control
   * plane has not looked yet.
   */
  tell(): boolean {
    return Atomics.exchange(this.#words, TOLD, 1) === 0;
  }

  /** Control plane: call before messages are taken; `handshakes-waiting` may be said again. */
  heard(): void {
    Atomics.store(this.#words, TOLD, 0);
  }

  /** Control plane: the next message, those with a right mac2 first; undefined when none waits. */
  take(): HandshakeMessage | undefined {
    return this.proven.take() ?? this.others.take();
  }
}
