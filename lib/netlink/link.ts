/**
 * Links: RTM_GETLINK, RTM_NEWLINK, RTM_DELLINK and struct ifinfomsg (include/uapi/linux/if_link.h,
 * rtnetlink.h).
 * @module
 */
import { IFF_UP } from "./flags.ts";
import {
  attributeText,
  attributeU32,
  MessageBuilder,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  readAttributes,
  readU32,
  readU64,
} from "./message.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

/** Bytes of struct ifinfomsg: family u8, pad u8, type u16, index i32, flags u32, change u32. */
export const IFINFOMSG_BYTES = 16;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_STATS64 = 23;
const IFLA_AF_SPEC = 26;
const IFLA_GROUP = 27;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_TARGET_NETNSID = 46;
const IFLA_INFO_KIND = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IFLA_INET_CONF = 1;
/** include/uapi/linux/ip.h */
const IPV4_DEVCONF_SEND_REDIRECTS = 6;
const IPV4_DEVCONF_ACCEPT_LOCAL = 23;
const IN6_ADDR_GEN_MODE_EUI64 = 0;
const IN6_ADDR_GEN_MODE_NONE = 1;
const RTEXT_FILTER_SKIP_STATS = 8;

const AF_INET = 2;
const AF_INET6 = 10;

/** The counters of a link since its creation (struct rtnl_link_stats64). */
export interface LinkStats {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
  readonly multicast: number;
  readonly collisions: number;
}

const STATS_READ_BYTES = 10 * 8;

/** A link as the kernel describes it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** The flags, IFF_*. */
  readonly flags: number;
  readonly mtu: number;
  /** The hardware type, ARPHRD_*. */
  readonly type: number;
  /** The driver, such as `tun` or `veth`; empty for lo and hardware. */
  readonly kind: string;
  /** The description; empty for none. */
  readonly alias: string;
  /** The number of the link group; 0 is the default. */
  readonly group: number;
  /** The operational state, IF_OPER_* (RFC 2863): 0 unknown, 2 down, 6 up. */
  readonly operState: number;
  /** The length of the transmit queue in packets. */
  readonly queueLength: number;
  /** The index of the bridge, bond or VRF of the link; 0 for none. */
  readonly master: number;
  /** The hardware address; empty for a TUN device. */
  readonly address: Uint8Array;
  /** Whether packets with a source that is an IPv4 address of this machine are accepted. */
  readonly acceptsLocal: boolean;
  /** Whether the kernel assigns an IPv6 link-local address; false without IPv6. */
  readonly hasLinkLocal: boolean;
  /** The counters; undefined if the kernel omitted them. */
  readonly stats: LinkStats | undefined;
}

/**
 * Asks for all links. The IPv6 counters, which would make an answer half as long again, are
 * omitted.
 */
export function encodeLinkDump(sequence: number): Uint8Array<ArrayBuffer> {
  return ifinfo(new MessageBuilder(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence), 0, 0, 0)
    .attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS).finish();
}

/**
 * Asks for one link, by its index or by its name.
 * @param namespace the number (nsid) of another network namespace, where the link is
 */
export function encodeLinkGet(
  sequence: number,
  link: number | string,
  namespace?: number,
): Uint8Array<ArrayBuffer> {
  const builder = new MessageBuilder(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  ifinfo(builder, typeof link === "number" ? link : 0, 0, 0);
  if (typeof link === "string") builder.attributeText(IFLA_IFNAME, link);
  if (namespace !== undefined) builder.attributeU32(IFLA_TARGET_NETNSID, namespace);
  return builder.finish();
}

/** A change of a link. What is absent stays as it is. */
export interface LinkChange {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly name?: string;
  /** The description, at most ALIAS_MAX bytes. An empty text removes it. */
  readonly alias?: string;
  readonly group?: number;
  readonly queueLength?: number;
  /**
   * Whether the kernel assigns an IPv6 link-local address and solicits routers. The kernel's
   * WireGuard does not: a tunnel would make handshakes only to carry these packets. Set it before
   * the link goes up. EAFNOSUPPORT without IPv6.
   */
  readonly linkLocal?: boolean;
  /**
   * Whether packets that leave through the link on which they came are answered with ICMP
   * redirects.
   */
  readonly sendRedirects?: boolean;
  /** Whether packets with a source that is an IPv4 address of this machine are accepted. */
  readonly acceptLocal?: boolean;
  /**
   * A descriptor of the network namespace to which the link moves. The link loses addresses and
   * routes and goes down. It must be the only change.
   */
  readonly namespaceFd?: number;
}

/** Changes a link as a whole, or not at all. */
export function encodeLinkSet(
  sequence: number,
  index: number,
  change: LinkChange,
): Uint8Array<ArrayBuffer> {
  const builder = new MessageBuilder(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence);
  ifinfo(builder, index, change.up === true ? IFF_UP : 0, change.up === undefined ? 0 : IFF_UP);
  if (change.mtu !== undefined) builder.attributeU32(IFLA_MTU, change.mtu);
  if (change.name !== undefined) builder.attributeText(IFLA_IFNAME, change.name);
  // An alias of no bytes removes the alias. With a terminating zero it would be an empty alias.
  if (change.alias !== undefined) {
    builder.attribute(IFLA_IFALIAS, new TextEncoder().encode(change.alias));
  }
  if (change.group !== undefined) builder.attributeU32(IFLA_GROUP, change.group);
  if (change.queueLength !== undefined) builder.attributeU32(IFLA_TXQLEN, change.queueLength);
  if (change.linkLocal !== undefined) {
    const mode = change.linkLocal ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE;
    builder.nest(
      IFLA_AF_SPEC,
      (all) =>
        all.nest(
          AF_INET6,
          (inet6) => inet6.attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(mode)),
        ),
    );
  }
  if (change.sendRedirects !== undefined || change.acceptLocal !== undefined) {
    const { sendRedirects, acceptLocal } = change;
    const conf = (inner: MessageBuilder) => {
      if (sendRedirects !== undefined) {
        inner.attributeU32(IPV4_DEVCONF_SEND_REDIRECTS, sendRedirects ? 1 : 0);
      }
      if (acceptLocal !== undefined) {
        inner.attributeU32(IPV4_DEVCONF_ACCEPT_LOCAL, acceptLocal ? 1 : 0);
      }
    };
    builder.nest(
      IFLA_AF_SPEC,
      (all) => all.nest(AF_INET, (inet) => inet.nest(IFLA_INET_CONF, conf)),
    );
  }
  if (change.namespaceFd !== undefined) builder.attributeU32(IFLA_NET_NS_FD, change.namespaceFd);
  return builder.finish();
}

/** Deletes a link. */
export function encodeLinkDelete(sequence: number, index: number): Uint8Array<ArrayBuffer> {
  return ifinfo(new MessageBuilder(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, sequence), index, 0, 0)
    .finish();
}

/** The link of a RTM_NEWLINK or RTM_DELLINK message; undefined if the message is malformed. */
export function decodeLink(message: NetlinkMessage): Link | undefined {
  const { payload } = message;
  const attributes = readAttributes(payload, IFINFOMSG_BYTES);
  if (attributes === undefined) return undefined;
  const name = attributeText(attributes.get(IFLA_IFNAME));
  if (name === undefined || name === "") return undefined;
  const info = attributes.get(IFLA_LINKINFO);
  const kind = info === undefined ? undefined : readAttributes(info, 0)?.get(IFLA_INFO_KIND);
  return {
    index: readU32(payload, 4) | 0,
    name,
    flags: readU32(payload, 8),
    mtu: attributeU32(attributes.get(IFLA_MTU)) ?? 0,
    type: payload[2] | payload[3] << 8,
    kind: attributeText(kind) ?? "",
    alias: attributeText(attributes.get(IFLA_IFALIAS)) ?? "",
    group: attributeU32(attributes.get(IFLA_GROUP)) ?? 0,
    operState: attributes.get(IFLA_OPERSTATE)?.[0] ?? 0,
    queueLength: attributeU32(attributes.get(IFLA_TXQLEN)) ?? 0,
    master: attributeU32(attributes.get(IFLA_MASTER)) ?? 0,
    address: attributes.get(IFLA_ADDRESS)?.slice() ?? new Uint8Array(0),
    hasLinkLocal: ![undefined, IN6_ADDR_GEN_MODE_NONE].includes(
      familyOf(attributes.get(IFLA_AF_SPEC), AF_INET6)?.get(IFLA_INET6_ADDR_GEN_MODE)?.[0],
    ),
    acceptsLocal: readConf(attributes.get(IFLA_AF_SPEC), IPV4_DEVCONF_ACCEPT_LOCAL) === 1,
    stats: decodeStats(attributes.get(IFLA_STATS64)),
  };
}

/** The attributes of a family in IFLA_AF_SPEC; undefined when it is not there. */
function familyOf(
  families: Uint8Array | undefined,
  family: number,
): ReturnType<typeof readAttributes> {
  const inner = families && readAttributes(families, 0)?.get(family);
  return inner && readAttributes(inner, 0);
}

/** An IPv4 setting of IFLA_AF_SPEC; undefined when it is not there. */
function readConf(families: Uint8Array | undefined, setting: number): number | undefined {
  const conf = familyOf(families, AF_INET)?.get(IFLA_INET_CONF);
  // The settings are an array of words, without the number 0.
  return conf === undefined || conf.length < 4 * setting
    ? undefined
    : readU32(conf, 4 * (setting - 1));
}

function ifinfo(
  builder: MessageBuilder,
  index: number,
  flags: number,
  change: number,
): MessageBuilder {
  return builder.u8(0).u8(0).u16(0).u32(index).u32(flags).u32(change);
}

function decodeStats(bytes: Uint8Array | undefined): LinkStats | undefined {
  if (bytes === undefined || bytes.length < STATS_READ_BYTES) return undefined;
  return {
    rxPackets: readU64(bytes, 0),
    txPackets: readU64(bytes, 8),
    rxBytes: readU64(bytes, 16),
    txBytes: readU64(bytes, 24),
    rxErrors: readU64(bytes, 32),
    txErrors: readU64(bytes, 40),
    rxDropped: readU64(bytes, 48),
    txDropped: readU64(bytes, 56),
    multicast: readU64(bytes, 64),
    collisions: readU64(bytes, 72),
  };
}
