/**
 * RTM_NEWNSID and RTM_GETNSID: the number that one network namespace has for another
 * (include/uapi/linux/net_namespace.h). The number does not keep the other namespace alive, and is
 * removed with it.
 * @module
 */
import {
  attributeU32,
  MessageBuilder,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_REQUEST,
  readAttributes,
} from "./message.ts";

const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
/** Bytes of struct rtgenmsg, aligned. */
const RTGENMSG_BYTES = 4;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
/** Lets the kernel choose the number. */
const ANY_NUMBER = 0xffff_ffff;

/**
 * Gives the namespace of a descriptor a number in the namespace of the socket. EEXIST if it has
 * one.
 */
export function encodeNumberNamespace(
  sequence: number,
  descriptor: number,
): Uint8Array<ArrayBuffer> {
  return new MessageBuilder(RTM_NEWNSID, NLM_F_REQUEST | NLM_F_ACK, sequence)
    .u8(0).u8(0).u8(0).u8(0)
    .attributeU32(NETNSA_NSID, ANY_NUMBER)
    .attributeU32(NETNSA_FD, descriptor)
    .finish();
}

/** Asks for the number of the namespace of a descriptor in the namespace of the socket. */
export function encodeAskNumber(sequence: number, descriptor: number): Uint8Array<ArrayBuffer> {
  return new MessageBuilder(RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK, sequence)
    .u8(0).u8(0).u8(0).u8(0)
    .attributeU32(NETNSA_FD, descriptor)
    .finish();
}

/** The number in an answer; undefined when the namespace has none. */
export function decodeNumber({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== RTM_NEWNSID) return undefined;
  const number = attributeU32(readAttributes(payload, RTGENMSG_BYTES)?.get(NETNSA_NSID));
  return number === undefined || number === ANY_NUMBER ? undefined : number;
}
