/**
 * Datagrams of a running tunnel that somebody on the way has recorded and sends again, and packets
 * of a peer that is removed while they are on their way.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { counted, countPackets } from "./counting_rules.ts";
import { needs } from "./needs.ts";
import { may, must, ping, tunnel, WG, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "nft");

/**
 * Stands between the peers: passes datagrams between the left side and 10.0.0.2 port 7222, and
 * prints each with its direction.
 */
const RELAY = `
  const udp = (hostname, port) => Deno.listenDatagram({ transport: "udp", hostname, port });
  const outside = udp("10.0.0.2", 7999), inside = udp("10.0.0.2", 0);
  const right = { transport: "udp", hostname: "10.0.0.2", port: 7222 };
  let left;
  console.log("inside", inside.addr.port);
  const back = async () => {
    for await (const [bytes] of inside) {
      console.log("<", bytes.toHex());
      if (left !== undefined) await outside.send(bytes, left);
    }
  };
  back();
  for await (const [bytes, from] of outside) {
    left = from;
    console.log(">", bytes.toHex());
    await inside.send(bytes, right);
  }
`;

/** Sends datagrams, given in hexadecimal digits on standard input, from a new socket. */
const SEND = `
  const [from, hostname, port] = Deno.args;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: from, port: 0 });
  const text = await new Response(Deno.stdin.readable).text();
  for (const line of text.split("\\n").filter((line) => line !== "")) {
    await socket.send(Uint8Array.fromHex(line), { transport: "udp", hostname, port: Number(port) });
  }
  socket.close();
`;

const deno = (script: string, ...args: string[]) => [
  ...[Deno.execPath(), "eval", "--quiet", "--unstable-net"],
  script,
  ...args,
];

interface Told {
  readonly counters: Record<string, number>;
  readonly wgpeers: readonly { readonly counters: Record<string, number> }[];
}

/** The interface's counters and those of its peer. */
async function countersOf(room: Room, name: string): Promise<Record<string, number>> {
  const [told]: Told[] = JSON.parse(await must(room, `ifconfig --json ${name}`));
  return { ...told.counters, ...told.wgpeers[0]?.counters };
}

Deno.test(
  "recorded datagrams that are sent again deliver nothing, and no endpoint follows them",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room, "10.0.0.9");
    const relay = room.spawn(deno(RELAY), { netns: "right" });
    const [, inside] = await relay.wrote(/inside (\d+)\n/);
    await countPackets(room, "right", "input", { echo: 'iifname "wg2" icmp type echo-request' });
    await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgendpoint 10.0.0.2 7999`);
    await ping(room, "left", "192.168.5.2");
    const recorded = (direction: ">" | "<", type: number) =>
      [...relay.output().matchAll(/^([<>]) ([0-9a-f]+)$/gm)]
        .filter(([, way, hex]) =>
          way === direction && Number.parseInt(hex.slice(0, 2), 16) === type
        )
        .map(([, , hex]) => hex);
    const endpoints = async () =>
      await Promise.all(
        ["wg1", "wg2"].map(async (name) =>
          /wgendpoint (\S+ \d+)\n/.exec(await must(room, `ifconfig ${name}`))?.[1]
        ),
      );
    const expected = ["10.0.0.2 7999", `10.0.0.2 ${inside}`];
    deepEqual(await endpoints(), expected);
    const { echo } = await counted(room, "right");
    equal(echo, 4);

    const sides = [
      { name: "wg2", way: ">", netns: "left", from: "10.0.0.1", to: ["10.0.0.2", "7222"] },
      { name: "wg1", way: "<", netns: "right", from: "10.0.0.2", to: ["10.0.0.1", "7111"] },
    ] as const;
    for (const { name, way, netns, from, to } of sides) {
      const data = recorded(way, 4);
      const handshakes = [...recorded(way, 1), ...recorded(way, 2)];
      ok(data.length >= 4 && handshakes.length >= 1);
      const before = await countersOf(room, name);
      // In another order, and twice.
      const lines = [...data.toReversed(), ...handshakes, ...data];
      await room.output(deno(SEND, from, ...to), { netns, stdin: lines.join("\n") });
      const more = await eventually(`${name} has received them`, async () => {
        const after = await countersOf(room, name);
        const more = Object.fromEntries(
          Object.keys(after).map((counter) => [counter, after[counter] - (before[counter] ?? 0)]),
        );
        return more.rx_replayed >= 2 * data.length ? more : undefined;
      });
      equal(more.rx_replayed, 2 * data.length);
      equal(more.handshake_response_sent ?? 0, 0, "an old initiation is not answered");
      equal(more.handshake_completed ?? 0, 0, "an old response begins no session");
      // Nor does it make the tunnel a broken one for who asks.
      const why = await may(room, `${WG} why ${name}`);
      equal(why.code, 0, why.stdout);
      match(why.stdout, /It works\./);
      if (way === ">") match(why.stdout, /refused as replays/);
    }
    deepEqual(await endpoints(), expected);
    deepEqual(await counted(room, "right"), { echo });
    await must(room, "ping -n -c 3 -i 0.2 -W 60 192.168.5.2", "left");
    deepEqual(await endpoints(), expected);
  },
);

Deno.test(
  "peers that are replaced, and another process, refuse what was recorded before",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room, "10.0.0.9");
    const relay = room.spawn(deno(RELAY), { netns: "right" });
    await relay.wrote(/inside (\d+)\n/);
    await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgendpoint 10.0.0.2 7999`);
    await ping(room, "left", "192.168.5.2");
    const [, initiation] = await relay.wrote(/^> (01[0-9a-f]+)$/m);
    const endpoint = async () =>
      /wgendpoint (\S+ \d+)\n/.exec(await must(room, "ifconfig wg2", "right"))?.[1];
    const before = await endpoint();
    const setconf = `${WG} showconf wg2 >/run/wg2.conf && ${WG} setconf wg2 /run/wg2.conf`;
    for (const change of [setconf, `${WG} restart wg2`]) {
      await room.output(["sh", "-c", change], { netns: "right" });
      await room.output(deno(SEND, "10.0.0.1", "10.0.0.2", "7222"), {
        netns: "left",
        stdin: initiation,
      });
      const counters = await eventually("wg2 has received it", async () => {
        const counters = await countersOf(room, "wg2");
        return counters.handshake_replayed || counters.handshake_response_sent
          ? counters
          : undefined;
      });
      equal(counters.handshake_response_sent ?? 0, 0, change);
      equal(await endpoint(), before, change);
    }
  },
);

Deno.test(
  "after the answer of its removal a peer under traffic gets nothing more",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const pid = (await room.processes()).find((line) => line.endsWith(" daemon wg1"));
    ok(pid !== undefined);
    await countPackets(room, "left", "output", { sent: "udp dport 7222" });
    // Both sides send without awaiting answers.
    const flood = (netns: string, address: string) =>
      room.spawn(["ping", "-n", "-q", "-i", "0.002", "-s", "1000", address], { netns });
    const floods = [flood("left", "192.168.5.2"), flood("right", "192.168.5.1")];
    const peer = `wgpeer ${publicKeys.right} wgendpoint 10.0.0.2 7222 wgaip 192.168.5.2/32`;
    for (let round = 0; round < 8; round++) {
      const { sent: begun = 0 } = await counted(room, "left");
      await eventually(
        "traffic",
        async () => ((await counted(room, "left")).sent ?? 0) > begun + 100,
      );
      await must(room, `ifconfig wg1 -wgpeer ${publicKeys.right}`);
      const { sent } = await counted(room, "left");
      await new Promise((resolve) => setTimeout(resolve, 100));
      equal((await counted(room, "left")).sent, sent, `round ${round}: sent after the removal`);
      await must(room, `ifconfig wg1 ${peer}`);
    }
    for (const each of floods) each.signal("SIGINT");
    await Promise.all(floods.map(({ status }) => status));
    ok((await room.processes()).includes(pid), "the same process");
    equal((await may(room, "ping -n -c 1 -w 60 -W 60 192.168.5.2", "left")).code, 0);
  },
);
