/** The steps of `wg quick up`, the lines that tell of them, and its command lines. */
import assert from "node:assert/strict";
import { parseRange } from "../../lib/base/ip_text.ts";
import { parseWgConfig } from "../../lib/wgconf/parse.ts";
import { parseQuickConfig } from "../../lib/wgconf/quick.ts";
import { type PlanInput, planUp, type Step, stepKey } from "../../lib/cli/quick/plan.ts";
import { statusText, stepLines, undoLines } from "../../lib/cli/quick/text.ts";
import { excludesRange, rangesOfExcluding, strippedFile } from "../../lib/cli/quick/strip_text.ts";
import { parseQuickWords } from "../../lib/cli/quick/words.ts";

const range = (text: string) => parseRange(text) ?? assert.fail(text);
const address = (text: string) => {
  const [host, prefix] = text.split("/");
  return { address: range(host).address, prefix: Number(prefix) };
};

interface Scene {
  readonly addresses?: string;
  readonly allowed?: string;
  readonly more?: Partial<PlanInput>;
}

/** The lines of a plan for wg0. */
function lines({ addresses = "", allowed = "", more = {} }: Scene): string[] {
  const words = (text: string) => text.split(" ").filter((word) => word !== "");
  const steps = planUp({
    addresses: words(addresses).map(address),
    mtu: 1420,
    dns: { servers: [], search: [] },
    table: "auto",
    fwmark: 0,
    freeTable: 51820,
    allowedIps: words(allowed).map(range),
    hooks: { PreUp: [], PostUp: [] },
    ...more,
  });
  return steps.flatMap((step) => stepLines("wg0", "FILE", step));
}

const FRAME = ["ifconfig wg0 create", "wg setconf wg0 FILE"];
const LINK = "ip link set mtu 1420 up dev wg0";

Deno.test("an interface without peers is created, and is up with its addresses", () => {
  assert.deepEqual(lines({ addresses: "10.0.0.1/24 fd00::1/64" }), [
    ...FRAME,
    "ip -4 address add 10.0.0.1/24 dev wg0",
    "ip -6 address add fd00::1/64 dev wg0",
    LINK,
  ]);
});

Deno.test("commands come first and last, name servers after the link", () => {
  const more = {
    hooks: { PreUp: ["a", "b"], PostUp: ["c"] },
    dns: { servers: ["10.0.0.53"], search: ["example.org"] },
  };
  assert.deepEqual(lines({ more }), [
    "a",
    "b",
    ...FRAME,
    LINK,
    "DNS: nameserver 10.0.0.53 search example.org",
    "c",
  ]);
});

const routes = (scene: Scene) => lines(scene).filter((line) => / route add /.test(line));

Deno.test("routes: the longest prefix first, each once, without those of addresses", () => {
  assert.deepEqual(
    routes({
      addresses: "10.0.0.1/24 10.7.0.1/32 fd00::1/64",
      allowed:
        "10.0.0.0/8 10.0.0.2/32 10.1.0.0/16 10.0.0.0/24 10.1.0.0/16 10.7.0.1/32 fd00::2/128 fd00::/48",
    }),
    [
      "ip -6 route add fd00::/48 dev wg0",
      "ip -4 route add 10.7.0.1/32 dev wg0",
      "ip -4 route add 10.1.0.0/16 dev wg0",
      "ip -4 route add 10.0.0.0/8 dev wg0",
    ],
  );
});

Deno.test("Table: off adds no route, a number adds all of them there, also default routes", () => {
  const scene = { addresses: "10.0.0.1/24", allowed: "10.0.0.0/24 0.0.0.0/0 ::/0" };
  assert.deepEqual(routes({ ...scene, more: { table: "off" } }), []);
  const inTable = lines({ ...scene, more: { table: 1234 } }).slice(-3);
  assert.deepEqual(inTable, [
    "ip -4 route add 10.0.0.0/24 dev wg0 table 1234",
    "ip -6 route add ::/0 dev wg0 table 1234",
    "ip -4 route add 0.0.0.0/0 dev wg0 table 1234",
  ]);
  // In the main table the kernel has added the network of the address already.
  assert.ok(!routes({ ...scene, more: { table: 254 } }).join().includes("10.0.0.0/24"));
});

const FULL = [
  "wg set wg0 fwmark 51821",
  "ip -6 route add ::/0 dev wg0 table 51821",
  "ip -6 rule add not fwmark 51821 table 51821",
  "ip -6 rule add table main suppress_prefixlength 0",
  "nft add table ip6 wg-quick-wg0",
  "ip -4 route add 0.0.0.0/0 dev wg0 table 51821",
  "ip -4 rule add not fwmark 51821 table 51821",
  "ip -4 rule add table main suppress_prefixlength 0",
  "sysctl -q net.ipv4.conf.all.src_valid_mark=1",
  "nft add table ip wg-quick-wg0",
];

Deno.test("default routes get a table, a mark, rules, a setting and the packet filter", () => {
  const scene = { addresses: "10.0.0.1/24 fd00::1/64", allowed: "0.0.0.0/0 ::/0" };
  const from = (all: string[]) => all.slice(all.indexOf(LINK) + 1);
  assert.deepEqual(from(lines({ ...scene, more: { freeTable: 51821 } })), FULL);
  // A mark of the file is used, and is not set again.
  assert.deepEqual(from(lines({ ...scene, more: { fwmark: 51821 } })), FULL.slice(1));
  const steps = planUp({
    addresses: [address("10.0.0.1/24"), address("fd00::1/64"), address("10.0.0.9/32")],
    mtu: 1420,
    dns: { servers: [], search: [] },
    table: "auto",
    fwmark: 7,
    freeTable: 1,
    allowedIps: [range("0.0.0.0/0")],
    hooks: { PreUp: [], PostUp: [] },
  });
  assert.deepEqual(steps.at(-1), {
    type: "nft",
    family: 4,
    mark: 7,
    addresses: ["10.0.0.1", "10.0.0.9"],
  });
});

Deno.test("halves of the Internet are ordinary routes", () => {
  assert.deepEqual(routes({ allowed: "0.0.0.0/1 128.0.0.0/1" }), [
    "ip -4 route add 128.0.0.0/1 dev wg0",
    "ip -4 route add 0.0.0.0/1 dev wg0",
  ]);
});

Deno.test("a key in a command is not told, and steps are compared without regard to order", () => {
  const key = `${"A".repeat(43)}=`;
  const hook: Step = { type: "hook", phase: "PostUp", command: `wg set wg0 <(echo ${key})` };
  assert.ok(!stepLines("wg0", "FILE", hook).join().includes(key));
  const a: Step = { type: "route", destination: "10.0.0.0/8", table: undefined };
  const b = JSON.parse('{"destination":"10.0.0.0/8","type":"route"}') as Step;
  assert.equal(stepKey(a), stepKey(b));
  assert.notEqual(stepKey(a), stepKey({ ...a, table: 7 }));
  assert.deepEqual(undoLines("wg0", b), ["ip -4 route delete 10.0.0.0/8 dev wg0"]);
});

Deno.test("the lines of a status", () => {
  const base = {
    name: "wg0",
    file: "/etc/wireguard/wg0.conf",
    fileExists: true,
    left: [],
  } as const;
  assert.equal(
    statusText({ ...base, by: "wg quick", state: "up", pid: 7, differences: [] }),
    "wg0: up (process 7)\n\tfile: /etc/wireguard/wg0.conf\n\tas in the file\n",
  );
  assert.equal(
    statusText({ ...base, by: "other", state: "up", differences: ["x"], fileExists: false }),
    "wg0: up, not brought up by wg quick\n\tfile: /etc/wireguard/wg0.conf (there is no such file)\n\tdiffers: x\n",
  );
  assert.equal(
    statusText({
      ...base,
      by: undefined,
      state: "up",
      differences: undefined,
      fileExists: undefined,
    }),
    "wg0: up\n\tfile: /etc/wireguard/wg0.conf (not for this user to see)\n",
  );
  assert.equal(
    statusText({ ...base, by: "wg quick", state: "ended", differences: undefined, left: ["y"] }),
    "wg0: ended without down\n\tfile: /etc/wireguard/wg0.conf\n\tleft: y\n",
  );
});

Deno.test("command lines", () => {
  const plain = { print: false, quiet: false, json: false, unit: false };
  assert.deepEqual(parseQuickWords(["up", "wg0"]), { action: "up", target: "wg0", ...plain });
  assert.deepEqual(parseQuickWords(["reload", "./wg0.conf", "-n", "-q"]), {
    ...plain,
    action: "reload",
    target: "./wg0.conf",
    print: true,
    quiet: true,
  });
  assert.equal(parseQuickWords(["down", "--unit", "wg0"]).unit, true);
  assert.deepEqual(parseQuickWords(["status", "--json"]), {
    ...plain,
    action: "status",
    target: undefined,
    json: true,
  });
  for (const group of ["-nq", "-qn"]) {
    const { print, quiet } = parseQuickWords(["up", group, "wg0"]);
    assert.ok(print && quiet, group);
  }
  assert.equal(parseQuickWords(["down", "--", "-n"]).target, "-n");
  for (
    const [words, message] of [
      [[], /^quick: up, down, save, strip, reload or status is required$/],
      [["start", "wg0"], /^start: up, down/],
      [["up"], /^up: the name of an interface, or a file NAME\.conf, is required$/],
      [["up", "wg0", "wg1"], /^wg1: one interface or file is required$/],
      [["strip", "-n", "wg0"], /^-n: strip has no such option$/],
      [["save", "-nq", "wg0"], /^-nq: save has no such option$/],
      [["up", "--json", "wg0"], /^--json: up has no such option$/],
    ] as const
  ) {
    assert.throws(() => parseQuickWords(words), { name: "ConfigError", message });
  }
});

Deno.test("strip writes what is left of excluded ranges, and keeps the lines of others", () => {
  const key = `PublicKey = ${"B".repeat(42)}A=\n`;
  const plain = `[Peer] # Bob\n${key}AllowedIPs = 192.0.2.1/32 # home\n`;
  const file = new TextEncoder().encode(
    `[Interface]\nAddress = 10.0.0.1\nListenPort = 7111\n${plain}[Peer] # Ann\n${key}` +
      "AllowedIPs = 0.0.0.0/0\nallowedips = !128.0.0.0/1, ::/0\n",
  );
  const config = parseQuickConfig(file, { file: "wg0.conf" });
  assert.deepEqual(config.lines.filter(excludesRange).map(({ line }) => line), [10]);
  const { text } = strippedFile(file, rangesOfExcluding(config));
  assert.equal(
    new TextDecoder().decode(text),
    `[Interface]\nListenPort = 7111\n${plain}[Peer] # Ann\n${key}AllowedIPs = 0.0.0.0/1, ::/0\n\n`,
  );
  assert.deepEqual(parseWgConfig(text, { file: "wg0.conf" }).problems, []);
});

Deno.test("a command is shown without what a terminal would execute", () => {
  const command = "echo\t\x1b[31mred\x07\x9b1m é";
  const step: Step = { type: "hook", phase: "PostUp", command };
  assert.deepEqual(stepLines("wg0", "FILE", step), ["echo\t?[31mred??1m é"]);
});
