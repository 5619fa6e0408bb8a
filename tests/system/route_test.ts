/**
 * route(8) and netstat(1) of the built program, beside what iproute2 says.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { needs } from "./needs.ts";
import { cable, may, must, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "ip");

Deno.test("route: add, change, get, show, delete, flush", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  const run = (line: string) => must(room, line, "left");
  equal(await run("route add 10.5/16 10.0.0.2"), "add net 10.5/16: gateway 10.0.0.2\n");
  equal(await run("route add 10.6.0.7 10.0.0.2"), "add host 10.6.0.7: gateway 10.0.0.2\n");
  equal(await run("route -q add 10.7/16 -iface cable -priority 5 -mtu 1300"), "");
  equal(await run("route add 10.8/16 10.0.0.1"), "add net 10.8/16: gateway 10.0.0.1\n");
  equal(await run("route add -blackhole 10.9/16"), "add net 10.9/16\n");
  equal(await run("route add default 10.0.0.2"), "add net default: gateway 10.0.0.2\n");
  const lines = (text: string) => text.trimEnd().split("\n").map((line) => line.trim());
  deepEqual(lines(await run("ip route show")), [
    "default via 10.0.0.2 dev cable proto static",
    "10.0.0.0/24 dev cable proto kernel scope link src 10.0.0.1",
    "10.5.0.0/16 via 10.0.0.2 dev cable proto static",
    "10.6.0.7 via 10.0.0.2 dev cable proto static",
    "10.7.0.0/16 dev cable proto static scope link metric 5 mtu 1300",
    "10.8.0.0/16 dev cable proto static scope link src 10.0.0.1",
    "blackhole 10.9.0.0/16 proto static",
  ]);
  equal(
    await run("route change 10.5.0.0/16 10.0.0.3"),
    "change net 10.5.0.0/16: gateway 10.0.0.3\n",
  );
  match(await run("ip route show 10.5.0.0/16"), /^10\.5\.0\.0\/16 via 10\.0\.0\.3 /);
  match(await run("route get 10.5.1.2"), /^ {2}interface: cable$/m);
  match(await run("route get 10.5.1.2"), /^ {4}gateway: 10\.0\.0\.3$/m);
  match(await run("route get 10.5.1.2"), /^destination: 10\.5\.0\.0$/m);
  match(await run("route -n show -inet"), /^10\.5\/16 +10\.0\.0\.3 +UGS +- +- +- +0 cable$/m);
  match(await run("netstat -rn"), /^10\.6\.0\.7 +10\.0\.0\.2 +UGHS .* cable$/m);
  const shown = JSON.parse(await run("route --json show -inet"));
  equal(shown.some((route: { destination: string }) => route.destination === "10.9.0.0/16"), true);

  equal(await run("route delete 10.6.0.7"), "delete host 10.6.0.7\n");
  equal((await run("ip route show 10.6.0.7")).trim(), "");
  await run("route flush -iface cable");
  deepEqual(lines(await run("ip route show")), [
    "10.0.0.0/24 dev cable proto kernel scope link src 10.0.0.1",
    "blackhole 10.9.0.0/16 proto static",
  ]);
});

Deno.test(
  "route: IPv6, and link-local gateways by zone",
  needs("namespaces", "ip", "ipv6"),
  async () => {
    await using room = await wgRoom();
    await cable(room);
    const run = (line: string) => must(room, line, "left");
    await run("route add -inet6 fd07::/16 fd00::2");
    await run("route add -inet6 fd08::/16 fe80::2%cable -priority 9");
    await run("route add -inet6 default fd00::2");
    const routes = await run("ip -6 route show");
    match(routes, /^fd07::\/16 via fd00::2 dev cable proto static/m);
    match(routes, /^fd08::\/16 via fe80::2 dev cable proto static metric 9/m);
    match(routes, /^default via fd00::2 dev cable proto static/m);
    match(await run("route get fd07::9"), /^ {4}gateway: fd00::2$/m);
    await run("route delete -inet6 fd07::/16");
    equal(/fd07/.test(await run("ip -6 route show")), false);
  },
);

Deno.test(
  "route: what the kernel refuses is one line with its errno, and nothing changes",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    const before = await must(room, "ip route show", "left");
    const refused: readonly [string, RegExp][] = [
      ["route add 10.5/16 172.16.0.1", /\(ENETUNREACH\)/],
      ["route delete 10.5/16", /\(ESRCH\)/],
      ["route change 10.5/16 10.0.0.2", /\(ENOENT\)/],
      ["route get 10.5.0.1", /\(ENETUNREACH\)/],
      ["route add 10.5/16 -iface nowhere", /: nowhere: /],
      ["route flush -iface nowhere", /: nowhere: /],
      ["route -T 9 show", /\(ENOENT\)/],
      ["route -T 9 exec true", /\(ENOENT\)/],
      ["route exec no-such-command", /: no-such-command: .*\(ENOENT\)/],
      ["netstat -I nowhere", /: nowhere: /],
      ["netstat -T 9 -ln", /\(ENOENT\)/],
      ["route fly", /: fly: /],
    ];
    for (const [line, said] of refused) {
      const { code, stdout, stderr } = await may(room, line, "left");
      equal(code, 1, line);
      equal(stdout, "", line);
      match(stderr, /^[a-z]+: [^\n]+\n$/, line);
      equal(stderr.startsWith(`${line.split(" ")[0]}: `), true, `${line}: ${stderr}`);
      match(stderr, said, line);
    }
    equal(await must(room, "ip route show", "left"), before);
  },
);

Deno.test(
  "route exec: exit status, signals, input and output are the command's own",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ip netns add rdomain4");
    equal((await room.run(["route", "-T", "4", "exec", "sh", "-c", "exit 42"])).code, 42);
    equal(
      (await room.run(["route", "-T4", "exec", "cat"], { stdin: "through" })).stdout,
      "through",
    );
    const killed = await room.run(["sh", "-c", "route -T4 exec sh -c 'kill -INT $$'; echo $?"]);
    equal(killed.stdout, "130\n");
    const running = room.spawn([
      "route",
      "-T4",
      "exec",
      "sh",
      "-c",
      "trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.05; done",
    ]);
    await running.wrote("ready");
    running.signal("SIGTERM");
    equal((await running.status).code, 3);
    match(running.output(), /told/);
    const [inside, outside] = [
      await must(room, "route -T4 exec readlink /proc/self/ns/net"),
      await must(room, "route exec readlink /proc/self/ns/net"),
    ];
    equal(inside === outside, false);
    equal(outside, await must(room, "readlink /proc/self/ns/net"));
  },
);

Deno.test("netstat -i and -I: links, addresses, counters", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  const shown = await must(room, "netstat -in", "left");
  match(shown, /^Name +Mtu +Network +Address +Ipkts +Ifail +Opkts +Ofail +Colls$/m);
  match(shown, /^lo +65536 +<Link>/m);
  match(shown, /^cable +1500 +10\.0\.0\/24 +10\.0\.0\.1 /m);
  equal(/^lo /m.test(await must(room, "netstat -I cable", "left")), false);
  const [link] = JSON.parse(await must(room, "netstat -I cable --json", "left"));
  equal(link.addresses.includes("10.0.0.1/24"), true);
});
