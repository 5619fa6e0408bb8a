/**
 * RTM_NEWNSID: the number that one network namespace has for another
 * (include/uapi/linux/net_namespace.h). The number does not keep the other namespace alive, and is
 * removed with it.
 * @module
 */
import { MessageBuilder, NLM_F_ACK, NLM_F_REQUEST } from "./message.ts";

const RTM_NEWNSID = 88;
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
