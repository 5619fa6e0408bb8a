/**
 * Endpoints given by the name of their host, with a real resolver, name server and /etc/hosts.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { lendingPath } from "../../lib/daemon/paths.ts";
import { ROOT } from "../../scripts/built.ts";
import { eventually, Room, type Running } from "../../scripts/netlab.ts";
import { memoryLimit } from "./memory_limit.ts";
import { needs } from "./needs.ts";
import {
  may,
  must,
  ownEtc,
  ping,
  randomKey,
  traces,
  tunnel,
  WG,
  wgRoom,
  writeFile,
} from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "wg", "nft", "ipv6");
/** A session is looked for this long, under any load of the machine. */
const LONG_MS = 120_000;
/** Initiations have 148 bytes and the UDP header. */
const INITIATIONS_DROPPED = `table inet lab { chain out { type filter hook output priority 0;
  udp dport 7111 udp length 156 drop; }; }
`;
const FOLDER = "/run/hostname";

/**
 * Gives the room its own /etc: a resolver that asks a name server on 127.0.0.1, and an empty
 * /etc/hosts.
 */
async function ownResolver(room: Room): Promise<void> {
  const files = {
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n",
    hosts: "127.0.0.1 localhost\n",
    "nsswitch.conf": "hosts: files dns\n",
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(room, `/run/etc/${name}`, text, "644");
    await room.output([
      "sh",
      "-ec",
      'test -e "/etc/$0" || : >"/etc/$0"; mount --bind "/run/etc/$0" "/etc/$0"',
      name,
    ]);
  }
  await names(room, {});
}

/** What the name server answers from now on. */
async function names(
  room: Room,
  known: Record<string, readonly string[] | "silent">,
): Promise<void> {
  await writeFile(room, "/run/names.json.new", JSON.stringify(known), "644");
  await room.output(["mv", "/run/names.json.new", "/run/names.json"]);
}

async function nameServer(room: Room, netns: string, at = "127.0.0.1"): Promise<Running> {
  const server = room.spawn([
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    `${ROOT}tests/system/name_server.ts`,
    at,
    "/run/names.json",
  ], { netns });
  await server.wrote("ready");
  return server;
}

interface PeerJson {
  readonly wgpeer: string;
  readonly wgendpoint?: { readonly address: string; readonly port: number };
  readonly wgendpointName?: {
    readonly host: string;
    readonly port: number;
    readonly addresses: readonly string[];
    readonly problem?: string;
  };
  readonly lastHandshakeUnix: number;
}

async function peersOf(room: Room, name = "wg1"): Promise<readonly PeerJson[]> {
  return JSON.parse(await must(room, `ifconfig ${name} --json`, "left"))[0].wgpeers;
}

const addressOf = async (room: Room) => (await peersOf(room))[0].wgendpoint?.address;

/** The only peer of an interface in the namespace of the room. */
const onlyPeer = async (room: Room) =>
  JSON.parse(await must(room, "ifconfig wg1 --json"))[0].wgpeers[0] as PeerJson;

const session = (room: Room, name = "wg1") =>
  eventually(
    "a session",
    async () => (await peersOf(room, name))[0].lastHandshakeUnix > 0,
    LONG_MS,
  );

/**
 * The room of `tunnel`, with its own resolver. wg1 on the left has no peer yet.
 * @returns the words for wg1 that make the right side its peer, without an endpoint
 */
async function prepared(room: Room): Promise<string> {
  await ownResolver(room);
  const { publicKeys } = await tunnel(room);
  await must(room, "ifconfig wg1 -wgpeerall", "left");
  return `wgpeer ${publicKeys.right} wgaip 192.168.5.2/32`;
}

/** The right side gets another address on its cable. */
async function moveRight(room: Room, from: string, to: string): Promise<void> {
  await must(room, `ip -n right address del ${from}/24 dev cable`);
  await must(room, `ip -n right address add ${to}/24 dev cable`);
}

Deno.test(
  "an interface starts while DNS is down, says so, and has a session when DNS is back",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const peer = await prepared(room);
    const changed = await may(
      room,
      `ifconfig wg1 ${peer} wgendpoint vpn.example.org 7222 wgpka 1 wgpeer ${randomKey()} wgendpoint localhost 9`,
      "left",
    );
    equal(changed.code, 0, changed.stderr);
    match(
      changed.stderr,
      /^ifconfig: wgendpoint: "vpn.example.org" does not resolve: [^;\n]+; wg1 tries it again\n$/,
    );
    const unknown = await must(room, "ifconfig wg1", "left");
    match(
      unknown,
      /\t\twgendpoint vpn.example.org 7222\n\t\taddress: none; the name does not resolve: /,
    );
    match(unknown, /\t\twgendpoint localhost 9\n\t\taddress: (127.0.0.1|::1) 9\n/);
    const told = /The endpoint of peer \d+, vpn.example.org, does not resolve: [^;]+; it is tried/g;
    equal((await must(room, `${WG} dmesg wg1`, "left")).match(told)?.length, 1);
    const server = await nameServer(room, "left");
    await names(room, { "vpn.example.org": ["10.0.0.2"] });
    await session(room);
    match(server.output(), /vpn\.example\.org A/);
    match(
      await must(room, "ifconfig wg1", "left"),
      /\t\twgendpoint vpn.example.org 7222\n\t\taddress: 10.0.0.2 7222\n/,
    );
    const log = await must(room, `${WG} dmesg wg1`, "left");
    match(log, /The endpoint of peer \d+, vpn.example.org, is now 10.0.0.2:7222/);
    equal(log.match(told)?.length, 1, "once, however often it was tried");
    deepEqual((await peersOf(room))[0].wgendpointName, {
      host: "vpn.example.org",
      port: 7222,
      addresses: ["10.0.0.2"],
    });
    // Debian's wg sees the address and nothing else.
    const shown = await must(room, "/usr/bin/wg show wg1 endpoints", "left");
    match(shown, /\t10.0.0.2:7222\n/);
    equal((await must(room, "/usr/bin/wg showconf wg1", "left")).includes("example"), false);
    // What the status shows can be given again, and an address takes the name away.
    await must(room, `ifconfig wg1 ${peer} wgendpoint vpn.example.org 7222`, "left");
    ok((await peersOf(room))[0].lastHandshakeUnix > 0, "the session stays");
    await must(room, `ifconfig wg1 ${peer} wgendpoint 10.0.0.2 7222`, "left");
    equal((await peersOf(room))[0].wgendpointName, undefined);
    await ping(room, "left", "192.168.5.2");
  },
);

Deno.test(
  "a session that works is left alone; a peer that is gone is found by its name",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const peer = await prepared(room);
    await names(room, { "home.example.org": ["2001:db8::99", "10.0.0.2"] });
    await must(room, "ip -n left address add 2001:db8::1/64 dev cable nodad");
    const server = await nameServer(room, "left");
    await must(room, `ifconfig wg1 ${peer} wgendpoint home.example.org 7222 wgpka 1`, "left");
    // Nobody has the IPv6 address, which the resolver gives first.
    await session(room);
    equal(await addressOf(room), "10.0.0.2");
    deepEqual((await peersOf(room))[0].wgendpointName?.addresses, ["2001:db8::99", "10.0.0.2"]);

    await must(room, "ifconfig wg1 wgpeer " + peer.split(" ")[1] + " wgpka 0", "left");
    const asked = server.output();
    await names(room, { "home.example.org": ["10.0.0.77"] });
    await ping(room, "left", "192.168.5.2");
    // It roams, and is heard from there.
    await moveRight(room, "10.0.0.2", "10.0.0.3");
    await must(room, "ping -n -c 3 -i 0.3 -W 60 192.168.5.1", "right");
    equal(await addressOf(room), "10.0.0.3");
    await ping(room, "left", "192.168.5.2");
    equal(await addressOf(room), "10.0.0.3", "where it was heard, whatever its name says");
    equal(server.output(), asked, "nobody asks for the name of a session that works");

    // It is gone from there, cannot say so (what it sends first is dropped), and its name follows.
    await room.output(["nft", "-f", "-"], { netns: "right", stdin: INITIATIONS_DROPPED });
    await moveRight(room, "10.0.0.3", "10.0.0.4");
    await names(room, { "home.example.org": ["10.0.0.4"] });
    const from = performance.now();
    const pings = room.spawn(["ping", "-n", "-i", "0.5", "192.168.5.2"], { netns: "left" });
    await eventually("it is found", async () => await addressOf(room) === "10.0.0.4", LONG_MS);
    await pings.wrote(/\d+ bytes from 192\.168\.5\.2/);
    ok(performance.now() - from > 14_000, "the old address had its 15 s");
    ok(server.output() !== asked);
  },
);

Deno.test(
  "a hundred peers with names, half of them dead or without an answer; the file keeps its names",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const peer = await prepared(room);
    await nameServer(room, "left");
    const good = Array.from({ length: 50 }, (_, i) => `good${i}.example.org`);
    const dead = Array.from({ length: 50 }, (_, i) => `dead${i}.example.org`);
    await names(
      room,
      Object.fromEntries([
        ["vpn.example.org", ["10.0.0.2"]],
        ...good.map((name, i) => [name, [`10.7.0.${i + 1}`]]),
        ...dead.slice(0, 25).map((name) => [name, "silent"]),
      ]),
    );
    const lines = [
      `${peer} wgendpoint vpn.example.org 7222 wgpka 1`,
      ...good.flatMap((name, i) => [name, dead[i]]).map((name) =>
        `wgpeer ${randomKey()} wgendpoint ${name} 7222`
      ),
      "inet 192.168.5.1/24",
    ];
    await writeFile(room, `${FOLDER}/hostname.wg1`, `${lines.join("\n")}\n`);
    const started = await may(room, `${WG} netstart -d ${FOLDER} wg1`, "left");
    equal(started.code, 0, started.stderr);
    match(started.stderr, /hostname\.wg1: wgendpoint: "dead49\.example\.org" does not resolve: /);
    ok(!started.stderr.includes("good0.example.org"));
    await session(room);
    const withNames = async () => (await peersOf(room)).filter((one) => one.wgendpointName);
    await eventually(
      "all good names",
      async () =>
        (await withNames()).filter(({ wgendpoint }) => wgendpoint !== undefined).length === 51,
      LONG_MS,
    );
    const all = await withNames();
    equal(all.length, 101);
    for (const { wgendpointName, wgendpoint } of all) {
      equal(wgendpointName?.host.startsWith("dead"), wgendpoint === undefined);
    }
    // A reload compares names with names: nothing differs.
    await must(room, "ifconfig wg1 -inet6", "left");
    const before = (await peersOf(room))[0].lastHandshakeUnix;
    const reload = await may(room, `${WG} netstart -nr -d ${FOLDER} wg1`, "left");
    equal(reload.stdout, "", reload.stderr);
    const [, , second] = lines;
    const other = lines.filter((line) => line !== second);
    other[1] = other[1].replace("good0.example.org 7222", "10.9.9.9 99");
    await writeFile(room, `${FOLDER}/hostname.wg1`, `${other.join("\n")}\n`);
    const plan = (await may(room, `${WG} netstart -nr -d ${FOLDER} wg1`, "left")).stdout;
    match(plan, /^ifconfig wg1 wgpeer \S+ wgendpoint 10\.9\.9\.9 99\nifconfig wg1 -wgpeer \S+\n$/);
    equal((await may(room, `${WG} netstart -r -d ${FOLDER} wg1`, "left")).code, 0);
    const after = await peersOf(room);
    equal(after.length, 100);
    equal(after.find(({ wgendpoint }) => wgendpoint?.port === 99)?.wgendpointName, undefined);
    equal(after[0].lastHandshakeUnix, before, "the session is the same");
  },
);

Deno.test(
  "a resolver that hangs delays neither packets nor commands nor the end of the interface",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const peer = await prepared(room);
    await writeFile(
      room,
      "/run/etc/resolv.conf.new",
      "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n",
      "644",
    );
    await room.output(["sh", "-ec", "cat /run/etc/resolv.conf.new >/etc/resolv.conf"]);
    const server = await nameServer(room, "left");
    await names(room, { "hang.example.org": "silent" });
    await must(room, `ifconfig wg1 ${peer} wgendpoint 10.0.0.2 7222`, "left");
    await ping(room, "left", "192.168.5.2");
    const key = randomKey();
    const hangs = await may(
      room,
      `ifconfig wg1 wgpeer ${key} wgdescr hanging wgendpoint hang.example.org 1`,
      "left",
    );
    equal(hangs.code, 0);
    equal(
      hangs.stderr,
      `ifconfig: wgendpoint of hanging (${key}): "hang.example.org" does not resolve: ` +
        "no answer for 2 seconds; wg1 tries it again\n",
    );
    match(server.output(), /hang\.example\.org/);
    match(await must(room, "ifconfig wg1", "left"), /\t\taddress: being looked up\n/);
    await ping(room, "left", "192.168.5.2");
    await must(room, "ifconfig wg1 destroy", "left");
    const again = await may(room, "ifconfig wg1", "left");
    equal(again.code, 1);
    // The look-up would still go on: its first query waits for 30 s. It has ended.
    await eventually(
      "no look-up",
      async () => (await room.processes()).every((process) => !/getent|look-up/.test(process)),
    );
    equal(server.output().match(/hang\.example\.org A\n/g)?.length, 1);
  },
);

/** The process that looks up names for an interface; 0 for none. */
const lookUpsPid = async (room: Room, name: string): Promise<number> =>
  Number(
    /^look_ups_pid=(\d+)$/m.exec(await must(room, `cat /run/wireguard/${name}.public`))?.[1] ?? 0,
  );

/** The fields of /proc/PID/status of a process in a room. */
async function statusOf(room: Room, pid: number): Promise<ReadonlyMap<string, string>> {
  const text = await must(room, `cat /proc/${pid}/status`);
  return new Map([...text.matchAll(/^(\w+):\t(.*)$/gm)].map(([, key, value]) => [key, value]));
}

Deno.test(
  "names are looked up by a process without rights, also after resolv.conf was replaced",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await ownEtc(room);
    /** As DHCP clients do it: the name is another file's then. */
    const replace = async (path: string, text: string) => {
      await writeFile(room, `${path}.new`, text, "644");
      await must(room, `mv ${path}.new ${path}`);
    };
    const nobody = "nameserver 127.0.0.9\noptions timeout:1 attempts:1\n";
    // Not the one that is asked without a file, 127.0.0.1.
    const right = nobody.replace("127.0.0.9", "127.0.0.7");
    await replace("/etc/nsswitch.conf", "hosts: files dns\n");
    await replace("/etc/resolv.conf", nobody);
    const { publicKeys } = await tunnel(room);
    await nameServer(room, "left", "127.0.0.7");
    await names(room, { "vpn.example.org": ["10.0.0.2"] });
    const named = `wgpeer ${publicKeys.right} wgendpoint vpn.example.org 7222 wgpka 1`;
    const reaches = (name: string) =>
      eventually(
        `the endpoint of ${name}`,
        async () => (await peersOf(room, name))[0].wgendpoint?.address === "10.0.0.2",
        LONG_MS,
      );
    const before = await traces(room);

    // Made with a name, by ifconfig and by netstart; and made without one.
    await must(room, `ifconfig wg3 create wgkey ${randomKey()} ${named} up`, "left");
    await writeFile(room, `${FOLDER}/hostname.wg4`, `wgkey ${randomKey()}\n${named}\nup\n`);
    await must(room, `${WG} netstart -d ${FOLDER} wg4`, "left");
    await must(room, `ifconfig wg5 create wgkey ${randomKey()} up`, "left");
    equal(await lookUpsPid(room, "wg5"), 0, "without names there is no such process");
    await must(room, `ifconfig wg5 ${named}`, "left");
    await replace("/etc/resolv.conf", right);
    for (const name of ["wg3", "wg4", "wg5"]) {
      await reaches(name);
      const pid = await lookUpsPid(room, name);
      const status = await statusOf(room, pid);
      const user = "65534\t65534\t65534\t65534";
      deepEqual([status.get("Uid"), status.get("Gid"), status.get("Groups")], [user, user, " "]);
      for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) {
        equal(status.get(`Cap${set}`), "0000000000000000");
      }
      equal(status.get("NoNewPrivs"), "1");
      match(
        (await must(room, `cat /proc/${pid}/cmdline`)).replaceAll("\0", " "),
        new RegExp(`^/bin/sh -c \\S+ \\S+ wg-look-ups ${name} $`),
      );
      match(
        await must(room, `ifconfig ${name} hwfeatures`, "left"),
        new RegExp(`^\tlook-ups: process ${pid}$`, "m"),
      );
    }
    const pid = await lookUpsPid(room, "wg3");
    await must(room, `ifconfig wg3 ${named}`, "left");
    equal(await lookUpsPid(room, "wg3"), pid, "the same one goes on");

    // It is killed, which the next look-up finds out. A change of a name brings another one.
    await must(room, `kill -KILL ${pid}`);
    await must(room, `ifconfig wg3 ${named.replace("7222", "7223")}`, "left");
    await eventually("another one", async () => ![0, pid].includes(await lookUpsPid(room, "wg3")));
    await eventually(
      "the port",
      async () => (await peersOf(room, "wg3"))[0].wgendpoint?.port === 7223,
      LONG_MS,
    );
    match(
      await must(room, `${WG} dmesg wg3`, "left"),
      /the process that looks up names has ended; `wg restart wg3` starts one/,
    );
    await must(room, `kill -KILL ${await lookUpsPid(room, "wg3")}`);
    await must(room, `${WG} restart wg3`, "left");
    await reaches("wg3");

    // It ends with the process of the interface, however that ends.
    const owner = /^pid=(\d+)$/m.exec(await must(room, "cat /run/wireguard/wg4.public"))![1];
    await must(room, `kill -KILL ${owner}`);
    for (const name of ["wg3", "wg5"]) await must(room, `ifconfig ${name} destroy`, "left");
    await eventually(
      "nothing is left",
      async () =>
        (await traces(room)).filter((trace) => !before.includes(trace) && !/wg4\./.test(trace))
          .length === 0,
    );
  },
);

Deno.test(
  "a process that looks up names may write nothing, read no secret and send no datagram",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await ownEtc(room);
    for (const path of ["/etc/shadow", "/etc/wireguard/wg1.conf", "/run/wg-secret"]) {
      await writeFile(room, path, "secret\n");
    }
    await must(room, "chmod 777 /run");
    // What getent(1) may do, a program in its place may do.
    const tries = ["cat /etc/shadow", "cat /etc/wireguard/wg1.conf", "cat /run/wg-secret"];
    const writes = ["touch /run/wg-was-here", "touch /tmp/wg-was-here", "kill -0 $PPID", "id -u"];
    // One of the service manager's would take datagrams of a process of the unit.
    const sockets = ["DGRAM", "RAW", "STREAM"].flatMap((type) => [
      `perl -MSocket -e 'exit !socket(S, AF_UNIX, SOCK_${type}, 0)'`,
      `perl -MSocket -e 'exit !socketpair(S, T, AF_UNIX, SOCK_${type}, 0)'`,
    ]);
    const script = [...tries, ...writes, ...sockets].map((line) =>
      `${line} >/dev/null 2>&1 && echo "10.99.0.$((n += 1)) DGRAM" || n=$((n + 1))`
    );
    await writeFile(room, "/run/getent", `#!/bin/sh\nn=0\n${script.join("\n")}\n`, "755");
    await must(room, "mount --bind /run/getent /usr/bin/getent");
    await must(
      room,
      `ifconfig wg1 create wgpeer ${randomKey()} wgendpoint any.example.org 7`,
    );
    await eventually(
      "answers",
      async () => (await onlyPeer(room)).wgendpoint !== undefined,
      LONG_MS,
    );
    // Without Landlock, what everybody may write to is not refused.
    const privileges = await must(room, "ifconfig wg1 hwfeatures");
    const refused = [1, 2, 3, ...(/ landlock\(/.test(privileges) ? [4, 5] : []), 8, 9, 10, 11];
    const { addresses } = (await onlyPeer(room)).wgendpointName!;
    for (let n = 1; n <= 13; n++) {
      equal(addresses.includes(`10.99.0.${n}`), !refused.includes(n), `try ${n}`);
    }
  },
);

Deno.test("names are looked up as root of a user namespace", NEEDED, async () => {
  await using room = await Room.open("user");
  await room.install(`${ROOT}wg`, ["ifconfig", "route", "netstat"]);
  await must(room, `ifconfig wg1 create wgpeer ${randomKey()} wgendpoint localhost 7`);
  match((await onlyPeer(room)).wgendpoint?.address ?? "", /^(::1|127\.0\.0\.1)$/);
  const pid = await lookUpsPid(room, "wg1");
  const status = await statusOf(room, pid);
  equal(status.get("CapEff"), "0000000000000000");
  equal(status.get("NoNewPrivs"), "1");
  await must(room, "ifconfig wg1 destroy");
  await eventually("its end", async () => (await traces(room)).length === 0);
});

Deno.test("what looks names up is in the control groups of the interface", NEEDED, async (t) => {
  using group = memoryLimit(1 << 30);
  await t.step({
    name: "a cgroup",
    ignore: group === undefined,
    fn: async () => {
      const { procs } = group!;
      await using room = await wgRoom();
      await must(room, "ifconfig wg1 create");
      const line = `ifconfig wg1 wgpeer ${randomKey()} wgendpoint localhost 7`;
      await room.output(["sh", "-ec", `echo $$ >${procs}; ${line}`]);
      const pid = await lookUpsPid(room, "wg1");
      const owner = /^pid=(\d+)$/m.exec(await must(room, "cat /run/wireguard/wg1.public"))![1];
      const groups = await must(room, `cat /proc/${pid}/cgroup`);
      equal(groups, await must(room, `cat /proc/${owner}/cgroup`));
      equal((await Deno.readTextFile(procs)).trim(), "", "the group of the command is empty");
      await must(room, "ifconfig wg1 destroy");
    },
  });
});

Deno.test(
  "a command says why no process looks names up, and the next one mends it",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create");
    await must(room, `mv ${lendingPath("wg1")} /run/elsewhere`);
    const key = randomKey();
    const { code, stderr } = await may(room, `ifconfig wg1 wgpeer ${key} wgendpoint localhost 7`);
    equal(code, 0);
    const why = String.raw`wg1: sendmsg: No such file or directory \(ENOENT\)`;
    match(
      stderr,
      new RegExp(
        `^ifconfig: wgendpoint: "localhost" does not resolve: no process looks it up \\(${why}\\); `,
      ),
    );
    match(
      await must(room, `${WG} dmesg wg1`),
      new RegExp(`wg1: no process that looks up names was started: ${why}\\n`),
    );
    await must(room, `mv /run/elsewhere ${lendingPath("wg1")}`);
    await must(room, `ifconfig wg1 wgpeer ${key} wgendpoint localhost 8`);
    await eventually(
      "an address",
      async () => (await onlyPeer(room)).wgendpoint !== undefined,
      LONG_MS,
    );
    await must(room, "ifconfig wg1 destroy");
  },
);

Deno.test("names are looked up with CAP_NET_ADMIN alone, as in containers", NEEDED, async () => {
  await using room = await wgRoom();
  const only = ["setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin"];
  const line = `/run/bin/ifconfig wg1 create wgpeer ${randomKey()} wgendpoint localhost 7`;
  await room.output([...only, ...line.split(" ")]);
  match((await onlyPeer(room)).wgendpoint?.address ?? "", /^(::1|127\.0\.0\.1)$/);
  const status = await statusOf(room, await lookUpsPid(room, "wg1"));
  equal(status.get("CapEff"), "0000000000000000");
  await room.output([...only, "/run/bin/ifconfig", "wg1", "destroy"]);
  await eventually("its end", async () => (await traces(room)).length === 0);
});

Deno.test(
  "names come from /etc/hosts, and are looked up in the rdomain of the UDP socket",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const peer = await prepared(room);
    await room.output(["sh", "-ec", "echo '10.0.0.2 gate.example.org gate' >>/etc/hosts"]);
    await must(room, `ifconfig wg1 ${peer} wgendpoint gate 7222 wgpka 1`, "left");
    await session(room);
    equal((await peersOf(room))[0].wgendpointName?.host, "gate");
    // An interface may be made with names.
    await must(
      room,
      `ifconfig wg5 create wgport 7555 ${peer} wgendpoint gate 7222 wgpeer ${randomKey()} wgendpoint nosuch 1`,
      "left",
    );
    deepEqual((await peersOf(room, "wg5")).map(({ wgendpoint }) => wgendpoint?.address), [
      "10.0.0.2",
      undefined,
    ]);
    await must(room, "ifconfig wg5 destroy", "left");
    // The name server is in rdomain 3 alone, and wg4's socket comes there later.
    await must(room, "ifconfig wg9 create wgport 7999 rdomain 3", "left");
    await room.link(
      { netns: "rdomain3", name: "second", addresses: ["10.3.0.1/24"] },
      { netns: "right", name: "second", addresses: ["10.3.0.2/24"] },
    );
    await nameServer(room, "rdomain3");
    await names(room, { "vpn.example.org": ["10.3.0.2"] });
    const key = peer.split(" ")[1];
    await must(room, `ifconfig wg4 create wgport 7444 wgpeer ${key}`, "left");
    const there = async () => (await peersOf(room, "wg4"))[0];
    const here = await may(
      room,
      `ifconfig wg4 wgpeer ${key} wgendpoint vpn.example.org 7222`,
      "left",
    );
    match(here.stderr, /does not resolve/);
    equal((await there()).wgendpoint, undefined);
    await must(room, "ifconfig wg4 wgrtable 3", "left");
    await eventually("an address", async () => (await there()).wgendpoint !== undefined, LONG_MS);
    equal((await there()).wgendpoint?.address, "10.3.0.2");
    // The same from the beginning, and for a name that comes from a command elsewhere.
    const other = `wgpeer ${key} wgendpoint vpn.example.org 7222`;
    await must(room, `ifconfig wg5 create wgport 7555 wgrtable 3 ${other}`, "left");
    await must(room, "ifconfig wg6 create wgport 7666 wgrtable 3", "left");
    await must(room, `ifconfig wg6 ${other}`, "right");
    for (const name of ["wg5", "wg6"]) {
      await eventually(
        name,
        async () => (await peersOf(room, name))[0].wgendpoint?.address === "10.3.0.2",
        LONG_MS,
      );
      await must(room, `ifconfig ${name} destroy`, "left");
    }
    for (const name of ["wg4", "wg9"]) await must(room, `ifconfig ${name} destroy`, "left");
  },
);

Deno.test(
  "another implementation's daemon gets the address that the command looked up",
  needs("namespaces", "tun", "ip", "wireguard-go"),
  async () => {
    await using room = await wgRoom();
    await ownResolver(room);
    await room.output(["sh", "-ec", "echo '10.0.0.2 gate.example.org' >>/etc/hosts"]);
    await must(room, "/usr/bin/wireguard-go wg8");
    const key = randomKey();
    await must(room, `ifconfig wg8 wgpeer ${key} wgendpoint gate.example.org 7222`);
    match(await must(room, "ifconfig wg8"), /\t\twgendpoint 10\.0\.0\.2 7222\n/);
    const { code, stderr } = await may(
      room,
      `ifconfig wg8 wgpeer ${key} wgendpoint nosuch.invalid 1`,
    );
    equal(code, 1);
    match(
      stderr,
      /^ifconfig: wgendpoint: "nosuch.invalid": the host's name does not resolve: [^\n]+\n$/,
    );
  },
);

Deno.test(
  "the port of an endpoint is refused by the word that the user wrote",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await prepared(room);
    const { code, stderr } = await may(
      room,
      `${WG} set wg1 peer ${randomKey()} endpoint 192.0.2.1:0`,
      "left",
    );
    equal(code, 1);
    equal(stderr, "wg: endpoint: the port 0 is out of range; 1 to 65535 is required\n");
  },
);
