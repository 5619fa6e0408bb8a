/**
 * Where names are seen, and by whom: rdomains in mount namespaces of their own, folders made under
 * a strict umask.
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, randomKey, traces, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip");
const NEEDS_ROOT = needs("namespaces", "tun", "ip", "root");

const shell = (room: Room, script: string) => room.run(["sh", "-c", script]);
const identity = async (room: Room, path: string) =>
  (await must(room, `stat -Lc %i ${path}`)).trim();

async function nothingLeft(room: Room, names: readonly string[] = []): Promise<void> {
  await eventually("nothing is left", async () => (await traces(room)).join() === names.join());
}

Deno.test(
  "an rdomain is not made where its name would be seen by nobody else",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await room.namespace("left");
    await room.output(["sh", "-c", "cat >/run/nested"], {
      stdin: "ifconfig wg1 create rdomain 98\nexit $?\n",
    });
    for (
      const line of [
        "ip netns exec left ifconfig wg1 create rdomain 98",
        "ip netns exec left ifconfig wg1 create wgrtable 98",
        // Its parent is within too; the one that called ip(8) is not.
        "ip netns exec left sh /run/nested",
        "unshare -m ifconfig wg1 create rdomain 98",
        "unshare -m --propagation slave ifconfig wg1 create rdomain 98",
      ]
    ) {
      const { code, stdout, stderr } = await may(room, line);
      deepEqual([code, stdout], [1, ""], line + stderr);
      match(
        stderr,
        /^ifconfig: rdomain 98: [^\n]*mount namespace[^\n]*nsenter --net[^\n]*\n$/,
        line,
      );
      await nothingLeft(room, ["left"]);
    }
    // One that runs: the same refusals, and it stays as it is.
    await must(room, "ip netns exec left ifconfig wg1 create wgport 7111");
    const shown = await must(room, "ifconfig wg1");
    for (const words of ["rdomain 98", "wgrtable 98"]) {
      match(
        (await may(room, `ip netns exec left ifconfig wg1 ${words}`)).stderr,
        /^ifconfig: rdomain 98: /,
      );
    }
    equal(await must(room, "ifconfig wg1"), shown);
    await must(room, "ifconfig wg1 destroy");
  },
);

Deno.test(
  "two interfaces in one rdomain are in one namespace, wherever they were made",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await room.namespace("left");
    await must(room, "nsenter --net=/run/netns/left ifconfig wg1 create rdomain 98");
    await must(room, "ip netns exec left ifconfig wg2 create rdomain 98");
    await must(room, "ifconfig wg3 create rdomain 98");
    await must(room, "unshare -m --propagation unchanged ifconfig wg4 create rdomain 98");
    for (const name of ["wg1", "wg2", "wg3", "wg4"]) {
      await must(
        room,
        `ip -n rdomain98 link show ${name}`,
      );
    }
    for (const name of ["wg1", "wg2", "wg3", "wg4"]) {
      await must(
        room,
        `ip netns exec left ifconfig ${name} destroy`,
      );
    }
    await nothingLeft(room, ["left"]);
  },
);

Deno.test(
  "a name that is an empty file is repaired, also while it is mounted elsewhere",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await room.namespace("left");
    await must(room, "touch /run/netns/rdomain98");
    await must(room, "ifconfig wg1 create rdomain 98");
    await must(room, "ip -n rdomain98 link show wg1");
    await must(room, "ifconfig wg1 destroy");
    await nothingLeft(room, ["left"]);

    // As an older program left it: here a file, elsewhere a namespace.
    await must(room, "touch /run/netns/rdomain98");
    const script = "mount --bind /run/netns/left /run/netns/rdomain98; echo there; exec sleep 600";
    const elsewhere = room.spawn(["unshare", "-m", "sh", "-c", script]);
    await elsewhere.wrote("there");
    await must(room, "ifconfig wg1 create rdomain 98");
    const here = await identity(room, "/run/netns/rdomain98");
    const seen = await shell(
      room,
      "for p in /proc/[0-9]*; do [ \"$(tr '\\0' ' ' <$p/cmdline)\" = 'sleep 600 ' ] && cat $p/mountinfo; done",
    );
    equal(seen.stdout.includes("/run/netns/rdomain98"), false, "the old mount is gone");
    await must(room, "ip -n rdomain98 link show wg1");
    equal(await identity(room, "/run/netns/rdomain98"), here);
    await must(room, "ifconfig wg1 destroy");
    elsewhere.signal("SIGKILL");
    await elsewhere.status;
  },
);

Deno.test(
  "mount namespaces with a /run of their own, and user namespaces, have rdomains of their own",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    // The new /run hides the room's own.
    const script =
      '"$1" ifconfig wg1 create rdomain 98 && "$1" ifconfig wg1 && "$1" ifconfig wg1 destroy';
    for (
      const place of ["unshare -m", "unshare -nm", "unshare -Urnm", "unshare -Urnmpf --mount-proc"]
    ) {
      const own = "mount -t tmpfs tmpfs /run; [ -L /var/run ] || mount --bind /run /var/run";
      const { code, stdout, stderr } = await room.run([
        ...place.split(" "),
        "sh",
        "-c",
        `${own}; ${script}`,
        "sh",
        `${ROOT}wg`,
      ]);
      deepEqual([code, stderr], [0, ""], place);
      match(stdout, /^wg1: [^\n]* rdomain 98 /, place);
    }
    await nothingLeft(room);
  },
);

Deno.test(
  "under umask 077 folders have their modes, and everybody's commands work",
  NEEDS_ROOT,
  async () => {
    await using room = await wgRoom();
    const strict = (line: string) => shell(room, `umask 077; exec ${line}`);
    const mode = async (path: string) => (await must(room, `stat -c %a ${path}`)).trim();
    await must(room, "mkdir -m 1777 /run/home");
    const asNobody = (line: string) =>
      room.run(
        [
          "setpriv",
          "--reuid=65534",
          "--regid=65534",
          "--clear-groups",
          "--inh-caps=-all",
          ...line.split(" "),
        ],
        { env: { HOME: "/run/home" } },
      );
    const noFolder = "umount /run/netns; rmdir /run/netns";
    await must(room, "rmdir /run/netns");
    deepEqual([(await strict("ifconfig wg1 create wgport 7111 rdomain 1")).stderr], [""]);
    deepEqual([await mode("/run/netns"), await mode("/run/wireguard")], ["755", "755"]);
    for (const words of ["", "wg1", "-A", "--json"]) {
      const { code, stdout, stderr } = await asNobody(`ifconfig ${words}`.trim());
      deepEqual([code, stderr], [0, ""], words);
      match(stdout, /wg1/, words);
    }
    // The daemon, whose umask is strict too, makes it as well.
    await must(room, "ifconfig wg1 destroy");
    equal((await shell(room, noFolder)).code, 0);
    await must(room, "ifconfig wg1 create wgport 7111");
    await must(room, "ifconfig wg1 wgrtable 6");
    equal(await mode("/run/netns"), "755");
    // Somebody's own folders stay as they are, and cost only what is in them.
    await must(room, "chmod 700 /run/netns");
    match((await asNobody("ifconfig wg1")).stdout, /\twgport 7111\n/);
    equal((await asNobody("ifconfig")).code, 0);
    await must(room, "ifconfig wg1 wgrtable 7");
    await must(room, "ifconfig wg1 destroy");
    equal(await mode("/run/netns"), "700");
    await must(room, "chmod 700 /run/wireguard");
    await must(room, "ifconfig wg1 create");
    equal(await mode("/run/wireguard"), "700");
    equal((await asNobody("ifconfig")).code, 0);
    await must(room, "ifconfig wg1 destroy");
  },
);

Deno.test(
  "under umask 077 the program unpacks itself without changing modes of common folders",
  NEEDS_ROOT,
  async () => {
    await using room = await wgRoom();
    // A /var without /var/cache, as in small containers.
    await must(room, "mount -t tmpfs -o mode=755 tmpfs /var");
    await must(room, "ln -s /run /var/run");
    equal((await shell(room, `umask 077; exec ${WG} version`)).code, 0);
    const packed = (await must(room, `${WG} version`)).includes("(packed");
    const modes = await shell(room, "stat -c %a /var/cache /var/cache/wg");
    if (packed) equal(modes.stdout, "755\n700\n");
  },
);

Deno.test(
  "CAP_NET_ADMIN without uid 0 does everything that needs no more",
  NEEDS_ROOT,
  async () => {
    await using room = await wgRoom();
    await must(room, "mkdir -m 1777 /run/home /run/dev");
    // Machines may keep the device from their users; the folder of the sockets is made by root or
    // lies where anybody may make it.
    const device = "mknod -m 666 /run/dev/tun c 10 200 && mount --bind /run/dev /dev/net";
    equal(
      (await shell(room, `${device} && mkdir /run/wireguard && chown 4321:4321 /run/wireguard`))
        .code,
      0,
    );
    const as = (uid: number, capabilities: string, line: string) =>
      room.run([
        "setpriv",
        "--clear-groups",
        `--reuid=${uid}`,
        `--regid=${uid}`,
        ...["inh-caps", "ambient-caps", "bounding-set"].map((set) =>
          `--${set}=-all${capabilities}`
        ),
        ...line.split(" "),
      ], { env: { HOME: `/run/home/${uid}` } });
    const admin = (line: string) => as(4321, ",+net_admin", line);
    const [key, peer] = [randomKey(), randomKey()];
    for (
      const line of [
        `ifconfig wg1 create wgport 7111 wgkey ${key} wgpeer ${peer} wgaip 10.9.0.0/16`,
        "ifconfig wg1 192.168.5.1/24 mtu 1300 description here debug group lan",
        "ifconfig wg1 wgport 7112 down",
        "ifconfig wg1 up",
        "ifconfig wg create",
        "ifconfig wg0 destroy",
        "route add 10.9.0.0/16 192.168.5.9",
        `${WG} dmesg wg1`,
      ]
    ) {
      const { code, stderr } = await admin(line);
      deepEqual([code, stderr], [0, ""], line);
    }
    const shown = await admin("ifconfig wg1");
    match(
      shown.stdout,
      / mtu 1300\n[^]*\twgport 7112\n[^]*\twgpeer [^]*\t\twgaip 10\.9\.0\.0\/16\n[^]*192\.168\.5\.1/,
    );
    match((await admin(`${WG} show wg1`)).stdout, /\npeer: /);
    const still = (text: string) => text.replaceAll(/tx: .*/g, "");
    equal(still((await may(room, "ifconfig wg1")).stdout), still(shown.stdout));
    const file =
      "mkdir /run/etc && cd /run/etc && cat >hostname.wg2 && chmod 600 hostname.wg2 && chown -R 4321:4321 .";
    await room.output(["sh", "-c", file], { stdin: "wgport 7222\ninet 192.168.6.1/24\n" });
    const started = await admin(`${WG} netstart -d /run/etc wg2`);
    deepEqual([started.code, started.stderr], [0, ""]);
    match((await admin("ifconfig wg2")).stdout, /192\.168\.6\.1/);

    // The owner without the capability: what the daemon does needs none, what the kernel does names
    // its refusal.
    equal((await as(4321, "", "ifconfig wg1 wgport 7113")).stderr, "");
    match(
      (await as(4321, "", "ifconfig wg1 mtu 1400")).stderr,
      /^ifconfig: [^\n]*\((EPERM|EACCES)\)\n$/,
    );
    match(
      (await as(4321, "", "ifconfig wg3 create")).stderr,
      /^ifconfig: wg3: [^\n]*CAP_NET_ADMIN[^\n]*\n$/,
    );
    // The capability without the socket: the port, and no peers.
    const other = await as(4322, ",+net_admin", "ifconfig wg1");
    match(other.stdout, /\twgport 7113\n/);
    equal(other.stdout.includes("wgpeer"), false);
    match(
      (await as(4322, ",+net_admin", "ifconfig wg1 wgport 7114")).stderr,
      /^ifconfig: wg1: [^\n]*not permitted[^\n]*\n$/,
    );
    // Root's interface in another namespace, and root without the capability to go there.
    await must(room, "ifconfig wg4 create rdomain 4");
    equal(
      (await as(0, ",+net_admin,+dac_override", "ifconfig wg4 mtu 1300")).stderr,
      "ifconfig: /run/netns/rdomain4: setns: Operation not permitted: rdomains need the capability " +
        "CAP_SYS_ADMIN (EPERM)\n",
    );
    // With it: the name of the rdomain leads there, without CAP_SYS_PTRACE.
    const mover = ",+net_admin,+dac_override,+sys_admin";
    equal((await as(0, mover, "ifconfig wg4 mtu 1300")).stderr, "");
    match(await must(room, "ifconfig wg4"), / mtu 1300\n/);
    await must(room, "ifconfig wg4 destroy");
    for (const name of ["wg1", "wg2"]) equal((await admin(`ifconfig ${name} destroy`)).stderr, "");
    await eventually(
      "no daemon is left",
      async () => !(await room.processes()).some((line) => line.includes("daemon")),
    );
  },
);
