/**
 * Routes: RTM_GETROUTE, RTM_NEWROUTE, RTM_DELROUTE and struct rtmsg
 * (include/uapi/linux/rtnetlink.h).
 * @module
 */
import type { IpBytes } from "../base/endpoint.ts";
import {
  addressBytes,
  familyFrom,
  familyNumber,
  familyOf,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
} from "./address.ts";
import { RT_SCOPE_HOST, RT_SCOPE_UNIVERSE } from "./address.ts";
import {
  attributeU32,
  MessageBuilder,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  readAttributes,
  readU32,
} from "./message.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

/**
 * Bytes of struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type (u8 each),
 * flags u32.
 */
export const RTMSG_BYTES = 12;
/** Bytes of struct rtnexthop: length u16, flags u8, hops u8, interface index i32. */
export const RTNEXTHOP_BYTES = 8;

const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_MARK = 16;
const RTA_VIA = 18;
const RTA_IP_PROTO = 27;
const RTA_SPORT = 28;
const RTA_DPORT = 29;
const RTAX_MTU = 2;
const IPPROTO_UDP = 17;

const RTM_F_LOOKUP_TABLE = 0x1000;
const RTM_F_FIB_MATCH = 0x2000;
/** The route is cached or cloned, and not in the table. */
export const RTM_F_CLONED = 0x200;

/** The numbers of tables. */
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

/** The origins of routes. */
const RTPROT_UNSPEC = 0;
export const RTPROT_REDIRECT = 1;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
export const RTPROT_STATIC = 4;
export const RTPROT_RA = 9;
export const RTPROT_DHCP = 16;

/** The types of routes, by their RTN_* numbers. */
const ROUTE_TYPES = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "nat",
  "xresolve",
] as const;
/** The type of a route: what it does with a packet. */
export type RouteType = typeof ROUTE_TYPES[number];

/** One hop of a route. */
export interface NextHop {
  /**
   * The gateway; undefined if the destination is on the link. It may be IPv6 for an IPv4 route
   * (RTA_VIA).
   */
  readonly gateway: IpBytes | undefined;
  /** The interface; 0 for none (blackhole). */
  readonly interfaceIndex: number;
  /** The flags, RTNH_F_*: 1 dead, 4 on link, 16 link down. */
  readonly flags: number;
}

/** A route as the kernel describes it. */
export interface Route {
  readonly family: 4 | 6;
  /** The destination; all zeros for a default route. */
  readonly destination: IpBytes;
  readonly prefix: number;
  readonly type: RouteType;
  readonly table: number;
  readonly metric: number;
  /** The origin, RTPROT_*. */
  readonly protocol: number;
  /** The scope, RT_SCOPE_*. */
  readonly scope: number;
  /** The flags, RTM_F_* and RTNH_F_*. */
  readonly flags: number;
  readonly gateway: IpBytes | undefined;
  /** The interface; 0 for none. */
  readonly interfaceIndex: number;
  readonly preferredSource: IpBytes | undefined;
  /** The MTU of the route itself; 0 for none. */
  readonly mtu: number;
  /**
   * All hops of a multipath route; empty for others. `gateway` and `interfaceIndex` are those of
   * the first hop.
   */
  readonly nextHops: readonly NextHop[];
}

/**
 * A route to add, change or delete. The kernel chooses what is absent; for deleting it may be any.
 */
export interface RouteRequest {
  /**
   * The destination. Its length is that of the family; zeros with prefix 0 are the default route.
   */
  readonly destination: IpBytes;
  readonly prefix: number;
  readonly gateway?: IpBytes | undefined;
  readonly interfaceIndex?: number | undefined;
  /** The table; RT_TABLE_MAIN if absent. */
  readonly table?: number | undefined;
  readonly metric?: number | undefined;
  /** The type; `unicast` if absent. */
  readonly type?: RouteType | undefined;
  readonly preferredSource?: IpBytes | undefined;
  /** The origin; RTPROT_STATIC if absent, any for deleting. */
  readonly protocol?: number | undefined;
  readonly mtu?: number | undefined;
}

/**
 * The routes of a dump. The kernel filters where it can. Callers filter again, for kernels that do
 * not.
 */
export interface RouteFilter {
  readonly family?: 4 | 6 | undefined;
  readonly table?: number | undefined;
  readonly interfaceIndex?: number | undefined;
}

/** Asks for all routes that pass the filter. Without a family both are returned. */
export function encodeRouteDump(sequence: number, filter: RouteFilter): Uint8Array<ArrayBuffer> {
  const builder = new MessageBuilder(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, sequence)
    .u8(familyNumber(filter.family)).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
  // The kernel answers ENOENT for a table that does not exist. Callers therefore set `table` only
  // for the three tables that always exist.
  if (filter.table !== undefined) builder.attributeU32(RTA_TABLE, filter.table);
  if (filter.interfaceIndex !== undefined) builder.attributeU32(RTA_OIF, filter.interfaceIndex);
  return builder.finish();
}

/** The parameters of a route lookup. */
export interface RouteLookup {
  /** The SO_MARK of the packets. */
  readonly mark?: number | undefined;
  /**
   * Whether to return the route of the table, with its prefix, instead of the route of this
   * address.
   */
  readonly match?: boolean | undefined;
  readonly interfaceIndex?: number | undefined;
  /** The source address of the packets, of the family of the destination. */
  readonly source?: IpBytes | undefined;
  /** The ports, if the packets are UDP datagrams. Kernels before 4.18 ignore them. */
  readonly udp?: { readonly sourcePort: number; readonly destinationPort: number } | undefined;
}

/** Asks for the route that packets to an address take. */
export function encodeRouteGet(
  sequence: number,
  address: IpBytes,
  lookup: RouteLookup,
): Uint8Array<ArrayBuffer> {
  // For IPv6 the kernel always reports the table, and refuses the flag that asks for it.
  const flags = (address.length === 4 ? RTM_F_LOOKUP_TABLE : 0) |
    (lookup.match === true ? RTM_F_FIB_MATCH : 0);
  const builder = new MessageBuilder(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence)
    .u8(familyOf(address)).u8(address.length * 8).u8((lookup.source?.length ?? 0) * 8).u8(0).u8(0)
    .u8(0).u8(0).u8(0)
    .u32(flags).attribute(RTA_DST, address);
  if (lookup.source !== undefined) builder.attribute(RTA_SRC, lookup.source);
  if (lookup.interfaceIndex !== undefined) builder.attributeU32(RTA_OIF, lookup.interfaceIndex);
  if (lookup.mark !== undefined) builder.attributeU32(RTA_MARK, lookup.mark);
  if (lookup.udp !== undefined) {
    const { sourcePort, destinationPort } = lookup.udp;
    builder.attribute(RTA_IP_PROTO, Uint8Array.of(IPPROTO_UDP));
    builder.attribute(RTA_SPORT, Uint8Array.of(sourcePort >>> 8, sourcePort));
    builder.attribute(RTA_DPORT, Uint8Array.of(destinationPort >>> 8, destinationPort));
  }
  return builder.finish();
}

/**
 * Adds a route. `mode` decides about a route that exists: `add` fails with EEXIST, `replace`
 * changes it, `change` requires it (ENOENT).
 */
export function encodeRouteAdd(
  sequence: number,
  route: RouteRequest,
  mode: "add" | "replace" | "change",
): Uint8Array<ArrayBuffer> {
  const how = {
    add: NLM_F_CREATE | NLM_F_EXCL,
    replace: NLM_F_CREATE | NLM_F_REPLACE,
    change: NLM_F_REPLACE,
  }[mode];
  const builder = new MessageBuilder(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | how, sequence);
  rtmsg(builder, route, route.protocol ?? RTPROT_STATIC, scopeOf(route), route.type ?? "unicast");
  if (route.preferredSource !== undefined) builder.attribute(RTA_PREFSRC, route.preferredSource);
  if (route.mtu !== undefined) {
    const mtu = route.mtu;
    builder.nest(RTA_METRICS, (inner) => inner.attributeU32(RTAX_MTU, mtu));
  }
  return builder.finish();
}

/** Deletes the first route that matches all given values. */
export function encodeRouteDelete(sequence: number, route: RouteRequest): Uint8Array<ArrayBuffer> {
  const builder = new MessageBuilder(RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence);
  rtmsg(
    builder,
    route,
    route.protocol ?? RTPROT_UNSPEC,
    RT_SCOPE_NOWHERE,
    route.type ?? "unspecified",
  );
  if (route.preferredSource !== undefined) builder.attribute(RTA_PREFSRC, route.preferredSource);
  return builder.finish();
}

/**
 * The route of a RTM_NEWROUTE or RTM_DELROUTE message; undefined if the message is malformed or of
 * another family.
 */
export function decodeRoute(message: NetlinkMessage): Route | undefined {
  const { payload } = message;
  const attributes = readAttributes(payload, RTMSG_BYTES);
  if (attributes === undefined) return undefined;
  const family = familyFrom(payload[0]);
  if (family === undefined) return undefined;
  const size = addressBytes(family);
  const destination = attributes.get(RTA_DST) ?? new Uint8Array(size);
  if (destination.length !== size || payload[1] > size * 8) return undefined;
  const multipath = attributes.get(RTA_MULTIPATH);
  const nextHops = multipath === undefined ? [] : decodeNextHops(multipath);
  if (nextHops === undefined) return undefined;
  const metrics = attributes.get(RTA_METRICS);
  const source = attributes.get(RTA_PREFSRC);
  return {
    family,
    destination: destination.slice(),
    prefix: payload[1],
    type: ROUTE_TYPES[payload[7]] ?? "unspecified",
    table: attributeU32(attributes.get(RTA_TABLE)) ?? payload[4],
    metric: attributeU32(attributes.get(RTA_PRIORITY)) ?? 0,
    protocol: payload[5],
    scope: payload[6],
    flags: readU32(payload, 8),
    gateway: decodeGateway(attributes.get(RTA_GATEWAY), attributes.get(RTA_VIA)) ??
      nextHops[0]?.gateway,
    interfaceIndex: attributeU32(attributes.get(RTA_OIF)) ?? nextHops[0]?.interfaceIndex ?? 0,
    preferredSource: source?.length === size ? source.slice() : undefined,
    mtu: metrics === undefined ? 0 : attributeU32(readAttributes(metrics, 0)?.get(RTAX_MTU)) ?? 0,
    nextHops,
  };
}

function rtmsg(
  builder: MessageBuilder,
  route: RouteRequest,
  protocol: number,
  scope: number,
  type: RouteType,
): void {
  const { destination, prefix, gateway, interfaceIndex, metric } = route;
  if (destination.length !== 4 && destination.length !== 16) {
    throw new RangeError("an IP address has 4 or 16 bytes");
  }
  const table = route.table ?? RT_TABLE_MAIN;
  builder.u8(familyOf(destination)).u8(prefix).u8(0).u8(0).u8(table < 256 ? table : 0)
    .u8(protocol).u8(scope).u8(ROUTE_TYPES.indexOf(type)).u32(0);
  if (prefix > 0) builder.attribute(RTA_DST, destination);
  if (table >= 256) builder.attributeU32(RTA_TABLE, table);
  if (gateway !== undefined && gateway.length === destination.length) {
    builder.attribute(RTA_GATEWAY, gateway);
  } else if (gateway !== undefined) {
    builder.attribute(RTA_VIA, new Uint8Array([familyOf(gateway), 0, ...gateway]));
  }
  if (interfaceIndex !== undefined) builder.attributeU32(RTA_OIF, interfaceIndex);
  if (metric !== undefined) builder.attributeU32(RTA_PRIORITY, metric);
}

/**
 * The scope of a route. The kernel requires that of an IPv4 route to match its hop: link scope
 * without a gateway.
 */
function scopeOf(route: RouteRequest): number {
  if (route.type === "local") return RT_SCOPE_HOST;
  const unicast = route.type === undefined || route.type === "unicast";
  return unicast && route.gateway === undefined && route.destination.length === 4
    ? RT_SCOPE_LINK
    : RT_SCOPE_UNIVERSE;
}

function decodeGateway(
  gateway: Uint8Array | undefined,
  via: Uint8Array | undefined,
): IpBytes | undefined {
  if (gateway !== undefined) {
    return gateway.length === 4 || gateway.length === 16 ? gateway.slice() : undefined;
  }
  return via?.length === 6 || via?.length === 18 ? via.slice(2) : undefined;
}

function decodeNextHops(bytes: Uint8Array): NextHop[] | undefined {
  const hops: NextHop[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < RTNEXTHOP_BYTES) return undefined;
    const length = bytes[at] | bytes[at + 1] << 8;
    if (length < RTNEXTHOP_BYTES || length > bytes.length - at) return undefined;
    const attributes = readAttributes(bytes.subarray(at, at + length), RTNEXTHOP_BYTES);
    if (attributes === undefined) return undefined;
    hops.push({
      gateway: decodeGateway(attributes.get(RTA_GATEWAY), attributes.get(RTA_VIA)),
      interfaceIndex: readU32(bytes, at + 4) | 0,
      flags: bytes[at + 2],
    });
    at += (length + 3) & ~3;
  }
  return hops;
}
