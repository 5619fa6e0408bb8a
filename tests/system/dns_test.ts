/**
 * Name servers of a tunnel by the real programs that manage resolv.conf, in rooms whose /etc is a
 * copy.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Ran, Room } from "../../scripts/netlab.ts";
import { layOver, type UnpackedPackage } from "../../scripts/unpacked.ts";
import { needs } from "./needs.ts";

const USER = `${ROOT}tests/system/dns_user.ts`;

/** A room with an interface wg1, and with the programs of these packages. */
async function dnsRoom(...packages: UnpackedPackage[]): Promise<Room> {
  const room = await Room.open();
  await layOver(room, ...packages);
  await room.output(["ip", "tuntap", "add", "dev", "wg1", "mode", "tun"]);
  await room.output(["ip", "tuntap", "add", "dev", "wg2", "mode", "tun"]);
  return room;
}

async function dns(room: Room, words: string): Promise<Ran> {
  const run = [Deno.execPath(), "run", "-A", "--quiet", USER];
  return await room.run([...run, ...words.split(" ")]);
}

async function done(room: Room, words: string): Promise<string> {
  const { code, stdout, stderr } = await dns(room, words);
  equal(code, 0, stdout + stderr);
  return stdout;
}

/** What a resolver reads. */
async function active(room: Room): Promise<string[]> {
  const text = await room.output(["cat", "/etc/resolv.conf"]);
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const shell = (room: Room, script: string) => room.output(["sh", "-ec", script]);

const SET = "set wg1 10.64.0.1,fd00::53 corp.example,lan";
const SERVERS = ["nameserver 10.64.0.1", "nameserver fd00::53"];
const SEARCH = "search corp.example lan";

Deno.test(
  "openresolv: the tunnel's servers alone while it is up, and the others after it",
  needs("root", "namespaces", "tun", "ip", "openresolv"),
  async () => {
    await using room = await dnsRoom("openresolv");
    await shell(room, "rm -f /etc/resolv.conf; echo nameserver 192.0.2.53 | resolvconf -a eth0");
    deepEqual(await active(room), ["nameserver 192.0.2.53"]);
    match(await done(room, SET), /^resolvconf \(it is \S+\/resolvconf\)\n$/);
    deepEqual(await active(room), [SEARCH, ...SERVERS]);
    equal(await done(room, "has wg1 10.64.0.1,fd00::53"), "true\n");
    equal(await done(room, "has wg1 10.64.0.9"), "false\n");
    equal(await done(room, "has wg2 10.64.0.1"), "false\n");
    await done(room, "set wg2 10.65.0.1");
    equal((await active(room)).includes("nameserver 10.65.0.1"), true);
    await done(room, "unset wg1");
    deepEqual(await active(room), ["nameserver 10.65.0.1"]);
    await done(room, "unset wg2");
    await done(room, "unset wg2");
    deepEqual(await active(room), ["nameserver 192.0.2.53"]);
  },
);

Deno.test(
  "Debian's resolvconf: the tunnel's servers come first; where it does not manage the file, the " +
    "file is changed",
  needs("root", "namespaces", "tun", "ip", "resolvconf"),
  async () => {
    await using room = await dnsRoom("resolvconf");
    await shell(
      room,
      "mkdir -p /run/resolvconf/interface; ln -sf ../run/resolvconf/resolv.conf /etc/resolv.conf; " +
        "resolvconf --enable-updates; echo nameserver 192.0.2.53 | resolvconf -a eth0.inet",
    );
    deepEqual(await active(room), ["nameserver 192.0.2.53"]);
    equal(await done(room, SET), "resolvconf (/etc/resolv.conf is its file)\n");
    deepEqual((await active(room)).slice(0, 2), SERVERS);
    equal((await active(room)).includes(SEARCH), true);
    equal(await shell(room, "ls /run/resolvconf/interface"), "eth0.inet\ntun.wg1\n");
    equal(await done(room, "has wg1 10.64.0.1,fd00::53"), "true\n");
    equal(await done(room, "has wg2 10.64.0.1"), "false\n");
    await done(room, "unset wg1");
    deepEqual(await active(room), ["nameserver 192.0.2.53"]);

    await shell(room, "rm /etc/resolv.conf; echo nameserver 198.51.100.1 >/etc/resolv.conf");
    match(
      await done(room, SET),
      /^\/etc\/resolv\.conf \(\S+\/resolvconf does not manage \/etc\/resolv\.conf, /,
    );
    deepEqual(await active(room), [...SERVERS, SEARCH]);
    await done(room, "unset wg1");
    equal(await shell(room, "cat /etc/resolv.conf"), "nameserver 198.51.100.1\n");
  },
);

Deno.test(
  "no program: the file is changed, also where it is mounted as in a container",
  needs("root", "namespaces", "tun", "ip"),
  async () => {
    await using room = await dnsRoom();
    await shell(room, "rm -f /etc/resolv.conf; echo nameserver 192.0.2.53 >/etc/resolv.conf");
    const without = await room.run(["sh", "-c", "command -v resolvconf"]);
    // A machine that has the program installed uses it, and the tests above are about that.
    if (without.code === 0) return;
    match(await done(room, SET), /^\/etc\/resolv\.conf \(resolvconf is not installed, /);
    deepEqual(await active(room), [...SERVERS, SEARCH]);
    equal(await done(room, "has wg1 10.64.0.1"), "true\n");
    await done(room, "unset wg1");
    equal(await shell(room, "cat /etc/resolv.conf"), "nameserver 192.0.2.53\n");
    equal(await done(room, "has wg1 10.64.0.1"), "false\n");

    await shell(
      room,
      "echo nameserver 192.0.2.99 >/run/conf; mount --bind /run/conf /etc/resolv.conf",
    );
    await done(room, SET);
    deepEqual(await active(room), [...SERVERS, SEARCH]);
    deepEqual((await shell(room, "cat /run/conf")).includes(SERVERS[0]), true);
    await done(room, "unset wg1");
    equal(await shell(room, "cat /run/conf"), "nameserver 192.0.2.99\n");
    equal((await shell(room, "ls /etc")).includes("resolv.conf.wg"), false);
  },
);

Deno.test(
  "a program that fails, and words that are no name servers, are told; nothing is set",
  needs("root", "namespaces", "tun", "ip"),
  async () => {
    await using room = await dnsRoom();
    await shell(room, "rm -f /etc/resolv.conf; echo nameserver 192.0.2.53 >/etc/resolv.conf");
    for (const words of ["set wg1 10.0.0.1;reboot", "set wg1 -x", "set wg1 10.0.0.1 a\nb"]) {
      const { code, stdout } = await dns(room, words);
      equal(code, 1);
      match(stdout, /^DNS: ".*" is neither an address nor a domain\n$/);
    }
    match((await dns(room, "set wg1")).stdout, /^DNS: the address of a name server is required\n$/);
    await shell(
      room,
      'printf "#!/bin/sh\\n[ \\$1 = --version ] || { echo no >&2; exit 3; }\\n" >/run/bin/resolvconf; ' +
        "chmod 755 /run/bin/resolvconf",
    );
    const { code, stdout } = await dns(room, "set wg1 10.0.0.1");
    equal(code, 1);
    equal(stdout, "/run/bin/resolvconf -a wg1 -m 0 -x: failed with status 3: no\n");
    equal(await shell(room, "cat /etc/resolv.conf"), "nameserver 192.0.2.53\n");
  },
);

/** systemd-resolved asks for its user, and for a bus. */
const START_BUS = `
getent passwd systemd-resolve >/dev/null || {
  echo systemd-resolve:x:990:990::/:/usr/sbin/nologin >>/etc/passwd
  echo systemd-resolve:x:990: >>/etc/group
}
mkdir -p /run/dbus /run/systemd
`;

Deno.test(
  "systemd-resolved: the tunnel's servers are those of its link, for all names",
  needs("root", "namespaces", "tun", "ip", "dbus-daemon", "systemd-resolved"),
  async () => {
    await using room = await dnsRoom("systemd-resolved");
    await shell(room, START_BUS);
    await shell(room, "rm -f /etc/resolv.conf; echo nameserver 192.0.2.53 >/etc/resolv.conf");
    // Its program resolvconf is there, but not its process.
    match(await done(room, SET), /^\/etc\/resolv\.conf \(resolvconf is that of systemd-resolved, /);
    await done(room, "unset wg1");

    const bus = room.spawn(["dbus-daemon", "--system", "--nofork", "--nopidfile"]);
    const socket = ["test", "-S", "/run/dbus/system_bus_socket"];
    await eventually("the bus", async () => (await room.run(socket)).code === 0);
    const resolved = room.spawn(["/usr/lib/systemd/systemd-resolved"]);
    const answers = async () => (await room.run(["resolvectl", "status"])).code === 0;
    await eventually(`systemd-resolved: ${resolved.output()}`, answers);
    const stub = "ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf";
    await shell(room, stub);

    match(await done(room, SET), /^systemd-resolved \(it runs, and is resolvconf here\)\n$/);
    const status = await shell(room, "resolvectl status wg1");
    match(status, /DNS Servers: 10\.64\.0\.1 fd00::53\n/);
    match(status, /DNS Domain: (~\. corp\.example lan|corp\.example lan ~\.)\n/);
    match(status, /\+DefaultRoute/);
    equal(await done(room, "has wg1 10.64.0.1,fd00::53"), "true\n");
    equal(await done(room, "has wg1 10.64.0.9"), "false\n");
    equal(await done(room, "has wg9 10.64.0.1"), "false\n");
    await done(room, "unset wg1");
    equal((await shell(room, "resolvectl dns wg1")).trim(), "Link 2 (wg1):");
    await done(room, "unset wg9");

    // Without the program resolvconf it is found by the link of resolv.conf.
    await shell(
      room,
      "cd /run/over; mkdir sbin sbin-work; mount -t overlay overlay " +
        "-o lowerdir=/usr/sbin,upperdir=sbin,workdir=sbin-work /usr/sbin; rm /usr/sbin/resolvconf",
    );
    match(await done(room, SET), /^systemd-resolved \(it runs, and programs ask it\)\n$/);
    await done(room, "unset wg1");
    await shell(room, "rm /etc/resolv.conf; echo nameserver 192.0.2.53 >/etc/resolv.conf");
    match(
      await done(room, SET),
      /^\/etc\/resolv\.conf \(.*programs do not ask systemd-resolved\)\n$/,
    );
    await done(room, "unset wg1");

    const refused = await dns(room, "set wg1 10.0.0.1.2");
    equal(refused.code, 0, refused.stdout);
    await shell(room, `rm /etc/resolv.conf; ${stub}`);
    const { code, stdout } = await dns(room, "set wg1 10.0.0.1.2");
    equal(code, 1);
    match(stdout, /resolvectl dns -- wg1 10\.0\.0\.1\.2: failed with status 1: .*10\.0\.0\.1\.2/);
    resolved.signal("SIGTERM");
    bus.signal("SIGTERM");
    await Promise.all([resolved.status, bus.status]);
  },
);
