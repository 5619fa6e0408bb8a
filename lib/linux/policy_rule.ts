/**
 * Reads and changes the rules of policy routing of one network namespace, by rtnetlink.
 * @module
 */
import { sameBytes } from "../base/endpoint.ts";
import { EBADMSG, ESRCH, osError } from "../base/errno.ts";
import { formatRange } from "../base/ip_text.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import { familyNumber } from "../netlink/address.ts";
import {
  decodeRule,
  encodeRuleAdd,
  encodeRuleDelete,
  encodeRuleDump,
  type PolicyRule,
  RTM_NEWRULE,
  type RuleRequest,
} from "../netlink/rule.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

/**
 * A socket for rules. Every method is synchronous and throws an OsError, whose object is the rule.
 *
 * @example
 * ```ts ignore
 * using rules = PolicyRules.open();
 * const rule = { family: 4, inverted: true, mark: 51820, table: 51820 } as const;
 * const added = rules.add(rule);
 * rules.delete(added);
 * ```
 */
export class PolicyRules {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Opens a socket in a namespace, by default the calling thread's. */
  static open(namespace?: { run<T>(fn: () => T): T }): PolicyRules {
    return new PolicyRules(
      namespace === undefined ? new NetlinkSocket() : namespace.run(() => new NetlinkSocket()),
    );
  }

  /** Closes the socket. Further calls do nothing. */
  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The rules in the order in which the kernel asks them, IPv4 first. */
  list(family?: 4 | 6): PolicyRule[] {
    const families = family === undefined ? [4, 6] as const : [family];
    return families.flatMap((one) =>
      this.#socket.dump(
        (n) => encodeRuleDump(n, one),
        "RTM_GETRULE",
        "rules",
        (message) =>
          message.type === RTM_NEWRULE && message.payload[0] === familyNumber(one)
            ? decoded(message)
            : undefined,
      )
    );
  }

  /**
   * Adds a rule.
   * @returns the rule with the priority that the kernel chose
   * @throws OsError EEXIST when there is one with the same priority and selectors
   */
  add(rule: RuleRequest): PolicyRule {
    let added: PolicyRule | undefined;
    const object = ruleText(rule);
    this.#socket.request(
      (n) => encodeRuleAdd(n, rule, { echo: true }),
      "RTM_NEWRULE",
      object,
      (message) => {
        if (message.type === RTM_NEWRULE) added = decoded(message);
      },
    );
    if (added === undefined) throw osError("RTM_NEWRULE", object, EBADMSG);
    return added;
  }

  /**
   * Deletes the first rule that has all values of the request. Rules that have more selectors stay,
   * unless `rule` is a rule of `list` or `add`. The kernel itself compares neither `inverted` nor
   * the length of suppressed prefixes, and would take the wrong rule.
   * @returns the rule that was deleted
   * @throws OsError ESRCH when there is none
   */
  delete(rule: RuleRequest): PolicyRule {
    const found = this.list(rule.family).find((one) => matches(one, rule));
    if (found === undefined) throw osError("RTM_DELRULE", ruleText(rule), ESRCH);
    this.#socket.request((n) => encodeRuleDelete(n, found), "RTM_DELRULE", ruleText(found));
    return found;
  }
}

/**
 * Whether a rule is the one of a request: the selectors are the same, and so are priority, table
 * and action where the request has them.
 */
export function matches(rule: PolicyRule, request: RuleRequest): boolean {
  return rule.family === request.family &&
    (request.priority === undefined || rule.priority === request.priority) &&
    (request.table === undefined || rule.table === request.table) &&
    rule.action === (request.action ?? "table") &&
    rule.inverted === (request.inverted ?? false) &&
    rule.mark === request.mark && (rule.markMask ?? ALL) === (request.markMask ?? ALL) &&
    rule.suppressPrefixLength === request.suppressPrefixLength &&
    rule.incomingInterface === request.incomingInterface &&
    rule.outgoingInterface === request.outgoingInterface &&
    sameRange(rule.source, request.source) && sameRange(rule.destination, request.destination) &&
    rule.hasMore === ("hasMore" in request && request.hasMore === true);
}

const ALL = 0xffff_ffff;

function sameRange(a: AllowedIp | undefined, b: AllowedIp | undefined): boolean {
  return a === undefined || b === undefined
    ? a === b
    : a.prefix === b.prefix && sameBytes(a.address, b.address);
}

/**
 * A rule for messages, e.g. `rule not fwmark 51820 table 51820`, in the words of `route rule`.
 * @param nameOf the name of a table; its number if absent
 */
export function ruleText(rule: RuleRequest, nameOf: (table: number) => string = String): string {
  const words = rule.family === 6 ? ["rule", "-inet6"] : ["rule"];
  if (rule.inverted === true) words.push("not");
  if (rule.mark !== undefined) {
    const mask = rule.markMask === undefined ? "" : `/${rule.markMask}`;
    words.push("fwmark", `${rule.mark}${mask}`);
  }
  if (rule.source !== undefined) words.push("from", formatRange(rule.source));
  if (rule.destination !== undefined) words.push("to", formatRange(rule.destination));
  if (rule.incomingInterface !== undefined) words.push("iif", rule.incomingInterface);
  if (rule.outgoingInterface !== undefined) words.push("oif", rule.outgoingInterface);
  if (rule.action !== undefined && rule.action !== "table") words.push(rule.action);
  else if (rule.table !== undefined) words.push("table", nameOf(rule.table));
  if (rule.suppressPrefixLength !== undefined) {
    words.push("suppress", String(rule.suppressPrefixLength));
  }
  if (rule.priority !== undefined) words.push("priority", String(rule.priority));
  return words.join(" ");
}

function decoded(message: NetlinkMessage): PolicyRule {
  const rule = decodeRule(message);
  if (rule === undefined) throw osError("RTM_GETRULE", "rules", EBADMSG);
  return rule;
}
