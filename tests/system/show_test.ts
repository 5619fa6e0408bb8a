/**
 * `wg show` beside Debian's wg(8): what both print of the same interfaces is the same, byte for
 * byte.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { FIELDS } from "../../lib/cli/show/text.ts";
import { needs } from "./needs.ts";
import { may, must, ping, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

const OURS = WG;
const NEEDED = needs("namespaces", "tun", "ip", "ping");
const WITH_WG = needs("namespaces", "tun", "ip", "ping", "wg");

/** Debian's has several interfaces in the order of the directory they are in; ours sorts them. */
const sorted = (text: string) =>
  text.split(text.includes("\n\n") ? "\n\n" : /^/m).map((part) => part.trimEnd()).sort();

/** A handshake's age: `Now`, or as `1 minute, 2 seconds ago`, perhaps with colours. */
// deno-lint-ignore no-control-regex
const AGE = /(?<=latest handshake(?:\x1b\[0m)?: )(?:Now|.* ago)$/gm;

const UNITS: Record<string, number> = { year: 31_536_000, day: 86_400, hour: 3600, minute: 60 };

/** The ages in a text, in seconds, and the text without them. */
function apart(text: string): { ages: number[]; rest: string } {
  const ages: number[] = [];
  const rest = text.replace(AGE, (age) => {
    // deno-lint-ignore no-control-regex
    const parts = age.replace(/\x1b\[[0-9;]*m/g, "").replace(/ ago$/, "").split(", ");
    ages.push(parts.reduce((sum, part) => sum + secondsOf(part), 0));
    return "AGE";
  });
  return { ages, rest };
}

function secondsOf(part: string): number {
  if (part === "Now") return 0;
  const [, count, unit] = /^(\d+) (year|day|hour|minute|second)s?$/.exec(part) ?? [];
  if (unit === undefined) throw new Error(`"${part}" is no part of an age`);
  return Number(count) * (UNITS[unit] ?? 1);
}

/**
 * What ours says to words, when Debian's says the same before and after. Ages of handshakes go on
 * between the three: ours must lie between those of Debian's. When counters moved, it is asked
 * again.
 */
function both(
  room: Room,
  words: string,
  options: { env?: Record<string, string>; netns?: string } = {},
) {
  const run = (program: string) =>
    room.output([program, ...words.split(" ").filter((word) => word !== "")], options);
  return eventually(`${words}: the same before and after`, async () => {
    const before = apart(await run("wg"));
    const ours = await run(OURS);
    const after = apart(await run("wg"));
    if (before.rest !== after.rest) return false;
    const { ages, rest } = apart(ours);
    deepEqual(sorted(rest), sorted(before.rest), words);
    // Of several interfaces the order may differ: sorted ages still lie between sorted ages.
    const [low, high] = [before, after].map((said) => said.ages.sort((a, b) => a - b));
    const between = ages.sort((a, b) => a - b).every((age, i) => low[i] <= age && age <= high[i]);
    equal(between && ages.length === low.length, true, `${words}: ${low}, ${ages}, ${high}`);
    return ours;
  });
}

Deno.test("every view and field is that of Debian's wg(8)", WITH_WG, async () => {
  await using room = await wgRoom();
  const psk = randomKey();
  await tunnel(room, "10.0.0.2", `wgpka 85 wgpsk ${psk}`);
  // Peers that have never answered, one of them with nothing at all; a mark; and an interface
  // without key, port or peers.
  await must(
    room,
    `ifconfig wg1 wgpeer ${randomKey()} wgendpoint fd00::7 7777 wgaip 10.5.0.0/16 wgaip fd09::/48`,
  );
  await must(room, `ifconfig wg1 wgpeer ${randomKey()}`);
  await must(room, "ifconfig wg7 create");
  await must(room, "wg set wg1 fwmark 0xca6c");
  await ping(room, "left", "192.168.5.2");

  for (const name of ["wg1", "wg2", "wg7", "all"]) {
    for (const field of ["", ...FIELDS]) {
      // Debian's puts the interface's name before the endpoint of its first peer only, and before
      // nothing where there is no peer.
      if (name !== "all" || field !== "endpoints") await both(room, `show ${name} ${field}`);
    }
  }
  const endpoints = (await must(room, `${OURS} show all endpoints`)).trimEnd().split("\n");
  deepEqual(endpoints.map((line) => line.replace(/\t.*\t/, " ")), [
    "wg1 10.0.0.2:7222",
    "wg1 [fd00::7]:7777",
    "wg1 (none)",
    "wg2 10.0.0.1:7111",
  ]);
  match(
    await both(room, "show"),
    /^interface: wg1\n[^]*\n\ninterface: wg2\n[^]*\n\ninterface: wg7\n/,
  );
  match(await both(room, "show wg1"), /\n {2}preshared key: \(hidden\)\n {2}endpoint: /);
  match(
    await both(room, "show wg1", { env: { WG_HIDE_KEYS: "never" } }),
    new RegExp(`preshared key: ${RegExp.escape(psk)}\n`),
  );
  const painted = await both(room, "show", { env: { WG_COLOR_MODE: "always" } });
  equal(painted.includes("\x1b[33m"), true);
  equal(await must(room, `${OURS} show interfaces`), "wg1 wg2 wg7\n");

  // An endpoint on a link, whose name is that of the namespace it is asked in.
  await must(room, `ifconfig wg1 wgpeer ${randomKey()} wgendpoint fe80::9%cable 7777`, "left");
  match(await both(room, "show wg1 endpoints", { netns: "left" }), /\t\[fe80::9%cable\]:7777\n/);
});

Deno.test(
  "the interface of another implementation",
  needs("namespaces", "tun", "ip", "wireguard-go", "wg"),
  async () => {
    await using room = await wgRoom();
    await must(room, "wireguard-go wg9");
    await room.output(["sh", "-c", "umask 077; cat >/run/key"], { stdin: `${randomKey()}\n` });
    await must(
      room,
      `wg set wg9 private-key /run/key listen-port 7999 peer ${randomKey()} allowed-ips 10.9.0.0/24`,
    );
    for (const field of ["", ...FIELDS]) await both(room, `show wg9 ${field}`);
    // It keeps no log. Without its name that is no failure.
    const { code, stdout, stderr } = await may(room, `${OURS} dmesg`);
    deepEqual([code, stdout, stderr], [0, "", ""]);
    match((await may(room, `${OURS} dmesg wg9`)).stderr, /another implementation keeps no log/);
  },
);

Deno.test("values for programs, and what is wrong", NEEDED, async () => {
  await using room = await wgRoom();
  const { publicKeys } = await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  const shown = JSON.parse(await must(room, `${OURS} show all --json`));
  deepEqual(Object.keys(shown), ["wg1", "wg2"]);
  const { publicKey, listenPort, privateKey, peers } = shown.wg1;
  deepEqual([publicKey, listenPort, privateKey], [publicKeys.left, 7111, undefined]);
  const peer = peers[publicKeys.right];
  deepEqual([peer.endpoint, peer.allowedIps], ["10.0.0.2:7222", ["192.168.5.2/32", "fd05::2/128"]]);
  equal(peer.transferRx > 0 && peer.latestHandshake > 1.6e9, true);
  deepEqual(JSON.parse(await must(room, `${OURS} show interfaces --json`)), ["wg1", "wg2"]);

  const wrong: readonly [string, string][] = [
    ["show wg5", "wg: wg5: connect: No such device or address: no such interface (ENXIO)"],
    ["show wg1 ports", `wg: ports: unknown field; one of ${FIELDS.join(", ")} is required`],
    ["show wg1 peers x", "wg: x: unexpected word; `wg help show` shows the usage"],
    ["show -a", "wg: -a: unexpected word; `wg help show` shows the usage"],
    ["show interfaces peers", "wg: peers: unexpected word; no word may follow `show interfaces`"],
    ["show wg1 peers --json", "wg: --json: prints every field; peers must be left out"],
  ];
  for (const [words, message] of wrong) {
    const { code, stdout, stderr } = await may(room, `${OURS} ${words}`);
    deepEqual([code, stdout, stderr.trim()], [1, "", message], words);
  }
});

Deno.test("without interfaces nothing is shown", NEEDED, async () => {
  await using room = await wgRoom();
  for (const words of ["show", "show all dump", "show interfaces"]) {
    equal(await must(room, `${OURS} ${words}`), "");
  }
});

Deno.test("a terminal gets a command's output and nothing else", NEEDED, async () => {
  await using room = await wgRoom();
  const line = `stty cols 80 rows 24; printf 'key: '; printf %s ${randomKey()} | ${WG} pubkey`;
  // The runtime erases the line that it shows the progress of downloads in.
  const shown = await room.output(["script", "-qec", line, "/dev/null"]);
  match(shown, /^key: [A-Za-z0-9+/]{43}=\r\n$/);
});
