/**
 * Interface addresses: RTM_GETADDR, RTM_NEWADDR, RTM_DELADDR and struct ifaddrmsg
 * (include/uapi/linux/if_addr.h).
 * @module
 */
import { IFA_F_NODAD, IFA_F_STABLE_PRIVACY } from "./flags.ts";
import type { IpBytes } from "../base/endpoint.ts";
import {
  attributeText,
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

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

/** Bytes of struct ifaddrmsg: family u8, prefixlen u8, flags u8, scope u8, index u32. */
export const IFADDRMSG_BYTES = 8;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_RT_PRIORITY = 9;
const IFA_TARGET_NETNSID = 10;
const IFA_PROTO = 11;
const IFAPROT_KERNEL_LL = 2;

/** Scopes of addresses and routes (include/uapi/linux/rtnetlink.h). */
export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RT_SCOPE_NOWHERE = 255;

const AF_INET = 2;
const AF_INET6 = 10;
/** The family number of an address of 4 or 16 bytes; 0 (any) without an address. */
export const familyOf = (address: IpBytes | undefined): number =>
  address === undefined ? 0 : address.length === 4 ? AF_INET : AF_INET6;
/** The family number of IP version 4 or 6; 0 (any) without a version. */
export const familyNumber = (family: 4 | 6 | undefined): number =>
  family === undefined ? 0 : family === 4 ? AF_INET : AF_INET6;
/** The IP version of a family number; undefined for other families. */
export const familyFrom = (number: number): 4 | 6 | undefined =>
  number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined;
/** The length of an address of the family, in bytes. */
export const addressBytes = (family: 4 | 6): number => family === 4 ? 4 : 16;

/** An address of an interface. */
export interface InterfaceAddress {
  /** The address of the interface itself. */
  readonly address: IpBytes;
  /** The prefix length of the address, or of the peer if there is one. */
  readonly prefix: number;
  readonly interfaceIndex: number;
  /** The other end of a point-to-point address. */
  readonly peer: IpBytes | undefined;
  /** The broadcast address; IPv4 only. */
  readonly broadcast: IpBytes | undefined;
  /** The name of the interface, possibly with a suffix; IPv4 only, otherwise empty. */
  readonly label: string;
  /** The scope, RT_SCOPE_*. */
  readonly scope: number;
  /** The flags, IFA_F_*. */
  readonly flags: number;
  /** The metric of the connected route; 0 for the kernel's default. */
  readonly metric: number;
  /** The origin of the address, IFAPROT_*; 0 if unknown. Kernels before 5.18 do not report it. */
  readonly protocol: number;
}

/** An address to add or to delete. The kernel chooses what is absent. */
export interface AddressRequest {
  readonly address: IpBytes;
  readonly prefix: number;
  readonly interfaceIndex: number;
  readonly peer?: IpBytes | undefined;
  readonly broadcast?: IpBytes | undefined;
  readonly label?: string | undefined;
  readonly scope?: number | undefined;
  readonly flags?: number | undefined;
  readonly metric?: number | undefined;
}

/**
 * Asks for all addresses of a family, or of both. It never asks for one interface: Linux (up to
 * 6.18) does not report when such a dump was interrupted.
 * @param namespace the number (nsid) of another network namespace, whose addresses are asked for
 */
export function encodeAddressDump(
  sequence: number,
  family: 4 | 6 | undefined,
  namespace?: number,
): Uint8Array<ArrayBuffer> {
  const builder = new MessageBuilder(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence)
    .u8(familyNumber(family)).u8(0).u8(0).u8(0).u32(0);
  if (namespace !== undefined) builder.attributeU32(IFA_TARGET_NETNSID, namespace);
  return builder.finish();
}

/**
 * Adds an address and its connected route. IPv6 addresses are usable at once: duplicate address
 * detection has no use on a tunnel and would keep them tentative for a second. With `replace` an
 * existing address is updated instead of failing with EEXIST.
 */
export function encodeAddressAdd(
  sequence: number,
  request: AddressRequest,
  replace: boolean,
): Uint8Array<ArrayBuffer> {
  const create = NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL);
  const flags = request.flags ?? (request.address.length === 16 ? IFA_F_NODAD : 0);
  const builder = ifaddr(
    new MessageBuilder(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | create, sequence),
    request,
    flags,
  );
  if (request.label !== undefined) builder.attributeText(IFA_LABEL, request.label);
  if (flags > 255) builder.attributeU32(IFA_FLAGS, flags);
  if (request.metric !== undefined) builder.attributeU32(IFA_RT_PRIORITY, request.metric);
  return builder.finish();
}

/** Deletes an address. The prefix must be that with which it was added. */
export function encodeAddressDelete(
  sequence: number,
  request: AddressRequest,
): Uint8Array<ArrayBuffer> {
  const builder = ifaddr(
    new MessageBuilder(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, sequence),
    request,
    0,
  );
  if (request.label !== undefined) builder.attributeText(IFA_LABEL, request.label);
  return builder.finish();
}

/**
 * The address of a RTM_NEWADDR or RTM_DELADDR message; undefined if the message is malformed or of
 * another family.
 */
export function decodeAddress(message: NetlinkMessage): InterfaceAddress | undefined {
  const { payload } = message;
  const attributes = readAttributes(payload, IFADDRMSG_BYTES);
  if (attributes === undefined) return undefined;
  const family = familyFrom(payload[0]);
  if (family === undefined) return undefined;
  const size = addressBytes(family);
  const other = attributes.get(IFA_ADDRESS);
  const own = attributes.get(IFA_LOCAL) ?? other;
  if (own === undefined || own.length !== size || payload[1] > size * 8) return undefined;
  if (other !== undefined && other.length !== size) return undefined;
  const broadcast = attributes.get(IFA_BROADCAST);
  return {
    address: own.slice(),
    prefix: payload[1],
    interfaceIndex: readU32(payload, 4),
    peer: other !== undefined && other.some((byte, i) => byte !== own[i])
      ? other.slice()
      : undefined,
    broadcast: broadcast?.length === size ? broadcast.slice() : undefined,
    label: attributeText(attributes.get(IFA_LABEL)) ?? "",
    scope: payload[3],
    flags: attributeU32(attributes.get(IFA_FLAGS)) ?? payload[2],
    metric: attributeU32(attributes.get(IFA_RT_PRIORITY)) ?? 0,
    protocol: attributes.get(IFA_PROTO)?.[0] ?? 0,
  };
}

/** Whether the kernel assigned this address itself: an IPv6 link-local address. */
export function isKernelLinkLocal({ address, protocol, flags }: InterfaceAddress): boolean {
  if (address.length !== 16 || address[0] !== 0xfe || (address[1] & 0xc0) !== 0x80) return false;
  return protocol === IFAPROT_KERNEL_LL || (flags & IFA_F_STABLE_PRIVACY) !== 0;
}

function ifaddr(builder: MessageBuilder, request: AddressRequest, flags: number): MessageBuilder {
  const { address, prefix, peer, scope } = request;
  if (address.length !== 4 && address.length !== 16) {
    throw new RangeError("an IP address has 4 or 16 bytes");
  }
  builder.u8(familyOf(address)).u8(prefix).u8(flags & 255).u8(scope ?? RT_SCOPE_UNIVERSE).u32(
    request.interfaceIndex,
  );
  builder.attribute(IFA_LOCAL, address);
  if (request.broadcast !== undefined) builder.attribute(IFA_BROADCAST, request.broadcast);
  return builder.attribute(IFA_ADDRESS, peer ?? address);
}
