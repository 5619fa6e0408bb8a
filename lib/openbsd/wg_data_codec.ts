/**
 * The bytes of `struct wg_interface_io` and `struct wg_data_io` on 64-bit little-endian OpenBSD
 * (sys/net/if_wg.h): an interface of 80 bytes, then its peers of 208 bytes, each followed by its
 * ranges of 24 bytes.
 * @module
 */
import type { Endpoint } from "../base/endpoint.ts";
import { ConfigError } from "../base/errors.ts";
import type { wg_aip_io, wg_interface_io, wg_peer_io } from "./wg_data_io.ts";
import { AF_INET, AF_INET6, WG_PEER_HAS_ENDPOINT } from "./wg_data_io.ts";

/** sizeof(struct wg_data_io): name[16], size_t, pointer. */
export const WG_DATA_IO_SIZE = 32;
/** sizeof(struct wg_interface_io) without peers. */
export const WG_INTERFACE_IO_SIZE = 80;
/** sizeof(struct wg_peer_io) without ranges. */
export const WG_PEER_IO_SIZE = 208;
/** sizeof(struct wg_aip_io). */
export const WG_AIP_IO_SIZE = 24;

const NAME_SIZE = 16;
const KEY_SIZE = 32;
const DESCRIPTION_SIZE = 64;

const INTERFACE = { flags: 0, port: 2, rtable: 4, public: 8, private: 40, peersCount: 72 } as const;
const PEER = {
  flags: 0,
  protocolVersion: 4,
  public: 8,
  psk: 40,
  pka: 72,
  endpoint: 76,
  txbytes: 104,
  rxbytes: 112,
  lastHandshake: 120,
  description: 136,
  aipsCount: 200,
} as const;
const AIP = { af: 0, cidr: 4, addr: 8 } as const;
const SOCKADDR = {
  len: 0,
  family: 1,
  port: 2,
  addr4: 4,
  flowinfo: 4,
  addr6: 8,
  scope: 24,
} as const;
const SOCKADDR_IN_SIZE = 16;
const SOCKADDR_IN6_SIZE = 28;

/**
 * The size in bytes of an interface with its peers and ranges, which SIOCGWG returns as `wgd_size`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { interfaceSize } from "./wg_data_codec.ts";
 * import { emptyInterface } from "./wg_data_io.ts";
 *
 * assert.ok(interfaceSize(emptyInterface()) === 80);
 * ```
 */
export function interfaceSize(io: wg_interface_io): number {
  let size = WG_INTERFACE_IO_SIZE;
  for (const peer of io.i_peers) size += WG_PEER_IO_SIZE + peer.p_aips.length * WG_AIP_IO_SIZE;
  return size;
}

/**
 * Encodes an interface.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { encodeInterface } from "./wg_data_codec.ts";
 * import { emptyInterface } from "./wg_data_io.ts";
 *
 * assert.ok(encodeInterface(emptyInterface()).length === 80);
 * ```
 */
export function encodeInterface(io: wg_interface_io): Uint8Array {
  const bytes = new Uint8Array(interfaceSize(io));
  const view = new DataView(bytes.buffer);
  view.setUint8(INTERFACE.flags, io.i_flags);
  view.setUint16(INTERFACE.port, io.i_port, true);
  view.setInt32(INTERFACE.rtable, io.i_rtable, true);
  bytes.set(io.i_public.subarray(0, KEY_SIZE), INTERFACE.public);
  bytes.set(io.i_private.subarray(0, KEY_SIZE), INTERFACE.private);
  view.setBigUint64(INTERFACE.peersCount, BigInt(io.i_peers.length), true);
  let at = WG_INTERFACE_IO_SIZE;
  for (const peer of io.i_peers) at = encodePeer(bytes, view, at, peer);
  return bytes;
}

/**
 * Decodes an interface. All lengths are checked before anything is read.
 * @throws ConfigError `wgd_size` if the bytes are too few for the announced peers and ranges,
 * `p_endpoint` or `a_af` for an unknown address family
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { decodeInterface } from "./wg_data_codec.ts";
 *
 * assert.ok(decodeInterface(new Uint8Array(80)).i_peers.length === 0);
 * ```
 */
export function decodeInterface(bytes: Uint8Array): wg_interface_io {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  need(bytes, 0, WG_INTERFACE_IO_SIZE);
  const io: wg_interface_io = {
    i_flags: view.getUint8(INTERFACE.flags),
    i_port: view.getUint16(INTERFACE.port, true),
    i_rtable: view.getInt32(INTERFACE.rtable, true),
    i_public: bytes.slice(INTERFACE.public, INTERFACE.public + KEY_SIZE),
    i_private: bytes.slice(INTERFACE.private, INTERFACE.private + KEY_SIZE),
    i_peers: [],
  };
  let at = WG_INTERFACE_IO_SIZE;
  const count = readCount(bytes, view, INTERFACE.peersCount, at, WG_PEER_IO_SIZE);
  for (let i = 0; i < count; i++) {
    need(bytes, at, WG_PEER_IO_SIZE);
    const peer = decodePeer(bytes, view, at);
    io.i_peers.push(peer);
    at += WG_PEER_IO_SIZE + peer.p_aips.length * WG_AIP_IO_SIZE;
  }
  return io;
}

/**
 * Encodes `struct wg_data_io`: the name, the size, and an address in the caller's memory.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { encodeData } from "./wg_data_codec.ts";
 *
 * assert.ok(encodeData("wg1", 80, 0n).length === 32);
 * ```
 */
export function encodeData(name: string, size: number, pointer: bigint): Uint8Array {
  const bytes = new Uint8Array(WG_DATA_IO_SIZE);
  new TextEncoder().encodeInto(name, bytes.subarray(0, NAME_SIZE - 1));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(NAME_SIZE, BigInt(size), true);
  view.setBigUint64(NAME_SIZE + 8, pointer, true);
  return bytes;
}

/**
 * Decodes `struct wg_data_io`.
 * @throws ConfigError `wgd_size` if there are fewer than 32 bytes
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { decodeData, encodeData } from "./wg_data_codec.ts";
 *
 * assert.ok(decodeData(encodeData("wg1", 80, 0n)).name === "wg1");
 * ```
 */
export function decodeData(bytes: Uint8Array): { name: string; size: number; pointer: bigint } {
  need(bytes, 0, WG_DATA_IO_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    name: readString(bytes, 0, NAME_SIZE),
    size: Number(view.getBigUint64(NAME_SIZE, true)),
    pointer: view.getBigUint64(NAME_SIZE + 8, true),
  };
}

function encodePeer(bytes: Uint8Array, view: DataView, at: number, peer: wg_peer_io): number {
  view.setInt32(at + PEER.flags, peer.p_flags, true);
  view.setInt32(at + PEER.protocolVersion, peer.p_protocol_version, true);
  bytes.set(peer.p_public.subarray(0, KEY_SIZE), at + PEER.public);
  bytes.set(peer.p_psk.subarray(0, KEY_SIZE), at + PEER.psk);
  view.setUint16(at + PEER.pka, peer.p_pka, true);
  if (peer.p_endpoint !== undefined) {
    encodeSockaddr(bytes, view, at + PEER.endpoint, peer.p_endpoint);
  }
  view.setBigUint64(at + PEER.txbytes, BigInt(peer.p_txbytes), true);
  view.setBigUint64(at + PEER.rxbytes, BigInt(peer.p_rxbytes), true);
  view.setBigInt64(at + PEER.lastHandshake, BigInt(peer.p_last_handshake.tv_sec), true);
  view.setBigInt64(at + PEER.lastHandshake + 8, BigInt(peer.p_last_handshake.tv_nsec), true);
  const room = bytes.subarray(at + PEER.description, at + PEER.description + DESCRIPTION_SIZE - 1);
  new TextEncoder().encodeInto(peer.p_description, room);
  view.setBigUint64(at + PEER.aipsCount, BigInt(peer.p_aips.length), true);
  let next = at + WG_PEER_IO_SIZE;
  for (const aip of peer.p_aips) {
    view.setUint8(next + AIP.af, aip.a_af);
    view.setInt32(next + AIP.cidr, aip.a_cidr, true);
    bytes.set(aip.a_addr.subarray(0, 16), next + AIP.addr);
    next += WG_AIP_IO_SIZE;
  }
  return next;
}

function decodePeer(bytes: Uint8Array, view: DataView, at: number): wg_peer_io {
  const flags = view.getInt32(at + PEER.flags, true);
  const peer: wg_peer_io = {
    p_flags: flags,
    p_protocol_version: view.getInt32(at + PEER.protocolVersion, true),
    p_public: bytes.slice(at + PEER.public, at + PEER.public + KEY_SIZE),
    p_psk: bytes.slice(at + PEER.psk, at + PEER.psk + KEY_SIZE),
    p_pka: view.getUint16(at + PEER.pka, true),
    p_endpoint: (flags & WG_PEER_HAS_ENDPOINT) !== 0
      ? decodeSockaddr(bytes, view, at + PEER.endpoint)
      : undefined,
    p_txbytes: Number(view.getBigUint64(at + PEER.txbytes, true)),
    p_rxbytes: Number(view.getBigUint64(at + PEER.rxbytes, true)),
    p_last_handshake: {
      tv_sec: Number(view.getBigInt64(at + PEER.lastHandshake, true)),
      tv_nsec: Number(view.getBigInt64(at + PEER.lastHandshake + 8, true)),
    },
    p_description: readString(bytes, at + PEER.description, DESCRIPTION_SIZE),
    p_aips: [],
  };
  let next = at + WG_PEER_IO_SIZE;
  const count = readCount(bytes, view, at + PEER.aipsCount, next, WG_AIP_IO_SIZE);
  for (let i = 0; i < count; i++, next += WG_AIP_IO_SIZE) {
    peer.p_aips.push(decodeAip(bytes, view, next));
  }
  return peer;
}

function decodeAip(bytes: Uint8Array, view: DataView, at: number): wg_aip_io {
  const af = view.getUint8(at + AIP.af);
  if (af !== AF_INET && af !== AF_INET6) {
    throw new ConfigError("a_af", `address family ${af} is unknown; 2 or 24 is required`);
  }
  const from = at + AIP.addr;
  return {
    a_af: af,
    a_cidr: view.getInt32(at + AIP.cidr, true),
    a_addr: bytes.slice(from, from + (af === AF_INET ? 4 : 16)),
  };
}

function encodeSockaddr(bytes: Uint8Array, view: DataView, at: number, endpoint: Endpoint): void {
  const inet = endpoint.address.length === 4;
  view.setUint8(at + SOCKADDR.len, inet ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE);
  view.setUint8(at + SOCKADDR.family, inet ? AF_INET : AF_INET6);
  view.setUint16(at + SOCKADDR.port, endpoint.port, false);
  bytes.set(endpoint.address, at + (inet ? SOCKADDR.addr4 : SOCKADDR.addr6));
  if (!inet) view.setUint32(at + SOCKADDR.scope, endpoint.scope, true);
}

function decodeSockaddr(bytes: Uint8Array, view: DataView, at: number): Endpoint {
  const family = view.getUint8(at + SOCKADDR.family);
  const port = view.getUint16(at + SOCKADDR.port, false);
  if (family === AF_INET) {
    return { address: bytes.slice(at + SOCKADDR.addr4, at + SOCKADDR.addr4 + 4), port, scope: 0 };
  }
  if (family === AF_INET6) {
    const address = bytes.slice(at + SOCKADDR.addr6, at + SOCKADDR.addr6 + 16);
    return { address, port, scope: view.getUint32(at + SOCKADDR.scope, true) };
  }
  throw new ConfigError("p_endpoint", `address family ${family} is unknown; 2 or 24 is required`);
}

/** A count that the bytes after `at` can hold. It is checked before anything is allocated. */
function readCount(
  bytes: Uint8Array,
  view: DataView,
  field: number,
  at: number,
  size: number,
): number {
  const count = view.getBigUint64(field, true);
  if (count > BigInt(Math.floor((bytes.length - at) / size))) {
    throw new ConfigError(
      "wgd_size",
      `${bytes.length} bytes are too few for the peers and allowed IPs that they announce`,
    );
  }
  return Number(count);
}

function need(bytes: Uint8Array, at: number, size: number): void {
  if (at + size > bytes.length) {
    throw new ConfigError(
      "wgd_size",
      `${bytes.length} bytes are too few; at least ${at + size} are required`,
    );
  }
}

function readString(bytes: Uint8Array, at: number, size: number): string {
  const field = bytes.subarray(at, at + size);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
