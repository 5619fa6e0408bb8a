/**
 * What the process that looks up names says. It reads the answers of strangers.
 * @module
 */
import assert from "node:assert/strict";
import { formatIp, parseIp } from "../../../lib/base/ip_text.ts";
import { parseAnswer, SLOTS } from "../../../lib/daemon/look_up_protocol.ts";
import { randomRange } from "../../uapi/random_change.ts";
import { type Target, textTarget } from "../target.ts";

/** A line of an answer. */
export const lookUps: Target = textTarget({
  name: "look-ups",
  covers: ["lib/daemon/look_up_protocol.ts", "lib/base/ip_text.ts"],
  bytesMax: 3_000,
  words: [" ", "0", "2", "124", "f", "STREAM", "DGRAM", "RAW", "10.0.0.1", "::1", "fe80::1%3", "%"],
  make(chance) {
    const words = Array.from({ length: chance.int(20) }, () => {
      const address = formatIp(randomRange(chance).address);
      return `${address}${chance.int(4) === 0 ? `%${chance.int(1 << 20)}` : ""} DGRAM`;
    });
    return [chance.int(SLOTS).toString(SLOTS), chance.int(3) && chance.int(256), ...words].join(
      " ",
    );
  },
  feed(text) {
    const parsed = parseAnswer(text);
    if (parsed === undefined) return "refused";
    const { slot, answer } = parsed;
    assert.ok(Number.isInteger(slot) && slot >= 0 && slot < SLOTS);
    if ("problem" in answer) {
      assert.notEqual(answer.problem, "");
      return "a problem";
    }
    assert.ok(answer.addresses.length > 0 && answer.addresses.length <= text.length / 8);
    for (const { address, scope } of answer.addresses) {
      assert.deepEqual(parseIp(formatIp(address)), address);
      assert.ok(Number.isInteger(scope) && scope >= 0 && scope < 2 ** 32);
    }
    return "addresses";
  },
});
