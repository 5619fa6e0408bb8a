/**
 * netstart(8) with the twelve files of tests/system/hostname/, each on the machine that its first
 * line names: a hub of fifty peers and a road warrior, two sites, the manual's example, sockets in
 * another rdomain, a point-to-point link, many addresses, comments and commands.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { program } from "../../scripts/facilities.ts";
import type { Ran, Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, randomKey, traces, WG, wgRoom, writeFile } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "ipv6");
const FOLDER = "/run/hostname";
const SOURCES = new URL("./hostname/", import.meta.url);

/**
 * Machines with the last number of their addresses 203.0.113.N and 2001:db8::N, and the interfaces
 * that they start.
 */
const MACHINES: readonly {
  readonly name: string;
  readonly number: number;
  readonly interfaces: readonly string[];
}[] = [
  { name: "hub", number: 1, interfaces: ["wg0"] },
  { name: "laptop", number: 10, interfaces: ["wg1"] },
  { name: "sitea", number: 21, interfaces: ["wg2"] },
  { name: "siteb", number: 22, interfaces: ["wg3"] },
  { name: "machine", number: 30, interfaces: ["wg4", "wg5", "wg6", "wg7"] },
  { name: "phone", number: 40, interfaces: ["wg8"] },
  { name: "desk", number: 41, interfaces: ["wg9"] },
  { name: "nas", number: 50, interfaces: ["wg10"] },
  { name: "printer", number: 51, interfaces: ["wg11"] },
];
const INTERFACES = MACHINES.flatMap(({ interfaces }) => interfaces);

/**
 * The machines on one wire, with the files, the keys that stand in files of their own, and names in
 * /etc/hosts.
 */
async function internet(room: Room): Promise<void> {
  const steps = [
    "ip netns add wire",
    "ip -n wire link add name bridge type bridge mcast_snooping 0",
    "ip -n wire link set bridge up",
  ];
  let hosts = "127.0.0.1 localhost\n";
  for (const { name, number } of MACHINES) {
    steps.push(
      `ip netns add ${name}`,
      `ip -n ${name} link set lo up`,
      `ip link add name eth0 netns ${name} type veth peer name ${name} netns wire`,
      `ip -n wire link set ${name} master bridge up`,
      `ip -n ${name} address add 203.0.113.${number}/24 dev eth0`,
      `ip -n ${name} address add 2001:db8::${number}/64 dev eth0 nodad`,
      `ip -n ${name} link set eth0 up`,
    );
    hosts += `203.0.113.${number} ${name}.example\n`;
  }
  steps.push(
    "ip -n sitea address add fd0a::1/128 dev lo nodad",
    "ip -n sitea address add 172.16.1.1/32 dev lo",
    "ip -n siteb address add fd0b::1/128 dev lo nodad",
    "ip -n siteb address add 172.16.2.1/32 dev lo",
  );
  await room.output(["sh", "-e"], { stdin: steps.join("\n") });
  await writeFile(room, "/run/hosts", hosts, "644");
  await must(room, "mount --bind /run/hosts /etc/hosts");
  for (const name of INTERFACES) {
    const file = `hostname.${name}`;
    await writeFile(room, `${FOLDER}/${file}`, await Deno.readTextFile(new URL(file, SOURCES)));
  }
  const keys = JSON.parse(await Deno.readTextFile(new URL("keys.json", SOURCES)));
  for (const [name, key] of Object.entries(keys)) {
    await writeFile(room, `/run/keys/${name}`, `${key}\n`);
  }
}

/** Starts the machines' interfaces. */
const start = (room: Room): Promise<Ran[]> =>
  Promise.all(
    MACHINES.map(({ name, interfaces }) =>
      room.run([WG, "netstart", "-d", FOLDER, ...interfaces], { netns: name })
    ),
  );

interface Shown {
  readonly name: string;
  readonly rdomain: number;
  readonly mtu: number;
  readonly description?: string;
  readonly priority: number;
  readonly groups: string[];
  readonly wgport: number;
  readonly wgrtable: number;
  readonly wgpubkey: string;
  readonly wgpeers: {
    wgpeer: string;
    wgdescr?: string;
    wgpsk: boolean;
    wgpka: number;
    wgendpoint?: { address: string; port: number };
    tx: number;
    rx: number;
    lastHandshakeUnix: number;
    wgaip: string[];
  }[];
  readonly engine: { pid: number };
  readonly addresses: {
    address: string;
    prefix: number;
    destination?: string;
    broadcast?: string;
  }[];
}

/** What `ifconfig --json` tells of an interface, asked on the machine that started it. */
async function read(room: Room, name: string): Promise<Shown> {
  const netns = MACHINES.find(({ interfaces }) => interfaces.includes(name))!.name;
  return JSON.parse(await must(room, `ifconfig --json ${name}`, netns))[0];
}

const texts = (shown: Shown) =>
  shown.addresses.map(({ address, prefix, destination }) =>
    `${address}/${prefix}${destination === undefined ? "" : ` ${destination}`}`
  );

/** Everything that must be the same when netstart ran again. */
async function everything(room: Room): Promise<unknown> {
  const interfaces = await Promise.all(INTERFACES.map(async (name) => {
    const shown = await read(room, name);
    return {
      ...shown,
      counters: {},
      wgpeers: shown.wgpeers.map((peer) => ({ ...peer, tx: 0, rx: 0, counters: {} })),
    };
  }));
  const routes: string[] = [];
  for (const netns of [...MACHINES.map(({ name }) => name), "rdomain4", "rdomain5", "rdomain7"]) {
    routes.push(
      await must(room, "ip -4 route show table all", netns),
      await must(room, "ip -6 route show table all", netns),
    );
  }
  return { interfaces, routes, traces: await traces(room) };
}

Deno.test(
  "twelve hostname.if files: started, seen, pinged; started again nothing changes",
  NEEDED,
  async (t) => {
    await using room = await wgRoom();
    await internet(room);
    const before = await traces(room);

    await t.step("-n prints the commands and does nothing", async () => {
      const { code, stdout, stderr } = await room.run([WG, "netstart", "-n", "-d", FOLDER], {
        netns: "laptop",
      });
      deepEqual({ code, stderr }, { code: 0, stderr: "" });
      const lines = stdout.trimEnd().split("\n");
      // In the order of the numbers: wg2 before wg10.
      deepEqual(
        lines.filter((line) => line.endsWith(" create")),
        [...Array(12).keys()].map((n) => `ifconfig wg${n} create`),
      );
      ok(lines.includes("ifconfig wg1 inet 10.9.0.2/24"));
      ok(lines.includes("route -q add -inet 10.77.0.0/16 10.9.0.1"));
      ok(lines.includes("ifconfig wg9 10.8.8.2 10.8.8.1"));
      ok(lines.includes("ifconfig wg8 inet 10.8.8.1 10.8.8.2 netmask 255.255.255.255"));
      ok(lines.includes("ifconfig wg6 inet 10.67.0.6 netmask 0xffffff00 broadcast 10.67.0.255"));
      deepEqual(await traces(room), before);
    });

    await t.step("they start without a word", async () => {
      deepEqual(
        (await start(room)).map(({ code, stdout, stderr }) => ({ code, stdout, stderr })),
        MACHINES.map(() => ({ code: 0, stdout: "", stderr: "" })),
      );
    });

    await t.step(
      "hub and road warrior: a host's name, a route, descriptions, keepalives",
      async () => {
        const hub = await read(room, "wg0");
        equal(hub.wgpeers.length, 50);
        equal(hub.wgport, 51820);
        deepEqual(texts(hub), ["10.9.0.1/24", "10.77.0.1/32", "fd09::1/64"]);
        deepEqual(hub.wgpeers[49].wgaip, ["10.9.0.51/32", "fd09::33/128"]);
        deepEqual(hub.wgpeers.map(({ wgdescr }) => wgdescr), [
          "spoke 1, the laptop",
          ...Array.from({ length: 49 }, (_, i) => `spoke ${i + 2}`),
        ]);
        await ping(room, "laptop", "10.9.0.1");
        await ping(room, "laptop", "10.77.0.1");
        await ping(room, "laptop", "fd09::1");
        await ping(room, "hub", "10.9.0.2");
        const laptop = await read(room, "wg1");
        deepEqual(laptop.wgpeers[0].wgendpoint, { address: "203.0.113.1", port: 51820 });
        equal(laptop.wgpeers[0].wgpka, 25);
        deepEqual((await read(room, "wg0")).wgpeers[0].wgendpoint, {
          address: "203.0.113.10",
          port: laptop.wgport,
        });
        match(await must(room, "route -n show -inet", "laptop"), /^10\.77\/16 +10\.9\.0\.1 /m);
      },
    );

    await t.step(
      "site to site: IPv6 outside and inside, IPv4 between the networks, a preshared key",
      async () => {
        await must(room, "ping -n -c 1 -w 60 -W 60 fd23::2", "sitea");
        await must(room, "ping -n -c 2 -i 0.2 -W 60 -I fd0a::1 fd0b::1", "sitea");
        await must(room, "ping -n -c 2 -i 0.2 -W 60 -I 172.16.2.1 172.16.1.1", "siteb");
        const site = await read(room, "wg3");
        deepEqual(site.wgpeers[0].wgendpoint, { address: "2001:db8::21", port: 7002 });
        equal(site.wgpeers[0].wgpsk, true);
        deepEqual(site.wgpeers[0].wgaip, ["fd23::1/128", "fd0a::/48", "172.16.1.0/24"]);
      },
    );

    await t.step("rdomains, and UDP sockets in a third one", async () => {
      await must(room, "route -T4 exec ping -n -c 1 -w 60 -W 60 192.168.5.2", "machine");
      await must(room, "route -T5 exec ping -n -c 2 -i 0.2 -W 60 192.168.5.1", "machine");
      equal((await read(room, "wg4")).rdomain, 4);
      await must(room, "ping -n -c 1 -w 60 -W 60 10.67.0.7", "machine");
      await must(room, "route -T7 exec ping -n -c 2 -i 0.2 -W 60 10.67.0.6", "machine");
      const [six, seven] = [await read(room, "wg6"), await read(room, "wg7")];
      deepEqual([six.rdomain, six.wgrtable, seven.rdomain, seven.wgrtable], [0, 6, 7, 6]);
      equal(six.addresses[0].broadcast, "10.67.0.255");
      match(await must(room, "route -T6 exec netstat -ln", "machine"), /\*\.7006 [^]*\*\.7007 /);
      equal((await must(room, "netstat -ln", "machine")).includes(".7006"), false);
    });

    await t.step("a point-to-point link: dest lines, keys in files, a small MTU", async () => {
      await ping(room, "phone", "10.8.8.2");
      await ping(room, "phone", "fd88::2");
      await ping(room, "desk", "10.8.8.1");
      const [phone, desk] = [await read(room, "wg8"), await read(room, "wg9")];
      deepEqual([phone.mtu, desk.mtu], [1300, 1300]);
      deepEqual(texts(phone), ["10.8.8.1/32 10.8.8.2", "fd88::1/128 fd88::2"]);
      deepEqual(texts(desk), ["10.8.8.2/32 10.8.8.1", "fd88::2/128 fd88::1"]);
      deepEqual([phone.wgpeers[0].wgpsk, desk.wgpeers[0].wgpsk], [true, true]);
    });

    await t.step("aliases, description, groups, a metric, comments and commands", async () => {
      await ping(room, "nas", "10.10.0.9");
      for (
        const address of ["10.10.0.1", "10.10.0.2", "10.10.0.3", "fd10::1", "fd10::a", "fd10::b"]
      ) {
        await must(room, `ping -n -c 1 -W 60 ${address}`, "printer");
      }
      const [nas, printer] = [await read(room, "wg10"), await read(room, "wg11")];
      deepEqual(texts(nas).sort(), [
        "10.10.0.1/24",
        "10.10.0.2/24",
        "10.10.0.3/32",
        "fd10::1/64",
        "fd10::a/64",
        "fd10::b/128",
      ]);
      deepEqual([nas.description, nas.groups, nas.priority], ["the store", ["wg", "lan"], 40]);
      match(await must(room, "ip -4 route show 10.10.0.0/24", "nas"), / metric 40 /);
      deepEqual([printer.description, printer.groups, printer.wgpeers[0].wgdescr], [
        "paper tray",
        ["wg"],
        'the "store" # 1',
      ]);
      equal(await must(room, "cat /run/started"), "wg11 is up\n6\n");
    });

    await t.step("started again: nothing changes, sessions go on", async () => {
      const first = await everything(room);
      const ran = await start(room);
      deepEqual(
        ran.map(({ code, stdout, stderr }) => ({ code, stdout, stderr })),
        MACHINES.map(() => ({ code: 0, stdout: "", stderr: "" })),
      );
      deepEqual(await everything(room), first);
      await must(room, "ping -n -c 1 -W 60 10.9.0.1", "laptop");
      await must(room, "ping -n -c 1 -W 60 fd88::2", "phone");
      await must(room, "route -T5 exec ping -n -c 1 -W 60 192.168.5.1", "machine");
      deepEqual(await everything(room), first);
    });

    await t.step("destroyed: nothing is left", async () => {
      await Promise.all(
        INTERFACES.map((name) => must(room, `ifconfig ${name} destroy`, "machine")),
      );
      deepEqual(await traces(room), before);
    });
  },
);

const GOOD = () => `wgkey ${randomKey()}\ninet 10.1.1.1/24\n`;

Deno.test(
  "an existing route is skipped, a different one is reported, and the file goes on",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const text =
      `${GOOD()}!route add -inet 10.5.0.0/16 10.1.1.2\n!route -q add 10.6/16 -iface wg1\n!touch /run/done\n`;
    await writeFile(room, `${FOLDER}/hostname.wg1`, text);
    const start = () => may(room, `${WG} netstart -d ${FOLDER}`);
    const { code, stdout, stderr } = await start();
    deepEqual([code, stdout, stderr], [0, "add net 10.5.0.0/16: gateway 10.1.1.2\n", ""]);
    const routes = await must(room, "ip route show");
    await must(room, "rm /run/done");
    deepEqual(await start(), { code: 0, signal: null, stdout: "", stderr: "" });
    equal(await must(room, "ip route show"), routes);
    await must(room, "rm /run/done");
    await must(room, "route -q change 10.5/16 10.1.1.3");
    const other = await start();
    deepEqual([other.code, other.stdout], [1, ""]);
    match(
      other.stderr,
      /^wg: \/run\/hostname\/hostname\.wg1:3: !route add -inet 10\.5\.0\.0\/16 10\.1\.1\.2: route 10\.5\.0\.0\/16: [^\n]*\(EEXIST\)\n$/,
    );
    await must(room, "test -e /run/done");
    // By hand it is OpenBSD's error.
    match((await may(room, "route add 10.6/16 -iface wg1")).stderr, /\(EEXIST\)/);
  },
);

Deno.test(
  "wrong lines: FILE:LINE, nothing of that file, the other files all the same",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const secret = randomKey();
    const before = await traces(room);
    await writeFile(
      room,
      `${FOLDER}/hostname.wg1`,
      `# first\nwgkey ${secret}\ninet 10.1.1.1/24\n!touch /run/done\nfly\n\nwgpeer\n`,
    );
    await writeFile(room, `${FOLDER}/hostname.wg2`, GOOD());
    await writeFile(room, `${FOLDER}/hostname.wg3`, `wgkey ${secret.slice(1)}\n`);
    await writeFile(
      room,
      `${FOLDER}/hostname.wg4`,
      `wgkey ${secret} \\\n wgport 7004 \\\n wgpka 5\n`,
    );
    await writeFile(room, `${FOLDER}/hostname.wg5`, "wgkey @/run/nowhere\n!touch /run/done\n");
    await writeFile(room, `${FOLDER}/hostname.wg6`, "up\ncreate\ndest 10.0.0.1\n!\nwgport 'x\n");
    // It may be the name of a peer, which only the interface knows.
    await writeFile(room, `${FOLDER}/hostname.wg7`, "wgpeer short\n");
    // Not interfaces of ours: not looked at.
    await writeFile(room, `${FOLDER}/hostname.em0`, "nonsense\n");
    await writeFile(room, `${FOLDER}/hostname.wg`, "nonsense\n");
    await writeFile(room, `${FOLDER}/hostname.wg1.orig`, "nonsense\n");
    for (const options of [["-n"], []]) {
      const { code, stderr } = await room.run([WG, "netstart", ...options, "-d", `${FOLDER}/`]);
      equal(code, 1);
      equal(stderr.includes(secret.slice(1)), false);
      const lines = stderr.trimEnd().split("\n").map((line) =>
        /^wg: \/run\/hostname\/hostname\.(wg\d(?::\d+)?): ([^: ]+)/.exec(line)
      );
      const told = lines.map((line) => line === null ? stderr : `${line[1]} ${line[2]}`);
      const read = ["wg1:5 fly", "wg1:7 wgpeer", "wg3:1 wgkey", "wg4:1 wgpka"];
      const unread = options.length > 0 ? [] : ["wg5:1 wgkey"];
      const unknown = options.length > 0 ? [] : ["wg7:1 wgpeer"];
      deepEqual(
        told,
        [...read, ...unread, "wg6:2 create", "wg6:3 dest", "wg6:4 !", "wg6:5 wgport", ...unknown]
          .slice(
            0,
            told.length,
          ),
      );
      equal(told.length, read.length + unread.length + unknown.length + 4);
    }
    equal((await may(room, "test -e /run/done")).code, 1);
    match(await must(room, "ifconfig wg2"), /\tinet 10\.1\.1\.1 /);
    await must(room, "ifconfig wg2 destroy");
    deepEqual(await traces(room), before);

    // One that runs is not touched by a file with a mistake.
    await must(room, "ifconfig wg1 create wgport 7111");
    const shown = await must(room, "ifconfig wg1");
    equal((await may(room, `${WG} netstart -d ${FOLDER} wg1`)).code, 1);
    equal(await must(room, "ifconfig wg1"), shown);

    const missing = await may(room, `${WG} netstart -d ${FOLDER} wg77`);
    deepEqual([missing.code, missing.stderr], [
      1,
      `wg: ${FOLDER}/hostname.wg77: No such file or directory\n`,
    ]);
    for (const words of ["em0", "wg", "-x", "-d", "-d /run/nowhere", "../wg1"]) {
      const { code, stderr } = await may(room, `${WG} netstart ${words}`);
      equal(code, 1, words);
      match(stderr, /^wg: [^\n]+\n$/, words);
    }
  },
);

Deno.test(
  "a file that others can read is reported and its mode changed, with -n only reported",
  needs("namespaces", "tun", "ip", "root"),
  async () => {
    await using room = await wgRoom();
    const file = `${FOLDER}/hostname.wg1`;
    const look = async () => (await must(room, `stat -c %a:%u:%g ${file}`)).trim();
    const warning = `wg: WARNING: ${file} is insecure`;
    for (
      const [mode, owner, mended] of [["644", "0:0", "640"], ["666", "0:0", "660"], [
        "640",
        "65534:0",
        "640",
      ], [
        "600",
        "0:65534",
        "600",
      ]]
    ) {
      await writeFile(room, file, GOOD(), mode);
      await must(room, `chown ${owner} ${file}`);
      const printed = await may(room, `${WG} netstart -n -d ${FOLDER}`);
      deepEqual([printed.code, printed.stderr], [0, `${warning}\n`], mode);
      equal(await look(), `${mode}:${owner}`);
      const started = await may(room, `${WG} netstart -d ${FOLDER}`);
      deepEqual([started.code, started.stderr], [0, `${warning}, fixing permissions\n`], mode);
      equal(await look(), `${mended}:0:0`);
      deepEqual((await may(room, `${WG} netstart -d ${FOLDER}`)).stderr, "");
    }
  },
);

Deno.test(
  "a file on a read-only file system serves although others can read it; another user's does not",
  needs("namespaces", "tun", "ip", "root"),
  async () => {
    await using room = await wgRoom();
    const file = `${FOLDER}/hostname.wg1`;
    await writeFile(room, file, GOOD(), "644");
    await must(room, `mount --bind ${FOLDER} ${FOLDER}`);
    await must(room, `mount -o remount,bind,ro ${FOLDER}`);
    const started = await may(room, `${WG} netstart -d ${FOLDER}`);
    const warning = `wg: WARNING: ${file} is insecure, fixing permissions\n`;
    deepEqual([started.code, started.stderr], [
      0,
      `${warning}wg: WARNING: ${file}: Read-only file system\n`,
    ]);
    match(await must(room, "ifconfig wg1"), /\tinet 10\.1\.1\.1 /);
    await must(room, "ifconfig wg1 destroy");
    await must(room, `mount -o remount,bind,rw ${FOLDER}`);
    await must(room, `chown 65534 ${file}`);
    await must(room, `mount -o remount,bind,ro ${FOLDER}`);
    const refused = await may(room, `${WG} netstart -d ${FOLDER}`);
    deepEqual([refused.code, refused.stderr], [
      1,
      `${warning}wg: ${file}: Read-only file system\n`,
    ]);
    equal((await may(room, "ifconfig wg1")).code, 1);
  },
);

Deno.test("lines after a move find the interface in its new namespace", NEEDED, async () => {
  await using room = await wgRoom();
  const moves = Array.from({ length: 20 }, (_, i) => `rdomain ${4 + i % 2}\ninet 10.1.${i}.1/24\n`);
  await writeFile(room, `${FOLDER}/hostname.wg1`, moves.join(""));
  const { code, stderr } = await may(room, `${WG} netstart -d ${FOLDER}`);
  deepEqual([code, stderr], [0, ""]);
  match(await must(room, "ifconfig wg1"), / rdomain 5 [^]*\tinet 10\.1\.19\.1 /);
});

Deno.test("several at once: one makes the interface, the others find it", NEEDED, async () => {
  await using room = await wgRoom();
  await writeFile(
    room,
    `${FOLDER}/hostname.wg1`,
    `wgport 7001\n${GOOD()}inet6 fd01::1 64\n!echo $if >>/run/started\n`,
  );
  const once = () => may(room, `${WG} netstart -d ${FOLDER}`);
  const ran = await Promise.all([once(), once(), once(), once()]);
  deepEqual(
    ran.map(({ code, stderr }) => ({ code, stderr })),
    ran.map(() => ({ code: 0, stderr: "" })),
  );
  equal((await room.processes()).length, 1);
  match(
    await must(room, "ifconfig wg1"),
    /\twgport 7001\n[^]*\tinet 10\.1\.1\.1 [^]*\tinet6 fd01::1 /,
  );
  equal(await must(room, "cat /run/started"), "wg1\n".repeat(4));

  // A file that cannot be carried out takes away only what it made itself.
  await writeFile(room, `${FOLDER}/hostname.wg2`, "wgport 7001\n");
  const failed = await once();
  deepEqual([failed.code, failed.stdout], [1, ""]);
  match(
    failed.stderr,
    /^wg: \/run\/hostname\/hostname\.wg2:1: wgport: 7001: [^\n]*\(EADDRINUSE\)\n$/,
  );
  equal((await room.processes()).length, 1);
  await must(room, "ifconfig wg2 create");
  equal((await once()).code, 1);
  equal((await room.processes()).length, 2);
});

Deno.test("--print-unit: a unit that systemd accepts", needs("namespaces", "root"), async () => {
  await using room = await wgRoom();
  const unit = await must(room, `${WG} netstart --print-unit`);
  match(unit, /\nExecStart=-\/\S+ netstart\n/);
  match(unit, /\nAfter=.*network-online\.target.*nss-lookup\.target/);
  if (program("systemd-analyze") === undefined) return;
  const wanted = /\nExecStart=-(\/\S+) /.exec(unit)![1];
  // The executable stands where the unit looks for it, in this room only.
  if ((await may(room, `test -x ${wanted}`)).code !== 0) {
    await room.output([
      "sh",
      "-ec",
      'mount -t tmpfs -o mode=755 tmpfs "$(dirname "$1")"; ln -s "$2" "$1"',
      "sh",
      wanted,
      WG,
    ]);
  }
  await writeFile(room, "/run/units/wg-netstart.service", unit, "644");
  const said = await may(room, "systemd-analyze verify --man=no /run/units/wg-netstart.service");
  const about = said.stderr.split("\n").filter((line) => line.includes("wg-netstart"));
  deepEqual([said.code, about], [0, []], said.stderr);
});
