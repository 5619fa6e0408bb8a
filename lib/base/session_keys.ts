/**
 * The way of session keys from the control plane to the data plane: a fixed number of slots in
 * shared memory. A message between isolates would leave copies of them that nobody can erase. The
 * control plane writes the two keys of a session into a free slot. All who send take the send key,
 * who receives takes the receive key, and the last one erases it. The slot is free after that.
 * @module
 */
import { KEY_LENGTH } from "./constants.ts";

/** Sessions whose keys may be on their way at once. */
export const SESSION_KEY_SLOTS = 1024;

/**
 * A slot's state: two words, one for each key. While a key waits, its word is ERASING plus the
 * number of those who have not taken it. The last one finds ERASING left, erases the key, and sets
 * the word to 0.
 */
const ERASING = 1;
const STATE_WORDS = 2;
const SEND = 0;
const RECEIVE = 1;
const SLOT_KEYS_BYTES = 2 * KEY_LENGTH;
const KEYS_AT = SESSION_KEY_SLOTS * STATE_WORDS * 4;

/** Bytes of all slots. */
export const SESSION_KEYS_AREA_BYTES: number = KEYS_AT + SESSION_KEY_SLOTS * SLOT_KEYS_BYTES;

/**
 * The slots. The control plane alone puts keys in. Each send key has `senders` readers, each
 * receive key one.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { SESSION_KEYS_AREA_BYTES, SessionKeySlots } from "./session_keys.ts";
 *
 * const slots = new SessionKeySlots(new SharedArrayBuffer(SESSION_KEYS_AREA_BYTES), 0);
 * const slot = slots.put(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2));
 * const taken = new Uint8Array(32);
 * slots.takeSendKey(slot, taken, 0);
 * assert.ok(taken[0] === 1);
 * ```
 */
export class SessionKeySlots {
  readonly #states: Int32Array;
  readonly #keys: Uint8Array;
  readonly #senders: number;
  /** The control plane looks for a free slot from here on. */
  #next = 0;

  /**
   * Makes the slots, or opens another isolate's.
   * @param buffer memory that is zeros at first, or another isolate's
   * @param at where the slots begin in it, a multiple of 4
   * @param senders how many take each send key; only the control plane needs it
   */
  constructor(buffer: SharedArrayBuffer, at: number, senders = 1) {
    this.#senders = senders;
    this.#states = new Int32Array(buffer, at, SESSION_KEY_SLOTS * STATE_WORDS);
    this.#keys = new Uint8Array(buffer, at + KEYS_AT, SESSION_KEY_SLOTS * SLOT_KEYS_BYTES);
  }

  /** Control plane: whether `put` finds a free slot. */
  get hasRoom(): boolean {
    return this.#free() >= 0;
  }

  /**
   * Control plane: copies the two keys of a session, 32 bytes each, into a slot. Erase them after.
   * Returns the slot, which belongs into the command "session-install".
   * @throws RangeError when no slot is free; ask `hasRoom` before
   */
  put(sendKey: Uint8Array, receiveKey: Uint8Array): number {
    const slot = this.#free();
    if (slot < 0) throw new RangeError("session keys: no slot is free");
    this.#keys.set(sendKey, slot * SLOT_KEYS_BYTES);
    this.#keys.set(receiveKey, slot * SLOT_KEYS_BYTES + KEY_LENGTH);
    Atomics.store(this.#states, slot * STATE_WORDS + SEND, ERASING + this.#senders);
    Atomics.store(this.#states, slot * STATE_WORDS + RECEIVE, ERASING + 1);
    this.#next = (slot + 1) % SESSION_KEY_SLOTS;
    return slot;
  }

  /** Who sends: takes the send key of a slot to `at`. Call it once, also when it is not needed. */
  takeSendKey(slot: number, bytes: Uint8Array, at: number): void {
    this.#take(slot, SEND, bytes, at);
  }

  /** Who receives: takes the receive key of a slot to `at`, as `takeSendKey`. */
  takeReceiveKey(slot: number, bytes: Uint8Array, at: number): void {
    this.#take(slot, RECEIVE, bytes, at);
  }

  /** Who sends, receives or does both: erases keys that came for a session that cannot be. */
  discard(slot: number, sends: boolean, receives: boolean): void {
    if (sends) this.#taken(slot, SEND);
    if (receives) this.#taken(slot, RECEIVE);
  }

  #take(slot: number, which: number, bytes: Uint8Array, at: number): void {
    if (Atomics.load(this.#states, slot * STATE_WORDS + which) <= ERASING) {
      throw new RangeError("session keys: the slot is empty");
    }
    const from = slot * SLOT_KEYS_BYTES + which * KEY_LENGTH;
    for (let i = 0; i < KEY_LENGTH; i++) bytes[at + i] = this.#keys[from + i];
    this.#taken(slot, which);
  }

  /** One of those who take a key needs it no longer. */
  #taken(slot: number, which: number): void {
    const word = slot * STATE_WORDS + which;
    if (Atomics.load(this.#states, word) === 0) return;
    if (Atomics.sub(this.#states, word, 1) !== ERASING + 1) return;
    const from = slot * SLOT_KEYS_BYTES + which * KEY_LENGTH;
    this.#keys.fill(0, from, from + KEY_LENGTH);
    Atomics.store(this.#states, word, 0);
  }

  #free(): number {
    for (let tried = 0; tried < SESSION_KEY_SLOTS; tried++) {
      const slot = (this.#next + tried) % SESSION_KEY_SLOTS;
      const send = Atomics.load(this.#states, slot * STATE_WORDS + SEND);
      const receive = Atomics.load(this.#states, slot * STATE_WORDS + RECEIVE);
      if ((send | receive) === 0) return slot;
    }
    return -1;
  }
}
