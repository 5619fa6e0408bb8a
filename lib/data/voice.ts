/**
 * What the data plane says to the control plane, each kind no more often than it must be.
 * @module
 */
import type { Milliseconds, PeerSlot, SessionIndex } from "../base/brands.ts";
import { HANDSHAKE_QUEUE_MAX } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { type Endpoint, readEndpointCell, readLocalCell } from "../base/endpoint.ts";
import type { DataEvent, Notice } from "../base/messages.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Peer } from "./sessions.ts";

/** Notices of one kind a second. */
const NOTICES_PER_SECOND = 5;
/** How often it is said of one peer that its messages come back for ever. */
export const LOOP_EVERY_MS = 60_000;

/**
 * Emits events: notices only while debugging, handshake messages only while their queue has room,
 * loops once a while.
 */
export class Voice {
  /** Whether notices are wanted. */
  debug = false;
  readonly #table: PeerTable;
  readonly #counters: Counters;
  readonly #emit: (event: DataEvent) => void;
  readonly #waiting: Int32Array | undefined;
  readonly #noticed = new Map<Notice, { since: Milliseconds; count: number }>();

  constructor(
    table: PeerTable,
    counters: Counters,
    emit: (event: DataEvent) => void,
    waiting: Int32Array | undefined,
  ) {
    this.#table = table;
    this.#counters = counters;
    this.#emit = emit;
    this.#waiting = waiting;
  }

  /** There is no session to send on, or it wants renewing. Said once until the control plane takes it. */
  wantHandshake(peer: PeerSlot): void {
    if (this.#table.wantHandshake(peer)) this.#emit({ type: "handshake-wanted", peer });
  }

  /** A peer's row of the table changed for the first time since it was looked at. */
  active(peer: PeerSlot): void {
    this.#emit({ type: "peer-active", peer });
  }

  /** A responder's session is the current one now. */
  confirmed(peer: PeerSlot, localIndex: SessionIndex): void {
    this.#emit({ type: "session-confirmed", peer, localIndex });
  }

  /**
   * A message to `peer` came back and was not sent again through `through`, which is `peer` itself
   * or leads back to it.
   */
  loop(peer: Peer, through: Peer, now: Milliseconds): void {
    if (now - peer.loopSaidAt < LOOP_EVERY_MS) return;
    peer.loopSaidAt = now;
    this.#emit({ type: "loop", peer: peer.slot, through: through.slot });
  }

  /** A handshake message of `length` bytes at `at`, from the endpoint cell at `cellAt`. */
  handshake(bytes: Uint8Array, at: number, length: number, cellAt: number): void {
    const source = readEndpointCell(bytes, cellAt);
    if (source === undefined) return;
    if (this.#waiting !== undefined) {
      if (Atomics.load(this.#waiting, 0) >= HANDSHAKE_QUEUE_MAX) {
        this.#counters.add(COUNTER.handshake_queue_full);
        return;
      }
      Atomics.add(this.#waiting, 0, 1);
    }
    const datagram = bytes.slice(at, at + length);
    this.#emit({
      type: "handshake-datagram",
      datagram,
      source,
      local: readLocalCell(bytes, cellAt),
    });
  }

  /** A notice; dropped when it is not wanted or was said often in this second. */
  notice(
    notice: Notice,
    peer: PeerSlot | undefined,
    source: Endpoint | undefined,
    now: Milliseconds,
  ): void {
    if (!this.debug) return;
    const noticed = this.#noticed.get(notice);
    if (noticed === undefined || now - noticed.since >= 1000) {
      this.#noticed.set(notice, { since: now, count: 1 });
    } else if (++noticed.count > NOTICES_PER_SECOND) return;
    this.#emit({ type: "notice", notice, peer, source });
  }
}
