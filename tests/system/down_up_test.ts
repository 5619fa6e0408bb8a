/**
 * `ifconfig wgN down`, then `up`: addresses and routes of both families are as they were, as on
 * OpenBSD.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, may, must, ping, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "ipv6");

/** Echo requests that came to a namespace. */
async function echoes(room: Room, netns: string): Promise<number> {
  const [names, values] = (await must(room, "grep ^Icmp: /proc/net/snmp", netns)).split("\n").map(
    (line) => line.split(" "),
  );
  return Number(values[names.indexOf("InEchos")]);
}

Deno.test(
  "the packets that come before the process hears that the link is up are sent",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const counted = async (pattern: RegExp) =>
      Number(pattern.exec(await must(room, "ifconfig wg1 hwfeatures"))?.[1] ?? 0);
    const pid = await counted(/\tpid (\d+)\n/);
    const drops = () => counted(/\ttx_link_down (\d+)\n/);
    await must(room, "ip -n left link set wg1 down");
    await eventually("down", async () => !(await must(room, "ifconfig wg1")).includes("<UP,"));
    const [before, heard] = [await drops(), await echoes(room, "right")];
    // While it is stopped it hears of nothing.
    await must(room, `kill -STOP ${pid}`);
    await must(room, "ip -n left link set wg1 up");
    equal((await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left")).code, 1);
    await must(room, `kill -CONT ${pid}`);
    await eventually("the request", async () => await echoes(room, "right") === heard + 1);
    equal(await drops(), before);
  },
);

/**
 * Addresses and routes of wg1 as ip(8) prints them; the kernel's multicast routes come when it
 * likes.
 */
async function addressing(room: Room, netns: string): Promise<string[]> {
  const [addresses, inet, inet6] = await Promise.all([
    must(room, `ip -n ${netns} -o address show dev wg1`),
    must(room, `ip -n ${netns} -4 route show table all`),
    must(room, `ip -n ${netns} -6 route show table all`),
  ]);
  const lines = [
    ...addresses.split("\n"),
    ...`${inet}\n${inet6}`.replaceAll(/\n(?=\t)/g, " ").split("\n"),
  ];
  // Time passes.
  return lines.filter((line) => line.includes("wg1") && !line.startsWith("multicast "))
    .map((line) => line.trim().replace(/ expires [89][0-9]{3}sec/, " expires soon"))
    .sort();
}

/** Some of everything that a link can have. */
async function furnish(room: Room, netns: string): Promise<string[]> {
  const add = async (line: string) => void await must(room, `ip -n ${netns} ${line}`);
  await must(room, "ifconfig wg1 192.168.5.1/24");
  await must(room, "ifconfig wg1 inet6 fd05::1/64");
  await add("address add 192.168.6.1/24 dev wg1");
  await add("address add 10.1.1.1 peer 10.1.1.2/32 dev wg1");
  await add("address add fd06::1/64 dev wg1 nodad noprefixroute");
  await add("address add fd07::1/64 dev wg1 nodad preferred_lft 0");
  await add("address add fd08::1/64 dev wg1 nodad metric 77");
  await add("address add fe80::5/64 dev wg1 nodad");
  await add("route add 172.16.0.0/12 dev wg1");
  await add("route add 10.7.0.0/16 via 192.168.5.9 metric 50 mtu 1300");
  await add("route add 10.8.0.0/16 via 172.16.4.4 dev wg1 onlink");
  // Known before the way to its gateway is: in the order of the table it could not be put back.
  await add("route add 10.200.0.0/16 dev wg1 scope link");
  await add("route add 10.0.128.0/17 via 10.200.0.1");
  await add("route add 10.9.0.0/16 dev wg1 src 192.168.6.1 table 1000");
  await add("route add 10.10.0.0/16 dev wg1");
  await add("route append 10.10.0.0/16 via 192.168.5.7");
  await add("route add 10.11.0.0/16 nexthop via 192.168.5.7 nexthop via 192.168.5.8 weight 3");
  await add("route add 10.12.0.0/16 nexthop via 192.168.5.7 nexthop via 10.0.0.2 dev cable");
  await add("route add 10.13.0.0/16 via inet6 fd05::9 dev wg1");
  await add("-6 route add 2001:db8:1::/48 dev wg1");
  await add("-6 route add 2001:db8:2::/48 via fd05::9 metric 9");
  await add("-6 route add 2001:db8:3::/48 via fd05::9 src fd06::1");
  await add("-6 route add 2001:db8:4::/48 dev wg1 table 1000");
  await add("-6 route add 2001:db8:5::/48 nexthop via fd05::8 nexthop via fd05::9");
  await add("-6 route add 2001:db8:6::/48 nexthop via fd05::8 nexthop via fd00::2 dev cable");
  await add("-6 route add default dev wg1 metric 4000");
  await add("-6 route add 2001:db8:7::/48 via fd05::9 expires 9000");
  return await addressing(room, netns);
}

async function differences(
  room: Room,
  netns: string,
  before: readonly string[],
): Promise<string[]> {
  const after = await addressing(room, netns);
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
}

/** The link comes to be as before: the kernel adds some of its own local routes a moment later. */
async function isAsBefore(room: Room, netns: string, before: readonly string[]): Promise<void> {
  let left: string[] = [];
  const same = async () => (left = await differences(room, netns, before)).length === 0;
  await eventually("the link is as before", same).catch(() => {});
  deepEqual(left, []);
}

Deno.test("down and up keeps every address and route, once", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  const before = await furnish(room, "left");
  for (let i = 0; i < 2; i++) {
    await must(room, "ifconfig wg1 down", "left");
    await must(room, "ifconfig wg1 down", "left");
    await must(room, "ifconfig wg1 up", "left");
    await isAsBefore(room, "left", before);
    await must(room, "ifconfig wg1 up", "left");
    deepEqual((await addressing(room, "left")).length, before.length);
  }
  await ping(room, "left", "192.168.5.2");
  await ping(room, "left", "fd05::2");
  // Whoever takes it up.
  await must(room, "ifconfig wg1 down", "left");
  await must(room, "ip -n left link set wg1 up");
  await eventually(
    "all is back",
    async () => (await differences(room, "left", before)).length === 0,
  );
  equal((await must(room, `${WG} dmesg wg1`)).includes("could not restore"), false);
  // Whoever takes it down by ip(8) has what Linux does with any link.
  await must(room, "ip -n left link set wg1 down");
  await must(room, "ip -n left link set wg1 up");
  const lost = (await differences(room, "left", before)).filter((line) => line.startsWith("- "));
  equal(lost.length > 20, true, lost.join("\n"));
});

Deno.test("in another namespace, and where /proc/sys cannot be written", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, "mount --bind /proc/sys /proc/sys");
  await must(room, "mount -o remount,bind,ro /proc/sys");
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`);
  await must(room, "ip link set wg1 netns left");
  const before = await furnish(room, "left");
  await must(room, "ifconfig wg1 down");
  await must(room, "ifconfig wg1 up");
  await isAsBefore(room, "left", before);
});

Deno.test("addresses and routes that were changed while down stay changed", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`, "left");
  await must(room, "ifconfig wg1 192.168.5.1/24", "left");
  await must(room, "ifconfig wg1 inet6 fd05::1/64", "left");
  await must(room, "ifconfig wg1 inet6 fd06::1/64", "left");
  await must(room, "ip -n left address add 192.168.6.1/24 dev wg1");
  await must(room, "ip -n left route add 10.7.0.0/16 dev wg1");
  await must(room, "ip -n left route add 10.8.0.0/16 via 192.168.6.9");
  await must(room, "ifconfig wg1 down", "left");
  // They are seen, and can be taken away.
  match(
    await must(room, "ifconfig wg1", "left"),
    /flags=[0-9a-f]+<[A-Z,]*> [^]*\tinet6 fd05::1 prefixlen 64\n/,
  );
  equal(/<UP/.test(await must(room, "ifconfig wg1", "left")), false);
  await must(room, "ifconfig wg1 inet6 fd06::1 delete", "left");
  await must(room, "ip -n left address del 192.168.6.1/24 dev wg1");
  await must(room, "ip -n left address add 192.168.9.1/24 dev wg1");
  await must(room, "ip -n left route add 10.7.0.0/16 via 10.0.0.2");
  await must(room, "ifconfig wg1 up", "left");
  const after = (await addressing(room, "left")).join("\n");
  match(after, / fd05::1\/64 /);
  match(after, / 192\.168\.9\.1\/24 /);
  equal(/fd06::|192\.168\.6\./.test(after), false, after);
  match(await must(room, "ip -n left route get 10.7.1.1"), / via 10\.0\.0\.2 dev cable /);
  await eventually(
    "the log",
    async () =>
      / could not restore: route 10\.8\.0\.0\/16: [^\n]+\n/.test(
        await must(room, `${WG} dmesg wg1`),
      ),
  );
});

Deno.test("a new address for the link that is down brings its routes back", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`, "left");
  await must(room, "ifconfig wg1 inet6 fd05::1/64", "left");
  await must(room, "ip -n left -6 route add 2001:db8:1::/48 via fd05::9");
  await must(room, "ip -n left -6 route add 2001:db8:2::/48 via 2001:db8:1::1 dev wg1 onlink");
  await must(room, "ifconfig wg1 down", "left");
  await must(room, "ifconfig wg1 inet6 fd05::1 delete", "left");
  // The address takes the link up, and stands after that: only then can the gateway be reached.
  await must(room, "ifconfig wg1 inet6 fd05::5/64", "left");
  await eventually(
    "the route",
    async () =>
      (await must(room, "ip -n left -6 route show 2001:db8:1::/48")).includes(
        "via fd05::9 dev wg1",
      ),
  );
  match(await must(room, "ip -n left -6 route show 2001:db8:2::/48"), / dev wg1 /);
  equal((await must(room, `${WG} dmesg wg1`)).includes("could not restore"), false);
});

Deno.test("a line that fails leaves the link as it was, down or up", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await must(room, "ifconfig wg9 create wgport 7999", "left");
  const before = await furnish(room, "left");
  equal((await may(room, "ifconfig wg1 down wgport 7999", "left")).code, 1);
  await isAsBefore(room, "left", before);
  await must(room, "ifconfig wg1 down", "left");
  equal((await may(room, "ifconfig wg1 up wgport 7999", "left")).code, 1);
  await must(room, "ifconfig wg1 up", "left");
  await isAsBefore(room, "left", before);
});
