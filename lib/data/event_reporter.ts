/**
 * Reports events of the data plane to the control plane, each kind at a limited rate.
 * @module
 */
import type { Milliseconds, PeerSlot, SessionIndex } from "../base/brands.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataEvent, Notice } from "../base/messages.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Peer } from "./sessions.ts";

/** The most notices of one kind per second. */
const NOTICES_PER_SECOND = 5;
/** How often a loop of one peer is reported. */
export const LOOP_EVERY_MS = 60_000;

/** Emits events. Notices are emitted only while `debug` is on. */
export class EventReporter {
  /** Whether notices are emitted. */
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

  /** Reports that a peer has no session, or one that is due for renewal. */
  wantHandshake(peer: PeerSlot): void {
    if (this.#table.wantHandshake(peer)) this.#emit({ type: "handshake-wanted", peer });
  }

  /** Reports that a peer's row of the table has changed. */
  active(peer: PeerSlot): void {
    this.#emit({ type: "peer-active", peer });
  }

  /** Reports that a responder's session was confirmed and is now current. */
  confirmed(peer: PeerSlot, localIndex: SessionIndex): void {
    this.#emit({ type: "session-confirmed", peer, localIndex });
  }

  /** Reports that a message to `peer` came back and would have been carried by `through` again. */
  loop(peer: Peer, through: Peer, now: Milliseconds): void {
    if (now - peer.loopSaidAt < LOOP_EVERY_MS) return;
    peer.loopSaidAt = now;
    this.#emit({ type: "loop", peer: peer.slot, through: through.slot });
  }

  /** Reports that handshake messages wait, or that the secret of cookies is too old. */
  handshakesWaiting(): void {
    if (this.#handshakes.tell()) this.#emit({ type: "handshakes-waiting" });
  }

  /** Reports a notice, unless `debug` is off or NOTICES_PER_SECOND is reached. */
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
