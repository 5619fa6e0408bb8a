/**
 * Reports events of the data plane to the control plane, each kind at a limited rate.
 * @module
 */
import type { Milliseconds, PeerSlot, SessionIndex } from "../base/brands.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import { type DataEvent, EVIDENCE_NOTICES, type Notice } from "../base/messages.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Peer } from "./sessions.ts";

/** The most notices of one kind per second, whoever they are about. */
const NOTICES_PER_SECOND = 5;
/** The most peers whose first notice of a kind in a second is reported all the same. */
const FIRST_NOTICES_PER_SECOND = 32;
/** How often a loop of one peer is reported. */
export const LOOP_EVERY_MS = 60_000;

/** The notices of one kind in a second. */
interface Noticed {
  since: Milliseconds;
  count: number;
  /** Those since the last one that was reported. */
  leftOut: number;
  readonly peers: Set<PeerSlot>;
}

/** Emits events. */
export class EventReporter {
  /** Whether notices are emitted that are no evidence. */
  debug = false;
  readonly #table: PeerTable;
  readonly #handshakes: HandshakeMemory;
  readonly #emit: (event: DataEvent) => void;
  readonly #noticed = new Map<Notice, Noticed>();

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

  /** Reports that a peer's endpoint was moved away from `before`. */
  moved(peer: PeerSlot, before: Endpoint): void {
    if (this.#table.roamed(peer)) this.#emit({ type: "endpoint-moved", peer, before });
  }

  /** Reports that handshake messages wait, or that the secret of cookies is too old. */
  handshakesWaiting(): void {
    if (this.#handshakes.tell()) this.#emit({ type: "handshakes-waiting" });
  }

  /**
   * Whether to report a notice: not without `debug` unless it is evidence, and at a limited rate.
   * Call `notice` if it returns true.
   * @param peer the peer that it is about, if that is sure
   */
  wants(notice: Notice, now: Milliseconds, peer?: PeerSlot): boolean {
    if (!this.debug && EVIDENCE_NOTICES[notice] === undefined) return false;
    let noticed = this.#noticed.get(notice);
    if (noticed === undefined) {
      noticed = { since: now, count: 0, leftOut: 0, peers: new Set() };
      this.#noticed.set(notice, noticed);
    } else if (now - noticed.since >= 1000) {
      noticed.since = now;
      noticed.count = 0;
      noticed.peers.clear();
    }
    const { peers } = noticed;
    const isFirst = peer !== undefined && !peers.has(peer) &&
      peers.size < FIRST_NOTICES_PER_SECOND;
    if (isFirst) peers.add(peer);
    if (++noticed.count <= NOTICES_PER_SECOND || isFirst) return true;
    noticed.leftOut++;
    return false;
  }

  /**
   * Reports a notice.
   * @param detail that of the evidence (lib/base/evidence.ts)
   */
  notice(
    notice: Notice,
    peer: PeerSlot | undefined,
    source: Endpoint | undefined,
    detail?: string,
  ): void {
    const noticed = this.#noticed.get(notice);
    const leftOut = noticed?.leftOut ?? 0;
    if (noticed !== undefined) noticed.leftOut = 0;
    this.#emit({
      ...{ type: "notice", notice, peer, source },
      ...(detail !== undefined && { detail }),
      ...(leftOut > 0 && { leftOut }),
    });
  }
}
