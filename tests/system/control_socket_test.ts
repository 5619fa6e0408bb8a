/**
 * The control socket of a running interface: who removes it ends the interface, and it has the name
 * that the link has.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, traces, tunnel, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");

const sockets = async (room: Room): Promise<string[]> =>
  (await must(room, "ls /run/wireguard")).split("\n").filter((name) => name !== "").sort();

Deno.test("removing the socket or its folder ends the interface", NEEDED, async (t) => {
  await using room = await wgRoom();
  for (const path of ["/run/wireguard/wg1.sock", "-r /run/wireguard"]) {
    await t.step(path, async () => {
      const running = room.spawn([WG, "-f", "wg1"]);
      await eventually("wg1", async () => (await may(room, "ifconfig wg1")).code === 0);
      await must(room, `rm ${path}`);
      equal((await running.status).code, 0);
      match(running.output(), /^wg1: stopped: the control socket was removed$/m);
      deepEqual(await traces(room), []);
      equal((await may(room, "ip link show wg1")).code, 1);
    });
  }
});

Deno.test(
  "a renamed link is found by its new name only, and the old name is free",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await must(room, "ip -n left link set wg1 name home0");
    await eventually("the new name", async () => (await sockets(room)).includes("home0.sock"));
    deepEqual(await sockets(room), ["home0.public", "home0.sock", "wg2.public", "wg2.sock"]);
    match(await must(room, "ifconfig home0", "left"), /^home0: [^]*\twgport 7111\n/);
    match(await must(room, "ifconfig wg", "left"), /^home0: /m);
    equal((await may(room, "ifconfig wg1", "left")).code, 1);
    match(await must(room, `${WG} dmesg home0`), /is up[^]*renamed to home0/);
    await must(room, "ifconfig home0 description renamed", "left");
    await ping(room, "left", "192.168.5.2");
    await must(room, "ifconfig wg1 create wgport 7112", "left");
    match(await must(room, "ifconfig wg1", "left"), /\twgport 7112\n/);

    // A name that somebody else has is taken over as soon as it is free.
    await room.namespace("elsewhere");
    await must(room, "ip -n left link set home0 netns elsewhere");
    await must(room, "ip -n elsewhere link set home0 name wg1");
    match(await must(room, "ifconfig home0"), /^wg1: [^]*\twgport 7111\n/);
    match(await must(room, "ifconfig wg1"), /\twgport 7112\n/);
    await must(room, "ifconfig wg1 destroy");
    await eventually("wg1", async () => (await sockets(room)).includes("wg1.sock"));
    match(await must(room, "ifconfig wg1"), /\twgport 7111\n/);
    await must(room, "ifconfig wg1 destroy");
    deepEqual(await sockets(room), ["wg2.public", "wg2.sock"]);
  },
);

Deno.test(
  "Debian's wg(8) finds a renamed link",
  needs("namespaces", "tun", "ip", "wg"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    await must(room, "ip link set wg1 name home");
    await eventually("home", async () => (await may(room, "wg show home")).code === 0);
    match(await must(room, "wg show home"), /^interface: home\n[^]*listening port: 7111\n/);
    equal((await must(room, "wg show interfaces")).trim(), "home");
  },
);
