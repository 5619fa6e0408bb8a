import assert from "node:assert/strict";
import { IFCONFIG_MANUAL } from "../../lib/cli/ifconfig/help.ts";
import { REFUSED_WORDS } from "../../lib/cli/ifconfig/words/refused.ts";
import { spellings, WORDS } from "../../lib/cli/ifconfig/words/table.ts";
import { type Manual } from "../../lib/cli/manual.ts";
import { filledPage, pageParts } from "../../lib/cli/mdoc.ts";
import { NETSTART_MANUAL } from "../../lib/cli/netstart/help.ts";
import { NETSTAT_MANUAL } from "../../lib/cli/netstat/help.ts";
import { parseNetstat } from "../../lib/cli/netstat/command.ts";
import { ROUTE_MANUAL } from "../../lib/cli/route/help.ts";
import { parseRoute } from "../../lib/cli/route/words/parse.ts";

const FOLDER = new URL("../../man/", import.meta.url);
const PAGES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
const page = (name: string) => Deno.readTextFileSync(new URL(name, FOLDER));

for (const [name, parts] of Object.entries(await pageParts())) {
  Deno.test(`${name} says what the program's help says: if not, run scripts/man.ts`, () => {
    assert.equal(page(name), filledPage(page(name), parts));
  });
}

Deno.test("ifconfig(8) has every word, and every word of OpenBSD's that is refused", () => {
  const items = new Set(
    page("ifconfig.8").match(/(?<=\bCm )\S+/g)!.map((word) => word.replaceAll("\\-", "-")),
  );
  for (const word of [...WORDS.flatMap(spellings), ...REFUSED_WORDS.map(({ name }) => name)]) {
    assert.ok(items.has(word), word);
  }
});

/** The synopses under a heading. */
function rows(manual: Manual, heading: string): string[] {
  return manual.lists.find((list) => list.heading === heading)!.rows.map(([synopsis]) => synopsis);
}

Deno.test("the options and modifiers of the pages are those that the commands take", () => {
  const values: Readonly<Record<string, string>> = {
    interface: "wg1",
    address: "10.0.0.9",
    mask: "255.0.0.0",
    number: "8",
    metric: "7",
    rdomain: "1",
    family: "inet",
    protocol: "udp",
    id: "7",
    mark: "0x1/0xf",
    network: "10.0.0.0/8",
  };
  const words = (row: string) => row.split(" ").map((word) => values[word] ?? word);
  for (const row of rows(ROUTE_MANUAL, "Modifiers")) {
    const line = row === "-iface"
      ? ["10.0.0.0", "-iface", "wg1"]
      : ["10.0.0.0", "192.168.5.3", ...words(row)];
    assert.doesNotThrow(() => parseRoute(["add", ...line]), row);
  }
  for (const row of rows(ROUTE_MANUAL, "Selectors of rules")) {
    assert.doesNotThrow(() => parseRoute(["rule", "add", ...words(row), "table", "7"]), row);
  }
  for (const row of rows(ROUTE_MANUAL, "Options")) {
    assert.doesNotThrow(() => parseRoute([...words(row), "show"]), row);
  }
  for (const row of rows(NETSTAT_MANUAL, "Options")) {
    assert.doesNotThrow(() => parseNetstat(words(row)), row);
  }
});

Deno.test("the files of the pages and what they refer to are there", () => {
  const ours = new Set(
    [IFCONFIG_MANUAL, NETSTART_MANUAL, NETSTAT_MANUAL, ROUTE_MANUAL].map(({ name }) => name),
  );
  for (const name of [...ours, "wg", "hostname.if"]) {
    assert.ok(PAGES.some((file) => file.startsWith(`${name}.`)), name);
  }
  for (const file of PAGES) {
    for (const [, name, section] of page(file).matchAll(/^\.Xr (\S+) (\d)/gm)) {
      if (ours.has(name) || name === "wg" || name === "hostname.if") {
        assert.ok(PAGES.includes(`${name}.${section}`), name);
      }
    }
  }
});

for (const name of PAGES) {
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
