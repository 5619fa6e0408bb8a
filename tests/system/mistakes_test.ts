/**
 * Bad input on the command line of the built program: exit status 1, one line `ifconfig: WORD: what
 * is wrong`, nothing changed.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { needs } from "./needs.ts";
import { may, must, randomKey, traces, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");
const KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=";

/** Words after `ifconfig wg1`, an existing interface, and the word that the error names. */
const WRONG: readonly [string, string][] = [
  ["wgkey AAAA", "wgkey"],
  [`wgkey ${KEY}A`, "wgkey"],
  [`wgkey ${KEY.slice(1)}`, "wgkey"],
  [`wgkey !${KEY.slice(1)}`, "wgkey"],
  ["wgkey", "wgkey"],
  ["wgport 65536", "wgport"],
  ["wgport -1", "wgport"],
  ["wgport 7e1", "wgport"],
  ["wgport 0x10", "wgport"],
  ["wgport", "wgport"],
  ["wgrtable 256", "wgrtable"],
  ["wgpeer short", "wgpeer"],
  ["wgpeer", "wgpeer"],
  ["-wgpeer short", "-wgpeer"],
  ["wgaip 10.0.0.0/8", "wgaip"],
  ["wgendpoint 10.0.0.1 7000", "wgendpoint"],
  ["wgpka 5", "wgpka"],
  [`wgpsk ${KEY}`, "wgpsk"],
  ["-wgpsk", "-wgpsk"],
  ["wgdescr here", "wgdescr"],
  [`wgpeer ${KEY} wgaip 10.0.0.0/33`, "wgaip"],
  [`wgpeer ${KEY} wgaip fd00::/129`, "wgaip"],
  [`wgpeer ${KEY} wgaip here`, "wgaip"],
  [`wgpeer ${KEY} wgaip`, "wgaip"],
  [`wgpeer ${KEY} wgpka 43201`, "wgpka"],
  [`wgpeer ${KEY} wgpka -1`, "wgpka"],
  [`wgpeer ${KEY} wgpka soon`, "wgpka"],
  [`wgpeer ${KEY} wgpsk short`, "wgpsk"],
  [`wgpeer ${KEY} wgendpoint 10.0.0.1`, "wgendpoint"],
  [`wgpeer ${KEY} wgendpoint 10.0.0.1 0x50`, "wgendpoint"],
  [`wgpeer ${KEY} wgendpoint 10.0.0.1 70000`, "wgendpoint"],
  [`wgpeer ${KEY} wgpka 5 fly`, "fly"],
  ["fly", "fly"],
  ["mtu 12", "mtu"],
  ["mtu 65536", "mtu"],
  ["mtu many", "mtu"],
  ["rdomain 256", "rdomain"],
  ["rdomain -1", "rdomain"],
  ["inet fd00::1/64", "fd00::1/64"],
  ["inet6 10.0.0.1/8", "10.0.0.1/8"],
  ["inet 10.0.0.1/33", "10.0.0.1/33"],
  ["inet 10.0.0.256/24", "10.0.0.256/24"],
  ["inet6 fd00::1/129", "fd00::1/129"],
  ["create", "wg1"],
];

Deno.test(
  "wrong words: status 1, one line that names the word, nothing changed",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const peer = randomKey();
    await must(
      room,
      `ifconfig wg1 create wgport 7111 wgkey ${randomKey()} wgpeer ${peer} wgaip 192.168.5.2/32`,
    );
    await must(room, "ifconfig wg1 192.168.5.1/24");
    const shown = await must(room, "ifconfig wg1");
    const before = await traces(room);
    const failures: string[] = [];
    for (const [words, word] of WRONG) {
      const { code, stdout, stderr } = await may(room, `ifconfig wg1 ${words}`);
      const line = /^ifconfig: ([^\n]+)\n$/.exec(stderr)?.[1];
      if (code !== 1 || stdout !== "" || line === undefined || !line.startsWith(word)) {
        failures.push(
          `ifconfig wg1 ${words}\n  wanted \`ifconfig: ${word}...\`, status 1; got status ${code}: ${stdout}${stderr}`,
        );
      }
      if (stderr.includes(peer)) failures.push(`ifconfig wg1 ${words}: shows a key`);
    }
    equal(failures.join("\n"), "");
    equal(await must(room, "ifconfig wg1"), shown);
    deepEqual(await traces(room), before);
  },
);

Deno.test("right words before a wrong one change nothing either", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`);
  const shown = await must(room, "ifconfig wg1");
  const wrong =
    `ifconfig wg1 mtu 1300 192.168.5.1/24 wgport 7112 wgpeer ${KEY} wgpka 5 wgaip 10.0.0.0/8 wgpka never`;
  match((await may(room, wrong)).stderr, /^ifconfig: wgpka[^\n]*\n$/);
  equal(await must(room, "ifconfig wg1"), shown);
  match(await must(room, "netstat -ln"), /\*\.7111 /);
});

Deno.test("a create with a wrong word makes nothing", NEEDED, async () => {
  await using room = await wgRoom();
  const lines: readonly [string, RegExp][] = [
    ["ifconfig wg1 create wgport 7111 wgkey short", /^ifconfig: wgkey/],
    ["ifconfig wg1 create rdomain 1 fly", /^ifconfig: fly: /],
    ["ifconfig wg1 create rdomain 1 mtu 12", /^ifconfig: mtu/],
    ["ifconfig abcdefghijklmno1 create", /^ifconfig: abcdefghijklmno1: /],
    ["ifconfig wg/1 create", /^ifconfig: wg\/1: /],
    ["ifconfig vlan10 create", /^ifconfig: vlan10: SIOCIFCREATE: Invalid argument[^\n]* wg0/],
    [
      "ifconfig vlan10 create vlandev eth0 vnetid 10",
      /^ifconfig: vlan10: SIOCIFCREATE: Invalid argument/,
    ],
    ["ifconfig lo1 create", /^ifconfig: lo1: SIOCIFCREATE: Invalid argument/],
    ["ifconfig home create", /^ifconfig: home: SIOCIFCREATE: Invalid argument/],
    ["ifconfig wg0x wgport 7000 create", /^ifconfig: wg0x: SIOCIFCREATE: Invalid argument/],
    ["ifconfig vlan10 up", /^ifconfig: vlan10: /],
    ["ifconfig wg1", /^ifconfig: wg1: /],
    ["ifconfig wg1 up fly", /^ifconfig: fly: /],
    ["ifconfig wg up", /^ifconfig: wg: no such interface\n/],
    ["ifconfig tun7 up", /^ifconfig: tun7: no such interface\n/],
    ["ifconfig wg1 inet", /^ifconfig: wg1: no such interface\n/],
    ["ifconfig wg1 hwfeatures", /^ifconfig: wg1: no such interface\n/],
    ["ifconfig wg1 delete 10.0.0.1", /^ifconfig: [^\n]*\(EADDRNOTAVAIL\)\n/],
    ["ifconfig wg1 up --json", /^ifconfig: --json: /],
    ["ifconfig wg1 destroy", /^ifconfig: wg1: /],
    [
      `ifconfig wg1 wgpeer ${KEY} wgendpoint nosuch..invalid 1`,
      /^ifconfig: wgendpoint: "nosuch..invalid" is neither an address nor a host's name/,
    ],
  ];
  for (const [line, said] of lines) {
    const { code, stdout, stderr } = await may(room, line);
    equal(code, 1, line);
    equal(stdout, "", line);
    match(stderr, said, line);
    match(stderr, /^[^\n]+\n$/, line);
    deepEqual(await traces(room), [], line);
  }
  const empty = await room.run(["ifconfig", "", "create"]);
  equal(empty.code, 1);
  match(empty.stderr, /^ifconfig: [^\n]+\n$/);
  deepEqual(await traces(room), []);
});

Deno.test("not root: refused in one line", needs("namespaces", "tun", "ip", "root"), async () => {
  await using room = await wgRoom();
  const asNobody = [
    "setpriv",
    "--reuid",
    "65534",
    "--regid",
    "65534",
    "--clear-groups",
    "--inh-caps=-all",
  ];
  await must(room, "mkdir -m 1777 /run/home");
  const { code, stderr } = await room.run([...asNobody, "ifconfig", "wg1", "create"], {
    env: { HOME: "/run/home" },
  });
  equal(code, 1, stderr);
  match(stderr, /^ifconfig: [^\n]*(EPERM|EACCES|not permitted|denied|root)[^\n]*\n$/);
  deepEqual(await traces(room), []);
});

Deno.test("no /dev/net/tun: refused in one line that names it", NEEDED, async () => {
  await using room = await wgRoom();
  await room.output(["sh", "-c", "mkdir /run/empty && mount --bind /run/empty /dev/net"]);
  const { code, stderr } = await may(room, "ifconfig wg1 create");
  equal(code, 1);
  match(stderr, /^ifconfig: [^\n]*\/dev\/net\/tun[^\n]*\n$/);
  deepEqual(await traces(room), []);
});
