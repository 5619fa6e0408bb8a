/**
 * Peers and sessions of the data plane, and the table that finds a session by its index.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import { REKEY_AFTER_MESSAGES } from "../base/constants.ts";
import type { DataCommand } from "../base/messages.ts";
import { usesSecretMemory } from "../base/secret_bytes.ts";
import type { SessionKeySlots } from "../base/session_keys.ts";
import { IndexTable } from "./index_table.ts";
import {
  KEY_CREATED_AT,
  KEY_REPLAY,
  type PacketMemory,
  RECEIVE_KEY,
  SESSION_KEYS_BYTES,
  SESSIONS_MAX,
} from "./memory.ts";
import { ReplayWindows } from "./replay.ts";

const REKEY_HIGH = Number(REKEY_AFTER_MESSAGES >> 32n);

/** A peer. The arena has a copy of its endpoint, at `cellAt`. */
export class Peer {
  /** The session to send on: an initiator's session, or a responder's that was confirmed. */
  current: Session | null = null;
  /** A responder's session that no data message has confirmed yet. */
  next: Session | null = null;
  /** All sessions that are not retired. */
  sessions: Session[] | null = null;
  /** Whether packets to the peer are refused. It has no session to send on then. */
  disabled = false;
  /** The packets that wait for a session, oldest first. */
  staged: Uint8Array[] | null = null;
  /** The version of the endpoint in the cell; -1 when nothing was copied. */
  endpointVersion = -1;
  /** The peer that carried the last message to this peer that came back as a packet (loops.ts). */
  carrier: Peer | null = null;
  /** When that message came back. */
  carriedAt = -Infinity;
  /** When a loop of this peer was last reported. */
  loopSaidAt = -Infinity;

  constructor(readonly slot: PeerSlot, readonly cellAt: number) {}
}

/**
 * The counter from which on a session that several data planes send on sends no more, and the one
 * from which on it is renewed. Each of the planes may be at most one super-packet beyond before it
 * looks again, so the 32-bit counter never begins again. A session lives for 180 s: this is 23
 * million messages a second.
 */
export const SHARED_COUNTER_END = 0xf000_0000;
const SHARED_COUNTER_WORN = 0xc000_0000;

/**
 * A session: its keys and send counter. When there are several data planes, each has a Session of
 * its own. Those that send take the counters of messages from one word in shared memory. The
 * receiving one alone has a replay window for it, in its SessionTable.
 */
export class Session {
  /** The counter of the next message to seal, as two unsigned 32-bit halves. */
  sendLow = 0;
  sendHigh = 0;
  /**
   * Whether a handshake was wanted because data was received late; this happens once per session.
   */
  renewalAsked = false;

  constructor(
    readonly peer: Peer,
    readonly row: number,
    /** The offset of the send key. The receive key is RECEIVE_KEY behind it. */
    readonly keyAt: number,
    readonly localIndex: number,
    readonly remoteIndex: number,
    readonly initiator: boolean,
    readonly createdAt: Milliseconds,
    /** The counter of the next message of any data plane; null when only this one sends. */
    readonly shared: Uint32Array | null = null,
  ) {}

  /**
   * Takes the counters of the next `count` messages, which `sendLow` and `sendHigh` begin. Seal the
   * messages at once. Returns false when the session may send no more: after REJECT_AFTER_MESSAGES
   * (2^64 - 2^13 - 1), or SHARED_COUNTER_END.
   */
  take(count: number): boolean {
    const { shared } = this;
    if (shared === null) {
      return this.sendHigh !== 0xffff_ffff || this.sendLow + count <= 0xffff_dfff;
    }
    if (Atomics.load(shared, 0) >= SHARED_COUNTER_END) return false;
    this.sendLow = Atomics.add(shared, 0, count);
    return true;
  }

  /** Whether more than REKEY_AFTER_MESSAGES (2^60), or SHARED_COUNTER_WORN, were sent. */
  get isWorn(): boolean {
    if (this.shared !== null) return this.sendLow > SHARED_COUNTER_WORN;
    return this.sendHigh > REKEY_HIGH || this.sendHigh === REKEY_HIGH && this.sendLow > 0;
  }
}

/** Finds sessions by index. Each has a row. Rows are allocated densely. */
export class SessionTable {
  readonly #memory: PacketMemory;
  readonly #indices = new IndexTable();
  readonly #rows: (Session | null)[] = [];
  readonly #freeRows: number[] = [];
  readonly #windows: ReplayWindows;
  /**
   * Sessions by remote index. It is made at the first look-up, which most interfaces never need.
   */
  #byRemote: Map<number, Session> | undefined;

  readonly #keys: SessionKeySlots;
  readonly #sends: boolean;
  readonly #receives: boolean;

  /** @param keys where the keys of new sessions wait */
  constructor(memory: PacketMemory, keys: SessionKeySlots, sends: boolean, receives: boolean) {
    this.#memory = memory;
    this.#windows = new ReplayWindows(memory.u32);
    this.#keys = keys;
    this.#sends = sends;
    this.#receives = receives;
  }

  /** The number of sessions. */
  get size(): number {
    return this.#rows.length - this.#freeRows.length;
  }

  /** The session with a local index, or null. */
  find(index: number): Session | null {
    const row = this.#indices.find(index);
    return row < 0 ? null : this.#rows[row];
  }

  /** The row of the session with a local index, or -1. */
  rowOf(index: number): number {
    return this.#indices.find(index);
  }

  /** The session in a row that has one. */
  at(row: number): Session {
    return this.#rows[row] as Session;
  }

  /** The offset of the receive key of the session in a row. */
  receiveKeyAt(row: number): number {
    return this.#memory.keys(row) + RECEIVE_KEY;
  }

  /** Whether the session in a row is so old that it receives no more. */
  receivesNoMore(row: number, rejectAfter: number, now: Milliseconds): boolean {
    const { f64 } = this.#memory;
    return now - f64[(this.receiveKeyAt(row) + KEY_CREATED_AT) >>> 3] >= rejectAfter;
  }

  /** Accepts the counter of a message that a session has received; see `ReplayWindows.accept`. */
  accept(row: number, counterLow: number, counterHigh: number): boolean {
    const head = (this.receiveKeyAt(row) + KEY_REPLAY) >>> 2;
    return this.#windows.accept(row, head, counterLow, counterHigh);
  }

  /**
   * The session with a remote index (unsigned). Two peers may choose the same index; then it is the
   * newest session.
   */
  findRemote(index: number): Session | undefined {
    if (this.#byRemote === undefined) {
      this.#byRemote = new Map();
      for (const session of this.#rows) {
        if (session !== null) this.#byRemote.set(session.remoteIndex >>> 0, session);
      }
    }
    return this.#byRemote.get(index);
  }

  /**
   * Adds a session and moves its keys to the arena: those of the directions that this data plane
   * has. A session in the same slot is wiped. Returns null when there are SESSIONS_MAX sessions.
   */
  install(peer: Peer, command: Extract<DataCommand, { type: "session-install" }>): Session | null {
    const before = this.#indices.rowOfSlot(command.localIndex);
    if (before >= 0) this.wipe(this.#rows[before] as Session);
    const row = this.#freeRows.pop() ?? this.#rows.length;
    if (row >= SESSIONS_MAX) {
      this.discard(command);
      return null;
    }
    const keyAt = this.#memory.keys(row);
    const { bytes } = this.#memory;
    if (row === this.#rows.length) {
      usesSecretMemory(bytes.subarray(keyAt, keyAt + SESSION_KEYS_BYTES));
    }
    if (this.#sends) this.#keys.takeSendKey(command.keySlot, bytes, keyAt);
    const { localIndex, remoteIndex, initiator, createdAt } = command;
    if (this.#receives) {
      this.#keys.takeReceiveKey(command.keySlot, bytes, keyAt + RECEIVE_KEY);
      this.#windows.open(row);
    }
    this.#memory.f64[(keyAt + KEY_CREATED_AT) >>> 3] = createdAt;
    this.#memory.f64[(keyAt + RECEIVE_KEY + KEY_CREATED_AT) >>> 3] = createdAt;
    const session = new Session(
      peer,
      row,
      keyAt,
      localIndex,
      remoteIndex,
      initiator,
      createdAt,
      command.counter === undefined ? null : new Uint32Array(command.counter),
    );
    this.#rows[row] = session;
    this.#indices.set(localIndex, row);
    this.#byRemote?.set(remoteIndex >>> 0, session);
    (peer.sessions ??= []).push(session);
    return session;
  }

  /** Erases the keys that wait for a session which is not installed. */
  discard(command: Extract<DataCommand, { type: "session-install" }>): void {
    this.#keys.discard(command.keySlot, this.#sends, this.#receives);
  }

  /** Erases the keys of a session and removes it. */
  wipe(session: Session): void {
    // The head of the replay window is among these bytes.
    this.#memory.bytes.fill(0, session.keyAt, session.keyAt + SESSION_KEYS_BYTES);
    this.#rows[session.row] = null;
    this.#freeRows.push(session.row);
    this.#indices.delete(session.localIndex);
    if (this.#byRemote?.get(session.remoteIndex >>> 0) === session) {
      this.#byRemote.delete(session.remoteIndex >>> 0);
    }
    const { peer } = session;
    if (peer.current === session) peer.current = null;
    if (peer.next === session) peer.next = null;
    peer.sessions = peer.sessions?.filter((other) => other !== session) ?? null;
  }
}
