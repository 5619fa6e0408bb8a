/**
 * What the kernel does not do with our links by itself, as with those of its own WireGuard: no IPv6
 * link-local address, no ICMP redirects, however the interface came to be and wherever it went.
 * @module
 */
import { equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { cable, may, must, ping, publicKey, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "ipv6");

const linkLocals = async (room: Room, name: string, netns?: string): Promise<string[]> =>
  (await must(room, `ip -6 -o address show dev ${name}`, netns)).split("\n").filter((line) =>
    line.includes(" fe80:")
  );

const setting = async (room: Room, path: string, netns?: string): Promise<string> =>
  (await must(room, `cat /proc/sys/net/ipv4/conf/${path}`, netns)).trim();

/** One of the kernel's counters of /proc/net/snmp. */
async function counter(room: Room, group: string, name: string, netns: string): Promise<number> {
  const [names, values] = (await must(room, "cat /proc/net/snmp", netns)).split("\n")
    .filter((line) => line.startsWith(`${group}: `)).map((line) => line.split(" "));
  return Number(values[names.indexOf(name)]);
}

/** As of a kernel and a machine that never heard of WireGuard: both allow redirects. */
async function allowRedirects(room: Room, netns?: string): Promise<void> {
  for (const which of ["all", "default"]) {
    await room.run(["sh", "-c", `echo 1 >/proc/sys/net/ipv4/conf/${which}/send_redirects`], {
      check: true,
      ...(netns === undefined ? {} : { netns }),
    });
  }
}

Deno.test(
  "every way of making an interface leaves it without a link-local address",
  NEEDED,
  async (t) => {
    await using room = await wgRoom();
    await allowRedirects(room);
    const ways: readonly [string, () => Promise<unknown>][] = [
      ["ifconfig create", () => must(room, "ifconfig wg1 create")],
      ["wg NAME", () => must(room, `${WG} wg1`)],
      ["wg -f NAME", async () => {
        room.spawn([WG, "-f", "wg1"]);
        await eventually("wg1", async () => (await may(room, "ifconfig wg1")).code === 0);
      }],
    ];
    for (const [name, make] of ways) {
      await t.step(name, async () => {
        await make();
        match(await must(room, "ip -d link show wg1"), / addrgenmode none /);
        await must(room, "ip link set wg1 up");
        equal(await setting(room, "wg1/send_redirects"), "0");
        equal(await setting(room, "all/send_redirects"), "0");
        // Another MTU makes the kernel forget the setting.
        await must(room, "ip link set wg1 mtu 1200");
        await must(room, "ip link set wg1 mtu 1420");
        await eventually(
          "no link-local address",
          async () =>
            (await linkLocals(room, "wg1")).length === 0 &&
            (await must(room, "ip -d link show wg1")).includes(" addrgenmode none "),
        );
        await must(room, "ifconfig wg1 destroy");
      });
    }
  },
);

Deno.test(
  "a moved interface has none either after the next command; a user's address stays",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    await room.namespace("elsewhere");
    await must(room, "ifconfig wg1 create");
    for (const [from, to] of [["", "elsewhere"], ["elsewhere", "left"], ["left", "elsewhere"]]) {
      if (to === "left") await room.namespace("left");
      await allowRedirects(room, to);
      // Up at once: the kernel is quicker than any daemon.
      const at = from === "" ? "ip" : `ip -n ${from}`;
      await room.output([
        "sh",
        "-c",
        `${at} link set wg1 netns ${to} && ip -n ${to} link set wg1 up`,
      ]);
      await must(room, `ip -n ${to} address add fe80::7/64 dev wg1 nodad`);
      // The process may not enter the namespace, and says so. A command may.
      if (to === "left") {
        await eventually(
          "the line in the log",
          async () => (await must(room, `${WG} dmesg wg1`)).includes("may not enter"),
        );
      }
      // In the namespace of the process or in that of the link.
      const where = to === "left" ? to : undefined;
      await must(room, `ifconfig wg1 description in-${to}`, where);
      await eventually(
        "settled",
        async () =>
          (await linkLocals(room, "wg1", to)).length === 1 &&
          await setting(room, "wg1/send_redirects", to) === "0" &&
          await setting(room, "all/send_redirects", to) === "0",
      );
      match((await linkLocals(room, "wg1", to))[0], / fe80::7\/64 /);
      for (const set of ["ip link set wg1", "ifconfig wg1"]) {
        await must(room, `${set} down`, to);
        await must(room, `${set} up`, to);
      }
      equal((await linkLocals(room, "wg1", to)).length, 0);
    }
  },
);

Deno.test(
  "wg-quick save writes no link-local address",
  needs("namespaces", "tun", "ip", "ipv6", "wg", "wg-quick"),
  async () => {
    await using room = await wgRoom();
    const file = "/run/wg1.conf";
    const stdin =
      `[Interface]\nPrivateKey = ${randomKey()}\nAddress = 192.168.5.1/24, fd05::1/64\n`;
    await room.output(["sh", "-c", `umask 077; cat >${file}`], { stdin });
    const env = { WG_QUICK_USERSPACE_IMPLEMENTATION: WG };
    await room.output(["wg-quick", "up", file], { env });
    await room.output(["wg-quick", "save", file], { env });
    const saved = await must(room, `cat ${file}`);
    match(saved, /^Address = fd05::1\/64$/m);
    equal(/fe80/.test(saved), false, saved);
    await room.output(["wg-quick", "down", file], { env });
  },
);

Deno.test("an idle peer with ::/0 sends no handshake messages", NEEDED, async () => {
  await using room = await wgRoom();
  await cable(room);
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`, "left");
  const everything = `wgpeer ${randomKey()} wgendpoint 10.0.0.2 7222 wgaip 0.0.0.0/0 wgaip ::/0`;
  await must(room, `ifconfig wg1 ${everything}`, "left");
  await room.namespace("moved");
  await must(room, "ip -n left link set wg1 netns moved up");
  // A router solicitation would come after a second.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  match(await must(room, "ifconfig wg1", "moved"), /\ttx: 0, rx: 0\n/);
  // The same peer is spoken to as soon as there is something to say.
  await may(room, "ping -n -c 1 -W 1 192.168.5.2", "moved");
  await must(room, "ip -n moved address add 192.168.5.1/24 dev wg1");
  await may(room, "ping -n -c 1 -W 1 192.168.5.2", "moved");
  await eventually(
    "an initiation",
    async () => /\ttx: 148, /.test(await must(room, "ifconfig wg1", "moved")),
  );
});

Deno.test("a hub sends no redirects to its spokes", NEEDED, async () => {
  await using room = await wgRoom();
  const { publicKeys } = await tunnel(room);
  await allowRedirects(room, "left");
  // Left is the hub: what comes out of the tunnel for another spoke goes back into it.
  await must(room, `ifconfig wg3 create wgport 7333 wgkey ${randomKey()}`, "right");
  const third = await publicKey(room, "wg3");
  await must(
    room,
    `ifconfig wg1 wgpeer ${third} wgaip 192.168.5.3/32 wgendpoint 10.0.0.2 7333`,
    "left",
  );
  await must(
    room,
    `ifconfig wg2 wgpeer ${publicKeys.left} wgaip 192.168.5.0/24 wgendpoint 10.0.0.1 7111`,
    "right",
  );
  await must(
    room,
    `ifconfig wg3 wgpeer ${publicKeys.left} wgaip 192.168.5.0/24 wgendpoint 10.0.0.1 7111`,
    "right",
  );
  await room.namespace("spoke");
  await must(room, "ip -n right link set wg3 netns spoke");
  await must(room, "ifconfig wg3 192.168.5.3/24", "spoke");
  await room.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"], {
    netns: "left",
    check: true,
  });
  // A hub that was up before the machine's settings were made still sends none after its next up.
  await must(room, "ifconfig wg1 down", "left");
  await must(room, "ifconfig wg1 up 192.168.5.1/24", "left");
  await eventually(
    "settled",
    async () => await setting(room, "all/send_redirects", "left") === "0",
  );
  await ping(room, "right", "192.168.5.3");
  await must(room, "ping -n -c 5 -i 0.2 -W 60 192.168.5.3", "right");
  equal(await counter(room, "Icmp", "OutRedirects", "left"), 0);
  equal(await counter(room, "Ip", "ForwDatagrams", "left") >= 10, true);
  // The same traffic with redirects allowed: the counter is the right one.
  await allowRedirects(room, "left");
  await must(room, "ping -n -c 2 -i 0.2 -W 60 192.168.5.3", "right");
  equal(await counter(room, "Icmp", "OutRedirects", "left") > 0, true);
});
