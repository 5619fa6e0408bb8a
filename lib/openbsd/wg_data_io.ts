/**
 * OpenBSD's `struct wg_data_io` and its parts (sys/net/if_wg.h) as typed values, with its names and flags.
 * Counts are the arrays' lengths. `wg_data_codec.ts` has the bytes.
 * @module
 */
import type { Endpoint, IpBytes } from "../base/endpoint.ts";

/** `_IOWR('i', 210, struct wg_data_io)` and `_IOWR('i', 211, struct wg_data_io)` on OpenBSD (sys/sys/ioccom.h), 64 bits. */
export const SIOCSWG_REQUEST = 0xc02069d2;
export const SIOCGWG_REQUEST = 0xc02069d3;

/** Flags of wg_interface_io: which of its fields are set. */
export const WG_INTERFACE_HAS_PUBLIC = 1;
export const WG_INTERFACE_HAS_PRIVATE = 2;
export const WG_INTERFACE_HAS_PORT = 4;
export const WG_INTERFACE_HAS_RTABLE = 8;
export const WG_INTERFACE_REPLACE_PEERS = 16;

/** Flags of wg_peer_io: which of its fields are set, and what to do. */
export const WG_PEER_HAS_PUBLIC = 1;
export const WG_PEER_HAS_PSK = 2;
export const WG_PEER_HAS_PKA = 4;
export const WG_PEER_HAS_ENDPOINT = 8;
export const WG_PEER_REPLACE_AIPS = 16;
export const WG_PEER_REMOVE = 32;
export const WG_PEER_UPDATE = 64;
export const WG_PEER_SET_DESCRIPTION = 128;

/** OpenBSD's address families (sys/sys/socket.h). */
export const AF_INET = 2;
export const AF_INET6 = 24;

/** An allowed IP range. */
export interface wg_aip_io {
  /** AF_INET or AF_INET6. */
  a_af: number;
  a_cidr: number;
  /** 4 or 16 bytes, as the family says. */
  a_addr: IpBytes;
}

/** A peer: what to set, or what is. */
export interface wg_peer_io {
  /** WG_PEER_* */
  p_flags: number;
  /** 0 for the latest version, or 1. */
  p_protocol_version: number;
  /** 32 bytes each; zeros where the flag is not set. */
  p_public: Uint8Array;
  p_psk: Uint8Array;
  /** Persistent keepalive in seconds. */
  p_pka: number;
  /** Undefined unless WG_PEER_HAS_ENDPOINT. */
  p_endpoint: Endpoint | undefined;
  p_txbytes: number;
  p_rxbytes: number;
  /** Wall clock of the last handshake; zeros when there was none. */
  p_last_handshake: { tv_sec: number; tv_nsec: number };
  /** At most 63 bytes of UTF-8. */
  p_description: string;
  p_aips: wg_aip_io[];
}

/** An interface: what to set, or what is. */
export interface wg_interface_io {
  /** WG_INTERFACE_* */
  i_flags: number;
  i_port: number;
  i_rtable: number;
  /** 32 bytes each; zeros where the flag is not set. */
  i_public: Uint8Array;
  i_private: Uint8Array;
  i_peers: wg_peer_io[];
}

/** What the two calls take and give. */
export interface wg_data_io {
  wgd_name: string;
  /** Bytes of the whole wg_interface_io as a struct. SIOCGWG fills `wgd_interface` only when what is given holds it. */
  wgd_size: number;
  wgd_interface: wg_interface_io | undefined;
}

/** An interface where nothing is set. */
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

/** A peer where nothing but the key is set. */
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
