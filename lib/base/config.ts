/**
 * Changes and status of an interface. The words of ifconfig, the UAPI text and wg_data_io are all
 * converted to and from these types.
 * A field that is absent from a change leaves its value as it is.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "./brands.ts";
import type { Counts } from "./counters.ts";
import type { AllowedIp, Endpoint, IpBytes } from "./endpoint.ts";
import type { Evidence } from "./evidence.ts";
import type { NamedEndpoint } from "./host_name.ts";
import type { Offloads } from "./offloads.ts";

/**
 * Why a peer is disabled: by hand, because its date has passed, or because its quota is used up.
 */
export type DisabledReason = "hand" | "expired" | "quota";

/** Disables a peer. */
export interface DisabledChange {
  /** A quota leaves a peer alone that is disabled by hand. */
  readonly reason: Exclude<DisabledReason, "expired">;
  /** Since when: Unix time in ms; by default now. */
  readonly sinceUnixMs?: number;
}

/** Why and since when a peer is disabled. */
export interface DisabledStatus {
  /** By hand also when the date has passed or the quota is used up. */
  readonly reason: DisabledReason;
  /** Unix time in ms. */
  readonly sinceUnixMs: number;
}

/**
 * One change of a peer. A peer that does not exist is made, unless `updateOnly` or `remove` is set.
 */
export interface PeerChange {
  /** The public key that names the peer, 32 bytes. */
  readonly publicKey: PublicKey;
  /** Remove the peer. */
  readonly remove?: boolean;
  /** Change the peer only when it exists. */
  readonly updateOnly?: boolean;
  /** The preshared key, 32 bytes. Zeros remove the key. */
  readonly presharedKey?: PresharedKey;
  /**
   * The peer's endpoint. It changes when the peer sends from another address. Without
   * `endpointName` the peer loses the name of its endpoint.
   */
  readonly endpoint?: Endpoint;
  /**
   * The name of the peer's endpoint, which the daemon looks up, now and again when it is needed. A
   * name that the peer has already changes nothing. With `endpoint` that address is used until the
   * name has been looked up.
   */
  readonly endpointName?: NamedEndpoint;
  /** The interval of persistent keepalives in seconds, 0 to 65535. 0 switches them off. */
  readonly persistentKeepalive?: number;
  /** Remove all ranges of the peer first. */
  readonly replaceAllowedIps?: boolean;
  /** Ranges to add. A range of another peer moves to this one. */
  readonly allowedIps?: readonly AllowedIp[];
  /** Ranges to remove (`allowed_ip=-A/P`), before `allowedIps` are added. */
  readonly removeAllowedIps?: readonly AllowedIp[];
  /** The description, at most 63 bytes of UTF-8. An empty one removes it. */
  readonly description?: string;
  /**
   * Disables the peer, which stays configured and takes part in nothing, or enables it (false). A
   * peer whose date has passed stays disabled.
   */
  readonly disabled?: DisabledChange | false;
  /** The date from which on the peer is disabled: Unix time in ms, 0 for none. */
  readonly expiresUnixMs?: number;
  /**
   * The TAI64N timestamp of the last initiation that an earlier process accepted from the peer, 12
   * bytes. Older initiations are refused as replayed. It only becomes later.
   */
  readonly lastTimestamp?: Uint8Array;
}

/** One change of an interface. It is applied whole or not at all. */
export interface DeviceChange {
  /** The private key, 32 bytes. Zeros remove the key. */
  readonly privateKey?: PrivateKey;
  /** The UDP port, 0 to 65535. 0 chooses a free port. */
  readonly listenPort?: number;
  /** SO_MARK of the UDP sockets; 0 for none. */
  readonly fwmark?: number;
  /** The rdomain (network namespace) of the UDP sockets; 0 is the daemon's own. */
  readonly rtable?: number;
  /** The number of Workers, 1 to WORKERS_MAX. It is chosen with the first change alone. */
  readonly workers?: number;
  /** Whether debug messages are written to the log (OpenBSD's IFF_DEBUG). */
  readonly debug?: boolean;
  /**
   * All interface groups besides `wg` (OpenBSD). The daemon stores them; the device ignores them.
   */
  readonly groups?: readonly string[];
  /**
   * The metric of the interface's routes; 0 lets the kernel choose. The daemon stores it; the
   * device ignores it.
   */
  readonly priority?: number;
  /**
   * Whether the link's MTU follows the paths to the peers. The daemon does it; the device ignores
   * it.
   */
  readonly mtuAuto?: boolean;
  /**
   * Offloads to switch off (false), or on again where the kernel has them. The daemon stores them;
   * the device ignores them.
   */
  readonly offloads?: Partial<Offloads>;
  /**
   * Remove all peers before `peers` are applied. Of a peer that these make again, initiations that
   * it sent before are refused as replayed.
   */
  readonly replacePeers?: boolean;
  /** Changes of peers, applied in order. */
  readonly peers?: readonly PeerChange[];
}

/** T with writable fields, for a value that is being filled. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** The name of an endpoint, and the result of the last look-up of it. */
export interface NameStatus extends NamedEndpoint {
  /**
   * The addresses of the last answer, in the order in which they are tried; empty when there was
   * none yet.
   */
  readonly addresses: readonly IpBytes[];
  /** Why the last look-up gave no address; empty when it did, or none has ended. */
  readonly problem: string;
}

/** The state of a peer. */
export interface PeerStatus {
  /** The peer's public key, 32 bytes. */
  readonly publicKey: PublicKey;
  /** The preshared key, 32 bytes; zeros when there is none. */
  readonly presharedKey: PresharedKey;
  /** Whether there is a preshared key, in an answer without secret keys; otherwise absent. */
  readonly hasPresharedKey?: boolean;
  /** The peer's endpoint; undefined while it is not known. */
  readonly endpoint: Endpoint | undefined;
  /** The name of the endpoint; absent when the endpoint was given as an address. */
  readonly endpointName?: NameStatus;
  /** The interval of persistent keepalives in seconds; 0 when they are off. */
  readonly persistentKeepalive: number;
  /** The peer's ranges, in the order in which they were added. */
  readonly allowedIps: readonly AllowedIp[];
  /** The description; empty when there is none. */
  readonly description: string;
  /**
   * A number that no other peer of this process gets. A peer that was removed and made again has
   * another one, and its counters begin at 0. Absent when not reported.
   */
  readonly number?: number;
  /** Bytes on the wire sent to the peer, handshakes and keepalives included. */
  readonly txBytes: number;
  /** Bytes on the wire received from the peer, handshakes and keepalives included. */
  readonly rxBytes: number;
  /** When the last handshake completed: Unix time in ms, 0 when none has. */
  readonly lastHandshakeUnixMs: number;
  /** The peer's counters; an absent one is 0. */
  readonly counters?: Counts;
  /** Why the peer takes part in nothing; absent when it takes part. */
  readonly disabled?: DisabledStatus;
  /** The date from which on the peer is disabled: Unix time in ms; absent when there is none. */
  readonly expiresUnixMs?: number;
  /** The TAI64N timestamp of the peer's last initiation, 12 bytes; absent before the first. */
  readonly lastTimestamp?: Uint8Array;
  /** The last event of each kind; absent when not reported. */
  readonly evidence?: readonly Evidence[];
}

/**
 * Erases the secret keys of a status, which are copies.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type DeviceStatus, wipeStatus } from "./config.ts";
 *
 * const privateKey = new Uint8Array(32).fill(7);
 * wipeStatus({ privateKey, peers: [] } as unknown as DeviceStatus);
 * assert.ok(privateKey[0] === 0);
 * ```
 */
export function wipeStatus(status: DeviceStatus): void {
  status.privateKey?.fill(0);
  for (const peer of status.peers) peer.presharedKey.fill(0);
}

/** Erases the secret keys of a change that was applied. */
export function wipeChange(change: DeviceChange): void {
  change.privateKey?.fill(0);
  for (const peer of change.peers ?? []) peer.presharedKey?.fill(0);
}

/** The state of an interface. */
export interface DeviceStatus {
  /** The private key, 32 bytes; undefined when none is set. */
  readonly privateKey: PrivateKey | undefined;
  /** The public key of `privateKey`, 32 bytes; undefined when none is set. */
  readonly publicKey: PublicKey | undefined;
  /** The port that the UDP sockets are bound to. */
  readonly listenPort: number;
  /** SO_MARK of the UDP sockets; 0 for none. */
  readonly fwmark: number;
  /** The rdomain (network namespace) of the UDP sockets. */
  readonly rtable: number;
  /** Whether debug messages are written. */
  readonly debug: boolean;
  /** The last events with senders that are no peer; absent when not reported. */
  readonly evidence?: readonly Evidence[];
  /** All peers, in the order in which they were made. */
  readonly peers: readonly PeerStatus[];
}
