/** `wg restart`: another process for an interface, with everything that the interface had. */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { needs } from "./needs.ts";
import { may, must, ping, randomKey, tunnel, WG, wgRoom, writeFile } from "./peers.ts";
import { daemonOf, killDaemon } from "./running.ts";
import { hasEnded } from "../../lib/daemon/owner.ts";
import { eventually } from "../../scripts/netlab.ts";
import { LONG_MS } from "../../scripts/running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");

/** What ifconfig shows, without what a new process cannot have: its index, counters and ages. */
const lasting = (text: string) =>
  text.replace(/index [0-9]+/, "index").replace(/tx: .*/g, "").replace(
    /\t\tlast handshake.*\n/g,
    "",
  );

Deno.test("an interface keeps its configuration, addresses and routes", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room, "10.0.0.2", `wgpsk ${randomKey()} wgdescr peer`);
  await must(room, "ifconfig wg1 mtu 1380 group home wgfwmark 7 inet 192.168.6.1/24 alias", "left");
  await must(room, "ip route add 10.77.0.0/16 via 192.168.5.2 mtu 1300", "left");
  await must(room, "ip route add 10.78.0.0/16 dev wg1 table 77 metric 5", "left");
  await must(room, "ip -6 route add fd77::/64 dev wg1", "left");
  await ping(room, "left", "192.168.5.2");
  const show = async () => {
    const shown = lasting(await must(room, "ifconfig -A wg1", "left"));
    const routes = await must(room, "ip -d route show table all dev wg1", "left");
    const routes6 = await must(room, "ip -6 -d route show table all dev wg1", "left");
    const lines = [...routes.split("\n"), ...routes6.split("\n")];
    // The kernel's own routes come and go with the addresses.
    return {
      shown,
      routes: lines.filter((line) => !/proto kernel|local|anycast/.test(line)).sort(),
    };
  };
  const pid = async () => await must(room, "pgrep -f daemon.wg1");
  const [before, first] = [await show(), await pid()];
  match(before.routes.join("\n"), /^unicast 10\.77\.0\.0\/16 via 192\.168\.5\.2 .*mtu 1300/m);

  await must(room, `${WG} restart wg1`, "left");
  notEqual(await pid(), first);
  deepEqual(await show(), before);
  await ping(room, "left", "192.168.5.2");
  equal((await may(room, `${WG} version`, "left")).stdout.split("\n").length, 2);
});

Deno.test("a signal waits until the interface is whole again", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room, "10.0.0.2");
  const show = async () => lasting(await must(room, "ifconfig -A wg1", "left"));
  const before = await show();
  const first = await daemonOf(room, "wg1");
  const has = async (word: string) =>
    (await room.processes()).some((line) => line.includes(` daemon ${word}`));
  // While another version is tried: nothing is done then.
  const early = room.spawn([WG, "restart", "wg1"], { netns: "left" });
  await eventually("the trial", async () => await has("wgtry") || undefined);
  early.signal("SIGINT");
  deepEqual(await early.status, { ...await early.status, code: 130, signal: null });
  equal(await daemonOf(room, "wg1"), first);
  equal(await has("wgtry"), false);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    const pid = await daemonOf(room, "wg1");
    const late = room.spawn([WG, "restart", "wg1"], { netns: "left" });
    ok(await hasEnded(pid, LONG_MS));
    late.signal(signal);
    deepEqual(await late.status, { ...await late.status, code: 0, signal: null });
    equal(await show(), before);
  }
  await ping(room, "left", "192.168.5.2");
});

Deno.test("an interface in an rdomain comes back in its rdomain", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg3 create wgport 7333 rdomain 5 10.9.0.1/24");
  await must(room, "route -T5 add 10.80.0.0/16 10.9.0.2");
  const before = lasting(await must(room, "ifconfig wg3"));
  await must(room, `${WG} restart wg3`);
  equal(lasting(await must(room, "ifconfig wg3")), before);
  match(await must(room, "route -T5 show -inet"), /10\.80(\.0\.0)?\/16 +10\.9\.0\.2 /);
});

Deno.test(
  "netstart's record goes over to the new process, and not to one after a kill",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "mkdir -p /run/etc");
    const file = "/run/etc/hostname.wg1";
    await writeFile(room, file, "wgport 7111\ninet 192.168.5.1 255.255.255.0\n", "640");
    await must(room, `${WG} netstart -d /run/etc wg1`);
    await must(room, "rm /run/etc/hostname.wg1");
    const named = async () => (await may(room, `${WG} netstart -d /run/etc`)).stderr;
    match(await named(), /the file is gone, but wg1 is running/);
    await must(room, `${WG} restart wg1`);
    match(await named(), /the file is gone, but wg1 is running/);
    await killDaemon(room, "wg1");
    await must(room, "ifconfig wg1 create");
    equal(await named(), "");
  },
);

Deno.test("what is no interface of wg is named, and nothing is changed", NEEDED, async () => {
  await using room = await wgRoom();
  match((await may(room, `${WG} restart`)).stderr, /requires the name of an interface/);
  match((await may(room, `${WG} restart lo`)).stderr, /^wg: lo: there is no such interface/);
});
