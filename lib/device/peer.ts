/**
 * What the control plane keeps of one peer.
 * @module
 */
import type { PeerSlot, PublicKey, SessionIndex } from "../base/brands.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import type { CookieJar } from "../cookie/cookie_jar.ts";
import type { Initiated } from "../noise/ikpsk2.ts";

/** No preshared key; shared by all peers without one. */
export const NO_PRESHARED_KEY: Uint8Array = new Uint8Array(KEY_LENGTH);
/** A time before everything. */
export const NEVER = -Infinity;

/** One session, as far as the control plane must know it; its keys are with the data plane alone. */
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

/**
 * `on`: the data plane said `peer-active` and writes on in silence, so the row is read again and again. `last-look`: it was told that it may say so again,
 * and the row is read once more, because what it wrote in that very moment may be missed by both. `off`: nothing happens until it speaks.
 */
export type Watch = "off" | "on" | "last-look";

/** A peer. Times are milliseconds of the monotonic clock; 0 means not pending, NEVER that it did not happen yet. */
export class Peer {
  presharedKey: Uint8Array = NO_PRESHARED_KEY;
  /** Seconds; 0 when off. */
  persistentKeepalive = 0;
  description = "";
  /** Ranges as keys (peer_registry.ts), in the order in which they were added; undefined until there is one. */
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
  /** Sessions that gave their place to others and receive until the given time, oldest first; undefined when there are none. */
  replaced: { readonly session: Session; readonly until: number }[] | undefined;

  /** When an initiation or response was last sent: the next initiation waits rekeyTimeout from it. */
  handshakeSentAt = NEVER;
  /** When the last authenticated handshake message came in. */
  handshakeReceivedAt = NEVER;
  /** Repetitions of the initiation since somebody last asked for a session. */
  retries = 0;
  /** Of the last initiation: what is added to its timeouts. */
  jitter = 0;
  /** When the initiation is repeated. */
  retryAt = 0;
  /** When a wish for a session that had to wait is looked at again. */
  wishAt = 0;
  /** When all keys are erased. */
  zeroAt = 0;
  /** How far its row of the table must be looked at: see Watch. */
  watch: Watch = "off";
  newHandshakeFiredAt = 0;
  keepaliveFiredAt = 0;
  needAnotherKeepalive = false;
  persistentFiredAt = 0;

  /** Handshake bytes on the wire; those of data messages are in the table. */
  handshakeTxBytes = 0;
  handshakeRxBytes = 0;
  lastHandshakeUnixMs = 0;

  /**
   * @param slot its row in every table
   * @param number what debug messages call it: it stays the same and is never used again
   */
  constructor(readonly slot: PeerSlot, readonly number: number, readonly publicKey: PublicKey) {}
}
