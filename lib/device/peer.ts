/**
 * The state of one peer in the control plane.
 * @module
 */
import type { PeerSlot, PublicKey, SessionIndex } from "../base/brands.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import type { DisabledStatus } from "../base/config.ts";
import type { CookieJar } from "../cookie/cookie_jar.ts";
import { NEVER } from "../base/times.ts";
import type { Initiated } from "../noise/ikpsk2.ts";
import type { EndpointName } from "./endpoint_name.ts";
import { PeerEvidence } from "./evidence.ts";
import type { Receiving } from "./receiver_loads.ts";
import { PeerTimers, type TimersOwner } from "../timers/peer_timers.ts";

/** The preshared key of all peers without one: 32 zero bytes. */
export const NO_PRESHARED_KEY: Uint8Array = new Uint8Array(KEY_LENGTH);
/** A session in the control plane. Only the data plane has its keys. */
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

/** A peer. Times are in milliseconds of CLOCK_BOOTTIME. */
export class Peer {
  presharedKey: Uint8Array = NO_PRESHARED_KEY;
  description = "";
  /** Set while the peer is disabled by hand or by a quota. */
  disabled: DisabledStatus | undefined;
  /** The date from which on the peer is disabled: Unix time in ms, 0 for none. */
  expiresUnixMs = 0;
  /** Whether the date had passed when the wall clock was last read. */
  isExpired = false;
  /** Whether the peer takes part in nothing (disabled_peers.ts). */
  isDisabled = false;
  /**
   * The peer's ranges in the form of `rangeKey` (peer_registry.ts), in the order in which they were
   * added; undefined when there are none.
   */
  allowedIps: Set<string> | undefined;

  /** X25519 of our private key and the peer's public key; null for zeros, undefined before use. */
  staticShared: Uint8Array | null | undefined;
  /** The peer's cookies; undefined before use. */
  cookieJar: CookieJar | undefined;
  /** The TAI64N timestamp of the peer's last initiation, 12 bytes. */
  lastTimestamp: Uint8Array | undefined;
  /** When the peer's last initiation was accepted. */
  initiationConsumedAt = NEVER;
  /** The name of the endpoint; undefined when it was given as an address. */
  endpointName: EndpointName | undefined;
  /** Our initiation that waits for its response. */
  pending: PendingInitiation | undefined;

  /** The session to send on. */
  current: Session | undefined;
  /** The session before the current one, which still receives. */
  previous: Session | undefined;
  /** A session of which we are the responder, until the first data message is received on it. */
  next: Session | undefined;
  /** Replaced sessions, each of which receives until a given time, in that order; or undefined. */
  replaced: { readonly session: Session; readonly until: number }[] | undefined;

  /** Who receives the messages of its newest session, and how many; undefined before the first. */
  receiving: Receiving | undefined;

  /** Whether the peer has had a session since it was last told as disconnected. */
  connected = false;
  /** The last event of each kind. */
  readonly evidence = new PeerEvidence();
  /** When the log was last told that something is wrong with the peer. */
  complainedAt = NEVER;

  readonly timers: PeerTimers;

  /** Bytes of handshake messages sent, on the wire. Bytes of data messages are in the table. */
  handshakeTxBytes = 0;
  /** Bytes of handshake messages received, on the wire. */
  handshakeRxBytes = 0;
  /** When the last handshake completed: Unix time in ms, 0 when none has. */
  lastHandshakeUnixMs = 0;

  /**
   * @param slot the peer's row in every table
   * @param number the number of the peer in debug messages, which no other peer gets
   * @param timersOwner the queue of all peers' timers
   */
  constructor(
    readonly slot: PeerSlot,
    readonly number: number,
    readonly publicKey: PublicKey,
    timersOwner: TimersOwner,
  ) {
    this.timers = new PeerTimers(slot, timersOwner);
  }

  /** The peer in messages: its number, and its description in parentheses if it has one. */
  get label(): string {
    return this.description === "" ? `${this.number}` : `${this.number} (${this.description})`;
  }
}
