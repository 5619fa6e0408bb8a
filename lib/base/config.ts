/**
 * What an interface is told and what it tells: the values that ifconfig's words, the UAPI text and wg_data_io
 * turn into, and that the device takes and gives.
 * A field that is absent changes nothing.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "./brands.ts";
import type { Counts } from "./counters.ts";
import type { AllowedIp, Endpoint } from "./endpoint.ts";
import type { Offloads } from "./offloads.ts";

/** One change of a peer, named by its public key. The peer is made when it does not exist, unless `updateOnly` or `remove`. */
export interface PeerChange {
  /** Which peer: 32 bytes. */
  readonly publicKey: PublicKey;
  /** Remove the peer. */
  readonly remove?: boolean;
  /** Change the peer only when it exists. */
  readonly updateOnly?: boolean;
  /** 32 zero bytes remove the key. */
  readonly presharedKey?: PresharedKey;
  /** Where the peer is, until it writes from somewhere else. */
  readonly endpoint?: Endpoint;
  /** Seconds, 0 to 65535; 0 switches it off. */
  readonly persistentKeepalive?: number;
  /** Remove all ranges of the peer before `allowedIps` are added. */
  readonly replaceAllowedIps?: boolean;
  /** Ranges added; one that another peer owned moves. */
  readonly allowedIps?: readonly AllowedIp[];
  /** Ranges removed (`allowed_ip=-A/P`), after `replaceAllowedIps` and in order with nothing else. */
  readonly removeAllowedIps?: readonly AllowedIp[];
  /** An empty text removes it. At most 63 bytes of UTF-8. */
  readonly description?: string;
}

/** One change of an interface, applied whole or not at all. */
export interface DeviceChange {
  /** 32 zero bytes remove the key. */
  readonly privateKey?: PrivateKey;
  /** 0 picks a free port. */
  readonly listenPort?: number;
  /** SO_MARK of the UDP sockets; 0 for none. */
  readonly fwmark?: number;
  /** The rdomain (network namespace) of the UDP sockets; 0 is the one the daemon was started in. */
  readonly rtable?: number;
  /** OpenBSD's IFF_DEBUG: diagnostics to the log. */
  readonly debug?: boolean;
  /** OpenBSD's interface groups besides `wg`, the whole list. The daemon keeps it; the device has no use for it. */
  readonly groups?: readonly string[];
  /** The metric of the interface's routes; 0 is the kernel's choice. The daemon keeps it; the device has no use for it. */
  readonly priority?: number;
  /** Offloads to leave unused (false), or to use again where the kernel has them. The daemon keeps it; the device has no use for it. */
  readonly offloads?: Partial<Offloads>;
  /** Remove all peers before `peers` are applied. */
  readonly replacePeers?: boolean;
  /** Changes of peers, applied in order. */
  readonly peers?: readonly PeerChange[];
}

/** A value that is still being filled. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** A peer as it is. */
export interface PeerStatus {
  /** Which peer: 32 bytes. */
  readonly publicKey: PublicKey;
  /** All zeros when there is none. */
  readonly presharedKey: PresharedKey;
  /** Where the peer is; undefined while that is not known. */
  readonly endpoint: Endpoint | undefined;
  /** Seconds; 0 when off. */
  readonly persistentKeepalive: number;
  /** Its ranges, in the order in which they were added. */
  readonly allowedIps: readonly AllowedIp[];
  /** Empty when there is none. */
  readonly description: string;
  /** Bytes on the wire sent to the peer, handshakes and keepalives included. */
  readonly txBytes: number;
  /** Bytes on the wire received from the peer, handshakes and keepalives included. */
  readonly rxBytes: number;
  /** Wall clock of the last completed handshake: Unix time in ms, or 0 when there was none. */
  readonly lastHandshakeUnixMs: number;
  /** What was counted of the peer; what is absent is 0. */
  readonly counters?: Counts;
}

/** An interface as it is. Peers stand in the order in which they were made. */
export interface DeviceStatus {
  /** Undefined when no key is set. */
  readonly privateKey: PrivateKey | undefined;
  /** The key that belongs to `privateKey`; undefined when no key is set. */
  readonly publicKey: PublicKey | undefined;
  /** The port the sockets are bound to. */
  readonly listenPort: number;
  /** SO_MARK of the UDP sockets; 0 for none. */
  readonly fwmark: number;
  /** The rdomain (network namespace) of the UDP sockets. */
  readonly rtable: number;
  /** Whether debug messages are written. */
  readonly debug: boolean;
  /** In the order in which they were made. */
  readonly peers: readonly PeerStatus[];
}
