import assert from "node:assert/strict";
import { completionWords } from "../../lib/cli/completion/text.ts";
import { COMMANDS, findCommand, findLink, PUBLIC_COMMANDS } from "../../lib/cli/commands.ts";
import { overview } from "../../lib/cli/help/text.ts";
import { IFCONFIG_MANUAL } from "../../lib/cli/ifconfig/help.ts";
import { spellings, WORDS } from "../../lib/cli/ifconfig/words/table.ts";
import { helpText } from "../../lib/cli/manual.ts";
import { NETSTAT_MANUAL } from "../../lib/cli/netstat/help.ts";

Deno.test("every command has a help of its own name, in lines of 80 columns", async () => {
  for (const { name, manual } of COMMANDS) {
    const text = helpText(await manual());
    assert.match(text, new RegExp(`^usage: ${name}\\b`));
    for (const line of text.split("\n")) assert.ok(line.length <= 80, `${name}: ${line}`);
  }
});

Deno.test("the overview names what people use, and nothing else", () => {
  const text = overview(PUBLIC_COMMANDS);
  for (const { name, summary } of PUBLIC_COMMANDS) {
    assert.ok(text.includes(`  ${name} `) && text.includes(summary));
  }
  assert.equal(text.includes("  daemon "), false);
});

Deno.test("a command is found by its name and its options, a link by its name", () => {
  assert.equal(findCommand("--help")?.name, "help");
  assert.equal(findCommand("-V")?.name, "version");
  assert.equal(findCommand("toString"), undefined);
  assert.equal(findLink("route")?.name, "route");
  assert.equal(findLink("daemon"), undefined);
});

Deno.test("completion offers every word of ifconfig, and options one by one", () => {
  const offered = completionWords(IFCONFIG_MANUAL);
  for (const word of WORDS.flatMap(spellings)) assert.ok(offered.includes(word), word);
  assert.deepEqual(completionWords(NETSTAT_MANUAL).filter((word) => /^-[aln]+$/.test(word)), [
    "-a",
    "-l",
    "-n",
  ]);
  assert.equal(
    offered.some((word) => /[^A-Za-z0-9_.-]/.test(word)),
    false,
    "nothing that a shell treats as its own",
  );
});
