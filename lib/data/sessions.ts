/**
 * Peers and sessions as the data plane knows them, and the table that finds a session by its index.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import { KEY_LENGTH, REKEY_AFTER_MESSAGES, SESSION_SLOTS } from "../base/constants.ts";
import type { DataCommand } from "../base/messages.ts";
import { type PacketMemory, SESSION_KEYS_BYTES, SESSIONS_MAX } from "./memory.ts";
import { ReplayWindow } from "./replay.ts";

const REKEY_HIGH = Number(REKEY_AFTER_MESSAGES >> 32n);

/** One peer. A copy of its endpoint stands in the arena. */
export class Peer {
  /** The session to send on: an initiator's at once, a responder's once it is confirmed. */
  current: Session | null = null;
  /** A responder's session that waits for its first data message. */
  next: Session | null = null;
  /** All that are not retired. */
  sessions: Session[] | null = null;
  /** Packets that wait for a session, oldest first. */
  staged: Uint8Array[] | null = null;
  /** The version of the table's endpoint that the cell is a copy of; -1 for none. */
  endpointVersion = -1;
  /**
   * The peer through which its messages went when the last one came back as a packet, and when that
   * was (loops.ts).
   */
  carrier: Peer | null = null;
  carriedAt = -Infinity;
  /** When it was last said that its messages come back for ever. */
  loopSaidAt = -Infinity;

  constructor(readonly slot: PeerSlot, readonly cellAt: number) {}
}

/**
 * One session: the keys of both directions and how often each was used. Where sending and receiving are two data planes each has one of these for
 * the same session: only the counter of the one that sends moves, and only the replay window of the one that receives. No nonce needs sharing.
 */
export class Session {
  /** The counter of the next message, as two unsigned 32-bit halves. */
  sendLow = 0;
  sendHigh = 0;
  readonly replay: ReplayWindow = new ReplayWindow();
  /** Whether a new handshake was asked for because data came in late in its life; once a session. */
  renewalAsked = false;

  constructor(
    readonly peer: Peer,
    readonly row: number,
    readonly keyAt: number,
    readonly localIndex: number,
    readonly remoteIndex: number,
    readonly initiator: boolean,
    readonly createdAt: Milliseconds,
  ) {}

  /** Whether `count` more messages stay below REJECT_AFTER_MESSAGES (2^64 - 2^13 - 1). */
  hasRoomFor(count: number): boolean {
    return this.sendHigh !== 0xffff_ffff || this.sendLow + count <= 0xffff_dfff;
  }

  /** Whether more than REKEY_AFTER_MESSAGES (2^60) were sent. */
  get isWorn(): boolean {
    return this.sendHigh > REKEY_HIGH || this.sendHigh === REKEY_HIGH && this.sendLow > 0;
  }

  /** Where its receive key lies; the send key lies at `keyAt`. */
  get receiveKeyAt(): number {
    return this.keyAt + 64;
  }
}

/** Sessions by index: the low bits of an index are its slot, a slot names a row, rows are handed out densely. */
export class SessionTable {
  readonly #memory: PacketMemory;
  /** Row + 1, or 0. */
  readonly #rowOfSlot = new Int32Array(SESSION_SLOTS);
  readonly #rows: (Session | null)[] = [];
  readonly #freeRows: number[] = [];
  /**
   * By the index that the other side gave; made when one is first looked for, as most interfaces
   * never do.
   */
  #byRemote: Map<number, Session> | undefined;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  /** How many there are. */
  get size(): number {
    return this.#rows.length - this.#freeRows.length;
  }

  /** The session of an index as it stands in a message (unsigned), or null. */
  find(index: number): Session | null {
    const row = this.#rowOfSlot[index & (SESSION_SLOTS - 1)];
    if (row === 0) return null;
    const session = this.#rows[row - 1];
    return session !== null && session.localIndex === index ? session : null;
  }

  /**
   * The session whose messages bear an index of the other side's (unsigned); of several with one
   * index, as strangers to each other may give, the newest.
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

  /** Puts a session in, its keys into the arena. One that has the same slot is wiped. Returns null when SESSIONS_MAX are there. */
  install(peer: Peer, command: Extract<DataCommand, { type: "session-install" }>): Session | null {
    const slot = command.localIndex & (SESSION_SLOTS - 1);
    const before = this.#rowOfSlot[slot];
    if (before !== 0) this.wipe(this.#rows[before - 1] as Session);
    const row = this.#freeRows.pop() ?? this.#rows.length;
    if (row >= SESSIONS_MAX) return null;
    const keyAt = this.#memory.keys(row);
    this.#memory.bytes.set(command.sendKey.subarray(0, KEY_LENGTH), keyAt);
    this.#memory.bytes.set(command.receiveKey.subarray(0, KEY_LENGTH), keyAt + 64);
    const { localIndex, remoteIndex, initiator, createdAt } = command;
    const session = new Session(peer, row, keyAt, localIndex, remoteIndex, initiator, createdAt);
    this.#rows[row] = session;
    this.#rowOfSlot[slot] = row + 1;
    this.#byRemote?.set(remoteIndex >>> 0, session);
    (peer.sessions ??= []).push(session);
    return session;
  }

  /** Zeroes the keys of a session and forgets it everywhere. */
  wipe(session: Session): void {
    this.#memory.bytes.fill(0, session.keyAt, session.keyAt + SESSION_KEYS_BYTES);
    session.replay.release();
    this.#rows[session.row] = null;
    this.#freeRows.push(session.row);
    this.#rowOfSlot[session.localIndex & (SESSION_SLOTS - 1)] = 0;
    if (this.#byRemote?.get(session.remoteIndex >>> 0) === session) {
      this.#byRemote.delete(session.remoteIndex >>> 0);
    }
    const { peer } = session;
    if (peer.current === session) peer.current = null;
    if (peer.next === session) peer.next = null;
    peer.sessions = peer.sessions?.filter((other) => other !== session) ?? null;
  }
}
