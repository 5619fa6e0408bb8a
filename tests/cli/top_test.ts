/** `wg top` without a terminal: its words, rates, screen and keys. */
import assert from "node:assert/strict";
import stringWidth from "npm:string-width@9.0.0";
import type { PresharedKey, PublicKey } from "../../lib/base/brands.ts";
import type { PeerStatus } from "../../lib/base/config.ts";
import { COUNTERS } from "../../lib/base/counters.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { parseEndpoint } from "../../lib/base/ip_text.ts";
import { type InterfaceStatus, NO_FACTS } from "../../lib/base/status.ts";
import { type Key, press } from "../../lib/cli/top/keys.ts";
import { jsonLine, plainLines } from "../../lib/cli/top/lines.ts";
import { isDrop, Rates } from "../../lib/cli/top/rates.ts";
import {
  FIRST_VIEW,
  formatAge,
  formatRate,
  idOf,
  screenLines,
  shownRows,
  sparkline,
  type View,
} from "../../lib/cli/top/view.ts";
import { hasScreen, parseTop } from "../../lib/cli/top/words.ts";

const NOW = 1_800_000_000_000;
const SIZE = { columns: 120, lines: 12 };

function peer(i: number, changes: Partial<PeerStatus> = {}): PeerStatus {
  return {
    publicKey: new Uint8Array(32).fill(i) as PublicKey,
    presharedKey: new Uint8Array(32) as PresharedKey,
    endpoint: parseEndpoint(`192.0.2.${i % 250}:51820`),
    persistentKeepalive: 0,
    allowedIps: [],
    description: `peer ${i}`,
    number: i,
    txBytes: 0,
    rxBytes: 0,
    lastHandshakeUnixMs: NOW - i * 1000,
    ...changes,
  };
}

function status(peers: readonly PeerStatus[], changes: Partial<InterfaceStatus> = {}) {
  return {
    ...NO_FACTS,
    privateKey: undefined,
    publicKey: undefined,
    listenPort: 7111,
    fwmark: 0,
    rtable: 0,
    debug: false,
    name: "wg1",
    instance: "one",
    peers,
    ...changes,
  } as InterfaceStatus;
}

const viewOf = (rows: View["rows"], changes: Partial<View> = {}): View => ({
  ...FIRST_VIEW,
  rows,
  ...changes,
});

Deno.test("words: options in any order, and every wrong one is named", () => {
  assert.deepEqual(parseTop([]), {
    name: undefined,
    batch: false,
    json: false,
    count: undefined,
    delayMs: 2000,
  });
  assert.deepEqual(parseTop(["wg1", "-n", "3", "-b", "-d", "0.5", "--json"]), {
    name: "wg1",
    batch: true,
    json: true,
    count: 3,
    delayMs: 500,
  });
  for (
    const [words, named] of [
      [["-n"], "-n"],
      [["-n", "0"], "-n"],
      [["-n", "1.5"], "-n"],
      [["-d", "0.1"], "-d"],
      [["-d", "x"], "-d"],
      [["-d", "1.2.3"], "-d"],
      [["--what"], "--what"],
      [["wg1", "wg2"], "wg2"],
    ] as const
  ) {
    assert.throws(
      () => parseTop(words),
      (error) => error instanceof ConfigError && error.word === named,
    );
  }
});

Deno.test("rates are differences over time; what began again has none", () => {
  const rates = new Rates();
  const at = (rx: number, tx: number, changes: Partial<PeerStatus> = {}) =>
    status([peer(1, { rxBytes: rx, txBytes: tx, ...changes })]);
  assert.deepEqual(rates.look([at(100, 10)], 1000).map(({ rxRate }) => rxRate), [
    undefined,
    undefined,
  ]);
  const [own, one] = rates.look([at(1100, 510)], 3000);
  assert.deepEqual([one.rxRate, one.txRate, own.rxRate, own.txRate], [500, 250, 500, 250]);
  assert.deepEqual(one.history, [750]);
  const [, again] = rates.look([at(50, 510)], 4000);
  assert.equal(again.rxRate, undefined, "the counter went back");
  const [, other] = rates.look([at(5000, 600, { number: 2 })], 5000);
  assert.equal(other.rxRate, undefined, "another peer of this key");
  const [, next] = rates.look([at(5000, 600, { number: 2 })], 6000);
  assert.deepEqual([next.rxRate, next.txRate], [0, 0]);
  const restarted = { ...at(9000, 900, { number: 2 }), instance: "two" };
  assert.equal(rates.look([restarted], 7000)[1].rxRate, undefined, "another process");
  assert.equal(rates.look([], 8000).length, 0);
});

Deno.test("every counter of drops counts, and none of what passed", () => {
  const drops = COUNTERS.map(([name]) => name).filter(isDrop);
  for (const name of ["tx_no_peer", "rx_unallowed_source", "rx_replayed", "udp_overflowed"]) {
    assert.ok((drops as readonly string[]).includes(name), name);
  }
  for (const name of ["tx_sealed", "rx_opened", "rx_datagrams", "tun_reads", "udp_sends"]) {
    assert.ok(!(drops as readonly string[]).includes(name), name);
  }
  const rates = new Rates();
  const look = (rx: number) =>
    rates.look(
      [status([peer(1, { counters: { rx_replayed: rx, rx_keepalives: 7 } })])],
      rx * 1000,
    )[1];
  look(1);
  const row = look(4);
  assert.deepEqual([row.drops, row.dropRate], [{ rx_replayed: 4 }, 1]);
});

Deno.test("figures keep three digits, ages two units, and marks their scale", () => {
  const rates = [undefined, 0, 12, 125, 12_500, 1_249_000, 123e6, 1.25e9, 1e15];
  assert.deepEqual(rates.map(formatRate), [
    "-",
    "0",
    "96",
    "1.00k",
    "100k",
    "9.99M",
    "984M",
    "10.0G",
    "8000T",
  ]);
  const ages = [0, NOW, NOW - 59_999, NOW - 60_000, NOW - 3_723_000, NOW - 90_000_000, NOW + 5000];
  assert.deepEqual(ages.map((at) => formatAge(at, NOW)), [
    "never",
    "0s",
    "59s",
    "1m00s",
    "1h02m",
    "1d01h",
    "0s",
  ]);
  assert.equal(sparkline([0, 1, 50, 100], 6), "   ▁▅█");
  assert.equal(sparkline([5, 5, 5], 2), "██");
  assert.equal(sparkline([], 4), "    ");
});

Deno.test("lines fit into every screen, and names of peers cannot write to the terminal", () => {
  const rates = new Rates();
  const peers = [
    peer(1, { description: "\x1b[31mred\x1b]0;title\x07\u009b2J" }),
    peer(2, { description: "日本語の名前とても長い名前です日本語" }),
    peer(3, { description: "", counters: { rx_replayed: 12, tx_no_endpoint: 3 } }),
    peer(4, { disabled: { reason: "quota", sinceUnixMs: NOW } }),
  ];
  const rows = rates.look([status(peers)], 1000);
  for (const columns of [1, 20, 60, 80, 200]) {
    for (const lines of [1, 2, 4, 24]) {
      for (const showsDrops of [false, true]) {
        const shown = screenLines(viewOf(rows, { showsDrops }), { columns, lines }, NOW, false);
        assert.equal(shown.length, Math.max(4, lines));
        for (const line of shown) {
          assert.ok(stringWidth(line) <= columns, `${columns}: ${line}`);
          // deno-lint-ignore no-control-regex
          assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/);
        }
      }
    }
  }
  const text = screenLines(viewOf(rows, { showsDrops: true }), SIZE, NOW, false).join("\n");
  assert.match(text, /1 interfaces, 4 peers, 4 connected/);
  assert.match(text, /\?\[31mred\?\]0;title\?\?2J/);
  assert.match(text, /rx_replayed 12, tx_no_endpoint 3/);
  assert.match(text, /disabled \(quota\)/);
  for (const lines of [plainLines(rows, NOW), jsonLine(rows, NOW)]) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(lines, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  }
  assert.equal(JSON.parse(jsonLine(rows, NOW)).rows[3].drops.rx_replayed, 12);
});

Deno.test("of what is cut there is a mark, and 80 columns show a whole IPv4 endpoint", () => {
  const endpoint = parseEndpoint("255.255.255.255:65535");
  const rows = new Rates().look([status([peer(1, { endpoint })])], 1000);
  const shown = (columns: number, changes: Partial<View> = {}) =>
    screenLines(viewOf(rows, changes), { columns, lines: 5 }, NOW, false);
  assert.match(shown(80)[3], / 255\.255\.255\.255:65535$/);
  assert.match(shown(79)[3], / 255\.255\.255\.255:655…$/);
  assert.match(shown(70, { showsDrops: true })[1], / drops by r…$/);
});

Deno.test("an explanation is wrapped and scrolls; other keys leave it", () => {
  const explained = `first ${"word ".repeat(40)}last\n  indented ${"more ".repeat(20)}end`;
  const size = { columns: 40, lines: 5 };
  let view = viewOf([], { explained });
  const shown = () => screenLines(view, size, NOW, false);
  const key = (name: string) => {
    const outcome = press(view, { name }, size);
    assert.equal(outcome.type, "view");
    if (outcome.type === "view") view = outcome.view;
  };
  const seen = new Set(shown().slice(0, -1));
  assert.equal(shown().at(-1), "arrows scroll, any other key goes back");
  for (let i = 0; i < 20; i++) {
    key("down");
    for (const line of shown().slice(0, -1)) seen.add(line);
  }
  const words = [...seen].join(" ").split(/ +/);
  assert.deepEqual([words[0], words.includes("last"), words.at(-1)], ["first", true, "end"]);
  assert.ok([...seen].every((line) => line.length <= 40));
  assert.ok(shown()[2].startsWith("  more"), "lines that go on keep their place");
  key("home");
  assert.match(shown()[0], /^first/);
  key("pagedown");
  key("x");
  assert.deepEqual([view.explained, view.scrolled], [undefined, 0]);
});

Deno.test("a terminal without a type, or a dumb one, has no screen; ctrl-z stops", () => {
  const types = [undefined, "", "dumb", "xterm", "linux"];
  assert.deepEqual(types.map(hasScreen), [false, false, false, true, true]);
  for (const changes of [{}, { explained: "text" }, { isTyping: true }]) {
    const outcome = press(viewOf([], changes), { name: "z", ctrl: true }, SIZE);
    assert.equal(outcome.type, "stop");
  }
});

Deno.test("keys: select, sort, filter, drops, explain, end", () => {
  const rates = new Rates();
  const peers = Array.from({ length: 30 }, (_, i) => peer(i + 1, { txBytes: i * 100 }));
  rates.look([status(peers.map((one) => ({ ...one, txBytes: 0 })))], 0);
  let view = viewOf(rates.look([status(peers)], 1000));
  const hit = (key: Key) => {
    const outcome = press(view, key, SIZE);
    if (outcome.type === "view") view = outcome.view;
    return outcome;
  };
  const selected = () => shownRows(view).findIndex((row) => idOf(row) === view.selected);
  hit({ name: "down" });
  hit({ name: "j" });
  assert.equal(selected(), 2);
  hit({ name: "pagedown" });
  assert.equal(selected(), 2 + SIZE.lines - 4);
  hit({ name: "end" });
  assert.equal(selected(), 30);
  hit({ name: "down" });
  assert.equal(selected(), 30);
  hit({ name: "home" });
  hit({ name: "up" });
  assert.equal(selected(), 0);
  hit({ name: "s" });
  hit({ name: "s" });
  assert.equal(view.sort, "sent");
  assert.equal(shownRows(view)[1].name, "peer 30");
  hit({ name: "s", sequence: "S" });
  assert.equal(shownRows(view)[1].name, "peer 1");
  hit({ sequence: "/" });
  for (const letter of "peer 2q") hit({ name: letter, sequence: letter });
  assert.equal(view.filter, "peer 2q", "q is a letter here");
  hit({ name: "backspace", sequence: "\x7f" });
  hit({ name: "return", sequence: "\r" });
  assert.equal(shownRows(view).length, 11);
  assert.ok(screenLines(view, SIZE, NOW, false).at(-1)?.startsWith("filter: peer 2"));
  const explain = hit({ name: "return", sequence: "\r" });
  assert.equal(explain.type, "explain");
  view = { ...view, explained: "all is well\nindeed" };
  assert.deepEqual(screenLines(view, SIZE, NOW, false), [
    "all is well",
    "indeed",
    "any key goes back",
  ]);
  assert.equal(hit({ name: "q", sequence: "q" }).type, "view");
  assert.equal(view.explained, undefined);
  hit({ name: "escape", sequence: "\x1b" });
  assert.equal(view.filter, "");
  hit({ name: "d", sequence: "d" });
  assert.ok(view.showsDrops);
  assert.equal(hit({ name: "space", sequence: " " }).type, "look");
  assert.equal(hit({ name: "q", sequence: "q" }).type, "end");
  assert.equal(hit({ name: "c", sequence: "\x03", ctrl: true }).type, "end");
});

Deno.test("a row that others go from stays selected, and an empty screen takes all keys", () => {
  const rates = new Rates();
  const rows = rates.look([status([peer(1), peer(2), peer(3)])], 0);
  const view = viewOf(rows, { selected: idOf(rows[3]) });
  const fewer = { ...view, rows: rates.look([status([peer(3)])], 1000) };
  assert.equal(screenLines(fewer, SIZE, NOW, false)[3].trim().startsWith("peer 3"), true);
  for (const name of ["up", "down", "pageup", "end", "return", "w", "s", "d", "x"]) {
    assert.equal(press(FIRST_VIEW, { name, sequence: name }, SIZE).type, "view");
  }
});
