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
  readonly publicKey: PublicKey;
  readonly remove?: boolean;
  /** Change the peer only when it exists. */
  readonly updateOnly?: boolean;
  /** 32 zero bytes remove the key. */
  readonly presharedKey?: PresharedKey;
  readonly endpoint?: Endpoint;
  /** Seconds, 0 to 65535; 0 switches it off. */
  readonly persistentKeepalive?: number;
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
  readonly replacePeers?: boolean;
  readonly peers?: readonly PeerChange[];
}

/** A value that is still being filled. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** A peer as it is. */
export interface PeerStatus {
  readonly publicKey: PublicKey;
  /** All zeros when there is none. */
  readonly presharedKey: PresharedKey;
  readonly endpoint: Endpoint | undefined;
  /** Seconds; 0 when off. */
  readonly persistentKeepalive: number;
  readonly allowedIps: readonly AllowedIp[];
  readonly description: string;
  /** Bytes on the wire, handshakes and keepalives included. */
  readonly txBytes: number;
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
  readonly publicKey: PublicKey | undefined;
  /** The port the sockets are bound to. */
  readonly listenPort: number;
  readonly fwmark: number;
  readonly rtable: number;
  readonly debug: boolean;
  readonly peers: readonly PeerStatus[];
}
