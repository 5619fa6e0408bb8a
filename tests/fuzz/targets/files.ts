/**
 * The files of netstart: hostname.if, mygate, and lines as a shell splits them.
 * @module
 */
import assert from "node:assert/strict";
import { shownCommand } from "../../../lib/base/command_text.ts";
import { ConfigError } from "../../../lib/base/errors.ts";
import { shellQuote } from "../../../lib/base/quote.ts";
import { parseWords } from "../../../lib/cli/ifconfig/words/parse.ts";
import { parseHostnameFile, stepText, wordsOf } from "../../../lib/cli/netstart/hostname_if.ts";
import { gatewayRoute, parseMygate } from "../../../lib/cli/netstart/mygate.ts";
import { splitShellLine, withOwnCommands } from "../../../lib/cli/netstart/shell_words.ts";
import { parseRoute } from "../../../lib/cli/route/words/parse.ts";
import { SAMPLES } from "../../cli/hostname_files.ts";
import { KEY, KEY2, KEY3 } from "../../cli/sources.ts";
import type { Chance } from "../../random.ts";
import { assertFitsTerminal, assertHidesKeys } from "../messages.ts";
import { type Target, textTarget } from "../target.ts";

const SHELL = [
  "\\\n",
  "'",
  '"',
  "$(",
  ")",
  "${if}",
  "\\$if",
  "`",
  "$((",
  "))",
  "#",
  ";",
  "&&",
  "|",
  ">",
  "<",
  "\\",
  "A=1 ",
  "case x in /sbin/route) ;; esac",
  "/sbin/ifconfig ",
  "sh /etc/netstart wg1",
];
const WORDS = [
  "!",
  "!ifconfig $if up\n",
  "!route add default 10.0.0.1\n",
  "inet ",
  "inet6 ",
  "alias ",
  "dest 10.0.0.2\n",
  "NONE",
  "255.255.255.0",
  "wgkey ",
  "wgpeer ",
  "wgpsk ",
  "wgaip 10.0.0.0/8 ",
  "wgendpoint 192.0.2.1 51820 ",
  "wgdescr 'a b' ",
  "description x ",
  "up\n",
  "mtu 1420 ",
  "autoconf\n",
  "rdomain 3\n",
  KEY,
  KEY2,
  "@/etc/wg/key",
  ...SHELL,
];

const sample = (chance: Chance) =>
  chance.oneOf(SAMPLES).text.replaceAll("PEER", KEY3).replaceAll("PSK", KEY2)
    .replaceAll("KEY", KEY);

/** A file of hostname.if(5). */
export const hostnameIf: Target = textTarget({
  name: "hostname-if",
  covers: ["lib/cli/netstart/", "lib/cli/ifconfig/words/", "lib/base/"],
  bytesMax: 65_536,
  words: WORDS,
  make: sample,
  feed(text) {
    const { steps, problems, notes } = parseHostnameFile(text, "wg1");
    const lines = text.split("\n").length;
    for (const { line, problem } of [...problems, ...notes]) {
      assert.ok(line >= 1 && line <= lines, `line ${line} of ${lines}`);
      assertFitsTerminal(problem);
    }
    assertHidesKeys(problems.map(({ problem }) => problem).join("\n"), text);
    for (const step of steps) {
      const told = stepText(step);
      if (step.type === "ifconfig") {
        // The words are right, and are read again from what is printed, but for control characters.
        parseWords(step.words);
        const { words, problem } = splitShellLine(told);
        assert.deepEqual([words, problem], [
          ["ifconfig", ...step.words.map(shownCommand)],
          undefined,
        ]);
      } else if (step.type === "evaluated") evaluate(step);
    }
    if (problems.length > 0) return "refused";
    return steps.length === 0 ? "empty" : "steps";
  },
});

/** What a shell might make of an evaluated line is refused or taken like any other words. */
function evaluate(step: Parameters<typeof wordsOf>[0]): void {
  for (const words of [["up"], ["inet", "10.0.0.1"], step.text.split(" "), []]) {
    try {
      wordsOf(step, words, step.destination === undefined ? undefined : ["dest", "10.0.0.2"], []);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }
}

/** A file of mygate(5). */
export const mygate: Target = textTarget({
  name: "mygate",
  covers: ["lib/cli/netstart/mygate.ts", "lib/cli/netstart/shell_words.ts", "lib/base/ip_text.ts"],
  bytesMax: 16_384,
  words: ["192.0.2.1\n", "2001:db8::1\n", "fe80::1%em0\n", "!true\n", "# x\n", KEY, ...SHELL],
  make: (chance) =>
    Array.from({ length: chance.int(5) }, () =>
      chance.oneOf([
        "192.0.2.1\n",
        "fe80::1%eth0\n",
        "2001:db8::1 # uplink\n",
        "!/sbin/route add 10.0.0.0/8 192.0.2.9\n",
        "\n",
      ])).join(""),
  feed(text) {
    const { inet, inet6, commands, problems } = parseMygate(text);
    for (const { problem } of problems) assertFitsTerminal(problem);
    assertHidesKeys(problems.map(({ problem }) => problem).join("\n"), text);
    for (const { text: gateway } of [...inet, ...inet6]) {
      const { command } = parseRoute(gatewayRoute(gateway));
      assert.ok(command.type === "add" && command.gateway?.type === "address");
    }
    return `${inet.length + inet6.length > 0} ${commands.length > 0} ${problems.length > 0}`;
  },
});

/** A line as a shell reads it. */
export const shellLine: Target = textTarget({
  name: "shell-line",
  covers: ["lib/cli/netstart/shell_words.ts", "lib/base/quote.ts"],
  bytesMax: 65_536,
  words: SHELL,
  make: (chance) =>
    Array.from({ length: chance.int(8) }, () => chance.once(2) ? chance.oneOf(SHELL) : "ab c")
      .join(chance.oneOf(["", " "])),
  feed(text) {
    const { words, substitutes, problem, needsShell } = splitShellLine(text);
    const own = withOwnCommands(text);
    assert.ok(own.length <= text.length, "a line grew");
    assert.equal(withOwnCommands(own), own, "the second time replaces more");
    if (problem !== undefined) return "not closed";
    if (substitutes) return "substitutes";
    const again = splitShellLine(words.map(shellQuote).join(" "));
    assert.deepEqual([again.words, again.problem], [words, undefined], "quoted words differ");
    return needsShell ? "needs a shell" : "plain";
  },
});
