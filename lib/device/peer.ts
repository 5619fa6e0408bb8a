/**
 * What the control plane keeps of one peer.
 * @module
 */
import type { PeerSlot, PublicKey, SessionIndex } from "../base/brands.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import type { CookieJar } from "../cookie/cookie_jar.ts";
import { NEVER } from "../base/times.ts";
import type { Initiated } from "../noise/ikpsk2.ts";
import { PeerTimers, type TimersOwner } from "../timers/peer_timers.ts";

/** No preshared key; shared by all peers without one. */
export const NO_PRESHARED_KEY: Uint8Array = new Uint8Array(KEY_LENGTH);
/**
 * One session, as far as the control plane must know it; its keys are with the data plane alone.
 */
export interface Session {
  readonly localIndex: SessionIndex;
  readonly initiator: boolean;
  readonly createdAt: number;
}

/** An initiation of ours that waits for its response. */
export interface PendingInitiation {
  readonly index: SessionIndex;
  readonly initiated: Initiated;
}

/** A peer. Times are milliseconds of the monotonic clock. */
export class Peer {
  presharedKey: Uint8Array = NO_PRESHARED_KEY;
  description = "";
  /**
   * Ranges as keys (peer_registry.ts), in the order in which they were added; undefined until there
   * is one.
   */
  allowedIps: Set<string> | undefined;

  /** X25519 of our private key and its public key: worked out at first use, null when all zeros. */
  staticShared: Uint8Array | null | undefined;
  /** Made at first use. */
  cookieJar: CookieJar | undefined;
  /** TAI64N of its last initiation. */
  lastTimestamp: Uint8Array | undefined;
  /** When its last initiation was accepted. */
  initiationConsumedAt = NEVER;
  pending: PendingInitiation | undefined;

  current: Session | undefined;
  previous: Session | undefined;
  /** Ours as responder, until the first data message comes in by it. */
  next: Session | undefined;
  /**
   * Sessions that gave their place to others and receive until the given time, oldest first;
   * undefined when there are none.
   */
  replaced: { readonly session: Session; readonly until: number }[] | undefined;

  readonly timers: PeerTimers;

  /** Handshake bytes on the wire; those of data messages are in the table. */
  handshakeTxBytes = 0;
  handshakeRxBytes = 0;
  lastHandshakeUnixMs = 0;

  /**
   * @param slot its row in every table
   * @param number what debug messages call it: it stays the same and is never used again
   * @param timersOwner who is told when its timers change
   */
  constructor(
    readonly slot: PeerSlot,
    readonly number: number,
    readonly publicKey: PublicKey,
    timersOwner: TimersOwner,
  ) {
    this.timers = new PeerTimers(slot, timersOwner);
  }
}
