/**
 * route(8) as OpenBSD's administrators write it, against a real kernel: names of hosts, short
 * networks, the default route, own addresses as gateways, and priorities.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, may, must, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "ip");
const WITH_IPV6 = needs("namespaces", "ip", "ipv6");

/** What a command prints in the left namespace; it must succeed and complain of nothing. */
async function left(room: Room, line: string): Promise<string> {
  const { code, stdout, stderr } = await may(room, line, "left");
  deepEqual([code, stderr], [0, ""], line);
  return stdout;
}

/** The routes that a line of route(8) made, as ip(8) shows them; they are gone afterwards. */
async function made(room: Room, line: string, family = "-4"): Promise<string> {
  await left(room, `route -q ${line}`);
  const shown = await left(room, `ip ${family} route show proto static`);
  await must(room, `ip ${family} route flush proto static`, "left");
  return shown.trim().replace(/ +/g, " ");
}

Deno.test("route get default: the default route that is used", WITH_IPV6, async () => {
  await using room = await wgRoom();
  await cable(room);
  for (const line of ["route -n get default", "route get -inet6 default", "route get 0/0"]) {
    const { code, stdout, stderr } = await may(room, line, "left");
    deepEqual([code, stdout], [1, ""], line);
    match(stderr, /^route: [^\n]*\(ENETUNREACH\)\n$/, line);
  }
  await must(room, "ip route add default via 10.0.0.2 metric 100", "left");
  await must(room, "ip route add default via 10.0.0.3 metric 200", "left");
  await must(room, "ip route add default via fd00::2", "left");
  const shown = [
    "   route to: default",
    "destination: default",
    "       mask: default",
    "    gateway: 10.0.0.2",
    "  interface: cable",
    " if address: 10.0.0.1",
    "   priority: 100",
    "      flags: <UP,GATEWAY,DONE,STATIC>",
    "",
  ];
  const text = await left(room, "route -n get default");
  equal(text, shown.join("\n"));
  equal(await left(room, "route get 0/0"), text);
  match(
    await left(room, "route get -inet6 default"),
    /^ {3}route to: default\n[^]* {4}gateway: fd00::2\n/,
  );
  const json = JSON.parse(await left(room, "route get default --json"));
  deepEqual([json.destination, json.gateway, json.interface], ["0.0.0.0/0", "10.0.0.2", "cable"]);
});

Deno.test("route get of a network: its own route", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  await left(room, "route -q add 10.52 10.0.0.2");
  await left(room, "route -q add 10.52/24 10.0.0.3");
  match(await left(room, "route get 10.52"), /^destination: 10\.52\.0\.0\n[^]*: 10\.0\.0\.2\n/m);
  match(
    await left(room, "route get 10.52.0.0"),
    /^destination: 10\.52\.0\.0\n[^]*: 10\.0\.0\.3\n/m,
  );
});

Deno.test(
  "route get of an unreachable address shows the route that says so",
  WITH_IPV6,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    await left(room, "route -q add 10.52/16 10.0.0.2");
    await left(room, "route -q add -blackhole 10.52.3/24");
    await left(room, "route -q add -reject -inet6 fd09::/16");
    match(
      await left(room, "route get 10.52.3.1"),
      /^destination: 10\.52\.3\.0\n[^]*flags: <UP,DONE,STATIC,BLACKHOLE>\n/m,
    );
    match(
      await left(room, "route get fd09::1"),
      /^destination: fd09::\n[^]*flags: <UP,DONE,STATIC,REJECT>\n/m,
    );
    match(
      await left(room, "route get 10.52.4.1"),
      /^destination: 10\.52\.0\.0\n[^]*<UP,GATEWAY,DONE,STATIC>\n/m,
    );
    match(
      (await may(room, "route get 10.9.0.1", "left")).stderr,
      /^route: [^\n]*\(ENETUNREACH\)\n$/,
    );
  },
);

Deno.test("networks without a prefix, and a mask after the gateway", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  const forms: readonly [string, string][] = [
    ["add -net 10.52 10.0.0.2", "10.52.0.0/16 via 10.0.0.2 dev cable"],
    ["add 10.52.3 10.0.0.2", "10.52.3.0/24 via 10.0.0.2 dev cable"],
    ["add -net 172.16.0.0 10.0.0.2 255.240.0.0", "172.16.0.0/12 via 10.0.0.2 dev cable"],
    ["add -net 172.16 10.0.0.2 -netmask 255.240.0.0", "172.16.0.0/12 via 10.0.0.2 dev cable"],
    ["add -net 192.168.7.0/24 10.0.0.2", "192.168.7.0/24 via 10.0.0.2 dev cable"],
  ];
  for (const [line, wanted] of forms) equal(await made(room, line), wanted, line);
});

Deno.test("names of hosts, from /etc/hosts", WITH_IPV6, async () => {
  await using room = await wgRoom();
  await cable(room);
  const hosts = "127.0.0.1 localhost\n10.5.1.7 far\nfd05::7 far six\n10.0.0.2 gate\nfd00::2 gate\n";
  await room.run(["tee", "/run/hosts"], { stdin: hosts, check: true });
  await must(room, "mount --bind /run/hosts /etc/hosts");
  equal(await made(room, "add far gate"), "10.5.1.7 via 10.0.0.2 dev cable");
  equal(await made(room, "add -net far gate 255.255.0.0"), "10.5.0.0/16 via 10.0.0.2 dev cable");
  equal(await made(room, "add default gate"), "default via 10.0.0.2 dev cable");
  equal(
    await made(room, "add -inet6 far gate", "-6"),
    "fd05::7 via fd00::2 dev cable metric 1024 pref medium",
  );
  equal(
    await made(room, "add six gate", "-6"),
    "fd05::7 via fd00::2 dev cable metric 1024 pref medium",
  );
  equal(await left(room, "route add far gate"), "add host far: gateway gate\n");
  match(await left(room, "route get far"), /^ {3}route to: 10\.5\.1\.7\n[^]*: 10\.0\.0\.2\n/);
  equal(await left(room, "route delete far"), "delete host far\n");
  const before = await must(room, "ip route show", "left");
  for (
    const line of [
      "route add nosuch 10.0.0.2",
      "route add 10.5/16 nosuch",
      "route get nosuch",
      "route delete nosuch",
    ]
  ) {
    const { code, stdout, stderr } = await may(room, line, "left");
    deepEqual([code, stdout, stderr.slice(0, 14)], [1, "", "route: nosuch:"], line);
    match(stderr, /^[^\n]*does not resolve[^\n]*\n$/, line);
  }
  match(
    (await may(room, "route add -inet six 10.0.0.2", "left")).stderr,
    /^route: six: [^\n]* for inet\n$/,
  );
  equal(await must(room, "ip route show", "left"), before);
});

Deno.test("the own link-local address as a gateway means its interface", WITH_IPV6, async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, "ip address add fe80::1/64 dev cable nodad", "left");
  const wanted = "fd08::/16 dev cable metric 1024 pref medium";
  equal(await made(room, "add -inet6 fd08::/16 fe80::1%cable", "-6"), wanted);
  equal(await made(room, "add -inet6 fd08::/16 fe80::1 -ifp cable", "-6"), wanted);
  equal(await made(room, "add -inet6 fd08::/16 fe80::1", "-6"), wanted);
  equal(
    await made(room, "add -inet6 fd08::/16 fe80::2 -ifp cable", "-6"),
    "fd08::/16 via fe80::2 dev cable metric 1024 pref medium",
  );
  const noZone = await may(room, "route add -inet6 fd08::/16 fe80::2", "left");
  deepEqual([noZone.code, noZone.stdout], [1, ""]);
  match(
    noZone.stderr,
    /^route: fe80::2: a link-local gateway requires its interface: fe80::2%[^\n]+\n$/,
  );
  const other = await may(room, "route add -inet6 fd08::/16 fe80::2%cable -ifp lo", "left");
  match(other.stderr, /^route: -ifp: lo contradicts the zone of fe80::2%cable\n$/);
});

Deno.test("link-local addresses are shown and taken with their interface", WITH_IPV6, async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, "ip address add fe80::1/64 dev cable nodad", "left");
  await left(room, "route -q add -inet6 fd08::/16 fe80::2%cable");
  await left(room, "route -q add -inet6 fe80:7::%cable/64 fe80::2%cable");
  await left(room, "route -q add -inet6 fe80::9%cable -iface cable");
  await must(room, "ip -6 route append fe80:7::/64 dev lo metric 1024 proto static", "left");
  for (const line of ["route -n show -inet6", "netstat -rn -f inet6"]) {
    const shown = (await left(room, line)).replaceAll(/ +/g, " ");
    match(shown, /^fd08::\/16 fe80::2%cable UGS /m);
    match(shown, /^fe80:7::%cable\/64 fe80::2%cable UGS /m);
    match(shown, /^fe80:7::%lo\/64 lo US /m);
    match(shown, /^fe80::9%cable cable UHS /m);
    match(shown, /^fe80::1%cable fe80::1%cable UHl /m);
  }
  match(
    (await left(room, "netstat -i")).replaceAll(/ +/g, " "),
    / fe80::%cable\/64 fe80::1%cable /,
  );
  match(await left(room, "route get fd08::1"), /^ {4}gateway: fe80::2%cable$/m);
  match(await left(room, "route get fe80::3%cable"), /^destination: fe80::%cable\n/m);
  match(await left(room, "route get fe80:7::%cable/64"), /^ {4}gateway: fe80::2%cable$/m);
  match(await left(room, "route show -gateway fe80::2%cable"), /^fd08::\/16 /m);
  equal((await left(room, "route show -gateway fe80::2%lo")).includes("fd08"), false);
  // What is shown can be typed back.
  await left(room, "route -q change -inet6 fd08::/16 fe80::3%cable");
  await left(room, "route -q delete -inet6 fd08::/16 fe80::3%cable");
  await left(room, "route -q delete fe80::9%cable");
  // The same network by another interface stays.
  equal(
    await left(room, "route flush -inet6 -iface cable"),
    "fe80:7::%cable/64 gateway fe80::2%cable done\n",
  );
  match(await must(room, "ip -6 route show fe80:7::/64", "left"), /^fe80:7::\/64 dev lo /);
  const wrong: readonly [string, RegExp][] = [
    [
      "route add fd08::%cable/16 fe80::2%cable",
      /^route: fd08::%cable\/16: a zone requires a link-local address\n$/,
    ],
    [
      "route add fe80::9%cable fe80::2%lo",
      /^route: fe80::2%lo: contradicts the zone of fe80::9%cable/,
    ],
    ["route add fe80::9%none fe80::2%cable", /^route: none: no such interface\n$/],
    ["route get fe80::9%", /^route: fe80::9%: % requires an interface\n$/],
  ];
  for (const [line, said] of wrong) {
    const { code, stderr } = await may(room, line, "left");
    equal(code, 1, line);
    match(stderr, said);
  }
});

Deno.test(
  "change keeps the values that are not named, and finds the route with any metric",
  WITH_IPV6,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    const routes = async (family: string) =>
      (await left(room, `ip ${family} route show default`)).trim().replace(/ +/g, " ");
    await must(
      room,
      "ip route add default via 10.0.0.2 proto dhcp src 10.0.0.1 metric 100 mtu 1300",
      "left",
    );
    equal(
      await left(room, "route change default 10.0.0.3"),
      "change net default: gateway 10.0.0.3\n",
    );
    equal(await routes("-4"), "default via 10.0.0.3 dev cable proto dhcp metric 100 mtu 1300");
    equal(await left(room, "route change default -mtu 1280"), "change net default\n");
    equal(await routes("-4"), "default via 10.0.0.3 dev cable proto dhcp metric 100 mtu 1280");
    await must(room, "ip -6 route add default via fd00::2 metric 512", "left");
    await left(room, "route change -inet6 default fd00::3");
    equal(await routes("-6"), "default via fd00::3 dev cable metric 512 pref medium");
    const none = await may(room, "route change -priority 9 default 10.0.0.2", "left");
    match(none.stderr, /^route: [^\n]*\(ENOENT\)\n$/);
    await must(room, "ip route add 10.9.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3", "left");
    match(
      (await may(room, "route change 10.9/16 -mtu 1280", "left")).stderr,
      /^route: 10\.9\/16: the route has several gateways/,
    );
  },
);

Deno.test(
  "a priority behind a route of metric 0 gets a message, and the route is added",
  WITH_IPV6,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    await left(room, "route add -priority 7 default 10.0.0.3");
    await left(room, "route -q delete default");
    await left(room, "route add default 10.0.0.2");
    const { code, stdout, stderr } = await may(
      room,
      "route add -priority 7 default 10.0.0.3",
      "left",
    );
    deepEqual([code, stdout], [0, "add net default: gateway 10.0.0.3\n"]);
    match(
      stderr,
      /^route: default: the route of priority 7 is not used [^\n]* by 10\.0\.0\.2 has metric 0; [^\n]*lowest metric\n$/,
    );
    match(
      await left(room, "ip route show default"),
      /^default via 10\.0\.0\.3 dev cable proto static metric 7/m,
    );
    match(await left(room, "route get default"), /^ {4}gateway: 10\.0\.0\.2$/m);
    deepEqual((await may(room, "route -q add -priority 8 default 10.0.0.3", "left")).stderr, "");
    // IPv6 has no metric 0: a route without a priority has 1024.
    await left(room, "route add -inet6 default fd00::2");
    await left(room, "route add -inet6 -priority 7 default fd00::3");
    match(await left(room, "route get -inet6 default"), /^ {4}gateway: fd00::3$/m);
  },
);
