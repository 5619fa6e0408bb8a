/**
 * The handshake messages that wait for a cookie reply, in two queues. A source that has sent
 * nothing of late comes first. So a flood does not keep out a new peer, unless it comes from more
 * new addresses than can be answered.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { UNANSWERED_MAX } from "../base/constants.ts";
import { HandshakeRing, handshakeRingBytes } from "../base/handshake_ring.ts";
import { RecentSources } from "../cookie/recent_sources.ts";

/** Offset of the address in an endpoint cell. The cell begins with the length of the address. */
const ADDRESS_AT = 8;

/** Two queues of UNANSWERED_MAX messages each. */
export class Unanswered {
  readonly #recent = new RecentSources();
  /** Messages of sources that had sent nothing of late. */
  readonly #first = makeRing();
  readonly #others = makeRing();

  /** The number of messages that wait. */
  get waiting(): number {
    return this.#first.waiting + this.#others.waiting;
  }

  /**
   * The queue with room for a message from the endpoint cell at `cellAt`; undefined when there is
   * none. Call it once for each message, because the source counts as recent from then on.
   */
  queueFor(bytes: Uint8Array, cellAt: number, now: Milliseconds): HandshakeRing | undefined {
    const isRecent = this.#recent.add(bytes, cellAt + ADDRESS_AT, bytes[cellAt], now);
    if (!isRecent && !this.#first.isFull) return this.#first;
    return this.#others.isFull ? undefined : this.#others;
  }

  /** Moves the next message to `at`, as HandshakeRing.takeTo. */
  takeTo(bytes: Uint8Array, at: number, cellAt: number): number {
    return this.#first.takeTo(bytes, at, cellAt) || this.#others.takeTo(bytes, at, cellAt);
  }
}

function makeRing(): HandshakeRing {
  return new HandshakeRing(
    new SharedArrayBuffer(handshakeRingBytes(UNANSWERED_MAX)),
    0,
    UNANSWERED_MAX,
  );
}
