/**
 * A full tunnel by policy routing with the commands of this program alone: everything goes into the
 * tunnel, but the tunnel's own datagrams reach the endpoint outside.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, publicKey, randomKey, WG, wgRoom } from "./peers.ts";

const UP = [
  "ifconfig wg1 10.9.0.2/24",
  "ifconfig wg1 inet6 fd09::2/64",
  "route add default -iface wg1 -table 51820",
  "route add -inet6 default -iface wg1 -table 51820",
  "route rule add not fwmark 51820 table 51820",
  "route rule add table main suppress 0",
  "route rule add -inet6 not fwmark 51820 table 51820",
  "route rule add -inet6 table main suppress 0",
];
const DOWN = [
  "route rule delete not fwmark 51820 table 51820",
  "route rule delete table main suppress 0",
  "route rule delete -inet6 not fwmark 51820 table 51820",
  "route rule delete -inet6 table main suppress 0",
  "ifconfig wg1 destroy",
];

/** Bytes that came through the tunnel to the other end. */
async function received(room: Room): Promise<number> {
  const line = await must(room, `${WG} show wg2 transfer`, "world");
  return Number(line.trim().split("\t")[1]);
}

Deno.test(
  "a full tunnel by wgfwmark, a table and two rules, made and removed by our commands alone",
  needs("namespaces", "tun", "ip", "ping", "ipv6"),
  async () => {
    await using room = await wgRoom();
    await room.namespace("home");
    await room.namespace("world");
    await room.link(
      { netns: "home", name: "uplink", addresses: ["192.0.2.1/24", "2001:db8::1/64"] },
      { netns: "world", name: "uplink", addresses: ["192.0.2.2/24", "2001:db8::2/64"] },
    );
    const home = (line: string) => must(room, line, "home");
    const world = (line: string) => must(room, line, "world");
    // The endpoint and another host lie behind the default route.
    for (const address of ["203.0.113.1/32", "198.51.100.7/32", "2001:db8:7::7/128"]) {
      await world(`ip address add ${address} dev lo`);
    }
    await home("route add default 192.0.2.2");
    await home("route add -inet6 default 2001:db8::2");
    const before = [await home("ip rule"), await home("ip -6 rule"), await home("ip route")];

    await world(`ifconfig wg2 create wgport 7222 wgkey ${randomKey()} 10.9.0.1/24`);
    await world("ifconfig wg2 inet6 fd09::1/64");
    await home(`ifconfig wg1 create wgkey ${randomKey()} wgfwmark 51820`);
    const key = async (name: string) => await publicKey(room, name);
    const peer = `wgpeer ${await key("wg1")} wgaip 10.9.0.2/32 wgaip fd09::2/128`;
    await world(`ifconfig wg2 ${peer}`);
    const way = "wgendpoint 203.0.113.1 7222 wgaip 0.0.0.0/0 wgaip ::/0";
    await home(`ifconfig wg1 wgpeer ${await key("wg2")} ${way}`);
    for (const line of UP) await home(line);

    match(await home("ifconfig wg1 hwfeatures"), /\tfwmark 0xca6c\n/);
    match(await home("route get 198.51.100.7"), /interface: wg1/);
    match(await home("ip route get 203.0.113.1 mark 51820"), / dev uplink /);
    // Networks of the main table are reached as before.
    match(await home("route get 192.0.2.2"), /interface: uplink/);
    for (const host of ["198.51.100.7", "203.0.113.1", "2001:db8:7::7"]) {
      const start = await received(room);
      const ping = `ping -c 3 -i 0.2 -s 900 ${host}`;
      await eventually(host, async () => (await may(room, ping, "home")).code === 0);
      equal(await received(room) - start > 2700, true, host);
    }

    for (const line of DOWN) await home(line);
    deepEqual([await home("ip rule"), await home("ip -6 rule"), await home("ip route")], before);
    const end = await received(room);
    await home("ping -c 1 198.51.100.7");
    equal(await received(room), end);
  },
);
