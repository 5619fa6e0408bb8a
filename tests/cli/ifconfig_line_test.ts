/**
 * ifconfig, netstart and help as far as they need no interface: options, what they refuse before
 * they look at anything, and the help.
 * @module
 */
import assert from "node:assert/strict";
import { command as help } from "../../lib/cli/help/command.ts";
import { command as ifconfig } from "../../lib/cli/ifconfig/command.ts";
import { command as netstart } from "../../lib/cli/netstart/command.ts";
import type { Command } from "../../lib/cli/command.ts";
import { ConfigError } from "../../lib/base/errors.ts";

/** Runs a command with what it prints by console.log taken down. */
async function printed(command: Command, args: readonly string[]): Promise<string> {
  const log = console.log;
  let text = "";
  console.log = (line: string) => text += `${line}\n`;
  try {
    assert.equal(await command.run(args), 0);
  } finally {
    console.log = log;
  }
  return text;
}

Deno.test("ifconfig -C names the classes", async () => {
  assert.equal(await printed(ifconfig, ["-C"]), "wg\n");
});

Deno.test("help: the overview, and each command's own", async () => {
  assert.match(await printed(help, []), /^usage: wg command[^]*\n {2}ifconfig [^]*\n {2}netstart /);
  assert.equal(await printed(help, ["ifconfig"]), await printed(ifconfig, ["--help"]));
  assert.equal(await printed(help, ["netstart"]), await printed(netstart, ["-h"]));
  for (const name of ["route", "netstat", "dmesg", "version"]) {
    assert.ok((await printed(help, [name])).startsWith(`usage: ${name}`), name);
  }
});

Deno.test("netstart --print-unit prints the unit", async () => {
  assert.match(await printed(netstart, ["--print-unit"]), /\nExecStart=\S+ netstart\n/);
});

const WRONG: readonly (readonly [Command, readonly string[], string])[] = [
  [ifconfig, ["-x"], "-x"],
  [ifconfig, ["--jsn"], "--jsn"],
  [ifconfig, ["-aB"], "-aB"],
  [ifconfig, ["-C", "wg1"], "wg1"],
  [ifconfig, ["-a", "nosuch0"], "nosuch0"],
  [ifconfig, ["nosuch0", "-A", "--json"], "nosuch0"],
  [ifconfig, ["inet"], "inet"],
  [ifconfig, ["-A", "inet", "up"], "-A"],
  [ifconfig, ["-a", "nosuch0", "inet", "inet6"], "-a"],
  [ifconfig, ["nosuch0", "up", "--json"], "--json"],
  [ifconfig, ["nosuch0", "description", "--json", "-A"], "-A"],
  [ifconfig, ["wg1/2"], "wg1/2"],
  [ifconfig, [""], '""'],
  [ifconfig, ["nosuch0"], "nosuch0"],
  [ifconfig, ["nosuch"], "nosuch"],
  [ifconfig, ["--json", "nosuch0", "up"], "--json"],
  [ifconfig, ["nosuch0", "wgport", "x"], "wgport"],
  [help, ["ifconfig", "route"], "route"],
  [help, ["nosuch"], "nosuch"],
  [help, ["toString"], "toString"],
  [netstart, ["-x"], "-x"],
  [netstart, ["-d"], "-d"],
  [netstart, ["em0"], "em0"],
  [netstart, ["-n", "-d", "/nonexistent"], "/nonexistent"],
  [netstart, ["--print-unit", "wg0"], "--print-unit"],
];

for (const [command, args, word] of WRONG) {
  Deno.test(`refused: ${command === ifconfig ? "ifconfig" : command === help ? "help" : "netstart"} ${args.join(" ")}`, async () => {
    await assert.rejects(async () => await command.run(args), (error) => {
      assert.ok(error instanceof ConfigError, String(error));
      assert.equal(error.word, word);
      return true;
    });
  });
}
