/** Rules of a real namespace, compared with the output of ip(8). */
import assert from "node:assert/strict";
import { parseRange } from "../../lib/base/ip_text.ts";
import { PolicyRules, ruleText } from "../../lib/linux/policy_rule.ts";
import type { RuleRequest } from "../../lib/netlink/rule.ts";
import { freshNamespace, ipJson, isRoot, osErrorOf } from "./lab.ts";

const range = (text: string) => parseRange(text) ?? assert.fail(text);

Deno.test({
  name: "rules are added, listed as ip(8) lists them, and each deletes itself only",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    using rules = PolicyRules.open(namespace);
    const before = rules.list();
    const tunnel: RuleRequest = { family: 4, inverted: true, mark: 51820, table: 51820 };
    const noDefault: RuleRequest = { family: 4, table: 254, suppressPrefixLength: 0 };
    const added = [
      tunnel,
      noDefault,
      { ...tunnel, family: 6 } as const,
      { ...noDefault, family: 6 } as const,
      { ...tunnel, inverted: false, mark: 1, markMask: 0xf, priority: 100 },
      {
        family: 6,
        source: range("fd00::/64"),
        destination: range("fd01::7"),
        incomingInterface: "lo",
        table: 77,
      } as const,
    ].map((rule) => rules.add(rule));
    assert.equal(added[0].priority, 32765);
    assert.equal(added[1].priority, 32764);
    const ours = (family: 4 | 6) =>
      rules.list(family).map((rule) => [
        rule.priority,
        rule.inverted,
        rule.mark,
        rule.markMask,
        rule.suppressPrefixLength,
        rule.incomingInterface,
        rule.table,
      ]);
    const named: Record<string, number> = { local: 255, main: 254, default: 253 };
    for (const family of [4, 6] as const) {
      const theirs = ipJson(namespace, `-${family}`, "rule", "show").map((rule) => [
        rule.priority,
        rule.not === null,
        rule.fwmark === undefined ? undefined : Number(rule.fwmark),
        rule.fwmask === undefined ? undefined : Number(rule.fwmask),
        rule.suppress_prefixlen,
        rule.iif,
        named[rule.table] ?? Number(rule.table),
      ]);
      assert.deepEqual(ours(family), theirs);
    }
    assert.match(
      osErrorOf("EEXIST", () => rules.add({ ...tunnel, priority: 32765 })),
      /^rule not fwmark 51820 table 51820 priority 32765: RTM_NEWRULE: /,
    );
    for (const rule of added) assert.deepEqual(rules.delete(rule), rule);
    assert.deepEqual(rules.list(), before);
    osErrorOf("ESRCH", () => rules.delete(tunnel));
  },
});

Deno.test({
  name: "a rule is not deleted in place of one that differs in what the kernel does not compare",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    using rules = PolicyRules.open(namespace);
    // The kernel takes the first rule of the table, whatever it suppresses and inverts.
    const noDefault: RuleRequest = { family: 4, table: 254, suppressPrefixLength: 0 };
    const others: RuleRequest[] = [
      { family: 4, table: 254, priority: 10 },
      { family: 4, table: 254, suppressPrefixLength: 8, priority: 11 },
    ];
    for (const other of others) rules.add(other);
    const before = rules.list();
    osErrorOf("ESRCH", () => rules.delete(noDefault));
    assert.deepEqual(rules.list(), before);
    rules.add({ ...noDefault, priority: 12 });
    assert.equal(rules.delete(noDefault).priority, 12);
    assert.deepEqual(rules.list(), before);
  },
});

Deno.test("a rule's text has the words that make it", () => {
  assert.equal(
    ruleText({ family: 4, inverted: true, mark: 7, markMask: 15, table: 300, priority: 9 }),
    "rule not fwmark 7/15 table 300 priority 9",
  );
  assert.equal(
    ruleText({ family: 6, source: range("fd00::/8"), incomingInterface: "lo", action: "prohibit" }),
    "rule -inet6 from fd00::/8 iif lo prohibit",
  );
  assert.equal(
    ruleText({ family: 4, table: 254, suppressPrefixLength: 0 }),
    "rule table 254 suppress 0",
  );
});
