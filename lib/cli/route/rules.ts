/**
 * `route rule`: adds, deletes and shows the rules of policy routing, which say what packets are
 * routed by which table.
 * @module
 */
import { EEXIST, osError } from "../../base/errno.ts";
import { formatRange } from "../../base/ip_text.ts";
import { matches, PolicyRules, ruleText } from "../../linux/policy_rule.ts";
import { routeTables, tableName } from "../../linux/route_tables.ts";
import type { PolicyRule, RuleRequest } from "../../netlink/rule.ts";
import { netstartList } from "./netstart_routes.ts";
import { tableOf } from "./tables.ts";
import type { RuleCommand } from "./words/line.ts";

/**
 * Does what a line says.
 * @param namespace where
 * @returns the text to print
 * @throws ConfigError, OsError
 */
export function actOnRules(
  namespace: { run<T>(fn: () => T): T },
  command: RuleCommand,
  json: boolean,
): string {
  using rules = PolicyRules.open(namespace);
  const { family } = command.rule;
  if (command.verb === "show") {
    const list = rules.list(family);
    return json ? JSON.stringify(list.map(ruleAsJson), undefined, 2) : formatRules(list);
  }
  const request: RuleRequest = {
    ...command.rule,
    family: family ?? 4,
    table: tableOf("table", command.table),
  };
  if (command.verb === "delete") {
    const { priority: _, ...deleted } = rules.delete(request);
    return `delete ${ruleText(deleted)}`;
  }
  // The kernel would add the same rule again with another priority.
  if (rules.list(request.family).some((rule) => matches(rule, request))) {
    // netstart runs the commands of its files again.
    if (netstartList() !== undefined) return "";
    throw osError("RTM_NEWRULE", ruleText(request), EEXIST);
  }
  rules.add(request);
  return `add ${ruleText(request)}`;
}

/** The rules as text: a table for each family, in the order in which the kernel asks them. */
export function formatRules(rules: readonly PolicyRule[]): string {
  const tables = routeTables();
  const lines = ["Routing rules"];
  for (const family of [4, 6] as const) {
    const some = rules.filter((rule) => rule.family === family);
    if (some.length === 0) continue;
    lines.push("", family === 4 ? "Internet:" : "Internet6:", "Priority   Rule");
    for (const { priority, hasMore, ...words } of some) {
      // The family is that of the heading.
      const text = ruleText({ ...words, family: 4 }, (table) => tableName(table, tables));
      const more = hasMore ? " and more" : "";
      lines.push(`${String(priority).padEnd(10)} ${text.slice("rule ".length)}${more}`);
    }
  }
  return lines.join("\n");
}

function ruleAsJson(rule: PolicyRule): unknown {
  const { source, destination, family, ...others } = rule;
  return {
    ...others,
    family: family === 4 ? "inet" : "inet6",
    ...(source === undefined ? {} : { source: formatRange(source) }),
    ...(destination === undefined ? {} : { destination: formatRange(destination) }),
  };
}
