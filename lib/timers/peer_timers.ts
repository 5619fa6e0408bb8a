/**
 * The timers of one peer (whitepaper section 6), as one table that nobody else writes. What happens
 * is told to it by functions named for events, as Linux's timers.c does; each of them marks the
 * peer dirty, so that nobody has to remember to schedule.
 *
 * Data messages are not told: the data plane writes their times into the PeerTable, and the table
 * reads them there.
 * @module
 */
import { type Milliseconds, milliseconds, type PeerSlot } from "../base/brands.ts";
import type { PeerTable } from "../base/peer_table.ts";
import { NEVER, NOT_PENDING, type Times } from "../base/times.ts";
import {
  type Activity,
  newHandshakeDue,
  passiveKeepaliveDue,
  persistentKeepaliveDue,
} from "./due.ts";

/**
 * A peer's timers, in the order in which those that are due together run. `deferredHandshake` looks
 * again at a wish for a session that had to wait; `activity` looks again at what the data plane
 * wrote down.
 */
export type Timer =
  | "zeroKeyMaterial"
  | "expireSessions"
  | "retransmitHandshake"
  | "deferredHandshake"
  | "newHandshake"
  | "passiveKeepalive"
  | "persistentKeepalive"
  | "activity";

/** What the timers of all peers share. */
export interface TimersOwner {
  readonly times: Times;
  readonly table: PeerTable;
  /** Called once when the timers of a peer change after they were last settled. */
  dirty(timers: PeerTimers): void;
}

/**
 * `on`: the data plane said `peer-active` and writes on in silence, so the row is read again and
 * again. `last-look`: it was told that it may say so again, and the row is read once more, because
 * what it wrote in that very moment may be missed by both. `off`: nothing happens until it speaks.
 */
type Watch = "off" | "on" | "last-look";

/** The timers of one peer. */
export class PeerTimers {
  #dirty = false;
  #running = false;
  #watch: Watch = "off";

  #retransmitHandshakeAt = NOT_PENDING;
  #deferredHandshakeAt = NOT_PENDING;
  #zeroKeyMaterialAt = NOT_PENDING;
  #expireSessionsAt = NOT_PENDING;
  #activityAt = NOT_PENDING;

  #handshakeSentAt = NEVER;
  #handshakeReceivedAt = NEVER;
  #newHandshakeFiredAt = NEVER;
  #passiveKeepaliveFiredAt = NEVER;
  #persistentKeepaliveFiredAt = NEVER;

  #attempts = 0;
  #jitter = 0;
  #persistentKeepalive = 0;
  #needAnotherKeepalive = false;

  constructor(readonly slot: PeerSlot, readonly owner: TimersOwner) {}

  /** The interval of persistent keepalives in seconds; 0 when they are off. */
  get persistentKeepalive(): number {
    return this.#persistentKeepalive;
  }

  /** From when on another initiation may be sent: rekeyTimeout after the last handshake message. */
  get handshakeAllowedAt(): Milliseconds {
    return milliseconds(this.#handshakeSentAt + this.owner.times.rekeyTimeout);
  }

  /** Call when the interval of persistent keepalives is configured. */
  persistentKeepaliveSet(seconds: number): void {
    this.#persistentKeepalive = seconds;
    this.markDirty();
  }

  /** Call when a persistent keepalive was asked for. */
  persistentKeepaliveSent(now: Milliseconds): void {
    this.#persistentKeepaliveFiredAt = now;
    this.markDirty();
  }

  /** Call after an initiation was sent. `jitter`, in milliseconds, is added to its timeouts. */
  handshakeInitiated(now: Milliseconds, jitter: number): void {
    this.#handshakeSentAt = now;
    this.#jitter = jitter;
    this.#deferredHandshakeAt = NOT_PENDING;
    this.#retransmitHandshakeAt = milliseconds(now + this.owner.times.rekeyTimeout + jitter);
    this.markDirty();
  }

  /** Call after a response was sent; packets of the data plane are in the PeerTable. */
  anyAuthenticatedPacketSent(now: Milliseconds): void {
    this.#handshakeSentAt = now;
    this.markDirty();
  }

  /**
   * Call when an authenticated handshake message came in; packets of the data plane are in the
   * PeerTable.
   */
  anyAuthenticatedPacketReceived(now: Milliseconds): void {
    this.#handshakeReceivedAt = now;
    this.markDirty();
  }

  /** Call when both sides are known to have the session. */
  handshakeComplete(): void {
    this.#attempts = 0;
    this.#retransmitHandshakeAt = this.#deferredHandshakeAt = NOT_PENDING;
    this.markDirty();
  }

  /** Call when somebody asks for a session: the attempts are counted from here. */
  handshakeWanted(): void {
    this.#attempts = 0;
  }

  /**
   * Call when a handshake is wanted and cannot begin before `until`. The next attempt of one under
   * way is soon enough.
   */
  handshakeDeferred(until: Milliseconds): void {
    if (this.#retransmitHandshakeAt !== NOT_PENDING) return;
    this.#deferredHandshakeAt = until;
    this.markDirty();
  }

  /** Call when the handshake that was deferred is not needed any more. */
  handshakeNotWanted(): void {
    this.#deferredHandshakeAt = NOT_PENDING;
    this.markDirty();
  }

  /**
   * Call when what stood in the way of a handshake is gone (no key, no endpoint): one that is
   * waited for need not wait longer.
   */
  handshakePossible(now: Milliseconds): void {
    this.#handshakeSentAt = NEVER;
    const waitedFor = this.#retransmitHandshakeAt !== NOT_PENDING ||
      this.#deferredHandshakeAt !== NOT_PENDING;
    if (waitedFor) {
      this.#retransmitHandshakeAt = NOT_PENDING;
      this.#deferredHandshakeAt = now;
    }
    this.markDirty();
  }

  /**
   * Call when `retransmitHandshake` expired.
   * @returns which attempt is the next, from 2 on; 0 when there were enough, and then all keys are
   *   erased later
   */
  handshakeUnanswered(now: Milliseconds, retriesMax: number): number {
    if (++this.#attempts <= retriesMax) return this.#attempts + 1;
    this.#attempts = 0;
    // What is left of a handshake that came half way.
    if (this.#zeroKeyMaterialAt === NOT_PENDING) this.sessionDerived(now);
    return 0;
  }

  /** Call when a handshake gave keys: they are erased some time after the last. */
  sessionDerived(now: Milliseconds): void {
    this.#zeroKeyMaterialAt = milliseconds(now + this.owner.times.zeroKeysAfter);
    this.markDirty();
  }

  /** Call when sessions came or went. `firstExpiry` is NOT_PENDING when there are none. */
  sessionsChanged(firstExpiry: Milliseconds): void {
    this.#expireSessionsAt = firstExpiry;
    this.markDirty();
  }

  /**
   * Call when the data plane says `peer-active`: data messages or keepalives go again, either way.
   */
  anyAuthenticatedPacketTraversal(now: Milliseconds): void {
    this.#watch = "on";
    this.#activityAt = milliseconds(now + this.owner.times.keepaliveTimeout);
    this.markDirty();
  }

  /**
   * Call when the interface came up, or the peer was added to one that is up: timers may be pending
   * from now on.
   */
  start(): void {
    this.#running = true;
    this.markDirty();
  }

  /**
   * Call when the interface goes down or the peer is removed, after the keys were wiped: nothing is
   * pending any more, and after the next `start` an initiation may be sent at once.
   */
  stop(): void {
    this.#running = false;
    this.#retransmitHandshakeAt = this.#deferredHandshakeAt = NOT_PENDING;
    this.#zeroKeyMaterialAt = this.#expireSessionsAt = this.#activityAt = NOT_PENDING;
    this.#handshakeSentAt = NEVER;
    this.#attempts = 0;
    this.#watch = "off";
    this.owner.table.clearActive(this.slot);
    this.owner.table.clearWanted(this.slot);
    this.markDirty();
  }

  /** True when a timer is due; then it has fired, and whoever asked does what it is for. */
  expired(timer: Timer, now: Milliseconds): boolean {
    if (this.#due(timer) > now) return false;
    this.#fired(timer, now);
    this.markDirty();
    return true;
  }

  /** Works out when the first timer is due. Afterwards the peer is no longer dirty. */
  settle(): Milliseconds {
    this.#dirty = false;
    if (!this.#running) return NOT_PENDING;
    return milliseconds(Math.min(
      this.#zeroKeyMaterialAt,
      this.#expireSessionsAt,
      this.#retransmitHandshakeAt,
      this.#deferredHandshakeAt,
      this.#due("newHandshake"),
      this.#due("passiveKeepalive"),
      this.#due("persistentKeepalive"),
      this.#activityAt,
    ));
  }

  /**
   * Everything above does it by itself. Call when the deadline came that `settle` gave: what it
   * follows from may have changed.
   */
  markDirty(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.owner.dirty(this);
  }

  #due(timer: Timer): Milliseconds {
    switch (timer) {
      case "zeroKeyMaterial":
        return this.#zeroKeyMaterialAt;
      case "expireSessions":
        return this.#expireSessionsAt;
      case "retransmitHandshake":
        return this.#retransmitHandshakeAt;
      case "deferredHandshake":
        return this.#deferredHandshakeAt;
      case "newHandshake":
        if (this.#watch === "off") return NOT_PENDING;
        return newHandshakeDue(
          this.owner.times,
          this.#activity(),
          this.#newHandshakeFiredAt,
          this.#jitter,
        );
      case "passiveKeepalive":
        if (this.#watch === "off") return NOT_PENDING;
        return passiveKeepaliveDue(
          this.owner.times,
          this.#activity(),
          this.#passiveKeepaliveFiredAt,
          this.#needAnotherKeepalive,
        );
      case "persistentKeepalive":
        if (this.#persistentKeepalive === 0) return NOT_PENDING;
        return persistentKeepaliveDue(
          this.#persistentKeepalive * 1_000,
          this.#activity(),
          this.#persistentKeepaliveFiredAt,
        );
      case "activity":
        return this.#activityAt;
    }
  }

  #fired(timer: Timer, now: Milliseconds): void {
    switch (timer) {
      case "zeroKeyMaterial":
        this.#zeroKeyMaterialAt = NOT_PENDING;
        return;
      case "expireSessions":
        this.#expireSessionsAt = NOT_PENDING;
        return;
      case "retransmitHandshake":
        this.#retransmitHandshakeAt = NOT_PENDING;
        return;
      case "deferredHandshake":
        this.#deferredHandshakeAt = NOT_PENDING;
        return;
      case "newHandshake":
        this.#newHandshakeFiredAt = now;
        return;
      case "passiveKeepalive": {
        const { dataReceivedSince, dataReceivedAt } = this.#activity();
        this.#passiveKeepaliveFiredAt = now;
        this.#needAnotherKeepalive = dataReceivedSince !== NEVER &&
          dataReceivedAt > dataReceivedSince;
        return;
      }
      case "persistentKeepalive":
        this.#persistentKeepaliveFiredAt = now;
        return;
      case "activity":
        return this.#lookAgain(now);
    }
  }

  /**
   * While something is pending the row is read again later; then the data plane may say
   * `peer-active` again, and the row is read a last time.
   */
  #lookAgain(now: Milliseconds): void {
    if (
      this.#due("newHandshake") === NOT_PENDING && this.#due("passiveKeepalive") === NOT_PENDING
    ) {
      this.#watch = this.#watch === "on" ? "last-look" : "off";
      if (this.#watch === "last-look") this.owner.table.clearActive(this.slot);
    }
    const again = this.#watch !== "off";
    this.#activityAt = again ? milliseconds(now + this.owner.times.keepaliveTimeout) : NOT_PENDING;
  }

  #activity(): Activity {
    const { slot } = this;
    const { table } = this.owner;
    return {
      sentAt: table.sentAt(slot),
      receivedAt: table.receivedAt(slot),
      dataSentSince: table.dataSentSince(slot),
      dataReceivedSince: table.dataReceivedSince(slot),
      dataReceivedAt: table.dataReceivedAt(slot),
      handshakeSentAt: this.#handshakeSentAt,
      handshakeReceivedAt: this.#handshakeReceivedAt,
    };
  }
}
