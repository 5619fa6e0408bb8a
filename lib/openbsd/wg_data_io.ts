/**
 * OpenBSD's `struct wg_data_io` and its parts (sys/net/if_wg.h) as typed values, with its names and
 * flags. Counts are the lengths of the arrays. `wg_data_codec.ts` has the bytes.
 * @module
 */
import type { Endpoint, IpBytes } from "../base/endpoint.ts";

/** `_IOWR('i', 210, struct wg_data_io)` on a 64-bit OpenBSD (sys/sys/ioccom.h). */
export const SIOCSWG_REQUEST = 0xc02069d2;
/** `_IOWR('i', 211, struct wg_data_io)` on a 64-bit OpenBSD. */
export const SIOCGWG_REQUEST = 0xc02069d3;

// Flags of wg_interface_io: which of its fields are set.

/** `i_public` is set. */
export const WG_INTERFACE_HAS_PUBLIC = 1;
/** `i_private` is set. */
export const WG_INTERFACE_HAS_PRIVATE = 2;
/** `i_port` is set. */
export const WG_INTERFACE_HAS_PORT = 4;
/** `i_rtable` is set. */
export const WG_INTERFACE_HAS_RTABLE = 8;
/** All peers are removed before `i_peers` are applied. */
export const WG_INTERFACE_REPLACE_PEERS = 16;

// Flags of wg_peer_io: which of its fields are set, and what to do.

/** `p_public` is set. A peer without it is ignored. */
export const WG_PEER_HAS_PUBLIC = 1;
/** `p_psk` is set. */
export const WG_PEER_HAS_PSK = 2;
/** `p_pka` is set. */
export const WG_PEER_HAS_PKA = 4;
/** `p_endpoint` is set. */
export const WG_PEER_HAS_ENDPOINT = 8;
/** All ranges are removed before `p_aips` are added. */
export const WG_PEER_REPLACE_AIPS = 16;
/** The peer is removed. */
export const WG_PEER_REMOVE = 32;
/** The peer is changed only if it exists. */
export const WG_PEER_UPDATE = 64;
/** `p_description` is set. An empty one removes the description. */
export const WG_PEER_SET_DESCRIPTION = 128;

// OpenBSD's address families (sys/sys/socket.h).

/** IPv4. */
export const AF_INET = 2;
/** IPv6. */
export const AF_INET6 = 24;

/** An allowed IP range. */
export interface wg_aip_io {
  /** AF_INET or AF_INET6. */
  a_af: number;
  /** The prefix length: 0 to 32 for AF_INET, 0 to 128 for AF_INET6. */
  a_cidr: number;
  /** The address: 4 bytes for AF_INET, 16 bytes for AF_INET6. */
  a_addr: IpBytes;
}

/** A peer: its wanted or current state. */
export interface wg_peer_io {
  /** The flags, WG_PEER_*. */
  p_flags: number;
  /** The protocol version: 1, or 0 for the latest. */
  p_protocol_version: number;
  /** The public key: 32 bytes. */
  p_public: Uint8Array;
  /** The preshared key: 32 bytes; zeros without WG_PEER_HAS_PSK. */
  p_psk: Uint8Array;
  /** The interval of persistent keepalives in seconds. */
  p_pka: number;
  /** The endpoint; undefined without WG_PEER_HAS_ENDPOINT. */
  p_endpoint: Endpoint | undefined;
  /** The number of bytes sent, with handshakes and keepalives. */
  p_txbytes: number;
  /** The number of bytes received, with handshakes and keepalives. */
  p_rxbytes: number;
  /** The wall clock of the last handshake; zeros if there was none. */
  p_last_handshake: { tv_sec: number; tv_nsec: number };
  /** The description, at most 63 bytes of UTF-8. */
  p_description: string;
  /** The allowed ranges of the peer. */
  p_aips: wg_aip_io[];
}

/** An interface: its wanted or current state. */
export interface wg_interface_io {
  /** The flags, WG_INTERFACE_*. */
  i_flags: number;
  /** The UDP port; 0 picks a free one. */
  i_port: number;
  /** The rdomain of the UDP sockets, 0 to 255. */
  i_rtable: number;
  /** The public key: 32 bytes; zeros without WG_INTERFACE_HAS_PUBLIC. */
  i_public: Uint8Array;
  /** The private key: 32 bytes; zeros without WG_INTERFACE_HAS_PRIVATE. */
  i_private: Uint8Array;
  /** The peers of the interface. */
  i_peers: wg_peer_io[];
}

/** The argument and the result of the two calls. */
export interface wg_data_io {
  /** The name of the interface, at most 15 bytes. */
  wgd_name: string;
  /**
   * The size of the whole wg_interface_io as a struct, in bytes. SIOCGWG fills `wgd_interface` only
   * if the given size is large enough.
   */
  wgd_size: number;
  /** The interface; undefined if `wgd_size` was too small. */
  wgd_interface: wg_interface_io | undefined;
}

/**
 * An interface with nothing set.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { emptyInterface } from "./wg_data_io.ts";
 *
 * assert.ok(emptyInterface().i_flags === 0);
 * ```
 */
export function emptyInterface(): wg_interface_io {
  return {
    i_flags: 0,
    i_port: 0,
    i_rtable: 0,
    i_public: new Uint8Array(32),
    i_private: new Uint8Array(32),
    i_peers: [],
  };
}

/**
 * A peer with nothing set but the key.
 * @param publicKey 32 bytes
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { emptyPeer, WG_PEER_HAS_PUBLIC } from "./wg_data_io.ts";
 *
 * assert.ok(emptyPeer(new Uint8Array(32).fill(9)).p_flags === WG_PEER_HAS_PUBLIC);
 * ```
 */
export function emptyPeer(publicKey: Uint8Array): wg_peer_io {
  return {
    p_flags: WG_PEER_HAS_PUBLIC,
    p_protocol_version: 0,
    p_public: publicKey,
    p_psk: new Uint8Array(32),
    p_pka: 0,
    p_endpoint: undefined,
    p_txbytes: 0,
    p_rxbytes: 0,
    p_last_handshake: { tv_sec: 0, tv_nsec: 0 },
    p_description: "",
    p_aips: [],
  };
}
