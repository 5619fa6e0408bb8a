/**
 * The UDP sockets of a running interface: one port in both families, and what a device without
 * checksums does to runs.
 */
import { equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { exchange, startEcho } from "./echo.ts";
import { needs } from "./needs.ts";
import { cable, connect, may, must, randomKey, wgRoom } from "./peers.ts";

/** Holds ports for IPv6 only, and prints `held` when it has them. */
const HOLD = `
  const held = Deno.args.map((port) =>
    Deno.listenDatagram({ transport: "udp", hostname: "::1", port: Number(port) }));
  console.log("held", held.length);
  await new Promise(() => setInterval(() => {}, 60_000));
`;

async function hold(room: Room, ports: readonly number[]): Promise<void> {
  const words = [Deno.execPath(), "eval", "--quiet", "--unstable-net", HOLD, ...ports.map(String)];
  const holder = room.spawn(words);
  await holder.wrote("held");
}

const portOf = async (room: Room, name: string) =>
  Number(/\twgport (\d+)\n/.exec(await must(room, `ifconfig ${name}`))?.[1]);

Deno.test(
  "a random port that IPv6 lacks is tried again; a chosen one is refused, and the old one stays",
  needs("namespaces", "tun", "ip", "ipv6", "root"),
  async () => {
    await using room = await wgRoom();
    // Ten ports, eight of them in use by IPv6 sockets.
    await room.output([
      "sh",
      "-c",
      "mount -o remount,rw /proc/sys 2>/dev/null; echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range",
    ]);
    await hold(room, [0, 1, 2, 3, 5, 6, 8, 9].map((i) => 40_000 + i));
    await must(room, "ifconfig wg1 create");
    await must(room, "ifconfig wg2 create");
    const ports = [await portOf(room, "wg1"), await portOf(room, "wg2")];
    equal(ports.toSorted().join(), "40004,40007");
    // None is left.
    const third = await may(room, "ifconfig wg3 create");
    equal(third.code, 1);
    match(third.stderr, /^ifconfig: [^\n]*\(EADDRINUSE\)\n$/);
    equal((await may(room, "ip link show wg3")).code, 1, "nothing is left of it");
    // Free for IPv4, in use for IPv6.
    const refused = await may(room, "ifconfig wg1 wgport 40003");
    equal(refused.code, 1);
    match(refused.stderr, /^ifconfig: wgport: 40003: [^\n]*\(EADDRINUSE\)\n$/);
    equal(await portOf(room, "wg1"), ports[0]);
    const listening = await must(room, "netstat -n -l -p udp");
    for (const port of ports) {
      equal([...listening.matchAll(new RegExp(`[.:]${port}\\b`, "g"))].length, 2, listening);
    }
  },
);

Deno.test(
  "runs that the kernel refuses with EIO go one by one, counted and shown",
  needs("namespaces", "tun", "ip", "strace"),
  async () => {
    await using room = await wgRoom();
    await cable(room);
    // A call that strace replaces is none that the daemon's filter knows.
    const env = { WG_SANDBOX: "off" };
    for (const [name, netns, port] of [["wg1", "left", "7111"], ["wg2", "right", "7222"]]) {
      const words = ["ifconfig", name, "create", "wgport", port, "wgkey", randomKey()];
      await room.output(words, { netns, env });
    }
    await connect(room);
    await startEcho(room);
    const counted = async (): Promise<number> => {
      const [{ counters }] = JSON.parse(await must(room, "ifconfig --json wg1"));
      return counters.udp_gso_refused ?? 0;
    };
    const refusals = async () => {
      const count = await counted();
      const shown = /\n\tudp_gso_refused (\d+)\n/.exec(await must(room, "ifconfig wg1 hwfeatures"));
      equal(count, Number(shown?.[1] ?? 0));
      return count;
    };
    await exchange(room, 2 << 20);
    equal(await refusals(), 0);
    // Until Linux 6.10 a device without transmit checksums did this to every run. Here every tenth
    // sendmsg(2) fails, until it is one of a run.
    const pid = /\tpid (\d+)\n/.exec(await must(room, "ifconfig wg1 hwfeatures"))?.[1] ?? "";
    const words = "strace -f -o /dev/null -e trace=sendmsg -e inject=sendmsg:error=EIO:when=10+10";
    const strace = room.spawn([...words.split(" "), "-p", pid]);
    await strace.wrote("attached");
    // While packets go, the counter may grow between two looks at it.
    const refused = eventually("a run is refused", async () => await counted() || undefined);
    await Promise.all([
      exchange(room, 2 << 20),
      refused.then(() => strace.signal("SIGINT")).then(() => strace.status),
    ]);
    equal(await refused, 1);
    // The endpoint is known now.
    await exchange(room, 2 << 20);
    equal(await refusals(), 1);
  },
);
