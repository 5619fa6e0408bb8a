/**
 * The timers of one peer (whitepaper section 6). The device reports events by methods that are
 * named like those of Linux's timers.c. Each method marks the peer dirty, and its first deadline is
 * then computed again.
 *
 * Data messages are not reported. The data plane writes their times to the PeerTable, from which
 * the timers read them.
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
 * The timers of a peer, in the order in which they run when several are due. `deferredHandshake`
 * begins a handshake that had to wait. `activity` reads the peer's row of the PeerTable again.
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

/** The parts that the timers of all peers share. */
export interface TimersOwner {
  readonly times: Times;
  readonly table: PeerTable;
  /** Called when the timers of a peer change for the first time since `settle`. */
  dirty(timers: PeerTimers): void;
}

/**
 * How the peer's row of the PeerTable is watched.
 *
 * - `on`: the data plane has reported `peer-active` once and now writes without a report. The row
 *   is read at intervals.
 * - `last-look`: the data plane may report again. The row is read once more, because the data plane
 *   may have written it just before that.
 * - `off`: the row is not read until the data plane reports.
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

  /** When the next initiation may be sent: `rekeyTimeout` after the last handshake message. */
  get handshakeAllowedAt(): Milliseconds {
    return milliseconds(this.#handshakeSentAt + this.owner.times.rekeyTimeout);
  }

  /** Call when the interval of persistent keepalives is configured. */
  persistentKeepaliveSet(seconds: number): void {
    this.#persistentKeepalive = seconds;
    this.markDirty();
  }

  /** Call after a persistent keepalive was requested. */
  persistentKeepaliveSent(now: Milliseconds): void {
    this.#persistentKeepaliveFiredAt = now;
    this.markDirty();
  }

  /** Call after an initiation was sent. `jitter` milliseconds are added to its timeouts. */
  handshakeInitiated(now: Milliseconds, jitter: number): void {
    this.#handshakeSentAt = now;
    this.#jitter = jitter;
    this.#deferredHandshakeAt = NOT_PENDING;
    this.#retransmitHandshakeAt = milliseconds(now + this.owner.times.rekeyTimeout + jitter);
    this.markDirty();
  }

  /** Call after a response was sent. The times of data messages are in the PeerTable. */
  anyAuthenticatedPacketSent(now: Milliseconds): void {
    this.#handshakeSentAt = now;
    this.markDirty();
  }

  /** Call after an authenticated handshake message was received. */
  anyAuthenticatedPacketReceived(now: Milliseconds): void {
    this.#handshakeReceivedAt = now;
    this.markDirty();
  }

  /** Call when both sides have the session. */
  handshakeComplete(): void {
    this.#retransmitHandshakeAt = this.#deferredHandshakeAt = NOT_PENDING;
    this.markDirty();
  }

  /** Call when a new handshake begins. The count of attempts begins again. */
  handshakeWanted(): void {
    this.#attempts = 0;
  }

  /**
   * Call when a handshake is wanted that cannot begin before `until`. Nothing changes when an
   * initiation waits for its response, because that handshake serves too.
   */
  handshakeDeferred(until: Milliseconds): void {
    if (this.#retransmitHandshakeAt !== NOT_PENDING) return;
    this.#deferredHandshakeAt = until;
    this.markDirty();
  }

  /** When an authenticated handshake message was last received; NEVER before the first. */
  get handshakeReceivedAt(): Milliseconds {
    return this.#handshakeReceivedAt;
  }

  /**
   * Call when a key or endpoint was set without which no handshake was possible.
   * @returns whether a handshake is wanted; it begins at once
   */
  handshakePossible(now: Milliseconds): boolean {
    this.#handshakeSentAt = NEVER;
    const waitedFor = this.#retransmitHandshakeAt !== NOT_PENDING ||
      this.#deferredHandshakeAt !== NOT_PENDING;
    if (waitedFor) {
      this.#retransmitHandshakeAt = NOT_PENDING;
      this.#deferredHandshakeAt = now;
    }
    this.markDirty();
    return waitedFor;
  }

  /**
   * Call when `retransmitHandshake` expired.
   * @returns the number of the next attempt, from 2 on; 0 after the last one, which also starts the
   *   timer `zeroKeyMaterial`
   */
  handshakeUnanswered(now: Milliseconds, retriesMax: number): number {
    if (++this.#attempts <= retriesMax) return this.#attempts + 1;
    // A handshake that failed half way may have left keys.
    if (this.#zeroKeyMaterialAt === NOT_PENDING) this.sessionDerived(now);
    return 0;
  }

  /** Call when a handshake derived keys. They are erased after `zeroKeysAfter`. */
  sessionDerived(now: Milliseconds): void {
    this.#zeroKeyMaterialAt = milliseconds(now + this.owner.times.zeroKeysAfter);
    this.markDirty();
  }

  /** Call when the peer's sessions changed. `firstExpiry` is NOT_PENDING when there are none. */
  sessionsChanged(firstExpiry: Milliseconds): void {
    this.#expireSessionsAt = firstExpiry;
    this.markDirty();
  }

  /**
   * Call when the data plane reports `peer-active`: it sent or received data or keepalives again.
   */
  anyAuthenticatedPacketTraversal(now: Milliseconds): void {
    this.#watch = "on";
    this.#activityAt = milliseconds(now + this.owner.times.keepaliveTimeout);
    this.markDirty();
  }

  /** Call when the interface went up, or the peer was added to an interface that is up. */
  start(): void {
    this.#running = true;
    this.markDirty();
  }

  /**
   * Call when the interface goes down or the peer is removed, after the keys were wiped. No timer
   * is pending then, and after the next `start` an initiation may be sent at once.
   */
  stop(): void {
    this.#running = false;
    this.#retransmitHandshakeAt = this.#deferredHandshakeAt = NOT_PENDING;
    this.#zeroKeyMaterialAt = this.#expireSessionsAt = this.#activityAt = NOT_PENDING;
    this.#handshakeSentAt = NEVER;
    this.#watch = "off";
    this.owner.table.clearActive(this.slot);
    this.owner.table.clearWanted(this.slot);
    this.markDirty();
  }

  /** Fires a timer if it is due. Returns true then, and the caller does the timer's work. */
  expired(timer: Timer, now: Milliseconds): boolean {
    if (this.#due(timer) > now) return false;
    this.#fired(timer, now);
    this.markDirty();
    return true;
  }

  /** Computes the first deadline of all timers, and marks the peer clean. */
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
   * Has the first deadline computed again. The methods for events call it. Call it also at the
   * deadline, because the PeerTable may have changed.
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

  /** Reads the row again. Watching ends when no timer depends on the row (see Watch). */
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
