/**
 * Where the way to an endpoint leads into the interface: through another peer (entry and exit
 * server), through itself (a loop), and not at all although a look-up of the address alone would
 * say so (ip-rule(8)).
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, publicKey, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

const lines = (room: Room, command: string, netns?: string) =>
  Promise.all(command.trim().split("\n").map((line) => must(room, line.trim(), netns)));

/** Messages about loops that `wg dmesg` has. */
async function loops(room: Room): Promise<string[]> {
  const said = (await must(room, `${WG} dmesg wg1`)).split("\n").filter((line) =>
    line.includes("Unable to send")
  );
  return said.map((line) => line.slice(line.indexOf("Unable")));
}

/**
 * The client knows the way to the entry only; the exit stands behind it.
 *
 *     client 10.0.0.1 --- 10.0.0.2 entry 10.0.1.1 --- 10.0.1.2 exit
 */
async function entryAndExit(room: Room): Promise<{ entry: string; exit: string }> {
  for (const name of ["client", "entry", "exit"]) await room.namespace(name);
  await room.link(
    { netns: "client", name: "first", addresses: ["10.0.0.1/24", "fd00::1/64"] },
    { netns: "entry", name: "first", addresses: ["10.0.0.2/24", "fd00::2/64"] },
  );
  await room.link(
    { netns: "entry", name: "second", addresses: ["10.0.1.1/24", "fd01::1/64"] },
    { netns: "exit", name: "second", addresses: ["10.0.1.2/24", "fd01::2/64"] },
  );
  await must(room, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1", "entry");
  await lines(
    room,
    "ip route add 192.168.5.0/24 via 10.0.1.1\nip -6 route add fd05::/64 via fd01::1",
    "exit",
  );
  const keys = { client: randomKey(), entry: randomKey(), exit: randomKey() };
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${keys.client}`, "client");
  await must(room, `ifconfig wg2 create wgport 7222 wgkey ${keys.entry}`, "entry");
  await must(room, `ifconfig wg3 create wgport 7333 wgkey ${keys.exit}`, "exit");
  const own = await publicKey(room, "wg1");
  await must(room, `ifconfig wg2 wgpeer ${own} wgaip 192.168.5.1/32 wgaip fd05::1/128`, "entry");
  await must(room, `ifconfig wg3 wgpeer ${own} wgaip 192.168.6.1/32 wgaip fd06::1/128`, "exit");
  await lines(room, "ifconfig wg2 192.168.5.2/24\nifconfig wg2 inet6 fd05::2/64", "entry");
  await lines(room, "ifconfig wg3 192.168.6.2/24\nifconfig wg3 inet6 fd06::2/64", "exit");
  return { entry: await publicKey(room, "wg2"), exit: await publicKey(room, "wg3") };
}

Deno.test(
  "entry and exit server on one interface: handshakes, data and fragments of the exit's peer go through the entry's, over IPv4 and IPv6",
  needs("namespaces", "tun", "ip", "ping", "ipv6"),
  async () => {
    await using room = await wgRoom();
    const { entry, exit } = await entryAndExit(room);
    await must(room, "ifconfig wg1 192.168.5.1/24", "client");
    await must(room, "ifconfig wg1 inet6 fd05::1/64", "client");
    await lines(
      room,
      `ip address add 192.168.6.1/24 dev wg1
      ip -6 address add fd06::1/64 dev wg1 nodad
      ip route add 10.0.1.0/24 dev wg1 src 192.168.5.1
      ip -6 route add fd01::/64 dev wg1 src fd05::1`,
      "client",
    );
    const within = "wgaip 192.168.5.2/32 wgaip fd05::2/128 wgaip 10.0.1.0/24 wgaip fd01::/64";
    for (
      const [first, second] of [["10.0.0.2", "10.0.1.2"], ["fd00::2", "fd01::2"], [
        "10.0.0.2",
        "fd01::2",
      ]]
    ) {
      await must(
        room,
        `ifconfig wg1 -wgpeerall wgpeer ${entry} wgendpoint ${first} 7222 ${within}`,
        "client",
      );
      const to = `wgaip 192.168.6.2/32 wgaip fd06::2/128`;
      await must(room, `ifconfig wg1 wgpeer ${exit} wgendpoint ${second} 7333 ${to}`, "client");
      // The exit's peer asks first: its handshake needs the entry's, which is not there yet.
      await ping(room, "client", "192.168.6.2");
      await ping(room, "client", "fd06::2");
      // As long as the tunnel takes: with what the two hops add, the outer packets are fragments.
      await must(room, "ping -n -c 2 -i 0.2 -W 60 -s 1392 192.168.6.2", "client");
      await must(room, "ping -n -c 2 -i 0.2 -W 60 -s 1372 fd06::2", "client");
      await ping(room, "client", "192.168.5.2");
    }
    deepEqual(await loops(room), []);
  },
);

Deno.test(
  "an endpoint routed into its own peer, and two that lead through each other: nothing multiplies, and the log says it once",
  needs("namespaces", "tun", "ip", "ping", "ipv6"),
  async () => {
    await using room = await wgRoom();
    await room.namespace("left");
    const [one, two, three, four] = [randomKey(), randomKey(), randomKey(), randomKey()];
    await must(
      room,
      `ifconfig wg1 create wgport 7111 wgkey ${randomKey()} wgpeer ${one} wgendpoint 10.1.0.1 7222 wgaip 10.1.0.0/24`,
      "left",
    );
    const more: readonly (readonly [string, string, string])[] = [
      [two, "fd01::1", "fd01::/64"],
      [three, "10.3.0.1", "10.4.0.0/24"],
      [four, "10.4.0.1", "10.3.0.0/24"],
    ];
    for (const [key, endpoint, range] of more) {
      await must(
        room,
        `ifconfig wg1 wgpeer ${key} wgendpoint ${endpoint} 7222 wgaip ${range}`,
        "left",
      );
    }
    await must(room, "ifconfig wg1 192.168.5.1/24", "left");
    await must(room, "ifconfig wg1 inet6 fd05::1/64", "left");
    await lines(
      room,
      `ip route add 10.0.0.0/8 dev wg1
      ip -6 route add fd01::/64 dev wg1`,
      "left",
    );
    const packets = async (): Promise<number> =>
      JSON.parse(await must(room, "ip -s -j link show wg1", "left"))[0].stats64.tx.packets;
    const before = await packets();
    for (const address of ["10.1.0.7", "fd01::7", "10.4.0.7", "10.3.0.7"]) {
      equal((await may(room, `ping -n -c 2 -i 0.2 -W 1 ${address}`, "left")).code, 1);
    }
    await eventually("what was said", async () => (await loops(room)).length === 3);
    const [direct, direct6, ring] = (await loops(room)).sort();
    equal(
      direct,
      "Unable to send to peer 1: its endpoint 10.1.0.1:7222 is routed into the interface itself",
    );
    equal(
      direct6,
      "Unable to send to peer 2: its endpoint [fd01::1]:7222 is routed into the interface itself",
    );
    // Which of the two closes the ring depends on who asks first.
    const [, at, to] =
      /^Unable to send to peer (3|4): its .* itself, through peer (3|4), which leads back to peer \1$/
        .exec(ring) ?? [];
    ok(at !== undefined && at !== to, ring);
    // Eight echo requests and at most two initiations of each peer, through another peer's and
    // back.
    const sent = await packets() - before;
    ok(sent < 60, `${sent} packets`);
  },
);

/**
 * Keys of ip-rule(8) that let the tunnel's own datagrams pass by the table which leads everything
 * into the tunnel.
 */
const RULES: readonly {
  readonly rules: readonly string[];
  readonly pinging: string;
  readonly root?: true;
}[] = [
  { rules: ["sport 7111 lookup main"], pinging: "" },
  { rules: ["dport 7222 lookup main"], pinging: "" },
  { rules: ["ipproto udp lookup main"], pinging: "" },
  // Only packets of this class go into the tunnel.
  { rules: ["tos 0x10 lookup 100", "lookup main"], pinging: "-Q 0x10" },
  {
    rules: ["uidrange 0-0 lookup main"],
    pinging: "setpriv --reuid 65534 --inh-caps +net_raw --ambient-caps +net_raw",
    root: true,
  },
];

Deno.test(
  "a net that is routed into the interface, with its endpoint exempted by sport, dport, ipproto, tos, uidrange",
  needs("namespaces", "tun", "ip", "ping", "ipv6"),
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await lines(
      room,
      "ip route add default dev wg1 table 100\nip -6 route add default dev wg1 table 100",
      "left",
    );
    for (const [v6, address] of [["", "192.168.5.2"], ["-6 ", "fd05::2"]]) {
      const outer = v6 === "" ? "10.0.0.2" : "fd00::2";
      for (const { rules, pinging, root } of RULES) {
        if (root && room.kind !== "root") continue;
        await must(room, `ip ${v6}rule flush`, "left");
        // The one that looks into the table of local addresses stays.
        const all = [...rules.map((rule, i) => `${rule} pref ${100 + i}`), "lookup 100 pref 200"];
        for (const rule of all) await must(room, `ip ${v6}rule add ${rule}`, "left");
        const everything = "wgaip 0.0.0.0/0 wgaip ::/0";
        const peer = `wgpeer ${publicKeys.right} wgendpoint ${outer} 7222 ${everything}`;
        await must(room, `ifconfig wg1 -wgpeerall ${peer}`, "left");
        const command = pinging.startsWith("-") ? `ping ${pinging}` : `${pinging} ping`.trim();
        const result = await may(room, `${command} -n -c 3 -i 0.2 -w 12 -W 8 ${address}`, "left");
        equal(result.code, 0, `${v6}${rules}: ${result.stdout}${result.stderr}`);
      }
    }
    deepEqual(await loops(room), []);
  },
);
