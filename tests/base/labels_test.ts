/** Descriptions of peers. */
import assert from "node:assert/strict";
import { checkDescription } from "../../lib/base/labels.ts";
import { descriptionOf } from "../../lib/wgconf/description.ts";

/** ESC, the CSI of one character, NEL, a separator of lines, and what turns text round. */
const HOSTILE = ["\x1b[31m", "\x9b31m", "\x85", "\u2028", "\u202e", "\u2066"];

Deno.test("a description has nothing that a terminal executes or shows in another order", () => {
  for (const hostile of HOSTILE) {
    assert.throws(() => checkDescription("wgdescr", `a${hostile}b`), /control characters/);
    const read = descriptionOf({ above: [], behind: `a${hostile}b`, below: [] });
    assert.match(checkDescription("wgdescr", read), /^a .*b$/, "files still can be read");
  }
  for (const name of ["ünïcödé", "日本", "שלום", "-dash", 'quo"te']) {
    assert.equal(checkDescription("wgdescr", name), name);
  }
});
