/**
 * The kernel's WireGuard interfaces by generic netlink: WG_CMD_GET_DEVICE and WG_CMD_SET_DEVICE
 * (include/uapi/linux/wireguard.h). A large interface is told in several messages, and a large
 * change is sent in several. Messages hold keys: the caller erases them.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../base/brands.ts";
import type { DeviceChange, DeviceStatus, Draft, PeerChange, PeerStatus } from "../base/config.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import { type AllowedIp, type Endpoint, sameBytes } from "../base/endpoint.ts";
import { secretCopy } from "../base/secret_bytes.ts";
import { genericCommand, genericMessage, GENL_HEADER_BYTES } from "./generic.ts";
import {
  attributeText,
  attributeU32,
  type MessageBuilder,
  type NetlinkMessage,
  NLA_F_NESTED,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  readAttributeList,
  readAttributes,
  readU32,
  readU64,
} from "./message.ts";

/** The name of the family. */
export const WIREGUARD_FAMILY = "wireguard";

const WG_VERSION = 1;
const WG_CMD_GET_DEVICE = 0;
const WG_CMD_SET_DEVICE = 1;

const WGDEVICE_A_IFNAME = 2;
const WGDEVICE_A_PRIVATE_KEY = 3;
const WGDEVICE_A_PUBLIC_KEY = 4;
const WGDEVICE_A_FLAGS = 5;
const WGDEVICE_A_LISTEN_PORT = 6;
const WGDEVICE_A_FWMARK = 7;
const WGDEVICE_A_PEERS = 8;
const WGDEVICE_F_REPLACE_PEERS = 1;

const WGPEER_A_PUBLIC_KEY = 1;
const WGPEER_A_PRESHARED_KEY = 2;
const WGPEER_A_FLAGS = 3;
const WGPEER_A_ENDPOINT = 4;
const WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL = 5;
const WGPEER_A_LAST_HANDSHAKE_TIME = 6;
const WGPEER_A_RX_BYTES = 7;
const WGPEER_A_TX_BYTES = 8;
const WGPEER_A_ALLOWEDIPS = 9;
const WGPEER_F_REMOVE_ME = 1;
const WGPEER_F_REPLACE_ALLOWEDIPS = 2;
const WGPEER_F_UPDATE_ONLY = 4;

const WGALLOWEDIP_A_FAMILY = 1;
const WGALLOWEDIP_A_IPADDR = 2;
const WGALLOWEDIP_A_CIDR_MASK = 3;
const WGALLOWEDIP_A_FLAGS = 4;
/** Since Linux 6.16. Older kernels refuse the attribute. */
const WGALLOWEDIP_F_REMOVE_ME = 1;

const AF_INET = 2;
const AF_INET6 = 10;
/** Bytes of struct sockaddr_in and sockaddr_in6. */
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
/** Bytes of struct __kernel_timespec: seconds and nanoseconds of 64 bits. */
const TIMESPEC_BYTES = 16;

/**
 * Bytes from which on a change goes on in the next message. The length of WGDEVICE_A_PEERS has 16
 * bits.
 */
const MESSAGE_BYTES_MAX = 32_768;
/** The most bytes that a peer takes without its ranges, and that one range takes. */
const PEER_BYTES_MAX = 256;
const RANGE_BYTES_MAX = 56;

/** Encodes the question for an interface. Its answer is a dump. */
export function encodeDeviceGet(family: number, name: string, sequence: number): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP;
  return genericMessage(family, flags, sequence, WG_CMD_GET_DEVICE, WG_VERSION)
    .attributeText(WGDEVICE_A_IFNAME, name).finish();
}

/** One message of an answer. The first peer may go on with the last one of the message before. */
export interface DevicePart {
  readonly privateKey: PrivateKey | undefined;
  readonly publicKey: PublicKey | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  readonly peers: readonly PeerStatus[];
}

/** Reads a message of an answer; undefined if it is malformed. */
export function decodeDevice(message: NetlinkMessage): DevicePart | undefined {
  if (genericCommand(message) !== WG_CMD_GET_DEVICE) return undefined;
  const attributes = readAttributes(message.payload, GENL_HEADER_BYTES);
  if (attributes === undefined) return undefined;
  if (attributeText(attributes.get(WGDEVICE_A_IFNAME)) === undefined) return undefined;
  const list = attributes.get(WGDEVICE_A_PEERS);
  const nested = list === undefined ? [] : readAttributeList(list, 0);
  const peers = nested?.map(([, value]) => decodePeer(value));
  if (peers === undefined || !peers.every((peer) => peer !== undefined)) return undefined;
  return {
    privateKey: keyOf(attributes.get(WGDEVICE_A_PRIVATE_KEY)) as PrivateKey | undefined,
    publicKey: keyOf(attributes.get(WGDEVICE_A_PUBLIC_KEY)) as PublicKey | undefined,
    listenPort: u16(attributes.get(WGDEVICE_A_LISTEN_PORT)),
    fwmark: attributeU32(attributes.get(WGDEVICE_A_FWMARK)) ?? 0,
    peers,
  };
}

/** Joins the messages of an answer; undefined if there is none. */
export function joinDevice(parts: readonly DevicePart[]): DeviceStatus | undefined {
  if (parts.length === 0) return undefined;
  const peers: PeerStatus[] = [];
  for (const part of parts) {
    for (const peer of part.peers) {
      const last = peers.at(-1);
      if (last === undefined || !sameBytes(last.publicKey, peer.publicKey)) peers.push(peer);
      else {peers[peers.length - 1] = {
          ...last,
          allowedIps: [...last.allowedIps, ...peer.allowedIps],
        };}
    }
  }
  const { privateKey, publicKey, listenPort, fwmark } = parts[0];
  return { privateKey, publicKey, listenPort, fwmark, rtable: 0, debug: false, peers };
}

function decodePeer(value: Uint8Array): PeerStatus | undefined {
  const attributes = readAttributes(value, 0);
  const publicKey = attributes?.get(WGPEER_A_PUBLIC_KEY);
  if (attributes === undefined || publicKey?.length !== KEY_LENGTH) return undefined;
  const list = attributes.get(WGPEER_A_ALLOWEDIPS);
  const ranges = (list === undefined ? [] : readAttributeList(list, 0))
    ?.map(([, range]) => decodeRange(range));
  if (ranges === undefined || !ranges.every((range) => range !== undefined)) return undefined;
  const psk = attributes.get(WGPEER_A_PRESHARED_KEY);
  return {
    publicKey: publicKey.slice() as PublicKey,
    presharedKey:
      (psk?.length === KEY_LENGTH ? secretCopy(psk) : new Uint8Array(KEY_LENGTH)) as PresharedKey,
    endpoint: decodeEndpoint(attributes.get(WGPEER_A_ENDPOINT)),
    persistentKeepalive: u16(attributes.get(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL)),
    allowedIps: ranges,
    description: "",
    txBytes: u64(attributes.get(WGPEER_A_TX_BYTES)),
    rxBytes: u64(attributes.get(WGPEER_A_RX_BYTES)),
    lastHandshakeUnixMs: decodeTime(attributes.get(WGPEER_A_LAST_HANDSHAKE_TIME)),
  };
}

function decodeRange(value: Uint8Array): AllowedIp | undefined {
  const attributes = readAttributes(value, 0);
  const address = attributes?.get(WGALLOWEDIP_A_IPADDR);
  const prefix = attributes?.get(WGALLOWEDIP_A_CIDR_MASK);
  const length = u16(attributes?.get(WGALLOWEDIP_A_FAMILY)) === AF_INET6 ? 16 : 4;
  if (address?.length !== length || prefix?.length !== 1 || prefix[0] > 8 * length) {
    return undefined;
  }
  return { address: address.slice(), prefix: prefix[0] };
}

/** Reads a struct sockaddr_in or sockaddr_in6; undefined for anything else. */
function decodeEndpoint(value: Uint8Array | undefined): Endpoint | undefined {
  if (value === undefined || value.length < 2) return undefined;
  const family = value[0] | value[1] << 8;
  if (family === AF_INET && value.length === SOCKADDR_IN_BYTES) {
    return { address: value.slice(4, 8), port: value[2] << 8 | value[3], scope: 0 };
  }
  if (family !== AF_INET6 || value.length !== SOCKADDR_IN6_BYTES) return undefined;
  const scope = readU32(value, 24);
  return { address: value.slice(8, 24), port: value[2] << 8 | value[3], scope };
}

function encodeEndpoint({ address, port, scope }: Endpoint): Uint8Array {
  const four = address.length === 4;
  const value = new Uint8Array(four ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  value[0] = four ? AF_INET : AF_INET6;
  value[2] = port >>> 8;
  value[3] = port;
  value.set(address, four ? 4 : 8);
  if (!four) new DataView(value.buffer).setUint32(24, scope, true);
  return value;
}

function decodeTime(value: Uint8Array | undefined): number {
  if (value?.length !== TIMESPEC_BYTES) return 0;
  return readU64(value, 0) * 1000 + readU64(value, 8) / 1e6;
}

const u16 = (value: Uint8Array | undefined) => value?.length === 2 ? value[0] | value[1] << 8 : 0;
const u64 = (value: Uint8Array | undefined) => value?.length === 8 ? readU64(value, 0) : 0;
const keyOf = (value: Uint8Array | undefined) =>
  value?.length === KEY_LENGTH ? secretCopy(value) : undefined;

/** A range of a peer's change, and whether it is removed. */
interface RangeChange {
  readonly range: AllowedIp;
  readonly remove: boolean;
}

/**
 * Encodes a change. A change that does not fit into one message is made in several; the kernel
 * makes each of them by itself.
 * @returns functions that encode the messages with their sequence numbers
 */
export function encodeDeviceSet(
  family: number,
  name: string,
  change: DeviceChange,
): ((sequence: number) => Uint8Array)[] {
  return splitPeers(change.peers ?? []).map((peers, index) => (sequence) => {
    const flags = NLM_F_REQUEST | NLM_F_ACK;
    const message = genericMessage(family, flags, sequence, WG_CMD_SET_DEVICE, WG_VERSION)
      .attributeText(WGDEVICE_A_IFNAME, name);
    if (index === 0) addInterface(message, change);
    if (peers.length > 0) {
      message.nest(WGDEVICE_A_PEERS | NLA_F_NESTED, (list) => {
        for (const peer of peers) list.nest(NLA_F_NESTED, (inner) => addPeer(inner, peer));
      });
    }
    const bytes = message.finish();
    message.erase();
    return bytes;
  });
}

function addInterface(message: MessageBuilder, change: DeviceChange): void {
  const { privateKey, listenPort, fwmark, replacePeers } = change;
  if (privateKey !== undefined) message.attribute(WGDEVICE_A_PRIVATE_KEY, privateKey);
  if (listenPort !== undefined) message.attributeU16(WGDEVICE_A_LISTEN_PORT, listenPort);
  if (fwmark !== undefined) message.attributeU32(WGDEVICE_A_FWMARK, fwmark);
  if (replacePeers === true) message.attributeU32(WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
}

function addPeer(message: MessageBuilder, peer: PeerChange): void {
  const { presharedKey, endpoint, persistentKeepalive } = peer;
  const flags = (peer.remove ? WGPEER_F_REMOVE_ME : 0) |
    (peer.replaceAllowedIps ? WGPEER_F_REPLACE_ALLOWEDIPS : 0) |
    (peer.updateOnly ? WGPEER_F_UPDATE_ONLY : 0);
  message.attribute(WGPEER_A_PUBLIC_KEY, peer.publicKey);
  if (presharedKey !== undefined) message.attribute(WGPEER_A_PRESHARED_KEY, presharedKey);
  if (endpoint !== undefined) message.attribute(WGPEER_A_ENDPOINT, encodeEndpoint(endpoint));
  if (persistentKeepalive !== undefined) {
    message.attributeU16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, persistentKeepalive);
  }
  if (flags !== 0) message.attributeU32(WGPEER_A_FLAGS, flags);
  const ranges = rangesOf(peer);
  if (ranges.length === 0) return;
  message.nest(WGPEER_A_ALLOWEDIPS | NLA_F_NESTED, (list) => {
    for (const { range, remove } of ranges) {
      list.nest(NLA_F_NESTED, (inner) => {
        const { address, prefix } = range;
        inner.attributeU16(WGALLOWEDIP_A_FAMILY, address.length === 4 ? AF_INET : AF_INET6)
          .attribute(WGALLOWEDIP_A_IPADDR, address)
          .attribute(WGALLOWEDIP_A_CIDR_MASK, Uint8Array.of(prefix));
        if (remove) inner.attributeU32(WGALLOWEDIP_A_FLAGS, WGALLOWEDIP_F_REMOVE_ME);
      });
    }
  });
}

const rangesOf = ({ removeAllowedIps = [], allowedIps = [] }: PeerChange): RangeChange[] => [
  ...removeAllowedIps.map((range) => ({ range, remove: true })),
  ...allowedIps.map((range) => ({ range, remove: false })),
];

/**
 * Distributes the peers over messages. A peer whose ranges do not fit goes on in the next one, with
 * its key and the ranges that are left. There is one message at least.
 */
function splitPeers(peers: readonly PeerChange[]): PeerChange[][] {
  const messages: PeerChange[][] = [[]];
  let room = MESSAGE_BYTES_MAX;
  const next = () => {
    messages.push([]);
    room = MESSAGE_BYTES_MAX;
  };
  for (const peer of peers) {
    if (room < PEER_BYTES_MAX + RANGE_BYTES_MAX) next();
    room -= PEER_BYTES_MAX;
    let { removeAllowedIps = [], allowedIps = [] } = peer;
    let part: Draft<PeerChange> = { ...peer };
    while (true) {
      const fits = Math.floor(room / RANGE_BYTES_MAX);
      const removed = removeAllowedIps.slice(0, fits);
      const added = allowedIps.slice(0, fits - removed.length);
      messages[messages.length - 1].push({ ...part, removeAllowedIps: removed, allowedIps: added });
      room -= (removed.length + added.length) * RANGE_BYTES_MAX;
      removeAllowedIps = removeAllowedIps.slice(removed.length);
      allowedIps = allowedIps.slice(added.length);
      if (removeAllowedIps.length + allowedIps.length === 0) break;
      next();
      room -= PEER_BYTES_MAX;
      part = { publicKey: peer.publicKey, ...(peer.updateOnly ? { updateOnly: true } : {}) };
    }
  }
  return messages;
}
