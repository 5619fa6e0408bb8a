/**
 * SIOCSWG and SIOCGWG (wg(4)) over any access to the interface: the socket of a daemon, or a device
 * in the same isolate.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../base/brands.ts";
import type { DeviceChange, PeerChange, PeerStatus } from "../base/config.ts";
import { KEY_LENGTH, RDOMAIN_MAX } from "../base/constants.ts";
import { EINVAL, EPFNOSUPPORT, osError } from "../base/errno.ts";
import { ConfigError } from "../base/errors.ts";
import { maskAddress } from "../base/ip_text.ts";
import { checkDescription } from "../base/labels.ts";
import type { InterfaceStatus } from "../base/status.ts";
import { interfaceSize } from "./wg_data_codec.ts";
import * as W from "./wg_data_io.ts";

/**
 * The access to interfaces. Both functions reject with OsError `ENXIO` if there is no interface of
 * this name.
 */
export interface WgControl {
  /** The status of an interface, or port and rtable for a user who may not see more. */
  get(
    name: string,
  ): Promise<InterfaceStatus | { readonly listenPort: number; readonly rtable: number }>;
  /** Changes an interface as a whole, or not at all. */
  set(name: string, change: DeviceChange): Promise<void>;
}

/**
 * Sets the configuration of an interface as a whole, or not at all.
 * @throws OsError EINVAL for a value that is out of range, EPFNOSUPPORT for a protocol version
 * above 1, EADDRINUSE for the port, ENXIO if there is no such interface, EPERM or EACCES if the
 * user may not change it
 *
 * @example
 * ```ts
 * import { SIOCSWG } from "./ioctl.ts";
 * import { emptyInterface, WG_INTERFACE_HAS_PORT } from "./wg_data_io.ts";
 *
 * const control = {
 *   get: () => Promise.resolve({ listenPort: 0, rtable: 0 }),
 *   set: (name: string, change: object) => Promise.resolve(console.log(name, change)),
 * };
 * const wgd_interface = { ...emptyInterface(), i_flags: WG_INTERFACE_HAS_PORT, i_port: 7111 };
 * // Prints: wg1 { listenPort: 7111 }
 * await SIOCSWG(control, { wgd_name: "wg1", wgd_size: 0, wgd_interface });
 * ```
 */
export async function SIOCSWG(control: WgControl, data: W.wg_data_io): Promise<void> {
  const io = data.wgd_interface;
  if (io === undefined) throw osError("SIOCSWG", data.wgd_name, EINVAL, "no wgd_interface");
  await control.set(data.wgd_name, changeOf(io));
}

/**
 * Reads the configuration of an interface. As on OpenBSD the caller gives a size, `wgd_size`
 * returns the required size, and the interface is filled in only if the given size is large enough.
 * Call with 0 first, then with the returned size until it fits. Users other than root get port and
 * rtable only.
 * @throws OsError ENXIO if there is no such interface
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { SIOCGWG } from "./ioctl.ts";
 *
 * const control = {
 *   get: () => Promise.resolve({ listenPort: 7111, rtable: 0 }),
 *   set: () => Promise.resolve(),
 * };
 * const { wgd_size } = await SIOCGWG(control, { wgd_name: "wg1", wgd_size: 0 });
 * const { wgd_interface } = await SIOCGWG(control, { wgd_name: "wg1", wgd_size });
 * assert.ok(wgd_interface?.i_port === 7111);
 * ```
 */
export async function SIOCGWG(
  control: WgControl,
  data: Pick<W.wg_data_io, "wgd_name" | "wgd_size">,
): Promise<W.wg_data_io> {
  const status = await control.get(data.wgd_name);
  const io = "peers" in status ? interfaceOf(status) : {
    ...W.emptyInterface(),
    i_flags: W.WG_INTERFACE_HAS_PORT | W.WG_INTERFACE_HAS_RTABLE,
    i_port: status.listenPort,
    i_rtable: status.rtable,
  };
  const size = interfaceSize(io);
  return {
    wgd_name: data.wgd_name,
    wgd_size: size,
    wgd_interface: data.wgd_size >= size ? io : undefined,
  };
}

/**
 * The change of a wg_interface_io.
 * @throws OsError as SIOCSWG
 */
export function changeOf(io: W.wg_interface_io): DeviceChange {
  const flags = io.i_flags;
  if (
    (flags & W.WG_INTERFACE_HAS_RTABLE) !== 0 && !(io.i_rtable >= 0 && io.i_rtable <= RDOMAIN_MAX)
  ) {
    throw osError("SIOCSWG", `rtable ${io.i_rtable}`, EINVAL);
  }
  return {
    ...((flags & W.WG_INTERFACE_HAS_PRIVATE) !== 0 &&
      { privateKey: key(io.i_private) as PrivateKey }),
    ...((flags & W.WG_INTERFACE_HAS_PORT) !== 0 && { listenPort: io.i_port & 0xffff }),
    ...((flags & W.WG_INTERFACE_HAS_RTABLE) !== 0 && { rtable: io.i_rtable }),
    ...((flags & W.WG_INTERFACE_REPLACE_PEERS) !== 0 && { replacePeers: true }),
    // OpenBSD ignores a peer without a public key.
    ...(io.i_peers.length > 0 &&
      {
        peers: io.i_peers.filter((peer) => (peer.p_flags & W.WG_PEER_HAS_PUBLIC) !== 0).map(
          peerChangeOf,
        ),
      }),
  };
}

function peerChangeOf(peer: W.wg_peer_io): PeerChange {
  const flags = peer.p_flags;
  if (peer.p_protocol_version < 0 || peer.p_protocol_version > 1) {
    throw osError("SIOCSWG", `protocol version ${peer.p_protocol_version}`, EPFNOSUPPORT);
  }
  if ((flags & W.WG_PEER_HAS_PKA) !== 0 && !(peer.p_pka >= 0 && peer.p_pka <= 0xffff)) {
    throw osError("SIOCSWG", `persistent keepalive ${peer.p_pka}`, EINVAL);
  }
  const hasEndpoint = (flags & W.WG_PEER_HAS_ENDPOINT) !== 0;
  if (hasEndpoint && peer.p_endpoint === undefined) {
    throw osError("SIOCSWG", "endpoint", EINVAL, "no address");
  }
  return {
    publicKey: key(peer.p_public) as PublicKey,
    ...((flags & W.WG_PEER_REMOVE) !== 0 && { remove: true }),
    ...((flags & W.WG_PEER_UPDATE) !== 0 && { updateOnly: true }),
    ...((flags & W.WG_PEER_HAS_PSK) !== 0 && { presharedKey: key(peer.p_psk) as PresharedKey }),
    ...(hasEndpoint && peer.p_endpoint !== undefined && { endpoint: peer.p_endpoint }),
    ...((flags & W.WG_PEER_HAS_PKA) !== 0 && { persistentKeepalive: peer.p_pka }),
    ...((flags & W.WG_PEER_SET_DESCRIPTION) !== 0 &&
      { description: descriptionOf(peer.p_description) }),
    ...((flags & W.WG_PEER_REPLACE_AIPS) !== 0 && { replaceAllowedIps: true }),
    ...(peer.p_aips.length > 0 && { allowedIps: peer.p_aips.map(rangeOf) }),
  };
}

function rangeOf(aip: W.wg_aip_io) {
  const length = aip.a_af === W.AF_INET ? 4 : aip.a_af === W.AF_INET6 ? 16 : 0;
  if (length === 0 || aip.a_addr.length !== length) {
    throw osError("SIOCSWG", `address family ${aip.a_af}`, EINVAL);
  }
  if (!(aip.a_cidr >= 0 && aip.a_cidr <= length * 8)) {
    throw osError("SIOCSWG", `cidr ${aip.a_cidr}`, EINVAL);
  }
  return { address: maskAddress(aip.a_addr, aip.a_cidr), prefix: aip.a_cidr };
}

function descriptionOf(text: string): string {
  try {
    return checkDescription("p_description", text);
  } catch (error) {
    if (error instanceof ConfigError) {
      throw osError("SIOCSWG", "p_description", EINVAL, error.problem);
    }
    throw error;
  }
}

function key(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== KEY_LENGTH) throw osError("SIOCSWG", "key", EINVAL, `${bytes.length} bytes`);
  return bytes;
}

/** The whole state of an interface as SIOCGWG returns it to root. */
export function interfaceOf(status: InterfaceStatus): W.wg_interface_io {
  const io = W.emptyInterface();
  if (status.listenPort !== 0) {
    io.i_flags |= W.WG_INTERFACE_HAS_PORT;
    io.i_port = status.listenPort;
  }
  if (status.rtable !== 0) {
    io.i_flags |= W.WG_INTERFACE_HAS_RTABLE;
    io.i_rtable = status.rtable;
  }
  if (status.privateKey !== undefined) {
    io.i_flags |= W.WG_INTERFACE_HAS_PRIVATE;
    io.i_private = status.privateKey;
  }
  if (status.publicKey !== undefined) {
    io.i_flags |= W.WG_INTERFACE_HAS_PUBLIC;
    io.i_public = status.publicKey;
  }
  io.i_peers = status.peers.map(peerOf);
  return io;
}

function peerOf(status: PeerStatus): W.wg_peer_io {
  const peer = W.emptyPeer(status.publicKey);
  if (status.presharedKey.some((byte) => byte !== 0)) {
    peer.p_flags |= W.WG_PEER_HAS_PSK;
    peer.p_psk = status.presharedKey;
  }
  if (status.persistentKeepalive !== 0) {
    peer.p_flags |= W.WG_PEER_HAS_PKA;
    peer.p_pka = status.persistentKeepalive;
  }
  if (status.endpoint !== undefined) {
    peer.p_flags |= W.WG_PEER_HAS_ENDPOINT;
    peer.p_endpoint = status.endpoint;
  }
  peer.p_protocol_version = 1;
  peer.p_txbytes = status.txBytes;
  peer.p_rxbytes = status.rxBytes;
  const seconds = Math.floor(status.lastHandshakeUnixMs / 1000);
  peer.p_last_handshake = {
    tv_sec: seconds,
    tv_nsec: Math.floor((status.lastHandshakeUnixMs - seconds * 1000) * 1e6),
  };
  if (status.description !== "") {
    peer.p_flags |= W.WG_PEER_SET_DESCRIPTION;
    peer.p_description = status.description;
  }
  peer.p_aips = status.allowedIps.map((range) => ({
    a_af: range.address.length === 4 ? W.AF_INET : W.AF_INET6,
    a_cidr: range.prefix,
    a_addr: range.address,
  }));
  return peer;
}
