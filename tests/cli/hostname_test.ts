import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { parseHostnameFile, stepText, wordsOf } from "../../lib/cli/netstart/hostname_if.ts";
import { systemdUnit } from "../../lib/cli/netstart/help.ts";
import { shellQuote } from "../../lib/base/quote.ts";
import { splitShellLine, withOwnCommands } from "../../lib/cli/netstart/shell_words.ts";
import { spellings, WORDS } from "../../lib/cli/ifconfig/words/table.ts";
import { REFUSED_WORDS } from "../../lib/cli/ifconfig/words/refused.ts";
import { SAMPLES } from "./hostname_files.ts";
import { KEY, KEY2, KEY3 } from "./sources.ts";
import { property } from "../random.ts";

const withKeys = (text: string) =>
  text.replaceAll("KEY", KEY).replaceAll("PEER", KEY2).replaceAll("PSK", KEY3);

for (const { what, text, steps } of SAMPLES) {
  Deno.test(`hostname.wg0: ${what}`, () => {
    const file = parseHostnameFile(withKeys(text), "wg0");
    assert.deepEqual(file.problems, []);
    assert.deepEqual(file.steps.map(stepText), steps.map(withKeys));
  });
}

Deno.test("a file's `!` lines need a shell only when they use one", () => {
  const needs = (line: string) => {
    const [step] = parseHostnameFile(line, "wg7").steps;
    return step.type === "command" && step.words === undefined;
  };
  for (
    const line of ["!route add 10/8 10.0.0.1", "!echo 'a|b' \"c;d\"", "!/sbin/x $if", "!a \\| b"]
  ) {
    assert.equal(needs(line), false, line);
  }
  for (
    const line of [
      "!a | b",
      "!a; b",
      "!a >x",
      "!a $HOME",
      "!a `b`",
      "!X=1 a",
      "!a *",
      "!a && b",
      '!a "$x"',
    ]
  ) {
    assert.equal(needs(line), true, line);
  }
});

Deno.test("$if is the interface's name wherever a command has it", () => {
  const [step] = parseHostnameFile("!ping -I $if ${if} $iffy ${iff} '$if'", "wg7").steps;
  assert.ok(step.type === "command");
  assert.equal(step.text, "ping -I wg7 wg7 $iffy ${iff} 'wg7'");
  // As the manual of OpenBSD has it.
  const [escaped] = parseHostnameFile("!echo \\$if", "wg7").steps;
  assert.equal(stepText(escaped), "echo wg7");
});

/** Files with one wrong line, the number of that line, and how the problem begins. */
const WRONG: readonly (readonly [string, number, string])[] = [
  ["frobnicate", 1, "frobnicate:"],
  ["wgkey KEY\nwgport 65536", 2, "wgport:"],
  ["# one\n\n\twgport x\n", 3, "wgport:"],
  ["wgkey KEY \\\n wgport \\\n 99999", 1, "wgport:"],
  ["wgkey KEY\\\n\nup\nwgpka 5", 4, "wgpka: wgpeer not set"],
  ["wgpeer PEER\nwgaip 10.0.0.0/8", 2, "wgaip: wgpeer not set"],
  ["wgpeer PEER wgaip 10.0.0.0/33", 1, "wgaip:"],
  ["wgpeer PEER wgendpoint 10.0.0.1", 1, "wgendpoint:"],
  ["wgpeer PEER wgendpoint 10.0.0.1:5", 1, "wgendpoint:"],
  ["wgpeer PEER wgpsk short", 1, "wgpsk (key):"],
  ["wgkey short", 1, "wgkey (key):"],
  ["wgkey -", 1, "-:"],
  ["wgpeer - wgpka 5", 1, "-:"],
  ["wgkey", 1, "wgkey:"],
  ["wgkey @", 1, "wgkey:"],
  ["inet", 1, "inet:"],
  ["inet alias", 1, "inet:"],
  ["inet6", 1, "inet6:"],
  ["inet6 alias", 1, "inet6:"],
  ["inet 10.0.0.1/33", 1, "10.0.0.1/33:"],
  ["inet 10.0.0.256", 1, "10.0.0.256:"],
  ["inet fd00::1", 1, "fd00::1:"],
  ["inet6 10.0.0.1", 1, "10.0.0.1:"],
  ["inet6 fd00::1 129", 1, "prefixlen:"],
  ["inet6 fd00::1 255.255.0.0", 1, "255.255.0.0:"],
  ["inet 10.0.0.1 255.0.255.0", 1, "netmask:"],
  ["inet 10.0.0.1 24", 1, "netmask:"],
  ["inet 10.0.0.1 0xff00ff00", 1, "netmask:"],
  ["inet 10.0.0.1 NONE", 1, "NONE:"],
  ["inet 10.0.0.1 255.0.0.0 10.0.0", 1, "10.0.0:"],
  ["inet 10.0.0.1 255.0.0.0 10.255.255.255 colour", 1, "colour:"],
  ["inet 10.0.0.1/8 netmask 255.255.0.0", 1, "netmask:"],
  ["inet autoconf", 1, "autoconf:"],
  ["inet6 autoconf", 1, "autoconf:"],
  ["dhcp", 1, "dhcp:"],
  ["dest 10.0.0.1", 1, "dest:"],
  ["up\ndest 10.0.0.1", 2, "dest:"],
  ["inet 10.0.0.1\nup\ndest 10.0.0.2", 3, "dest:"],
  ["inet 10.0.0.1\ndest", 2, "dest:"],
  ["inet 10.0.0.1\ndest 10.0.0.2 10.0.0.3", 2, "dest:"],
  ["inet 10.0.0.1\ndest fd00::1", 2, "fd00::1:"],
  ["inet 10.0.0.1\ndest nonsense!", 2, "nonsense!:"],
  ["inet 10.0.0.1\ndest 10.0.0.2\ndest 10.0.0.3", 3, "dest:"],
  ["!", 1, "!:"],
  ["!   ", 1, "!:"],
  ["!echo 'open", 1, "!:"],
  ['!echo "open', 1, "!:"],
  ["description 'open", 1, "description:"],
  ['description "open', 1, "description:"],
  ["description", 1, "description:"],
  [`description ${"x".repeat(64)}`, 1, "description:"],
  ["description two words", 1, "words:"],
  ["create", 1, "create:"],
  ["create wgkey KEY", 1, "create:"],
  ["destroy", 1, "destroy:"],
  ["up down sideways", 1, "sideways:"],
  ["mtu", 1, "mtu:"],
  ["mtu 0", 1, "mtu:"],
  ["mtu 1279 inet6 fd00::1", 1, "mtu:"],
  ["rdomain 256", 1, "rdomain:"],
  ["wgrtable -1", 1, "wgrtable:"],
  ["lladdr 0:1:2:3:4:5", 1, "lladdr:"],
  ["up\0", 1, "up?:"],
  ["\u00a0up", 1, ""],
  ["KEY", 1, "(what may be a key):"],
  ["wgpeer PEER KEY", 1, "(what may be a key):"],
  ["ifconfig wg0 up", 1, "ifconfig:"],
  ["wg0 up", 1, "wg0:"],
  ["inet 10.0.0.1/24;up", 1, ";:"],
  ["up | cat", 1, "|:"],
  ["up >/dev/null", 1, ">:"],
  ["description R&D", 1, "&:"],
  ["description (new)", 1, "(:"],
  ["description $(echo x", 1, "description:"],
  ["description $(echo x); reboot", 1, ";:"],
  ["inet 10.0.0.1\ndest $(echo 10.0.0.2); reboot", 2, ";:"],
  ["$if up", 1, "wg0:"],
  ["!echo $(echo x", 1, "!:"],
];

function* generated(): Generator<readonly [string, number, string]> {
  for (const word of WORDS) {
    if (word.operands.length === 0) continue;
    for (const name of spellings(word)) {
      yield [`up\n${word.section === "peer" ? "wgpeer PEER " : ""}${name}`, 2, `${name}:`];
      if (word.section === "peer") {
        yield [`${name} ${word.operands.join(" ")}`, 1, `${name}: wgpeer not set`];
      }
    }
  }
  for (const { name, harmless } of REFUSED_WORDS) {
    if (!harmless) yield [`up\n\n${name}`, 3, `${name}:`];
  }
}

const ALL = [...WRONG, ...generated()];

Deno.test(`${ALL.length} wrong files, each told by its line, and no key in what is told`, () => {
  assert.ok(WRONG.length >= 60);
  for (const [text, line, begin] of ALL) {
    const { problems } = parseHostnameFile(withKeys(text), "wg0");
    assert.equal(problems.length, 1, `${text}: ${JSON.stringify(problems)}`);
    assert.equal(problems[0].line, line, text);
    assert.ok(problems[0].problem.startsWith(begin), `${text}: ${problems[0].problem}`);
    assert.ok(!problems[0].problem.includes("\n"));
    for (const key of [KEY, KEY2, KEY3]) {
      assert.ok(!problems[0].problem.includes(key.slice(4, 16)), text);
    }
  }
});

Deno.test("all wrong lines of a file are told", () => {
  const { problems } = parseHostnameFile("up\nwgport x\n!\ninet 10.0.0.1\nmtu\n", "wg0");
  assert.deepEqual(problems.map(({ line }) => line), [2, 3, 5]);
});

Deno.test("text of any content gives steps or problems", () => {
  const pool = withKeys(SAMPLES.map(({ text }) => text).join("")).split(/(\s)/);
  property(1000, (chance) => {
    const text = Array.from(
      { length: chance.int(30) },
      () =>
        chance.int(6) === 0 ? String.fromCharCode(chance.int(256)) : pool[chance.int(pool.length)],
    ).join("");
    const { steps, problems } = parseHostnameFile(text, "wg0");
    assert.ok(
      steps.length + problems.length <= text.split("\n").length,
    );
  });
});

Deno.test("comments behind ! are no commands", () => {
  const { steps, problems } = parseHostnameFile(
    "!# route add default 10.0.0.1\n! # x\n!true # x\n",
    "wg0",
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(steps.map(({ line }) => line), [3]);
});

Deno.test("words that mean nothing on Linux are noted, and the rest of the line counts", () => {
  const text =
    "llprio 3\nrtlabel office mtu 1400\nlink0 up monitor\ndescription monitor\n!ifconfig $if -link1 debug\n";
  const { steps, problems, notes } = parseHostnameFile(text, "wg0");
  assert.deepEqual(problems, []);
  assert.deepEqual(
    notes.map(({ line, problem }) => `${line} ${problem}`),
    ["1 llprio", "2 rtlabel", "3 link0", "3 monitor", "5 -link1"].map((n) =>
      `${n}: ignored, because it has no meaning on Linux`
    ),
  );
  assert.deepEqual(steps.map(stepText), [
    "ifconfig wg0 mtu 1400",
    "ifconfig wg0 up",
    "ifconfig wg0 description monitor",
    "ifconfig wg0 debug",
  ]);
});

Deno.test("lines that substitute something wait for a shell; assignments are told apart from commands", () => {
  const text = "wgkey $(cat /etc/key)\ndescription `hostname`\ninet $A 255.0.0.0\ndest $B\n" +
    "inet 10.0.0.1 255.0.0.0\ndest $B\ndescription '$x'\n!A=5 B=$(date) C='a b'\n!A=5 B=6 cmd\n!A=5; B=6\n" +
    '!ifconfig $if wgkey "$(cat k)"\n!ifconfig $if up >/dev/null\n!ifconfig wg9 mtu $X\n';
  const { steps, problems } = parseHostnameFile(text, "wg0");
  assert.deepEqual(problems, []);
  assert.deepEqual(steps.map(({ type, line }) => `${line} ${type}`), [
    "1 evaluated",
    "2 evaluated",
    "3 evaluated",
    "5 evaluated",
    "7 ifconfig",
    "8 assignment",
    "9 command",
    "10 command",
    "11 evaluated",
    "12 command",
    "13 command",
  ]);
  const [, , third, fourth, , assignment, , , own] = steps;
  assert.ok(third.type === "evaluated" && fourth.type === "evaluated" && own.type === "evaluated");
  const passedOver: string[] = [];
  assert.deepEqual(
    wordsOf(
      third,
      ["inet", "10.0.0.2", "255.0.0.0", "llprio", "1"],
      ["dest", "10.0.0.3"],
      passedOver,
    ),
    [
      ..."wg0 inet 10.0.0.2 10.0.0.3 netmask 255.0.0.0".split(" "),
    ],
  );
  assert.deepEqual(passedOver, ["llprio"]);
  assert.equal(fourth.text, "inet 10.0.0.1 255.0.0.0");
  assert.equal(fourth.destination, "dest $B");
  assert.deepEqual(assignment.type === "assignment" && assignment.names, ["A", "B", "C"]);
  assert.equal(own.text, 'wgkey "$(cat k)"');
  // Behind `!` the words are ifconfig's own.
  assert.throws(() => wordsOf(own, ["inet", "10.0.0.2", "255.0.0.0", "NONE"], undefined, []));
  for (const words of [["create"], ["wgkey", "-"], ["fly"]]) {
    assert.throws(() => wordsOf(third, words, undefined, []), ConfigError);
  }
});

Deno.test("whole paths of our own commands become their names where a command begins", () => {
  for (
    const [line, wanted] of [
      ["/sbin/route add default 10.0.0.1", "route add default 10.0.0.1"],
      ["/usr/sbin/ifconfig wg0", "ifconfig wg0"],
      ["/usr/local/bin/netstat -rn", "netstat -rn"],
      ["sh /etc/netstart wg1", "netstart wg1"],
      ["/bin/sh /etc/netstart wg1 && x", "netstart wg1 && x"],
      ["a && /sbin/route b; /bin/netstat|/sbin/ifconfig", "a && route b; netstat|ifconfig"],
      ["X=1 /sbin/route a", "X=1 route a"],
      ["if ! /sbin/route a; then exec /sbin/ifconfig; fi", "if ! route a; then exec ifconfig; fi"],
      ["for i in 1 2; do /sbin/route add $i; done", "for i in 1 2; do route add $i; done"],
      [
        'echo "$(/sbin/ifconfig wg0 | cut -f2)" `/sbin/route x`',
        'echo "$(ifconfig wg0 | cut -f2)" `route x`',
      ],
      ["( /sbin/route a; /sbin/ifconfig)", "( route a; ifconfig)"],
      ["echo $(echo $(/sbin/ifconfig))", "echo $(echo $(ifconfig))"],
      // Arguments, files, quotes, comments and patterns are none.
      ...[
        "ls -l /sbin/route",
        "cat </sbin/route",
        "echo '$(/sbin/route)' # ; /sbin/route",
        "case $x in b) c;; /sbin/route) d;; esac",
        "/sbin/routed",
        "/opt/sbin/route",
        "./sbin/route",
        "echo $((1 /sbin/route))",
        "echo 'open; /sbin/route",
        "echo $(open; /x",
      ].map((line) => [line, line]),
    ]
  ) assert.equal(withOwnCommands(line), wanted);
});

Deno.test("a quoted word is read back as it was", () => {
  for (const word of ["", "a b", "it's", '"', "\\", "$x", "#", "a\tb", "Zoë", "*", "-x", "a=b"]) {
    const { words, needsShell, problem } = splitShellLine(`x ${shellQuote(word)} y`);
    assert.deepEqual([words, needsShell, problem], [["x", word, "y"], false, undefined]);
  }
});

Deno.test("the unit starts netstart and ends its daemons with it", () => {
  const unit = systemdUnit("/opt/wg");
  for (
    const line of [
      "ExecStart=-/opt/wg netstart",
      "Type=oneshot",
      "RemainAfterExit=yes",
      "WantedBy=multi-user.target",
    ]
  ) {
    assert.ok(unit.split("\n").includes(line), line);
  }
});

Deno.test("etc/wg-netstart.service is that unit for the usual place", () => {
  const file = Deno.readTextFileSync(new URL("../../etc/wg-netstart.service", import.meta.url));
  assert.equal(file, systemdUnit("/usr/local/bin/wg"));
});

Deno.test("netstart -n shows no control characters, and a line with NUL is refused", () => {
  const { steps } = parseHostnameFile("!echo \x1b[2J\ndescription $(a \x07)\n", "wg0");
  assert.deepEqual(steps.map(stepText), ["echo ?[2J", "ifconfig wg0 description $(a ?)"]);
  assert.match(parseHostnameFile("!echo a\0b", "wg0").problems[0].problem, /NUL/);
});
