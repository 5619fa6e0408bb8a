import assert from "node:assert/strict";
import type { PublicKey } from "../../lib/base/brands.ts";
import { interfaceOfNextPeer, wordsOfPeers } from "../../lib/cli/completion/peers.ts";
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

Deno.test("a peer may follow where a command takes one, and of the interface of the line", () => {
  const both = ["wg1", "wg2"];
  for (
    const [line, wanted] of [
      ["wg why wg2", "wg2"],
      ["wg why --json wg1", "wg1"],
      ["wg why", undefined],
      ["wg why wg1 office", undefined],
      ["wg why wg9", undefined],
      ["wg mtu wg1", "wg1"],
      ["wg usage wg1", "wg1"],
      ["wg set wg1 listen-port 7 peer", "wg1"],
      ["wg set wg1 peer office", undefined],
      ["wg set wg1 peer wg2", undefined],
      ["wg set wg1", undefined],
      ["wg tcpdump wg2 peer", "wg2"],
      ["ifconfig wg1 wgpeer", "wg1"],
      ["/sbin/ifconfig wg1 -wgpeer", "wg1"],
      ["/usr/local/bin/wg ifconfig wg1 wgpka 5 wgpeer", "wg1"],
      ["ifconfig wg1", undefined],
      ["ifconfig wg1 wgpeer office wgdescr", undefined],
      ["wg client remove wg1", "wg1"],
      ["wg client expire wg2", "wg2"],
      ["wg client show --json wg2", "wg2"],
      ["wg client remove", undefined],
      ["wg client add wg1", undefined],
      ["wg client list wg1", undefined],
      ["wg show wg1", undefined],
      ["wg", undefined],
      ["", undefined],
    ] as const
  ) {
    assert.equal(interfaceOfNextPeer(line.split(" "), both), wanted, line);
  }
  assert.equal(interfaceOfNextPeer(["wg", "client", "disable"], ["wg1"]), "wg1");
  assert.equal(interfaceOfNextPeer([], both), undefined);
});

Deno.test("a name is offered if it means one peer and is read as a name, otherwise the key", () => {
  const peer = (seed: number, description: string) => ({
    publicKey: new Uint8Array(32).fill(seed) as PublicKey,
    description,
  });
  const key = (seed: number) => peer(seed, "").publicKey.toBase64();
  const names = ["anna", "bert", "bert", "", "", "-wgpeer", "@file", key(9), "two\nlines", "x y"];
  assert.deepEqual(
    wordsOfPeers(names.map((name, i) => peer(i, name))),
    ["anna", ...[1, 2, 3, 4, 5, 6, 7, 8].map(key), "x y"],
  );
});
