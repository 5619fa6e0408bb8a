/** Rules of policy routing against the bytes that iproute2 and Linux exchange. */
import assert from "node:assert/strict";
import { parseRange } from "../../lib/base/ip_text.ts";
import { type NetlinkMessage, NLM_F_ECHO, readMessages } from "../../lib/netlink/message.ts";
import {
  decodeRule,
  encodeRuleAdd,
  encodeRuleDelete,
  FIB_RULE_HDR_BYTES,
  RTM_NEWRULE,
  type RuleRequest,
} from "../../lib/netlink/rule.ts";
import { trial } from "../random.ts";
import { ANSWERS, REQUESTS } from "./captured.ts";

const SEQUENCE = 0x01020304;
const range = (text: string) => parseRange(text) ?? assert.fail(text);

function same(command: string, ours: Uint8Array): void {
  const theirs = Uint8Array.fromHex(REQUESTS[command] ?? assert.fail(command));
  new DataView(theirs.buffer).setUint32(8, SEQUENCE, true);
  assert.equal(ours.toHex(), theirs.toHex(), command);
}

const FULL_TUNNEL: RuleRequest = { family: 4, inverted: true, mark: 51820, table: 51820 };
const NO_DEFAULT: RuleRequest = { family: 4, table: 254, suppressPrefixLength: 0 };
const EVERYTHING: RuleRequest = {
  family: 6,
  source: range("fd00::/64"),
  destination: range("fd01::7"),
  incomingInterface: "wgc",
  outgoingInterface: "lo",
  mark: 5,
  markMask: 15,
  table: 77,
  priority: 900,
};

Deno.test("rule requests are iproute2's", () => {
  same("ip -4 rule add not fwmark 51820 table 51820", encodeRuleAdd(SEQUENCE, FULL_TUNNEL));
  same("ip -4 rule add table main suppress_prefixlength 0", encodeRuleAdd(SEQUENCE, NO_DEFAULT));
  same(
    "ip -6 rule add from fd00::/64 to fd01::7 iif wgc oif lo fwmark 0x5/0xf table 77 priority 900",
    encodeRuleAdd(SEQUENCE, EVERYTHING),
  );
  same(
    "ip -4 rule add from 10.1.0.0/16 prohibit priority 7",
    encodeRuleAdd(SEQUENCE, {
      family: 4,
      source: range("10.1.0.0/16"),
      action: "prohibit",
      priority: 7,
    }),
  );
  same("ip -4 rule delete table 51820", encodeRuleDelete(SEQUENCE, { family: 4, table: 51820 }));
  same(
    "ip -4 rule delete table main suppress_prefixlength 0",
    encodeRuleDelete(SEQUENCE, NO_DEFAULT),
  );
  assert.equal(encodeRuleAdd(1, NO_DEFAULT, { echo: true })[6] & NLM_F_ECHO, NLM_F_ECHO);
  assert.throws(() => encodeRuleAdd(1, { family: 4, source: range("fd00::/8") }), RangeError);
});

function rules(command: string) {
  return (ANSWERS[command] ?? assert.fail(command))
    .flatMap((hex) => readMessages(Uint8Array.fromHex(hex)) ?? assert.fail(command))
    .filter((message) => message.type === RTM_NEWRULE)
    .map((message) => decodeRule(message) ?? assert.fail());
}

Deno.test("rules as Linux describes them", () => {
  const plain = {
    family: 4,
    action: "table",
    inverted: false,
    mark: undefined,
    markMask: undefined,
    suppressPrefixLength: undefined,
    source: undefined,
    destination: undefined,
    incomingInterface: undefined,
    outgoingInterface: undefined,
    hasMore: false,
  };
  assert.deepEqual(rules("ip -4 rule show"), [
    { ...plain, priority: 0, table: 255 },
    { ...plain, ...NO_DEFAULT, priority: 5 },
    { ...plain, ...FULL_TUNNEL, priority: 6 },
    { ...plain, source: range("10.1.0.0/16"), action: "prohibit", priority: 7, table: 0 },
    { ...plain, priority: 32766, table: 254 },
    { ...plain, priority: 32767, table: 253 },
  ]);
  assert.deepEqual(rules("ip -6 rule show"), [
    { ...plain, family: 6, priority: 0, table: 255 },
    { ...plain, ...EVERYTHING },
    { ...plain, family: 6, priority: 32766, table: 254 },
  ]);
});

Deno.test("what a rule has beyond the known selectors is noticed", () => {
  const [message] = readMessages(encodeRuleAdd(1, FULL_TUNNEL)) ?? assert.fail();
  const read = (payload: Uint8Array) => decodeRule({ ...message, payload });
  assert.equal(read(message.payload)?.hasMore, false);
  const withTos = message.payload.slice();
  withTos[3] = 8;
  assert.equal(read(withTos)?.hasMore, true);
  const FRA_IP_PROTO = Uint8Array.of(5, 0, 22, 0, 17, 0, 0, 0);
  assert.equal(read(new Uint8Array([...message.payload, ...FRA_IP_PROTO]))?.hasMore, true);
});

Deno.test("malformed rules are undefined, whatever their bytes", () => {
  const [{ payload, ...head }] = readMessages(encodeRuleAdd(1, EVERYTHING)) ?? assert.fail();
  const read = (bytes: Uint8Array) => decodeRule({ ...head, payload: bytes } as NetlinkMessage);
  for (let length = 0; length < FIB_RULE_HDR_BYTES; length++) {
    assert.equal(read(payload.subarray(0, length)), undefined);
  }
  const longPrefix = payload.slice();
  longPrefix[1] = 129;
  assert.equal(read(longPrefix), undefined);
  const noAddress = payload.slice(0, FIB_RULE_HDR_BYTES);
  assert.equal(read(noAddress), undefined);
  trial((chance) => {
    for (let i = 0; i < 2000; i++) {
      const bytes = payload.slice(0, chance.int(payload.length + 1));
      for (let j = chance.int(4); j > 0 && bytes.length > 0; j--) {
        bytes[chance.int(bytes.length)] = chance.int(256);
      }
      read(bytes);
    }
  });
});
