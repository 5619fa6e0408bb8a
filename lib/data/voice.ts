/**
 * What the data plane says to the control plane, each kind no more often than it must be.
 * @module
 */
import type { Milliseconds, PeerSlot, SessionIndex } from "../base/brands.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataEvent, Notice } from "../base/messages.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Peer } from "./sessions.ts";

/** Notices of one kind a second. */
const NOTICES_PER_SECOND = 5;
/** How often it is said of one peer that its messages come back for ever. */
export const LOOP_EVERY_MS = 60_000;

/** Emits events: notices only while debugging, loops once a while. */
export class Voice {
  /** Whether notices are wanted. */
  debug = false;
  readonly #table: PeerTable;
  readonly #handshakes: HandshakeMemory;
  readonly #emit: (event: DataEvent) => void;
  readonly #noticed = new Map<Notice, { since: Milliseconds; count: number }>();

  constructor(table: PeerTable, handshakes: HandshakeMemory, emit: (event: DataEvent) => void) {
    this.#table = table;
    this.#handshakes = handshakes;
    this.#emit = emit;
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

  /**
   * Handshake messages wait, or the cookies' secret is too old. Said once until the control plane
   * looks.
   */
  handshakesWaiting(): void {
    if (this.#handshakes.tell()) this.#emit({ type: "handshakes-waiting" });
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
