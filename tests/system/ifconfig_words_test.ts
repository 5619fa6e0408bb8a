/**
 * ifconfig(8)'s general words and views with the built program and a real kernel: what ip(8) sees
 * afterwards, and what ifconfig shows.
 * @module
 */
import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { eventually, type Ran, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, publicKey, randomKey, traces, tunnel, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ipv6");

/** A command line with words that hold blanks. */
const run = (room: Room, words: readonly string[], stdin?: string): Promise<Ran> =>
  room.run(words, stdin === undefined ? {} : { stdin });

interface KernelAddress {
  local: string;
  address?: string;
  prefixlen: number;
  broadcast?: string;
  metric?: number;
  scope: string;
}

/** The kernel's addresses of a link, as `ip -j` tells them. */
async function addresses(room: Room, name: string): Promise<KernelAddress[]> {
  const [{ addr_info }] = JSON.parse(await must(room, `ip -j address show dev ${name}`));
  return addr_info;
}

const plain = (all: readonly KernelAddress[]) =>
  all.map(({ local, address, prefixlen }) =>
    `${local}${address === undefined ? "" : ` ${address}`}/${prefixlen}`
  );

/** The address lines of ifconfig. */
const addressLines = (text: string) =>
  text.split("\n").filter((line) => /^\tinet/.test(line)).map((line) => line.slice(1));

Deno.test(
  "addresses: one in place of another, alias, delete, -alias, netmask, prefixlen, broadcast, -inet, -inet6",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create");
    // No link-local address of the kernel's, and none after it came up.
    await must(room, "ifconfig wg1 up");
    deepEqual(await addresses(room, "wg1"), []);

    const steps: readonly [string, readonly string[]][] = [
      ["10.1.0.1/24", ["inet 10.1.0.1 netmask 0xffffff00 broadcast 10.1.0.255"]],
      ["inet 10.1.0.2 netmask 255.255.0.0", [
        "inet 10.1.0.2 netmask 0xffff0000 broadcast 10.1.255.255",
      ]],
      ["inet 10.1.0.2 netmask 0xffffff80 broadcast 10.1.0.99", [
        "inet 10.1.0.2 netmask 0xffffff80 broadcast 10.1.0.99",
      ]],
      // A class A network's address without a mask.
      ["inet 10.2.0.1", ["inet 10.2.0.1 netmask 0xff000000 broadcast 10.255.255.255"]],
      ["inet 10.2.0.1 prefixlen 31", ["inet 10.2.0.1 netmask 0xfffffffe"]],
      ["10.1.0.1/24", ["inet 10.1.0.1 netmask 0xffffff00 broadcast 10.1.0.255"]],
      ["inet 10.1.0.5 netmask 255.255.255.0 alias", [
        "inet 10.1.0.1 netmask 0xffffff00 broadcast 10.1.0.255",
        "inet 10.1.0.5 netmask 0xffffff00 broadcast 10.1.0.255",
      ]],
      ["alias 172.16.0.1/30", [
        "inet 10.1.0.1 netmask 0xffffff00 broadcast 10.1.0.255",
        "inet 10.1.0.5 netmask 0xffffff00 broadcast 10.1.0.255",
        "inet 172.16.0.1 netmask 0xfffffffc broadcast 172.16.0.3",
      ]],
      // The first of its network goes: the second one stays.
      ["10.1.0.1 delete", [
        "inet 10.1.0.5 netmask 0xffffff00 broadcast 10.1.0.255",
        "inet 172.16.0.1 netmask 0xfffffffc broadcast 172.16.0.3",
      ]],
      ["inet 172.16.0.1 -alias", ["inet 10.1.0.5 netmask 0xffffff00 broadcast 10.1.0.255"]],
      ["inet delete", []],
      ["10.1.0.1/24", ["inet 10.1.0.1 netmask 0xffffff00 broadcast 10.1.0.255"]],
      ["inet6 fd01::1", [
        "inet 10.1.0.1 netmask 0xffffff00 broadcast 10.1.0.255",
        "inet6 fd01::1 prefixlen 64",
      ]],
      ["inet6 fd01::2 prefixlen 80", [
        "inet 10.1.0.1 netmask 0xffffff00 broadcast 10.1.0.255",
        "inet6 fd01::1 prefixlen 64",
        "inet6 fd01::2 prefixlen 80",
      ]],
      ["-inet", ["inet6 fd01::1 prefixlen 64", "inet6 fd01::2 prefixlen 80"]],
      ["inet6 fd01::1 delete", ["inet6 fd01::2 prefixlen 80"]],
      ["inet6 alias fd01::3/128", ["inet6 fd01::2 prefixlen 80", "inet6 fd01::3 prefixlen 128"]],
      ["-inet6", []],
      ["10.1.0.1/24 -inet 10.3.0.1/24", ["inet 10.3.0.1 netmask 0xffffff00 broadcast 10.3.0.255"]],
      ["-inet", []],
    ];
    for (const [words, expected] of steps) {
      const { code, stdout, stderr } = await run(room, ["ifconfig", "wg1", ...words.split(" ")]);
      deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" }, words);
      const seen = addressLines(await must(room, "ifconfig wg1"));
      deepEqual([...seen].sort(), [...expected].sort(), words);
      equal((await addresses(room, "wg1")).length, expected.length, words);
    }
    for (
      const wrong of ["10.9.9.9 delete", "inet delete", "inet6 -alias", "inet6 fd01::9 delete"]
    ) {
      const { code, stderr } = await run(room, ["ifconfig", "wg1", ...wrong.split(" ")]);
      equal(code, 1, wrong);
      match(stderr, /^ifconfig: [^\n]*EADDRNOTAVAIL[^\n]*\n$/, wrong);
    }
  },
);

Deno.test("a point-to-point destination, eui64, and addresses seen by family", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create 10.8.0.1 10.8.0.2");
  await must(room, "ifconfig wg1 inet6 fd08::1 fd08::2");
  deepEqual(plain(await addresses(room, "wg1")), ["10.8.0.1 10.8.0.2/32", "fd08::1 fd08::2/128"]);
  const shown = addressLines(await must(room, "ifconfig wg1"));
  deepEqual(shown, [
    "inet 10.8.0.1 --> 10.8.0.2 netmask 0xffffffff",
    "inet6 fd08::1 --> fd08::2 prefixlen 128",
  ]);
  deepEqual(addressLines(await must(room, "ifconfig wg1 inet")), [shown[0]]);
  deepEqual(addressLines(await must(room, "ifconfig wg1 inet6")), [shown[1]]);
  match(await must(room, "ip route get 10.8.0.2"), / dev wg1 src 10\.8\.0\.1 /);

  // Nothing to take the host's part from: said, and nothing changed.
  const refused = await may(room, "ifconfig wg1 inet6 fd18:: prefixlen 64 eui64");
  equal(refused.code, 1);
  match(refused.stderr, /^ifconfig: eui64: [^\n]*link-local[^\n]*\n$/);
  deepEqual(addressLines(await must(room, "ifconfig wg1")), shown);
  // As on OpenBSD, `inet6 eui64` gives a link-local address where there is none, once.
  await must(room, "ifconfig wg1 inet6 eui64");
  const [made] = addressLines(await must(room, "ifconfig wg1")).filter((line) =>
    line.includes("fe80:")
  );
  match(made, /^inet6 fe80::[0-9a-f:]+%wg1 prefixlen 64 scopeid 0x[0-9a-f]+$/);
  await must(room, "ifconfig wg1 inet6 eui64");
  deepEqual(
    addressLines(await must(room, "ifconfig wg1")).filter((line) => line.includes("fe80:")),
    [made],
  );
  await must(room, `ifconfig wg1 inet6 ${/fe80:[^%]+/.exec(made)![0]} delete`);
  await must(room, "ifconfig wg1 inet6 fe80::1234:5678:9abc:def0");
  await must(room, "ifconfig wg1 inet6 fd18:: prefixlen 64 eui64");
  const lines = addressLines(await must(room, "ifconfig wg1 inet6"));
  ok(lines.includes("inet6 fd18::1234:5678:9abc:def0 prefixlen 64"), lines.join("\n"));
  ok(
    lines.some((line) =>
      /^inet6 fe80::1234:5678:9abc:def0%wg1 prefixlen 64 scopeid 0x[0-9a-f]+$/.test(line)
    ),
    lines.join("\n"),
  );
});

Deno.test(
  "the interface: mtu, description, groups, priority, up, down, debug, rdomain and back",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create 10.1.0.1/24");
    const link = async () => JSON.parse(await must(room, "ip -j link show dev wg1"))[0];

    // IPv6 ends below 1280: not silently, and it comes back as it is here, without an address of
    // the kernel's own.
    await must(room, "ifconfig wg1 inet6 fd01::1/64");
    const refused = await may(room, "ifconfig wg1 mtu 1279 description small");
    deepEqual([refused.code, refused.stdout], [1, ""]);
    match(
      refused.stderr,
      /^ifconfig: mtu: 1279 is too small; [^\n]*IPv6[^\n]*1280[^\n]*-inet6[^\n]*\n$/,
    );
    deepEqual([(await link()).mtu, (await link()).ifalias], [1420, undefined]);
    await must(room, "ifconfig wg1 -inet6 mtu 1000");
    equal((await link()).mtu, 1000);
    await must(room, "ifconfig wg1 mtu 1300");
    equal((await link()).mtu, 1300);
    deepEqual(plain(await addresses(room, "wg1")), ["10.1.0.1/24"]);
    await must(room, "ifconfig wg1 -inet6 mtu 1000");
    await must(room, "ifconfig wg1 mtu 1300 inet6 fd01::2/64");
    deepEqual(plain(await addresses(room, "wg1")), ["10.1.0.1/24", "fd01::2/64"]);
    await must(room, "ifconfig wg1 -inet6");
    await run(room, ["ifconfig", "wg1", "description", "to the office"]);
    equal((await link()).ifalias, "to the office");
    match(await must(room, "ifconfig wg1"), /\tdescription: to the office\n/);
    await must(room, "ifconfig wg1 -description");
    equal((await link()).ifalias, undefined);

    await must(room, "ifconfig wg1 group lan group guests group lan");
    match(await must(room, "ifconfig wg1"), /\tgroups: wg lan guests\n/);
    await must(room, "ifconfig wg1 -group lan");
    match(await must(room, "ifconfig wg1"), /\tgroups: wg guests\n/);
    const absent = await may(room, "ifconfig wg1 -group lan");
    deepEqual([absent.code, absent.stderr.split("\n").length], [1, 2]);
    match(absent.stderr, /^ifconfig: -group: [^\n]*"lan"/);

    match(
      await must(room, "ip route show 10.1.0.0/24"),
      /^10\.1\.0\.0\/24 dev wg1 proto kernel scope link src 10\.1\.0\.1 *\n$/,
    );
    await must(room, "ifconfig wg1 priority 77");
    match(await must(room, "ip route show 10.1.0.0/24"), /^[^\n]* metric 77 *\n$/);
    match(await must(room, "ifconfig wg1"), /\tindex \d+ priority 77 llprio 3\n/);
    // Later addresses get it as well, and `metric` is the same word.
    await must(room, "ifconfig wg1 inet6 fd01::1/64");
    match(await must(room, "ip -6 route show fd01::/64"), / metric 77 /);
    await must(room, "ifconfig wg1 metric 0");
    equal((await must(room, "ip route show 10.1.0.0/24")).includes("metric"), false);

    const flags = async () => /^wg1: flags=([0-9a-f]+)</.exec(await must(room, "ifconfig wg1"))![1];
    equal(await flags(), "80c3");
    await must(room, "ifconfig wg1 debug");
    equal(await flags(), "80c7");
    await must(room, "ifconfig wg1 -debug down");
    equal(await flags(), "8082");
    equal((await link()).flags.includes("UP"), false);
    await must(room, "ifconfig wg1 10.1.0.2/24 down");
    equal(await flags(), "8082");
    await must(room, "ifconfig wg1 alias 10.1.0.3/24");
    equal(await flags(), "80c3");

    // Addresses go with the rdomain, up stays; the kernel gives no address of its own there either.
    await must(room, "ifconfig wg1 rdomain 9");
    const there = await must(room, "ifconfig wg1");
    match(there, /^wg1: flags=80c3<\S+> rdomain 9 mtu 1300\n/);
    deepEqual(addressLines(there), []);
    equal((await may(room, "ip link show dev wg1")).code, 1);
    match(await must(room, "ip netns exec rdomain9 ip -o link show dev wg1"), /mtu 1300/);
    await must(room, "ifconfig wg1 10.1.0.9/24");
    match(await must(room, "route -T9 exec ip -o address show dev wg1"), /10\.1\.0\.9\/24/);
    await must(room, "ifconfig wg1 -rdomain");
    equal((await link()).mtu, 1300);
    equal((await traces(room)).includes("rdomain9"), false);
    deepEqual(await addresses(room, "wg1"), []);
    // Made and undone: no rdomain is left by a command that failed.
    equal((await may(room, "ifconfig wg1 rdomain 10 inet delete")).code, 1);
    equal((await traces(room)).includes("rdomain10"), false);
    match(await must(room, "ifconfig wg1"), /^wg1: flags=80c3<\S+> mtu 1300\n/);
  },
);

Deno.test("an endpoint with a link-local address keeps its zone", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ip link add name out type bridge");
  const peer = randomKey();
  await must(
    room,
    `ifconfig wg1 create rdomain 3 wgkey ${randomKey()} wgpeer ${peer} wgendpoint fe80::1%out 7000`,
  );
  match(await must(room, "ifconfig wg1"), /\t\twgendpoint fe80::1%out 7000\n/);
  const [{ wgpeers }] = JSON.parse(await must(room, "ifconfig --json wg1"));
  deepEqual(wgpeers[0].wgendpoint, { address: "fe80::1", port: 7000, zone: "out" });
  const refused = await may(room, `ifconfig wg1 wgpeer ${peer} wgendpoint fe80::1%nowhere 7000`);
  deepEqual([refused.code, refused.stderr], [
    1,
    'ifconfig: wgendpoint: "nowhere": no such interface\n',
  ]);
});

Deno.test(
  "views: -a, -A, -C, a family, the class wg, a group; the lowest free number",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const headers = (text: string) =>
      [...text.matchAll(/^(\S+): flags=/gm)].map(([, name]) => name);
    deepEqual(await run(room, ["ifconfig", "wg", "create"]), {
      code: 0,
      signal: null,
      stdout: "wg0\n",
      stderr: "",
    });
    equal(await must(room, "ifconfig wg create wgport 7001 group even"), "wg1\n");
    equal(await must(room, "ifconfig wg create"), "wg2\n");
    await must(room, "ifconfig wg1 destroy");
    equal(
      await must(
        room,
        `ifconfig wg create group odd wgkey ${randomKey()} wgpeer ${randomKey()} 10.1.0.1/24`,
      ),
      "wg1\n",
    );
    // A number that something else has is not free.
    await must(room, "ip link add name wg3 type bridge");
    equal(await must(room, "ifconfig wg create group even"), "wg4\n");
    await must(room, "ifconfig wg4 rdomain 4");
    // Several at once: each gets its own.
    const made = await Promise.all([1, 2, 3].map(() => must(room, "ifconfig wg create")));
    deepEqual(new Set(made), new Set(["wg5\n", "wg6\n", "wg7\n"]));
    for (const name of ["wg5", "wg6", "wg7"]) await must(room, `ifconfig ${name} destroy`);

    deepEqual(
      new Set(headers(await must(room, "ifconfig"))),
      new Set(["lo", "wg3", "wg0", "wg1", "wg2", "wg4"]),
    );
    equal(await must(room, "ifconfig -a"), await must(room, "ifconfig"));
    equal((await must(room, "ifconfig -a")).includes("wgpeer"), false);
    match(await must(room, "ifconfig -A"), /\twgpeer /);
    const inet = await must(room, "ifconfig -a inet");
    match(inet, /\tinet 10\.1\.0\.1 /);
    equal(inet.includes("inet6"), false);
    match(await must(room, "ifconfig -a inet6"), /\tinet6 ::1 prefixlen 128\n/);
    equal(await must(room, "ifconfig -C"), "wg\n");
    deepEqual(headers(await must(room, "ifconfig wg")).filter((name) => name !== "wg3"), [
      "wg0",
      "wg1",
      "wg2",
      "wg4",
    ]);
    deepEqual(headers(await must(room, "ifconfig even")), ["wg4"]);
    deepEqual(headers(await must(room, "ifconfig odd")), ["wg1"]);
    deepEqual(headers(await must(room, "ifconfig lo")), ["lo"]);
    for (
      const line of [
        "--json wg1",
        "wg1 --json",
        "-A --json wg1",
        "wg1 -a --json",
        "-a wg1 inet --json",
      ]
    ) {
      deepEqual(
        JSON.parse(await must(room, `ifconfig ${line}`)).map((one: { name: string }) => one.name),
        ["wg1"],
        line,
      );
    }
    match(await must(room, "ifconfig wg1 hwfeatures"), /\tcrypto: [^\n]+\n\toffloads: /);
    equal(JSON.parse(await must(room, "ifconfig --json odd"))[0].name, "wg1");
    for (
      const wrong of ["ifconfig nothing", "ifconfig -a nothing", "ifconfig -z", "ifconfig -C wg"]
    ) {
      const { code, stderr } = await may(room, wrong);
      equal(code, 1, wrong);
      match(stderr, /^ifconfig: [^\n]+\n$/, wrong);
    }
  },
);

Deno.test(
  "not root: header, port, rtable, groups; no keys, no peers, no change",
  needs("namespaces", "tun", "ip", "root"),
  async () => {
    await using room = await wgRoom();
    await must(room, "mkdir -m 1777 /run/home");
    const asNobody = (words: string) =>
      room.run([
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        "--inh-caps=-all",
        ...words.split(" "),
      ], {
        env: { HOME: "/run/home" },
      });
    const [key, peer] = [randomKey(), randomKey()];
    await must(
      room,
      `ifconfig wg1 create wgport 7001 wgrtable 6 group lan wgkey ${key} wgpeer ${peer} wgaip 0.0.0.0/0 10.1.0.1/24`,
    );
    const own = await publicKey(room, "wg1");
    for (
      const words of [
        "ifconfig wg1",
        "ifconfig -A",
        "ifconfig",
        "ifconfig lan",
        "ifconfig wg",
        "ifconfig --json wg1",
      ]
    ) {
      const { code, stdout, stderr } = await asNobody(words);
      deepEqual([code, stderr], [0, ""], words);
      for (const secret of [key, peer, own, "wgpeer\t", "wgaip"]) {
        equal(stdout.includes(secret), false, `${words}: ${stdout}`);
      }
      if (!words.includes("json")) {
        match(
          stdout,
          /^wg1: flags=80c3<UP,[^>]*> mtu 1420\n(?:\tindex \d+ [^\n]*\n)?\twgport 7001\n\twgrtable 6\n\tgroups: wg lan\n/m,
          words,
        );
      }
      match(stdout, /10\.1\.0\.1/, words);
    }
    const shown = await must(room, "ifconfig wg1");
    for (
      const words of [
        "wgport 7002",
        "down",
        "destroy",
        "10.1.0.2/24",
        "-debug",
        "rdomain 3",
        `wgkey ${randomKey()}`,
        "description x",
      ]
    ) {
      const { code, stdout, stderr } = await asNobody(`ifconfig wg1 ${words}`);
      deepEqual([code, stdout], [1, ""], words);
      match(stderr, /^ifconfig: wg1: [^\n]*not permitted[^\n]*\n$/, words);
    }
    for (const words of [`${WG} netstart -d /run`, `${WG} dmesg wg1`]) {
      const { code, stderr } = await asNobody(words);
      equal(code, 1, words);
      match(stderr, /^wg: [^\n]+\n$/, words);
    }
    equal(await must(room, "ifconfig wg1"), shown);

    // Elsewhere: where it is and what its daemon knows; addresses there are for root alone.
    const told = async (words: string) => (await asNobody(words)).stdout;
    await must(room, "ifconfig wg1 rdomain 3 10.1.0.1/24");
    const there = "wg1: flags=80c3<UP,BROADCAST,RUNNING,NOARP,MULTICAST> rdomain 3 mtu 1420\n" +
      "\twgport 7001\n\twgrtable 6\n\tgroups: wg lan\n";
    await eventually("rdomain 3", async () => await told("ifconfig wg1") === there);
    ok((await told("ifconfig -A")).endsWith(there));
    equal(JSON.parse(await told("ifconfig --json wg1"))[0].rdomain, 3);
    await must(room, "ip netns add blue");
    await must(room, "ip -n rdomain3 link set wg1 netns blue");
    // Somebody else's interface of the same name is not taken for it.
    await must(room, "ip tuntap add name wg1 mode tun");
    await must(room, "ip address add 10.9.9.9/24 dev wg1");
    await eventually(
      "netns blue",
      async () => /^wg1: flags=8082<[^>]*> netns blue mtu 1420\n/.test(await told("ifconfig wg1")),
    );
    equal((await told("ifconfig wg1")).includes("10.9.9.9"), false);
  },
);

Deno.test(
  "every command has a help, and is asked for it in each way",
  needs("namespaces", "tun"),
  async () => {
    await using room = await wgRoom();
    for (
      const name of [
        "ifconfig",
        "route",
        "netstat",
        "netstart",
        "dmesg",
        "help",
        "version",
        "daemon",
      ]
    ) {
      const help = await must(room, `${WG} help ${name}`);
      match(help, /^usage: /);
      equal(await must(room, `${WG} ${name} --help`), help);
      equal(await must(room, `${WG} ${name} -h`), help);
    }
    for (const name of ["ifconfig", "route", "netstat"]) {
      equal(await must(room, `${name} --help`), await must(room, `${WG} help ${name}`));
    }
    // Every other name is good, also one with a minus.
    const refused = await may(room, `${WG} daemon a/b`);
    deepEqual([refused.code, await traces(room)], [1, []]);
  },
);

Deno.test(
  "Debian's wg(8) sees nothing of what it does not know, and what it sets leaves that alone",
  needs("namespaces", "tun", "ip", "wg"),
  async () => {
    await using room = await wgRoom();
    const [first, second, psk] = [randomKey(), randomKey(), randomKey()];
    await must(
      room,
      `ifconfig wg1 create debug group lan priority 9 wgport 7001 wgrtable 5 wgkey ${randomKey()} wgpeer ${first} wgdescr`
        .concat(
          ` office wgaip 10.0.0.0/8 wgendpoint 192.0.2.1 7 wgpka 25 wgpsk ${psk} wgpeer ${second} wgdescr home wgaip 172.16.0.0/12 10.1.0.1/24`,
        ),
    );
    const ours = async () => (await must(room, "ifconfig wg1")).replace(/\ttx: .*\n/g, "");
    const before = await ours();
    match(before, /\t\twgdescr: office\n[^]*\t\twgdescr: home\n/);

    // The answer to get=1 holds only keys that wg(8) has a name for.
    const answer = await room.output([
      "sh",
      "-c",
      "printf 'get=1\\n\\n' | timeout 2 nc -U /var/run/wireguard/wg1.sock || :",
    ]).catch(() => "");
    for (const word of ["description", "rtable", "debug", "groups", "priority", "office", "lan"]) {
      equal(
        answer.includes(word),
        false,
        word,
      );
    }

    match(
      await must(room, "wg show wg1"),
      /^interface: wg1\n {2}public key: \S+\n {2}private key: \(hidden\)\n {2}listening port: 7001\n/,
    );
    const dump = (await must(room, "wg show wg1 dump")).trimEnd().split("\n").map((line) =>
      line.split("\t")
    );
    deepEqual(dump.map((fields) => fields.length), [4, 8, 8]);
    equal(await must(room, "wg show interfaces"), "wg1\n");

    const config = await must(room, "wg showconf wg1");
    for (const how of ["syncconf", "setconf", "addconf"]) {
      const { code, stderr } = await run(room, ["wg", how, "wg1", "/dev/stdin"], config);
      deepEqual([code, stderr], [0, ""], how);
      if (how === "setconf") {
        // All peers are made anew: what a file of wg(8) cannot hold is gone with the old ones, but
        // the interface's own stays.
        const now = await ours();
        for (const word of ["\twgrtable 5\n", "\tgroups: wg lan\n", " priority 9 "]) {
          ok(now.includes(word), how + now);
        }
        await must(room, `ifconfig wg1 wgpeer ${first} wgdescr office`);
        await must(room, `ifconfig wg1 wgpeer ${second} wgdescr home`);
      }
      equal(await ours(), before, how);
      equal(await must(room, "wg showconf wg1"), config, how);
    }
    await must(room, `wg set wg1 peer ${first} allowed-ips 10.0.0.0/9 persistent-keepalive off`);
    equal(
      await ours(),
      before.replace("\t\twgpka 25 (sec)\n", "").replace("wgaip 10.0.0.0/8", "wgaip 10.0.0.0/9"),
    );
    await must(room, `wg set wg1 peer ${first} remove`);
    match(await ours(), /\t\twgdescr: home\n/);
    equal((await ours()).includes("office"), false);
  },
);

Deno.test(
  "keys from files and standard input; none is in any process' command line or environment",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const [left, right, psk] = [randomKey(), randomKey(), randomKey()];
    const write = (name: string, text: string) =>
      room.output(["sh", "-c", `umask 77; cat >/run/${name}`], { stdin: text });
    await write("left", `${left}\n`);
    await write("psk", psk);
    await must(room, "ifconfig wg1 create wgport 7001 wgkey @/run/left rdomain 1");
    const given = await run(
      room,
      "ifconfig wg2 create wgport 7002 wgkey - rdomain 2".split(" "),
      `${right}\n`,
    );
    deepEqual([given.code, given.stderr], [0, ""]);
    const keys = [await publicKey(room, "wg1"), await publicKey(room, "wg2")];
    await write("peer", `${keys[1]}\n`);
    // Several keys of one line are read in the order of the words.
    const one =
      "ifconfig wg1 wgpeer @/run/peer wgpsk @/run/psk wgendpoint 127.0.0.1 7002 wgaip 10.1.0.2/32 10.1.0.1/24";
    const two = "ifconfig wg2 wgpeer - wgpsk - wgaip 10.1.0.1/32 10.1.0.2/24";
    const second = await run(room, two.split(" "), `${keys[0]}\n${psk}\nnot for this\n`);
    deepEqual([second.code, second.stderr], [0, ""]);
    await must(room, one);
    await ping(room, "rdomain1", "10.1.0.2");

    const secrets = [left, right, psk].flatMap((key) => [key, Uint8Array.fromBase64(key).toHex()]);
    const processes = await room.processes();
    equal(processes.length, 2, processes.join("\n"));
    for (const line of processes) {
      const pid = line.split(" ")[0];
      for (const file of ["cmdline", "environ"]) {
        const text = await Deno.readTextFile(`/proc/${pid}/${file}`);
        notEqual(file === "cmdline" ? text : "-", "");
        for (const secret of secrets) equal(text.includes(secret), false, `${pid} ${file}`);
      }
    }
    // Nor in what they leave where others can read.
    for (const secret of secrets) {
      equal((await may(room, `grep -rlF ${secret} /run/wireguard --include=*.public`)).stdout, "");
      for (const words of ["wg1", "-A", "--json -A"]) {
        equal(
          (await must(room, `ifconfig ${words}`)).includes(secret),
          false,
        );
      }
      equal((await must(room, `${WG} dmesg`)).includes(secret), false);
    }

    const wrong: readonly [string, string, RegExp][] = [
      [
        "wgkey @/run/nowhere",
        "",
        /^ifconfig: wgkey: "\/run\/nowhere": No such file or directory\n$/,
      ],
      ["wgkey @", "", /^ifconfig: wgkey: [^\n]+\n$/],
      ["wgkey @/run", "", /^ifconfig: wgkey: [^\n]+\n$/],
      ["wgkey @/dev/null", "", /^ifconfig: wgkey \(key\): invalid length: [^\n]+\n$/],
      ["wgkey @/dev/zero", "", /^ifconfig: wgkey \(key\): invalid length: [^\n]+\n$/],
      [
        "wgkey -",
        "",
        /^ifconfig: wgkey: standard input has ended; one line for each - is required\n$/,
      ],
      ["wgkey -", `${left.slice(1)}\n`, /^ifconfig: wgkey \(key\): invalid length: [^\n]+\n$/],
      ["wgkey -", `!${left.slice(1)}\n`, /^ifconfig: wgkey \(key\): invalid base64[^\n]*\n$/],
      [
        "wgkey - wgpeer -",
        `${left}\n`,
        /^ifconfig: wgpeer: standard input has ended; one line for each - is required\n$/,
      ],
    ];
    const before = (await must(room, "ifconfig wg1")).replace(
      /\ttx: .*\n|\tlast handshake: .*\n/g,
      "",
    );
    for (const [words, stdin, said] of wrong) {
      const { code, stderr } = await run(room, ["ifconfig", "wg1", ...words.split(" ")], stdin);
      equal(code, 1, words);
      match(stderr, said, words);
      equal(stderr.includes(left.slice(1)), false);
    }
    equal(
      (await must(room, "ifconfig wg1")).replace(/\ttx: .*\n|\tlast handshake: .*\n/g, ""),
      before,
    );
    match(await must(room, `${WG} help ifconfig`), /@FILE/);
  },
);

Deno.test(
  "an idle tunnel sends no packets: the interface has no link-local address of its own",
  needs("namespaces", "tun", "ip", "ping", "ipv6"),
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await must(
      room,
      "ifconfig wg1 wgpeer " + await publicKey(room, "wg2") + " wgaip 0.0.0.0/0 wgaip ::/0",
      "left",
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const [name, netns] of [["wg1", "left"], ["wg2", "right"]]) {
      const shown = await must(room, `ifconfig ${name}`, netns);
      equal(shown.includes("last handshake"), false, shown);
      equal(shown.includes("fe80"), false, shown);
    }
  },
);
