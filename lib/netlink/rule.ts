/**
 * Rules of policy routing: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE and struct fib_rule_hdr
 * (include/uapi/linux/fib_rules.h). A rule says which packets are routed by which table.
 * @module
 */
import type { AllowedIp } from "../base/endpoint.ts";
import { addressBytes, familyFrom, familyNumber } from "./address.ts";
import {
  attributeText,
  attributeU32,
  MessageBuilder,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_ECHO,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  readAttributes,
  readU32,
} from "./message.ts";

export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;
export const RTM_GETRULE = 34;

/**
 * Bytes of struct fib_rule_hdr: family, dst_len, src_len, tos, table, res1, res2, action (u8 each),
 * flags u32.
 */
export const FIB_RULE_HDR_BYTES = 12;

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;

const FIB_RULE_INVERT = 0x2;
/** The kernel's value for a rule that suppresses nothing. */
const NOT_SUPPRESSED = 0xffff_ffff;
/** The mask of a mark that is compared whole. */
const WHOLE_MARK = 0xffff_ffff;

/** What a rule does, by its FR_ACT_* number. */
const ACTIONS = [
  "unspecified",
  "table",
  "goto",
  "nop",
  "reserved",
  "reserved",
  "blackhole",
  "unreachable",
  "prohibit",
] as const;
/** What a rule does with its packets: look them up in a table, or refuse them. */
export type RuleAction = typeof ACTIONS[number];

/** Which packets a rule is for. What is absent is not compared. */
export interface RuleSelector {
  /** Whether the rule is for all packets that do not match: `not` of ip-rule(8). */
  readonly inverted?: boolean | undefined;
  /** The mark of the packets (SO_MARK). */
  readonly mark?: number | undefined;
  /** The bits of the mark that are compared; all if absent. */
  readonly markMask?: number | undefined;
  readonly source?: AllowedIp | undefined;
  readonly destination?: AllowedIp | undefined;
  /** The interface that received the packets; `lo` for packets of this host. */
  readonly incomingInterface?: string | undefined;
  /** The interface to which a socket is bound. */
  readonly outgoingInterface?: string | undefined;
}

/**
 * A rule to add or to delete. For deleting, everything that is absent may be any, except that
 * a mask without a mark is not sent.
 */
export interface RuleRequest extends RuleSelector {
  readonly family: 4 | 6;
  /** Rules are asked from the lowest priority on. The kernel chooses one if it is absent. */
  readonly priority?: number | undefined;
  /** The table in which packets are looked up. */
  readonly table?: number | undefined;
  /** The action; `table` for adding if absent. */
  readonly action?: RuleAction | undefined;
  /**
   * Routes of the table with a prefix of at most this length are not used: 0 leaves the default
   * routes out.
   */
  readonly suppressPrefixLength?: number | undefined;
}

/** A rule as the kernel describes it. */
export interface PolicyRule extends RuleSelector {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly table: number;
  readonly action: RuleAction;
  readonly inverted: boolean;
  readonly suppressPrefixLength: number | undefined;
  /**
   * Whether the rule also has selectors that are not read here, such as user ids, ports or a type
   * of service.
   */
  readonly hasMore: boolean;
}

/** The attributes that `decodeRule` reads, and those that say nothing about the packets. */
const FRA_FLOW = 11;
const FRA_SUPPRESS_IFGROUP = 13;
const FRA_PAD = 18;
const FRA_PROTOCOL = 21;
const READ = new Set([
  FRA_DST,
  FRA_SRC,
  FRA_IIFNAME,
  FRA_PRIORITY,
  FRA_FWMARK,
  FRA_FLOW,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  FRA_FWMASK,
  FRA_OIFNAME,
  FRA_PAD,
  FRA_PROTOCOL,
]);

/** Asks for all rules of a family. */
export function encodeRuleDump(sequence: number, family: 4 | 6): Uint8Array<ArrayBuffer> {
  return new MessageBuilder(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, sequence)
    .u8(familyNumber(family)).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0).finish();
}

/**
 * Adds a rule. EEXIST if there is one with the same priority and selectors. With `echo` the kernel
 * sends the rule back, with the priority that it chose.
 */
export function encodeRuleAdd(
  sequence: number,
  rule: RuleRequest,
  { echo = false } = {},
): Uint8Array<ArrayBuffer> {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL | (echo ? NLM_F_ECHO : 0);
  return encodeRule(new MessageBuilder(RTM_NEWRULE, flags, sequence), rule, "table");
}

/** Deletes the first rule that matches all given values. */
export function encodeRuleDelete(sequence: number, rule: RuleRequest): Uint8Array<ArrayBuffer> {
  const flags = NLM_F_REQUEST | NLM_F_ACK;
  return encodeRule(new MessageBuilder(RTM_DELRULE, flags, sequence), rule, "unspecified");
}

function encodeRule(
  builder: MessageBuilder,
  rule: RuleRequest,
  action: RuleAction,
): Uint8Array<ArrayBuffer> {
  const { family, source, destination, mark, table = 0 } = rule;
  for (const range of [source, destination]) {
    if (range !== undefined && range.address.length !== addressBytes(family)) {
      throw new RangeError("the ranges of a rule are of its family");
    }
  }
  builder.u8(familyNumber(family)).u8(destination?.prefix ?? 0).u8(source?.prefix ?? 0).u8(0)
    .u8(table < 256 ? table : 0).u8(0).u8(0).u8(ACTIONS.indexOf(rule.action ?? action))
    .u32(rule.inverted === true ? FIB_RULE_INVERT : 0);
  if (source !== undefined) builder.attribute(FRA_SRC, source.address);
  if (destination !== undefined) builder.attribute(FRA_DST, destination.address);
  const { incomingInterface, outgoingInterface, priority, suppressPrefixLength } = rule;
  if (incomingInterface !== undefined) builder.attributeText(FRA_IIFNAME, incomingInterface);
  if (outgoingInterface !== undefined) builder.attributeText(FRA_OIFNAME, outgoingInterface);
  if (mark !== undefined) {
    builder.attributeU32(FRA_FWMARK, mark);
    if (rule.markMask !== undefined) builder.attributeU32(FRA_FWMASK, rule.markMask);
  }
  if (priority !== undefined) builder.attributeU32(FRA_PRIORITY, priority);
  if (table >= 256) builder.attributeU32(FRA_TABLE, table);
  if (suppressPrefixLength !== undefined) {
    builder.attributeU32(FRA_SUPPRESS_PREFIXLEN, suppressPrefixLength);
  }
  return builder.finish();
}

/**
 * The rule of a RTM_NEWRULE or RTM_DELRULE message; undefined if the message is malformed or of
 * another family.
 */
export function decodeRule(message: NetlinkMessage): PolicyRule | undefined {
  const { payload } = message;
  const attributes = readAttributes(payload, FIB_RULE_HDR_BYTES);
  if (attributes === undefined) return undefined;
  const family = familyFrom(payload[0]);
  if (family === undefined) return undefined;
  const source = decodeRange(attributes.get(FRA_SRC), payload[2], family);
  const destination = decodeRange(attributes.get(FRA_DST), payload[1], family);
  if (source === "malformed" || destination === "malformed") return undefined;
  const mask = attributeU32(attributes.get(FRA_FWMASK)) ?? WHOLE_MARK;
  // The kernel reports no mark for the mark 0, only its mask.
  const mark = attributeU32(attributes.get(FRA_FWMARK)) ??
    (attributes.has(FRA_FWMASK) && mask !== 0 ? 0 : undefined);
  const suppressed = attributeU32(attributes.get(FRA_SUPPRESS_PREFIXLEN)) ?? NOT_SUPPRESSED;
  const group = attributeU32(attributes.get(FRA_SUPPRESS_IFGROUP)) ?? NOT_SUPPRESSED;
  return {
    family,
    priority: attributeU32(attributes.get(FRA_PRIORITY)) ?? 0,
    table: attributeU32(attributes.get(FRA_TABLE)) ?? payload[4],
    action: ACTIONS[payload[7]] ?? "reserved",
    inverted: (readU32(payload, 8) & FIB_RULE_INVERT) !== 0,
    mark,
    markMask: mark === undefined || mask === WHOLE_MARK ? undefined : mask,
    suppressPrefixLength: suppressed === NOT_SUPPRESSED ? undefined : suppressed,
    source,
    destination,
    incomingInterface: attributeText(attributes.get(FRA_IIFNAME)),
    outgoingInterface: attributeText(attributes.get(FRA_OIFNAME)),
    hasMore: payload[3] !== 0 || group !== NOT_SUPPRESSED ||
      [...attributes.keys()].some((type) => type !== FRA_SUPPRESS_IFGROUP && !READ.has(type)),
  };
}

function decodeRange(
  address: Uint8Array | undefined,
  prefix: number,
  family: 4 | 6,
): AllowedIp | undefined | "malformed" {
  if (address === undefined) return prefix === 0 ? undefined : "malformed";
  const size = addressBytes(family);
  if (address.length !== size || prefix > size * 8) return "malformed";
  return { address: address.slice(), prefix };
}
