/**
 * The network below the tunnel fails while the tunnel is in use: every error that a send can give
 * is made for real, is counted, and is over when its cause is.
 * @module
 */
import { match, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, publicKey, tunnel, WG, wgRoom } from "./peers.ts";
import { daemonOf, descriptorsOf, pinging, writtenMb } from "./running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "nft");
const KEPT_MAX_MB = 15;

/** A counter of wg1; 0 when it is not shown. */
async function counter(room: Room, name: string): Promise<number> {
  const shown = await must(room, "ifconfig wg1 hwfeatures");
  return Number(new RegExp(`\\t${name} (\\d+)\\n`).exec(shown)?.[1] ?? 0);
}

interface Fault {
  readonly name: string;
  /** The words of ip(8) on the left side that make it, and that end it. */
  readonly begin: string;
  readonly end: string;
  /** What the log says of a handshake meanwhile. */
  readonly said: RegExp;
}

const FAULTS: readonly Fault[] = [
  {
    name: "the cable is unplugged, ENETUNREACH",
    begin: "link set cable down",
    end: "link set cable up",
    said: /Unable to send to peer 1: .*(ENETUNREACH|unreachable)/,
  },
  {
    name: "an unreachable route, EHOSTUNREACH",
    begin: "route add unreachable 10.0.0.2/32",
    end: "route del unreachable 10.0.0.2/32",
    said: /Unable to send to peer 1: .*(EHOSTUNREACH|No route to host)/,
  },
  {
    name: "a blackhole, EINVAL",
    begin: "route add blackhole 10.0.0.2/32",
    end: "route del blackhole 10.0.0.2/32",
    said: /Unable to send to peer 1: .*(EINVAL|Invalid argument)/,
  },
  {
    name: "a prohibited route, EACCES",
    begin: "route add prohibit 10.0.0.2/32",
    end: "route del prohibit 10.0.0.2/32",
    said: /Unable to send to peer 1: .*(EACCES|Permission denied)/,
  },
];

Deno.test("sends fail under traffic, and go on when the cause is over", NEEDED, async (t) => {
  await using room = await wgRoom();
  await tunnel(room);
  await must(room, "ifconfig wg1 debug");
  await ping(room, "left", "192.168.5.2");
  const pid = await daemonOf(room, "wg1");
  const before = { mb: writtenMb(pid), descriptors: descriptorsOf(pid) };

  /** Makes a fault, looks at what is said and counted, ends it, and waits for traffic. */
  const endure = async (
    begin: () => Promise<unknown>,
    end: () => Promise<unknown>,
    said: RegExp,
  ) => {
    const pings = pinging(room, "left", "192.168.5.2");
    await pings.goesOn("traffic before");
    const failed = await counter(room, "tx_send_failed");
    const known = (await must(room, `${WG} dmesg wg1`)).length;
    await begin();
    await eventually("failed sends", async () => await counter(room, "tx_send_failed") > failed);
    // Sessions are erased, so that a handshake is tried.
    await must(room, "ifconfig wg1 down");
    await must(room, "ifconfig wg1 up");
    await eventually(
      "what the log says",
      async () => said.test((await must(room, `${WG} dmesg wg1`)).slice(known)),
    );
    ok(await counter(room, "handshake_send_failed") > 0);
    await end();
    await pings.goesOn("traffic afterwards");
    await pings.end();
  };

  for (const { name, begin, end, said } of FAULTS) {
    await t.step(name, async () => {
      await endure(
        () => must(room, `ip -n left ${begin}`),
        () => must(room, `ip -n left ${end}`),
        said,
      );
    });
  }

  await t.step("a firewall of this machine drops what is sent, EPERM", async () => {
    const rule =
      "table ip t { chain o { type filter hook output priority 0; udp dport 7222 drop; }; }";
    await endure(
      () => room.output(["nft", "-f", "-"], { netns: "left", stdin: rule }),
      () => must(room, "nft flush ruleset", "left"),
      /Unable to send to peer 1: .*(EPERM|not permitted)/,
    );
  });

  await t.step("it took no memory and no descriptors", async () => {
    await eventually("memory", () => writtenMb(pid) < before.mb + KEPT_MAX_MB);
    await eventually("descriptors", () => descriptorsOf(pid) <= before.descriptors + 3);
  });
});

Deno.test("a link too slow for what is sent", NEEDED, async (t) => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  const pid = await daemonOf(room, "wg1");
  const before = writtenMb(pid);
  const script = `
    import { createSocket } from "node:dgram";
    const socket = createSocket("udp4");
    const packet = new Uint8Array(1300);
    for (let i = 0; i < 20000; i++) {
      await new Promise((resolve) => socket.send(packet, 9, "192.168.5.2", resolve));
    }
    Deno.exit(0);`;
  const blast = () =>
    room.output([Deno.execPath(), "eval", "--quiet", script], {
      netns: "left",
      env: { HOME: Deno.env.get("HOME") ?? "/root" },
    });
  const qdisc = (limit: string) =>
    `tc -n left qdisc replace dev cable root tbf rate 4mbit burst 5kb limit ${limit}`;

  await t.step("the send buffer gets full, EAGAIN: packets are dropped and counted", async () => {
    // The queue holds more than the socket's 7 MiB.
    await must(room, qdisc("60mb"));
    const failed = await counter(room, "tx_send_failed");
    await blast();
    await eventually("drops", async () => await counter(room, "tx_send_failed") > failed + 100);
    ok(writtenMb(pid) < before + KEPT_MAX_MB, `${writtenMb(pid)} MB`);
    match(await must(room, "ifconfig wg1"), /\twgport 7111\n/);
    await must(room, "tc -n left qdisc del dev cable root");
    await ping(room, "left", "192.168.5.2");
  });

  await t.step("the queue of the device gets full, ENOBUFS", async () => {
    await must(room, qdisc("20kb"));
    await blast();
    ok(writtenMb(pid) < before + KEPT_MAX_MB, `${writtenMb(pid)} MB`);
    // Something gets through even now.
    const some = await must(room, "ping -n -c 20 -i 0.1 -W 2 192.168.5.2", "left");
    match(some, / [1-9]\d* received/);
    await must(room, "tc -n left qdisc del dev cable root");
    await ping(room, "left", "192.168.5.2");
  });
});

Deno.test("addresses of the network below change under traffic", NEEDED, async (t) => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  const pings = pinging(room, "left", "192.168.5.2");
  await pings.goesOn("traffic");
  const address = (netns: string, word: string, text: string) =>
    must(room, `ip -n ${netns} address ${word} ${text} dev cable`);

  await t.step("of this side: the peer follows", async () => {
    await address("left", "del", "10.0.0.1/24");
    await address("left", "add", "10.0.0.9/24");
    await pings.goesOn("traffic from the new address");
    match(await must(room, "ifconfig wg2"), /\twgendpoint 10\.0\.0\.9 7111\n/);
  });
  await t.step("of the other side, which says something: this side follows", async () => {
    await address("right", "del", "10.0.0.2/24");
    await address("right", "add", "10.0.0.8/24");
    await may(room, "ping -n -c 3 -i 0.2 -W 1 192.168.5.1", "right");
    await pings.goesOn("traffic to the new address");
    match(await must(room, "ifconfig wg1"), /\twgendpoint 10\.0\.0\.8 7222\n/);
  });
  await t.step("to the other family and back", async () => {
    const key = await publicKey(room, "wg2");
    await must(room, `ifconfig wg1 wgpeer ${key} wgendpoint fd00::2 7222`);
    await address("left", "del", "10.0.0.9/24");
    await address("right", "del", "10.0.0.8/24");
    await pings.goesOn("traffic over IPv6");
    match(await must(room, "ifconfig wg2"), /\twgendpoint fd00::1 7111\n/);
    await address("left", "add", "10.0.0.1/24");
    await address("right", "add", "10.0.0.2/24");
    await must(room, `ifconfig wg1 wgpeer ${key} wgendpoint 10.0.0.2 7222`);
    await pings.goesOn("traffic over IPv4");
  });
  await pings.end();
});
