/**
 * Rules of policy routing and routes of tables by route(8) of the built program, beside what
 * iproute2 says.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { needs } from "./needs.ts";
import { cable, may, must, randomKey, WG, wgRoom, writeFile } from "./peers.ts";

const lines = (text: string) => text.trimEnd().split("\n").map((line) => line.trim());

Deno.test(
  "route rule and route -table: as ip(8) sees them, and back",
  needs("namespaces", "ip", "ipv6"),
  async () => {
    await using room = await wgRoom();
    await cable(room);
    const run = (line: string) => must(room, line, "left");
    const before = [await run("ip -4 rule show"), await run("ip -6 rule show")];
    equal(
      await run("route rule add not fwmark 0xca6c table 51820"),
      "add rule not fwmark 51820 table 51820\n",
    );
    equal(await run("route rule add table main suppress 0"), "add rule table 254 suppress 0\n");
    await run("route rule add -inet6 from fd00::/16 iif lo priority 99 prohibit");
    await run("route -q rule add to 10.7.0.0/16 fwmark 1/0xf table 77 pref 50");
    deepEqual(lines(await run("ip -4 rule show")).slice(1, 4), [
      "50:\tfrom all to 10.7.0.0/16 fwmark 0x1/0xf lookup 77",
      "32764:\tfrom all lookup main suppress_prefixlength 0",
      "32765:\tnot from all fwmark 0xca6c lookup 51820",
    ]);
    match(await run("ip -6 rule show"), /^99:\tfrom fd00::\/16 iif lo prohibit$/m);
    const shown = await run("route rule show");
    match(shown, /^32765 +not fwmark 51820 table 51820$/m);
    match(shown, /^32764 +table main suppress 0$/m);
    match(shown, /^50 +fwmark 1\/15 to 10\.7\.0\.0\/16 table 77$/m);
    match(shown, /^99 +from fd00::\/16 iif lo prohibit$/m);
    equal(JSON.parse(await run("route --json rule show -inet"))[1].markMask, 15);

    await run("route add default 10.0.0.2 -table 51820");
    await run("route add 10.9/16 -iface cable -table 77 -priority 5 -mtu 1300");
    await run("route add -inet6 default fd00::2 -table 77");
    deepEqual(lines(await run("ip -4 route show table 77")), [
      "10.9.0.0/16 dev cable proto static scope link metric 5 mtu 1300",
    ]);
    deepEqual(lines(await run("ip -4 route show table 51820")), [
      "default via 10.0.0.2 dev cable proto static",
    ]);
    match(await run("route show -table 77"), /^10\.9\/16 .* 1300 +5 cable$/m);
    equal((await run("route show")).includes("10.9/16"), false);
    await run("route change 10.9/16 10.0.0.2 -table 77 -priority 5");
    match(await run("ip -4 route show table 77"), /^10\.9\.0\.0\/16 via 10\.0\.0\.2 .* mtu 1300/);
    await run("route delete 10.9/16 -table 77");
    await run("route add 10.9/16 10.0.0.2");
    await run("route flush -table 77");
    equal(await run("ip -6 route show table 77"), "");
    match(await run("ip -4 route show"), /^10\.9\.0\.0\/16 /m);

    const refused: readonly [string, RegExp][] = [
      ["route rule add table main suppress 0", /rule table 254 suppress 0: .*\(EEXIST\)/],
      ["route rule delete table main suppress 8", /\(ESRCH\)/],
      ["route rule delete table 51820", /\(ESRCH\)/],
      ["route rule add table nosuch", /: table: nosuch is no table/],
      ["route add 10.1/16 10.0.0.2 -table 0", /: -table: 0 is no table/],
    ];
    for (const [line, said] of refused) {
      const { code, stdout, stderr } = await may(room, line, "left");
      deepEqual([code, stdout], [1, ""], line);
      match(stderr, said);
    }
    await run("route rule delete not fwmark 51820 table 51820");
    await run("route rule delete table main suppress 0");
    await run("route rule delete -inet6 from fd00::/16 iif lo prohibit");
    await run("route rule delete to 10.7.0.0/16 fwmark 1/0xf table 77");
    deepEqual([await run("ip -4 rule show"), await run("ip -6 rule show")], before);
  },
);

Deno.test(
  "a file of netstart adds its rule and its route of a table once, and takes the route back",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    const file = (lines: string) =>
      writeFile(room, "/run/hostname/hostname.wg1", `wgkey ${key}\ninet 10.9.0.2/24\n${lines}`);
    const key = randomKey();
    const netstart = async (options: string) => {
      const ran = await may(room, `${WG} netstart ${options}-d /run/hostname wg1`);
      deepEqual([ran.code, ran.stderr], [0, ""], options);
    };
    const table = async () => await must(room, "ip -4 route show table 77");
    const rules = async () => lines(await must(room, "ip -4 rule show")).length;
    await file(
      "!route -q add default -iface wg1 -table 77\n!route -q rule add fwmark 7 table 77\n",
    );
    for (const options of ["", "", "-r "]) {
      await netstart(options);
      match(await table(), /^default dev wg1 proto static scope link *\n$/);
      equal(await rules(), 4);
    }
    // A route of another table is another route.
    await file("!route -q add default -iface wg1 -table 78\n");
    await netstart("-r ");
    equal(await table(), "");
    match(await must(room, "ip -4 route show table 78"), /^default dev wg1 /);
    await must(room, "ifconfig wg1 destroy");
  },
);
