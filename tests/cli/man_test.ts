import assert from "node:assert/strict";
import { mdocWordList, WORD_LIST_BEGIN, WORD_LIST_END } from "../../lib/cli/mdoc.ts";
import { spellings, WORDS } from "../../lib/cli/ifconfig/words/table.ts";

const page = (name: string) => Deno.readTextFileSync(new URL(`../../man/${name}`, import.meta.url));

Deno.test("wg(8) has the words of the table: if not, run scripts/man.ts", () => {
  const text = page("wg.8");
  const begin = text.indexOf(WORD_LIST_BEGIN) + WORD_LIST_BEGIN.length + 1;
  assert.equal(text.slice(begin, text.indexOf(WORD_LIST_END)), mdocWordList());
  for (const word of WORDS.flatMap(spellings)) assert.ok(text.includes(`\n.It Cm ${word.replace("-", "\\-")}`), word);
});

for (const name of ["wg.4", "wg.8", "hostname.if.5"]) {
  Deno.test(`${name} is mdoc whose lists and displays are closed`, () => {
    const lines = page(name).split("\n");
    for (const [open, close] of [[".Bl", ".El"], [".Bd", ".Ed"]]) {
      let depth = 0;
      for (const line of lines) {
        if (line === open || line.startsWith(`${open} `)) depth++;
        if (line === close) depth--;
        assert.ok(depth >= 0, `${close} without ${open}`);
      }
      assert.equal(depth, 0, open);
    }
    assert.match(lines.slice(0, 6).join("\n"), /\.Dd .*\n\.Dt .*\n\.Os\n/);
    assert.deepEqual(lines.filter((line) => /[ \t]$/.test(line)), []);
    const headings = lines.filter((line) => line.startsWith(".Sh ")).map((line) => line.slice(4));
    assert.deepEqual(headings.filter((heading, i) => headings.indexOf(heading) !== i), []);
    assert.equal(headings[0], "NAME");
  });
}

Deno.test("wg(4) has the manual's four messages in their words", () => {
  const text = page("wg.4");
  for (
    const message of [
      "Handshake for peer X did not complete after 5 seconds, retrying",
      "Invalid handshake initiation",
      "Invalid initiation MAC",
      "Packet has unallowed src IP from peer X",
    ]
  ) assert.ok(text.includes(`.It ${message}\n`), message);
});
