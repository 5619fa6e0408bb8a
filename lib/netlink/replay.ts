/**
 * Turns the addresses and routes of a dump into requests that add the same ones again, with every
 * attribute that the kernel reported, also unknown ones.
 * @module
 */
import { formatIp } from "../base/ip_text.ts";
import { decodeAddress, IFADDRMSG_BYTES, isKernelLinkLocal, RTM_NEWADDR } from "./address.ts";
import {
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_SECONDARY,
  IFA_F_STABLE_PRIVACY,
} from "./flags.ts";
import {
  MessageBuilder,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  readAttributes,
  readU32,
} from "./message.ts";
import {
  decodeRoute,
  RTM_F_CLONED,
  RTM_NEWROUTE,
  RTMSG_BYTES,
  RTNEXTHOP_BYTES,
  RTPROT_KERNEL,
  RTPROT_RA,
  RTPROT_REDIRECT,
} from "./route.ts";

const IFA_FLAGS = 8;
const IFA_F_HOMEADDRESS = 0x10;
const IFA_F_MANAGETEMPADDR = 0x100;
const IFA_F_MCAUTOJOIN = 0x400;
/** The flags that a request may have. The kernel sets the others. */
const ADDRESS_FLAGS = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE |
  IFA_F_MCAUTOJOIN;

const RTA_MULTIPATH = 9;
const RTA_CACHEINFO = 12;
const RTA_EXPIRES = 23;
const RTA_NH_ID = 30;
/** Where rta_expires stands in struct rta_cacheinfo, and what it counts in a second (USER_HZ). */
const CACHEINFO_EXPIRES_AT = 8;
const USER_HZ = 100;
/**
 * The attributes of a route that are not repeated: its age, and the nexthop object, whose hops are
 * reported too.
 */
const NOT_REPLAYED = new Set([RTA_CACHEINFO, RTA_NH_ID]);
const RTNH_F_ONLINK = 4;

/** An address or a route, and the request that adds it again. */
export interface Replay {
  readonly type: typeof RTM_NEWADDR | typeof RTM_NEWROUTE;
  /** The text for messages, e.g. `10.0.0.0/8`. */
  readonly text: string;
  /** The fixed part and the attributes. Equal objects have equal bytes. */
  readonly payload: Uint8Array;
  /** The flag that adds it beside existing ones. */
  readonly how: number;
}

/** An address of a link that a user or program assigned; undefined for others. */
export function addressReplay(message: NetlinkMessage, interfaceIndex: number): Replay | undefined {
  const address = message.type === RTM_NEWADDR ? decodeAddress(message) : undefined;
  if (address?.interfaceIndex !== interfaceIndex || isKernelLinkLocal(address)) return undefined;
  const inet6 = address.address.length === 16;
  // The address is temporary (the same bit as "secondary" of IPv4), or made from a router's
  // advertisement.
  if (inet6 && (address.flags & (IFA_F_SECONDARY | IFA_F_STABLE_PRIVACY)) !== 0) return undefined;
  const fixed = message.payload.slice(0, IFADDRMSG_BYTES);
  const flags = address.flags & ADDRESS_FLAGS;
  fixed[2] = flags & 255;
  const payload = rebuilt(message.payload, fixed, new Set([IFA_FLAGS]), (builder) => {
    builder.attributeU32(IFA_FLAGS, flags);
  });
  const text = `${formatIp(address.address)}/${address.prefix}`;
  return payload && { type: RTM_NEWADDR, text, payload, how: NLM_F_EXCL };
}

/** A route through a link that the kernel did not add itself; undefined for others. */
export function routeReplay(message: NetlinkMessage, interfaceIndex: number): Replay | undefined {
  const route = message.type === RTM_NEWROUTE ? decodeRoute(message) : undefined;
  if (route === undefined || (route.flags & RTM_F_CLONED) !== 0) return undefined;
  if ([RTPROT_KERNEL, RTPROT_REDIRECT, RTPROT_RA].includes(route.protocol)) return undefined;
  const isMultipath = route.nextHops.length > 0;
  const goesThrough = route.interfaceIndex === interfaceIndex ||
    route.nextHops.some((hop) => hop.interfaceIndex === interfaceIndex);
  if (!goesThrough) return undefined;
  const fixed = message.payload.slice(0, RTMSG_BYTES);
  fixed[8] &= RTNH_F_ONLINK;
  fixed.fill(0, 9);
  const payload = rebuilt(message.payload, fixed, NOT_REPLAYED, (builder, attributes) => {
    const seconds = secondsLeft(attributes.get(RTA_CACHEINFO));
    if (seconds > 0) builder.attributeU32(RTA_EXPIRES, seconds);
  });
  const text = `route ${formatIp(route.destination)}/${route.prefix}`;
  // The route is added beside others to the same destination. Of a multipath route some hops may
  // still exist, so all of them are set.
  return payload &&
    { type: RTM_NEWROUTE, text, payload, how: isMultipath ? NLM_F_REPLACE : NLM_F_APPEND };
}

/** The request that adds it again. EEXIST if it exists. */
export function encodeReplay(
  sequence: number,
  { type, payload, how }: Replay,
): Uint8Array<ArrayBuffer> {
  const builder = new MessageBuilder(
    type,
    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | how,
    sequence,
  );
  for (const byte of payload) builder.u8(byte);
  return builder.finish();
}

/**
 * The payload with another fixed part and without some attributes; undefined if it is malformed.
 */
function rebuilt(
  payload: Uint8Array,
  fixed: Uint8Array,
  without: ReadonlySet<number>,
  more: (builder: MessageBuilder, attributes: ReadonlyMap<number, Uint8Array>) => void,
): Uint8Array | undefined {
  const attributes = readAttributes(payload, fixed.length);
  if (attributes === undefined) return undefined;
  const builder = new MessageBuilder(0, 0, 0);
  for (const byte of fixed) builder.u8(byte);
  for (const [type, value] of attributes) {
    if (!without.has(type)) {
      builder.attribute(type, type === RTA_MULTIPATH ? withLiveHops(value) : value);
    }
  }
  more(builder, attributes);
  return builder.payload();
}

/** How long an IPv6 route has left that ends by itself; 0 for one that stays. */
function secondsLeft(cacheInfo: Uint8Array | undefined): number {
  if (cacheInfo === undefined || cacheInfo.length < CACHEINFO_EXPIRES_AT + 4) return 0;
  return Math.ceil((readU32(cacheInfo, CACHEINFO_EXPIRES_AT) | 0) / USER_HZ);
}

/** The hops of a route without the kernel's notes whether their links are down. */
function withLiveHops(hops: Uint8Array): Uint8Array {
  const copy = hops.slice();
  for (
    let at = 0;
    at + RTNEXTHOP_BYTES <= copy.length;
    at += Math.max(RTNEXTHOP_BYTES, copy[at] | copy[at + 1] << 8)
  ) {
    copy[at + 2] &= RTNH_F_ONLINK;
  }
  return copy;
}
