/**
 * Generic netlink: the header of its messages, and the number of a family by its name
 * (include/uapi/linux/genetlink.h).
 * @module
 */
import {
  attributeText,
  MessageBuilder,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_REQUEST,
  readAttributes,
} from "./message.ts";

/** Bytes of struct genlmsghdr: command u8, version u8, reserved u16. */
export const GENL_HEADER_BYTES = 4;
/** The type of messages to and from the controller. */
export const GENL_ID_CTRL = 16;

const CTRL_CMD_NEWFAMILY = 1;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const CTRL_VERSION = 1;

/** Begins a message of a family: the netlink header and the family's command. */
export function genericMessage(
  family: number,
  flags: number,
  sequence: number,
  command: number,
  version: number,
): MessageBuilder {
  return new MessageBuilder(family, flags, sequence).u8(command).u8(version).u16(0);
}

/** The command of a message; undefined if the message is too short. */
export const genericCommand = ({ payload }: NetlinkMessage): number | undefined =>
  payload.length < GENL_HEADER_BYTES ? undefined : payload[0];

/** Encodes the question for the number of a family. */
export function encodeFamilyGet(sequence: number, name: string): Uint8Array {
  return genericMessage(
    GENL_ID_CTRL,
    NLM_F_REQUEST | NLM_F_ACK,
    sequence,
    CTRL_CMD_GETFAMILY,
    CTRL_VERSION,
  ).attributeText(CTRL_ATTR_FAMILY_NAME, name).finish();
}

/** The number of the family in the controller's answer; undefined for other messages. */
export function decodeFamily(message: NetlinkMessage, name: string): number | undefined {
  if (message.type !== GENL_ID_CTRL || genericCommand(message) !== CTRL_CMD_NEWFAMILY) {
    return undefined;
  }
  const attributes = readAttributes(message.payload, GENL_HEADER_BYTES);
  if (attributeText(attributes?.get(CTRL_ATTR_FAMILY_NAME)) !== name) return undefined;
  const number = attributes?.get(CTRL_ATTR_FAMILY_ID);
  return number?.length === 2 ? number[0] | number[1] << 8 : undefined;
}
