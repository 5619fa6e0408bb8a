/**
 * How command lines of OpenBSD's habits are taken by the built program: words that make their
 * interface, options in any place, and messages that begin with the program's name.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, randomKey, traces, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");

Deno.test("any word but destroy makes an interface of the class", NEEDED, async () => {
  await using room = await wgRoom();
  const lines: readonly [string, RegExp][] = [
    ["up", /^wg77: flags=[0-9a-f]+<UP,/],
    ["down", /^wg77: flags=[0-9a-f]+<(?!UP)/],
    ["inet 192.168.5.1/24", /\tinet 192\.168\.5\.1 netmask 0xffffff00/],
    ["mtu 1300", / mtu 1300\n/],
    ["description office", /\tdescription: office\n/],
    [`wgport 7111 wgkey ${randomKey()}`, /\twgport 7111\n/],
    ["rdomain 3", /rdomain 3/],
    ["create up", /^wg77: flags=[0-9a-f]+<UP,/],
  ];
  for (const [words, shown] of lines) {
    equal(await must(room, `ifconfig wg77 ${words}`), "", words);
    match(await must(room, "ifconfig wg77"), shown, words);
    await must(room, "ifconfig wg77 destroy");
    deepEqual(await traces(room), [], words);
  }
  const refused = await may(room, "ifconfig wg77 destroy");
  deepEqual([refused.code, refused.stderr], [1, "ifconfig: wg77: no such interface\n"]);
  deepEqual(await traces(room), []);
});

Deno.test("words of two commands at once find or make the same interface", NEEDED, async () => {
  await using room = await wgRoom();
  const both =
    "ifconfig wg77 mtu 1300 & a=$!; ifconfig wg77 wgport 7111 & b=$!; wait $a && wait $b";
  for (let round = 0; round < 3; round++) {
    const { code, stderr } = await room.run(["sh", "-c", both]);
    deepEqual([code, stderr], [0, ""]);
    match(await must(room, "ifconfig wg77"), / mtu 1300\n[^]*\twgport 7111\n/);
    await must(room, "ifconfig wg77 destroy");
  }
});

Deno.test("a link that is not a wg interface is not changed", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ip tuntap add wg77 mode tun");
  const { code, stderr } = await may(room, "ifconfig wg77 up");
  deepEqual([code, stderr], [1, "ifconfig: wg77: not a wg interface; use ip(8)\n"]);
  equal(/\bUP\b/.test(await must(room, "ip link show wg77")), false);
});

Deno.test("messages begin with the name that the program was called by", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, `ln -s ${WG} /run/bin/tunnels`);
  const lines: readonly [string, string][] = [
    ["ifconfig wg1 wgport", "ifconfig: wgport: requires a port number, 0 to 65535\n"],
    ["/run/bin/ifconfig wg1 destroy", "ifconfig: wg1: no such interface\n"],
    ["route fly", "route: fly: "],
    ["netstat -I", "netstat: -I: requires an interface\n"],
    [`${WG} ifconfig wg1 destroy`, "wg: wg1: no such interface\n"],
    [`${WG} show wg1`, "wg: wg1: "],
    [`${WG} netstart -d`, "wg: -d: requires a directory\n"],
    ["tunnels ifconfig wg1 destroy", "tunnels: wg1: no such interface\n"],
  ];
  for (const [line, begin] of lines) {
    const { code, stdout, stderr } = await may(room, line);
    deepEqual([code, stdout, stderr.slice(0, begin.length)], [1, "", begin], line);
    match(stderr, /^[^\n]+\n$/, line);
  }
});

/** Answers every operation with success, and prints what was asked. */
const RECORDER = `
const path = "/var/run/wireguard/wg1.sock";
const listener = Deno.listen({ transport: "unix", path });
console.log("ready");
for await (const client of listener) {
  const bytes = new Uint8Array(65536);
  const count = await client.read(bytes).catch(() => null);
  if (count !== null) {
    console.log("asked " + new TextDecoder().decode(bytes.subarray(0, count)).split("\\n", 1)[0]);
    await client.write(new TextEncoder().encode("errno=0\\n\\n"));
  }
  client.close();
}
`;

Deno.test(
  "a line about peers alone is one request, however many peers there are",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "mkdir -p /run/wireguard");
    const recorder = room.spawn([Deno.execPath(), "eval", RECORDER]);
    await recorder.wrote("ready");
    await must(room, `ifconfig wg1 wgpeer ${randomKey()} wgaip 10.0.0.0/8`);
    await must(room, `ifconfig wg1 wgkey ${randomKey()} debug`);
    await eventually("both requests", () => recorder.output().split("asked ").length > 2);
    deepEqual(recorder.output().match(/asked .*/g), ["asked set=2", "asked set=2"]);
  },
);
