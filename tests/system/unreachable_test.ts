/**
 * Where ICMP unreachable messages for packets that no peer is there for come from: an address of
 * the interface, for the machine itself and for those whose packets it forwards, as the addresses
 * change and the interface moves.
 * @module
 */
import { equal, match } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { create, may, must, ping, randomKey, tunnel, wgRoom } from "./peers.ts";

const facilities = needs("namespaces", "tun", "ip", "ping", "ipv6");

/** Who answered a ping that reaches nobody; empty when nobody did. */
async function answerer(room: Room, netns: string, target: string): Promise<string> {
  const { stdout } = await may(room, `ping -n -c 1 -W 2 ${target}`, netns);
  return /^From (\S+?):? (?:icmp_seq=\d+ )?Destination/m.exec(stdout)?.[1] ?? "";
}

const answers = (room: Room, netns: string, target: string, from: string) =>
  eventually(
    `${from} answers for ${target}`,
    async () => await answerer(room, netns, target) === from,
  );

for (const workers of [1, 2] as const) {
  Deno.test(
    `ICMP unreachable comes from an address of the interface, ${
      workers === 1 ? "one Worker" : "two Workers"
    }`,
    facilities,
    async () => {
      await using room = await wgRoom();
      await tunnel(room, "10.0.0.2", "", workers);
      await ping(room, "left", "192.168.5.2");
      const both = async (v4: string, v6: string) => {
        await answers(room, "left", "192.168.5.77", v4);
        await answers(room, "left", "fd05::77", v6);
      };
      await both("192.168.5.1", "fd05::1");
      // The kernel looks harder at where packets come from when it is told to.
      for (const value of [1, 2]) {
        await must(room, `sysctl -qw net.ipv4.conf.all.rp_filter=${value}`, "left");
        await both("192.168.5.1", "fd05::1");
      }
      // Another address: the first one is the interface's.
      await must(room, "ip address add 192.168.9.1/24 dev wg1", "left");
      await must(room, "ip -6 address add fd05::9/64 dev wg1 nodad", "left");
      await must(room, "ip address del 192.168.5.1/24 dev wg1", "left");
      await must(room, "ip -6 address del fd05::1/64 dev wg1", "left");
      await answers(room, "left", "192.168.9.77", "192.168.9.1");
      await answers(room, "left", "fd05::77", "fd05::9");
      // Moved: it has no address there, then others.
      await room.namespace("elsewhere");
      await must(room, "ip link set wg1 netns elsewhere", "left");
      await must(room, "ip address add 192.168.8.1/24 dev wg1", "elsewhere");
      await must(room, "ip -6 address add fd08::1/64 dev wg1 nodad", "elsewhere");
      await must(room, "ip link set wg1 up", "elsewhere");
      await answers(room, "elsewhere", "fd08::77", "fd08::1");
      // The kernel forgot there that it may accept a local source. A command tells it again.
      await answers(room, "elsewhere", "192.168.8.77", "192.168.8.77");
      await must(room, "ifconfig wg1 description elsewhere", "elsewhere");
      await answers(room, "elsewhere", "192.168.8.77", "192.168.8.1");
    },
  );
}

Deno.test(
  "ICMP unreachable for a forwarded packet, and for one of an interface without an address",
  facilities,
  async () => {
    await using room = await wgRoom();
    for (const name of ["host", "router"]) await room.namespace(name);
    await room.link(
      { netns: "host", name: "lan", addresses: ["10.0.0.1/24", "fd00::1/64"] },
      { netns: "router", name: "lan", addresses: ["10.0.0.2/24", "fd00::2/64"] },
    );
    await must(room, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1", "router");
    await must(room, "ip route add 192.168.0.0/16 via 10.0.0.2", "host");
    await must(room, "ip -6 route add fd05::/16 via fd00::2", "host");
    await create(room, "wg1", "router", `wgkey ${randomKey()}`);
    await must(room, "ifconfig wg1 up", "router");
    await must(room, "ip route add 192.168.0.0/16 dev wg1", "router");
    await must(room, "ip -6 route add fd05::/64 dev wg1", "router");
    // Without an address there is only the destination's name for IPv4. A router without one has
    // another link's for IPv6.
    await answers(room, "host", "192.168.5.77", "192.168.5.77");
    await answers(room, "host", "fd05::77", "fd00::2");
    await must(room, "ifconfig wg1 192.168.5.1/24", "router");
    await must(room, "ifconfig wg1 inet6 fd05::1/64", "router");
    await answers(room, "host", "192.168.5.77", "192.168.5.1");
    await answers(room, "host", "fd05::77", "fd05::1");
    await must(room, "sysctl -qw net.ipv4.conf.all.rp_filter=1", "router");
    await answers(room, "host", "192.168.6.77", "192.168.5.1");
  },
);

Deno.test(
  "packets of a peer with an address of this machine are dropped, as on other links",
  facilities,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await must(room, `ifconfig wg2 wgpeer ${publicKeys.left} wgaip 0.0.0.0/0 wgaip ::/0`, "right");
    await ping(room, "left", "192.168.5.2");
    const dropped = async () => {
      const shown = /rx_own_source (\d+)/.exec(
        await must(room, "ifconfig wg2 hwfeatures", "right"),
      );
      return Number(shown?.[1] ?? 0);
    };
    const before = await dropped();
    // The interface's own, and one of another link that is given while the interface runs.
    await must(room, "ip address add 10.0.7.7/32 dev lo", "right");
    for (const address of ["192.168.5.2", "10.0.7.7"]) {
      await must(room, `ip address add ${address}/32 dev lo`, "left");
    }
    await must(room, "ip route add 192.168.5.9/32 dev wg1", "left");
    await must(
      room,
      `ifconfig wg1 wgpeer ${publicKeys.right} wgaip 192.168.5.9/32 wgaip 192.168.5.2/32`,
      "left",
    );
    await must(room, "ip address add 192.168.5.9/32 dev wg2", "right");
    for (const [i, address] of ["192.168.5.2", "10.0.7.7"].entries()) {
      equal((await may(room, `ping -n -c 1 -W 1 -I ${address} 192.168.5.9`, "left")).code, 1);
      await eventually(address, async () => await dropped() > before + i);
    }
    match(
      await must(room, `ping -n -c 1 -W 60 -I 192.168.5.1 192.168.5.9`, "left"),
      / 0% packet loss/,
    );
  },
);
