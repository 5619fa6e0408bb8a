/**
 * The built program among enemies and accidents: links and addresses that go away under traffic,
 * poor surroundings, races.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { CLIENTS_MAX } from "../../lib/daemon/control_socket.ts";
import { program } from "../../scripts/facilities.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import {
  cable,
  may,
  must,
  ping,
  publicKey,
  randomKey,
  traces,
  tunnel,
  WG,
  wgRoom,
} from "./peers.ts";
import { daemonOf, sleep } from "./running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");
const NFT = needs("nft");

const shell = (room: Room, script: string, netns?: string) =>
  room.run(["sh", "-c", script], netns === undefined ? {} : { netns });

async function nothingLeft(room: Room): Promise<void> {
  await eventually("that nothing is left", async () => (await traces(room)).length === 0);
  equal((await must(room, "ip -o link")).trim().split("\n").length, 1);
}

const seenAnswers = (text: string) =>
  [...text.matchAll(/icmp_seq=(\d+) ttl/g)].map((found) => Number(found[1]));

Deno.test("accidents under traffic", NEEDED, async (t) => {
  await using room = await wgRoom();
  const { publicKeys } = await tunnel(room);
  await ping(room, "left", "192.168.5.2");

  await t.step("a route too narrow for runs: every datagram arrives all the same", async () => {
    await must(room, "ip -n left route replace 10.0.0.0/24 dev cable src 10.0.0.1 mtu 1000");
    const pid = await daemonOf(room, "wg1");
    // Stopped while the packets are made, so that they go as runs.
    Deno.kill(pid, "SIGSTOP");
    const words = "ping -n -l 40 -c 40 -i 0.01 -s 1300 -W 3 192.168.5.2";
    const running = room.spawn(words.split(" "), { netns: "left" });
    await sleep(300);
    Deno.kill(pid, "SIGCONT");
    await running.status;
    match(running.output(), /40 packets transmitted, 40 received/);
    await must(room, "ip -n left route replace 10.0.0.0/24 dev cable src 10.0.0.1");
  });

  await t.step({
    name: "ECN is carried in both directions, and DSCP stays inside",
    ...NFT,
    fn: async () => {
      const rules = [
        "udp dport 7222 ip ecn ect0 counter comment ect0",
        "udp dport 7222 ip dscp != cs0 counter comment dscp",
        'iifname "wg2" icmp type echo-request ip ecn ce counter comment ce',
      ];
      const chain = `table inet t {\nchain i {\ntype filter hook input priority 0;\n${
        rules.join("\n")
      }\n}\n}\n`;
      await room.output(["nft", "-f", "-"], { netns: "right", stdin: chain });
      const count = async (name: string) => {
        const listed = await room.output(["nft", "list", "ruleset"], { netns: "right" });
        return Number(new RegExp(`packets (\\d+) bytes \\d+ comment "${name}"`).exec(listed)?.[1]);
      };
      // DSCP EF and ECT(0) inside.
      await must(room, "ping -n -c 3 -i 0.2 -Q 0xba 192.168.5.2", "left");
      deepEqual([await count("ect0"), await count("dscp"), await count("ce")], [3, 0, 0]);
      // A congested router on the way.
      const router =
        "table inet m {\nchain o {\ntype filter hook postrouting priority 0;\nudp dport 7222 ip ecn set ce\n}\n}\n";
      await room.output(["nft", "-f", "-"], { netns: "left", stdin: router });
      await must(room, "ping -n -c 3 -i 0.2 -Q 0x2 192.168.5.2", "left");
      equal(await count("ce"), 3);
      // Who does not understand is not told: the packet is dropped.
      equal((await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left")).code, 1);
      await must(room, "nft flush ruleset", "left");
      await must(room, "nft flush ruleset", "right");
      await ping(room, "left", "192.168.5.2");
    },
  });

  await t.step(
    "the address it answers from is taken away: it answers from another at once",
    async () => {
      await must(room, "ip -n right address add 10.0.0.22/25 dev cable");
      await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgendpoint 10.0.0.22 7222`);
      await ping(room, "left", "192.168.5.2");
      match(await must(room, "ifconfig wg1"), /wgendpoint 10\.0\.0\.22 7222\n/);
      const running = room.spawn(["ping", "-n", "-i", "0.05", "192.168.5.1"], { netns: "right" });
      await eventually("answers", () => seenAnswers(running.output()).length > 5);
      await must(room, "ip -n right address del 10.0.0.22/25 dev cable");
      const seen = seenAnswers(running.output()).length;
      await eventually("more answers", () => seenAnswers(running.output()).length > seen + 10);
      running.signal("SIGINT");
      await running.status;
      const all = seenAnswers(running.output());
      ok(all[all.length - 1] - all.length <= 3, running.output());
      match(await must(room, "ifconfig wg1"), /wgendpoint 10\.0\.0\.2 7222\n/);
    },
  );

  await t.step(
    "the endpoint gets routed into the tunnel itself: nothing spins, and it lives on afterwards",
    async () => {
      await must(
        room,
        `ifconfig wg1 wgpeer ${publicKeys.right} wgaip 192.168.5.2/32 wgaip 10.0.0.2/32`,
      );
      await must(room, "ip -n left route add 10.0.0.2/32 dev wg1");
      const sent = async () => Number(/tx: (\d+)/.exec(await must(room, "ifconfig wg1"))?.[1]);
      const before = await sent();
      equal((await may(room, "ping -n -c 5 -i 0.1 -W 1 -s 1300 192.168.5.2", "left")).code, 1);
      const more = await sent() - before;
      // Every packet is sealed once; the second fragment of what came back once more.
      ok(more > 5 * 1300 && more < 5 * 4000, `${more} bytes for five pings`);
      await must(room, "ip -n left route del 10.0.0.2/32 dev wg1");
      await ping(room, "left", "192.168.5.2");
    },
  );

  await t.step("renamed and moved again and again, it goes on", async () => {
    await room.namespace("elsewhere");
    const names = ["wg1", "other"];
    const renames = Array.from(
      { length: 40 },
      (_, i) => `link set ${names[i % 2]} name ${names[(i + 1) % 2]}\n`,
    );
    await room.output(["ip", "-n", "left", "-batch", "-"], { stdin: renames.join("") });
    const moves = `i=0; while [ $i -lt 5 ]; do
      ip -n left link set wg1 netns elsewhere && ip -n elsewhere link set wg1 netns left || exit 1; i=$((i + 1)); done`;
    equal((await shell(room, moves)).code, 0);
    await must(room, "ifconfig wg1 inet 192.168.5.1/24");
    await ping(room, "left", "192.168.5.2");
    await must(room, "ip -n left link del wg1");
    await eventually("the end of wg1", async () => (await may(room, "ifconfig wg1")).code === 1);
  });
});

Deno.test(
  "without free descriptors the daemon goes on, and follows its link later",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create");
    const pid = await daemonOf(room, "wg1");
    const limit = (n: string) =>
      new Deno.Command("prlimit", { args: [`--pid=${pid}`, `--nofile=${n}:`] }).output();
    equal((await limit("3")).code, 0);
    await must(room, "ip link set wg1 mtu 1300");
    await must(room, "ip link set wg1 up");
    await sleep(300);
    equal(await daemonOf(room, "wg1"), pid);
    await limit("1024");
    await must(room, "ip link set wg1 mtu 1280");
    match(await must(room, "ifconfig wg1"), /^wg1: flags=\w+<UP,.* mtu 1280\n/);
    await must(room, "ifconfig wg1 destroy");
    await nothingLeft(room);
  },
);

Deno.test(
  "with CLIENTS_MAX clients in the middle of operations, the next one is refused at once, and other " +
    "interfaces are shown",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgport 7111");
    await must(room, "ifconfig wg2 create wgport 7222");
    const path = `/proc/${room.pid}/root/run/wireguard/wg1.sock`;
    const clients = await Promise.all(
      Array.from({ length: CLIENTS_MAX }, () => Deno.connect({ transport: "unix", path })),
    );
    let over = false;
    const stay = clients.map(async (client) => {
      // A line now and then, so that it is not taken for one that hangs.
      while (!over) {
        await client.write(new TextEncoder().encode("s")).catch(() => over = true);
        await sleep(1_000);
      }
    });
    await sleep(200);
    const all = await may(room, "ifconfig -A");
    equal(all.code, 1);
    match(all.stdout, /^wg2: [^]*\twgport 7222\n/m);
    match(all.stderr, /^ifconfig: wg1: [^\n]+\n$/);
    over = true;
    await Promise.all(stay);
    for (const client of clients) client.close();
    match(
      await eventually(
        "an answer",
        async () => (await may(room, "ifconfig wg1")).stdout || undefined,
      ),
      /wgport 7111/,
    );
  },
);

Deno.test("CLIENTS_MAX idle clients keep nobody away", NEEDED, async () => {
  await using room = await wgRoom();
  await must(room, "ifconfig wg1 create wgport 7111");
  const path = `/proc/${room.pid}/root/run/wireguard/wg1.sock`;
  const clients = await Promise.all(
    Array.from({ length: CLIENTS_MAX }, () => Deno.connect({ transport: "unix", path })),
  );
  await sleep(1_500);
  match(await must(room, "ifconfig wg1"), /wgport 7111/);
  match(await must(room, "ifconfig wg1"), /wgport 7111/);
  for (const client of clients) client.close();
});

Deno.test(
  "messages to an endpoint that is routed to its own peer are dropped and reported",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`, "left");
    await must(
      room,
      `ifconfig wg1 wgpeer ${randomKey()} wgendpoint 10.9.0.1 7222 wgaip 10.9.0.0/16`,
      "left",
    );
    await must(room, "ifconfig wg1 10.9.0.2/16", "left");
    await may(room, "ping -n -c 1 -W 1 10.9.0.1", "left");
    const said =
      /Unable to send to peer 1: its endpoint 10\.9\.0\.1:7222 is routed into the interface itself/;
    match(await must(room, `${WG} dmesg wg1`), said);
    match(await must(room, "ifconfig wg1"), /\ttx: (148|296), rx: 0\n/);
  },
);

Deno.test(
  "port unreachable ends nothing, and the peer connects when it starts",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await cable(room);
    await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`, "left");
    await must(room, `ifconfig wg2 create wgport 7000 wgkey ${randomKey()}`, "right");
    const [left, right] = [await publicKey(room, "wg1"), await publicKey(room, "wg2")];
    await must(
      room,
      `ifconfig wg1 wgpeer ${right} wgendpoint 10.0.0.2 7222 wgaip 192.168.5.2/32 inet 192.168.5.1/24`,
    );
    await may(room, "ping -n -c 1 -W 1 192.168.5.2", "left");
    await must(
      room,
      `ifconfig wg2 wgport 7222 wgpeer ${left} wgaip 192.168.5.1/32 inet 192.168.5.2/24`,
    );
    // A new attempt at once.
    await must(room, "ifconfig wg1 down");
    await must(room, "ifconfig wg1 up");
    await must(room, "ping -n -c 1 -W 60 -w 60 192.168.5.2", "left");
  },
);

/**
 * Runs the rest of its arguments where socket(AF_INET6) fails with EAFNOSUPPORT, as after a boot
 * with ipv6.disable=1: a seccomp filter.
 */
const [PRCTL, SOCKET] = Deno.build.arch === "x86_64" ? [157, 41] : [167, 198];
const WITHOUT_INET6 = `
  my @f = ([0x20,0,0,0], [0x15,0,3,${SOCKET}], [0x20,0,0,16], [0x15,0,1,10], [6,0,0,0x50061], [6,0,0,0x7fff0000]);
  my $f = join "", map { pack "SCCL", @$_ } @f;
  syscall(${PRCTL}, 38, 1, 0, 0, 0) == 0 or die;
  syscall(${PRCTL}, 22, 2, pack("Sx6P", scalar @f, $f), 0, 0) == 0 or die;
  exec @ARGV or die;
`;

async function tunnelOverIpv4(room: Room, prefix: readonly string[]): Promise<void> {
  for (const [name, netns, port] of [["wg1", "left", "7111"], ["wg2", "right", "7222"]] as const) {
    const words = ["ifconfig", name, "create", "wgport", port, "wgkey", randomKey()];
    await room.output([...prefix, ...words], { netns });
  }
  const [left, right] = [await publicKey(room, "wg1"), await publicKey(room, "wg2")];
  await must(room, `ifconfig wg2 wgpeer ${left} wgaip 192.168.5.1/32 inet 192.168.5.2/24`);
  await must(
    room,
    `ifconfig wg1 wgpeer ${right} wgendpoint 10.0.0.2 7222 wgaip 192.168.5.2/32 inet 192.168.5.1/24`,
  );
  await ping(room, "left", "192.168.5.2");
  await must(room, "ifconfig wg1 destroy");
  await must(room, "ifconfig wg2 destroy");
}

Deno.test("hosts without IPv6", NEEDED, async (t) => {
  await using room = await wgRoom();
  await cable(room);
  await t.step({
    name: "not in the kernel",
    ignore: program("perl") === undefined,
    fn: () => tunnelOverIpv4(room, ["perl", "-e", WITHOUT_INET6]),
  });
  await t.step("switched off", async () => {
    const off =
      "mount -o remount,rw /proc/sys 2>/dev/null; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
    for (const netns of ["left", "right"]) await shell(room, off, netns);
    await tunnelOverIpv4(room, []);
  });
});

Deno.test(
  "closed descriptors, a removed folder and a strange environment",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const strange =
      "env -u HOME DENO_DIR=/nowhere DENO_V8_FLAGS=--bad NODE_OPTIONS=--bad DENO_LOG=debug RUST_LOG=trace DENO_CERT=/nowhere";
    const scripts: readonly [string, string][] = [
      [
        "closed descriptors",
        "ifconfig wg1 create <&- >&- 2>&- && ifconfig wg1 destroy <&- >&- 2>&-",
      ],
      [
        "a folder that is gone",
        "mkdir /run/gone; cd /run/gone; rmdir /run/gone; ifconfig wg1 create && ifconfig wg1 destroy",
      ],
      ["strange environment", `${strange} ifconfig wg1 create && ${strange} ifconfig wg1 destroy`],
      [
        "a broken ~/.npmrc",
        "mkdir /run/h; printf '\\377' >/run/h/.npmrc; export HOME=/run/h; ifconfig wg1 create && ifconfig wg1 destroy",
      ],
      [
        "a folder with spaces",
        `mkdir '/run/a b'; ln -s ${WG} '/run/a b/ifconfig'; cd '/run/a b'; ./ifconfig wg1 create && ./ifconfig wg1 destroy`,
      ],
      [
        "files of other programs",
        "mkdir /run/j; cd /run/j; echo '{' | tee deno.json >package.json; ifconfig wg1 create && ifconfig wg1 destroy",
      ],
      [
        "umask 0",
        'umask 0; ifconfig wg1 create && test -z "$(find /run/wireguard -perm /022)" && ifconfig wg1 destroy',
      ],
    ];
    for (const [what, script] of scripts) {
      const { code, stdout, stderr } = await shell(room, script);
      equal(code, 0, `${what}: ${stdout}${stderr}`);
      equal(stdout, "", what);
      deepEqual(await traces(room), [], what);
    }
    await must(room, "ifconfig wg1 create");
    const full = await shell(room, "ifconfig wg1 >/dev/full");
    deepEqual([full.code, full.stderr.split("\n").length], [1, 2], full.stderr);
  },
);

Deno.test(
  "a control folder that cannot be used is named in one line, and nothing is left",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const folders: readonly [string, string][] = [
      ["echo >/run/wireguard", "rm /run/wireguard"],
      ["ln -s /nowhere/at/all /run/wireguard", "rm /run/wireguard"],
      [
        "mkdir -p /run/wireguard && mount -t tmpfs -o ro tmpfs /run/wireguard",
        "umount /run/wireguard",
      ],
      [
        "mount -t tmpfs -o nr_inodes=1 tmpfs /run/wireguard",
        "umount /run/wireguard; rmdir /run/wireguard",
      ],
    ];
    for (const [spoil, mend] of folders) {
      equal((await shell(room, spoil)).code, 0, spoil);
      const { code, stderr } = await may(room, "ifconfig wg1 create rdomain 3");
      equal(code, 1, spoil);
      match(stderr, /^ifconfig: \/var\/run\/wireguard[^\n]*\n$/, spoil);
      equal((await shell(room, mend)).code, 0, mend);
      deepEqual((await traces(room)).filter((trace) => trace !== "/run/wireguard"), [], spoil);
    }
  },
);

Deno.test(
  "with CAP_NET_ADMIN alone: everything but rdomains",
  needs("namespaces", "tun", "ip", "root"),
  async () => {
    await using room = await wgRoom();
    const bounded = (line: string) =>
      may(room, `setpriv --bounding-set=-all,+net_admin --inh-caps=-all ${line}`);
    for (
      const line of [
        `ifconfig wg1 create wgport 7000 wgkey ${randomKey()}`,
        "ifconfig wg1 192.168.5.1/24",
        "ifconfig wg1 mtu 1300 debug",
        "ifconfig wg1",
      ]
    ) equal((await bounded(line)).code, 0, line);
    for (
      const line of [
        "ifconfig wg1 rdomain 3",
        "ifconfig wg1 wgrtable 3",
        "ifconfig wg2 create rdomain 3",
      ]
    ) {
      const { code, stderr } = await bounded(line);
      equal(code, 1, line);
      match(stderr, /^ifconfig: [^\n]*rdomains need the capability CAP_SYS_ADMIN[^\n]*\n$/, line);
    }
    equal((await bounded("ifconfig wg1 destroy")).code, 0);
    deepEqual(await traces(room), []);
  },
);

Deno.test(
  "no secret in the daemon's log, its answers to others, or a core dump",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const [key, psk, peer] = [randomKey(), randomKey(), randomKey()];
    await must(
      room,
      `ifconfig wg1 create debug wgport 7111 wgkey ${key} wgpeer ${peer} wgpsk ${psk}`,
    );
    await must(room, "ifconfig wg1 up");
    const wrong = [
      `ifconfig wg1 wgkey ${key} fly`,
      `ifconfig wg1 wgpeer ${peer} wgpsk ${psk} wgaip 1.2.3.4/33`,
    ];
    let text = await must(room, `${WG} dmesg wg1`);
    for (const line of wrong) text += (await may(room, line)).stderr;
    text += await must(room, "cat /run/wireguard/wg1.public");
    for (const secret of [key, psk]) {
      equal(text.includes(secret.slice(0, 12)), false);
      equal(text.includes(Uint8Array.fromBase64(secret).toHex().slice(0, 12)), false);
    }
    const pid = await daemonOf(room, "wg1");
    // Either it makes no core dump at all, or one without memory.
    const filter = Number.parseInt(await Deno.readTextFile(`/proc/${pid}/coredump_filter`), 16);
    ok(/\bno_dump\b/.test(await must(room, "ifconfig wg1 hwfeatures")) || filter === 0);
  },
);

Deno.test(
  "concurrent creates and destroys give whole interfaces or none",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const one = await shell(room, "for i in 1 2 3; do ifconfig wg1 create rdomain 3 & done; wait");
    match(one.stderr, /^(ifconfig: wg1: [^\n]*EEXIST[^\n]*\n){2}$/);
    await must(room, "ifconfig wg1 destroy");
    deepEqual(await traces(room), []);

    const many = await shell(room, "for i in 1 2 3 4 5 6; do ifconfig wg create & done; wait");
    deepEqual(
      many.stdout.trim().split("\n").sort(),
      [0, 1, 2, 3, 4, 5].map((n) => `wg${n}`),
      many.stderr,
    );
    equal(
      (await shell(room, "for i in 0 1 2 3 4 5; do ifconfig wg$i destroy & done; wait")).stderr,
      "",
    );
    deepEqual(await traces(room), []);

    for (const pause of ["0.1", "0.2", "0.3", "0.4"]) {
      await shell(
        room,
        `ifconfig wg1 create rdomain 2 & sleep ${pause}; ifconfig wg1 destroy; wait; ifconfig wg1 destroy`,
      );
      await nothingLeft(room);
    }
  },
);
