/**
 * The outer headers of a running tunnel, as nftables sees them: DSCP, ECN (RFC 6040), the mark, and
 * the lengths of padded datagrams.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ROOT } from "../../scripts/built.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { counted, countPackets, MESSAGE } from "./counting_rules.ts";
import { needs } from "./needs.ts";
import { may, must, ping, tunnel, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ipv6", "ping", "nft");

/** The families, with outer and inner addresses of the right side. */
const FAMILIES = [
  { ip: "ip", echo: "icmp type echo-request", outer: "10.0.0.2", inner: "192.168.5.2" },
  { ip: "ip6", echo: "icmpv6 type echo-request", outer: "fd00::2", inner: "fd05::2" },
] as const;

/** The families as nftables names them. */
const NFPROTO = { ip: "ipv4", ip6: "ipv6" } as const;

/** Forgets the sessions of wg1, so that the next packet begins a handshake. */
async function forgetSessions(room: Room): Promise<void> {
  await must(room, "ifconfig wg1 down");
  await must(room, "ifconfig wg1 up");
}

Deno.test(
  "handshake messages have DSCP 0x88, data messages have not the inner one",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    const handshake = `udp dport { 7111, 7222 } @th,64,8 { 1, 2 }`;
    const data = `udp dport { 7111, 7222 } ${MESSAGE.data}`;
    for (const { ip, outer, inner } of FAMILIES) {
      await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgendpoint ${outer} 7222`);
      await forgetSessions(room);
      for (const netns of ["left", "right"]) {
        await countPackets(room, netns, "output", {
          // 0x88 is AF41 with ECN bits of 0.
          handshake: `${handshake} ${ip} dscp af41 ${ip} ecn not-ect`,
          "other handshake": `${handshake} ${ip} version { 4, 6 } ${ip} dscp != af41`,
          data: `${data} ${ip} dscp cs0`,
          "other data": `${data} ${ip} dscp != cs0`,
        });
      }
      // EF inside.
      await must(room, `ping -n -c 1 -w 60 -W 60 -Q 0xb8 ${inner}`, "left");
      // Each awaits its answer: packets that wait together may leave as one, which counts once.
      for (let i = 0; i < 5; i++) await must(room, `ping -n -c 1 -W 60 -Q 0xb8 ${inner}`, "left");
      for (const netns of ["left", "right"]) {
        const { handshake = 0, data = 0, ...others } = await counted(room, netns);
        deepEqual(others, {}, `${ip} ${netns}`);
        ok(handshake >= 1 && data >= 6, `${ip} ${netns}: ${handshake} and ${data}`);
      }
    }
  },
);

/** Where floods come from, and the way back. */
const SOURCES = [
  { sources: "10.1.0.0/16", left: "10.0.0.1" },
  { sources: "fd10::/112", left: "fd00::1" },
] as const;

Deno.test("cookie replies have DSCP 0x88 in both families", NEEDED, async () => {
  await using room = await wgRoom();
  const { publicKeys } = await tunnel(room);
  for (const { sources, left } of SOURCES) {
    await must(room, `ip -n left route add local ${sources} dev lo`);
    await must(room, `ip -n right route add ${sources} via ${left}`);
  }
  for (const { ip, outer } of FAMILIES) {
    const reply = `udp sport 7222 ${MESSAGE.cookieReply} meta nfproto ${NFPROTO[ip]}`;
    await countPackets(room, "right", "output", {
      reply: `${reply} ${ip} dscp af41 ${ip} ecn not-ect`,
      "other DSCP": `${reply} ${ip} dscp != af41`,
      "other ECN": `${reply} ${ip} ecn != not-ect`,
    });
    // More than the control plane can answer.
    const load = ["run", "-A", `--config=${ROOT}deno.json`, `${ROOT}scripts/bench/flood_load.ts`];
    const words = ["initiations", outer, "7222", publicKeys.right, "60"];
    const sender = room.spawn([Deno.execPath(), ...load, ...words], {
      netns: "left",
      env: { HOME: Deno.env.get("HOME") ?? "/root" },
    });
    await eventually(
      `cookie replies by ${ip}`,
      async () => ((await counted(room, "right")).reply ?? 0) > 100,
    );
    sender.signal("SIGKILL");
    await sender.status;
    const { reply: replies = 0, ...others } = await counted(room, "right");
    deepEqual(others, {}, `${ip}: beside ${replies} replies`);
  }
});

/** The ECN bits in the order of their values, by their names in nftables. */
const ECN = ["not-ect", "ect1", "ect0", "ce"] as const;
/** RFC 6040 figure 4: what arrives, for each inner value, by the outer value; nothing: dropped. */
const ARRIVING: Readonly<Record<typeof ECN[number], readonly string[]>> = {
  "not-ect": ["not-ect not-ect", "ect1 ect1", "ect0 ect0", "ce ce"],
  ect1: ["not-ect not-ect", "ect1 ect1", "ect0 ect1", "ce ce"],
  ect0: ["not-ect not-ect", "ect1 ect1", "ect0 ect0", "ce ce"],
  ce: ["ect1 ce", "ect0 ce", "ce ce"],
};
/** The bytes of the inner packets tell their ECN bits, which may change on the way. */
const payloadOf = (ecn: number) => 200 + 16 * ecn;

Deno.test(
  "ECN goes from the inner to the outer header and from both to the inner one, in all families",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    const pairs = FAMILIES.flatMap(({ ip: outerIp, outer }) =>
      FAMILIES.map(({ ip, echo, inner }) => ({ outerIp, outer, ip, echo, inner }))
    );
    for (const { outerIp, outer, ip, echo, inner } of pairs) {
      const what = `${ip} in ${outerIp}`;
      await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgendpoint ${outer} 7222`);
      await ping(room, "left", inner);
      const pingAll = async (dropped: readonly number[] = []) => {
        for (const value of ECN.keys()) {
          const wait = dropped.includes(value) ? 1 : 8;
          const words = `ping -n -c 1 -W ${wait} -s ${payloadOf(value)} -Q ${value} ${inner}`;
          equal((await may(room, words, "left")).code, dropped.includes(value) ? 1 : 0);
        }
      };
      // Outbound, each by its own length: 16 bytes of header and tag, 8 of UDP, and the packet with
      // its padding.
      const innerHeader = ip === "ip" ? 20 : 40;
      const padded = (value: number) => Math.ceil((innerHeader + 8 + payloadOf(value)) / 16) * 16;
      const outbound = ECN.flatMap((was, value) =>
        ECN.map((is) => {
          const length = `udp length ${8 + 32 + padded(value)}`;
          return [`${was} ${is}`, `udp dport 7222 ${MESSAGE.data} ${length} ${outerIp} ecn ${is}`];
        })
      );
      await countPackets(room, "left", "output", Object.fromEntries(outbound));
      await pingAll();
      deepEqual(
        await counted(room, "left"),
        Object.fromEntries(ECN.map((name) => [`${name} ${name}`, 1])),
        `${what}, outbound`,
      );

      // Inbound, with a router on the way that sets the outer bits.
      const length = (value: number) =>
        ip === "ip" ? `ip length ${28 + payloadOf(value)}` : `ip6 length ${8 + payloadOf(value)}`;
      const inbound = Object.fromEntries(ECN.flatMap((was, value) =>
        ECN.map((is) => [
          `${was} ${is}`,
          `iifname "wg2" ${echo} ${length(value)} ${ip} ecn ${is}`,
        ])
      ));
      const [before] = JSON.parse(await must(room, "ifconfig --json wg2"));
      for (const set of ECN) {
        const router =
          `table inet router {\nchain c {\ntype filter hook postrouting priority 0;\n` +
          `udp dport 7222 ${MESSAGE.data} ${outerIp} ecn set ${set}\n}\n}\n`;
        await room.output(["nft", "-f", "-"], { netns: "left", stdin: router });
        await countPackets(room, "right", "input", inbound);
        await pingAll(set === "ce" ? [0] : []);
        deepEqual(
          await counted(room, "right"),
          Object.fromEntries(ARRIVING[set].map((name) => [name, 1])),
          `${what}, inbound, outer ${set}`,
        );
        await must(room, "nft delete table inet router", "left");
      }
      const [after] = JSON.parse(await must(room, "ifconfig --json wg2"));
      equal(
        after.counters.rx_ecn_dropped - (before.counters.rx_ecn_dropped ?? 0),
        1,
        `${what}: the one that does not know ECN on a congested way`,
      );
    }
  },
);

Deno.test(
  "the mark is on every datagram, changes at run time, and stays with another port",
  needs("namespaces", "tun", "ip", "ipv6", "ping", "nft", "wg"),
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    const marked = async (mark: string, outer: string, inner: string) => {
      await countPackets(room, "left", "output", {
        initiation: `udp dport 7222 ${MESSAGE.initiation} meta mark ${mark}`,
        data: `udp dport 7222 ${MESSAGE.data} meta mark ${mark}`,
        other: `udp dport 7222 meta mark != ${mark}`,
      });
      await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgendpoint ${outer} 7222`);
      await forgetSessions(room);
      await ping(room, "left", inner);
      const { initiation = 0, data = 0, ...others } = await counted(room, "left");
      deepEqual(others, {}, `mark ${mark} to ${outer}`);
      ok(initiation >= 1 && data >= 4, `mark ${mark} to ${outer}: ${initiation} and ${data}`);
    };
    const both = async (mark: string) => {
      for (const { outer, inner } of FAMILIES) await marked(mark, outer, inner);
    };
    await both("0");
    await must(room, "wg set wg1 fwmark 0x77", "left");
    await both("0x77");
    await must(room, "wg set wg1 fwmark 0xca6c0001", "left");
    await both("0xca6c0001");
    // Other sockets have the mark of those before them.
    await must(room, "ifconfig wg1 wgport 7112");
    await both("0xca6c0001");
    await must(room, "wg set wg1 fwmark off", "left");
    await both("0");
  },
);

Deno.test("datagrams are padded to 16 bytes, but never past the MTU", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  for (const mtu of [1420, 1423]) {
    await must(room, `ifconfig wg1 mtu ${mtu}`);
    const sizes = [28, 31, 32, 33, 47, 48, 49, 1391, 1392, 1407, 1408, 1409, 1416, 1417, mtu];
    const set = "set lengths {\ntypeof udp length\nflags dynamic\nsize 128\ncounter\n}\n";
    const rule = `udp dport 7222 ${MESSAGE.data} udp length != 40 update @lengths { udp length }\n`;
    const table =
      `table inet t {\n${set}chain c {\ntype filter hook output priority 0;\n${rule}}\n}\n`;
    await room.output(["nft", "-f", "-"], { netns: "left", stdin: table });
    for (const size of sizes) {
      await must(room, `ping -n -c 1 -W 60 -M do -s ${size - 28} 192.168.5.2`, "left");
    }
    const expected = new Map<number, number>();
    for (const size of sizes) {
      // UDP's header of 8 bytes, WireGuard's of 16, the packet with its padding, the tag of 16.
      const length = 8 + 16 + Math.min(Math.ceil(size / 16) * 16, mtu) + 16;
      expected.set(length, (expected.get(length) ?? 0) + 1);
    }
    const listed = await must(room, "nft list set inet t lengths", "left");
    const found = new Map(
      [...listed.matchAll(/(\d+) counter packets (\d+)/g)].map((
        [, length, packets],
      ) => [Number(length), Number(packets)]),
    );
    const sorted = (map: Map<number, number>) => [...map].sort(([a], [b]) => a - b);
    deepEqual(sorted(found), sorted(expected), `MTU ${mtu}: ${listed}`);
    await must(room, "nft delete table inet t", "left");
  }
  await eventually(
    "it still works",
    async () => (await may(room, "ping -n -c 1 -W 2 192.168.5.2", "left")).code === 0,
  );
});
