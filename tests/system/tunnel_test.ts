import { equal, match, ok } from "node:assert/strict";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, publicKey, randomKey, tunnel, wgRoom } from "./peers.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");
const NEEDED6 = needs("namespaces", "tun", "ip", "ping", "ipv6");

Deno.test("IPv4 and IPv6 inside, over IPv4 and over IPv6", NEEDED6, async (t) => {
  for (const outer of ["10.0.0.2", "fd00::2"]) {
    await t.step(`over ${outer}`, async () => {
      await using room = await wgRoom();
      await tunnel(room, outer);
      await ping(room, "left", "192.168.5.2");
      await ping(room, "right", "192.168.5.1");
      await ping(room, "left", "fd05::2");
      await ping(room, "right", "fd05::1");
      // Larger than the inner and the outer MTU: fragments inside the tunnel.
      await must(room, "ping -n -c 2 -i 0.2 -W 60 -s 4000 192.168.5.2", "left");
      const learnt = outer.includes(":") ? "fd00::1 7111" : "10.0.0.1 7111";
      match(await must(room, "ifconfig wg2"), new RegExp(`wgendpoint ${learnt}\n`));
    });
  }
});

Deno.test("a preshared key: the same one on both sides, or no handshake", NEEDED, async () => {
  await using room = await wgRoom();
  const psk = randomKey();
  const { publicKeys } = await tunnel(room, "10.0.0.2", `wgpsk ${psk}`);
  await ping(room, "left", "192.168.5.2");
  const shown = await must(room, "ifconfig wg1");
  match(shown, /\t\twgpsk \(present\)\n/);
  equal(shown.includes(psk), false);

  await must(room, "ifconfig wg1 destroy");
  await must(room, `ifconfig wg1 create wgport 7111 wgkey ${randomKey()}`, "left");
  const key = await publicKey(room, "wg1");
  await must(room, `ifconfig wg2 -wgpeerall wgpeer ${key} wgpsk ${psk} wgaip 192.168.5.1/32`);
  await must(
    room,
    `ifconfig wg1 wgpeer ${publicKeys.right} wgpsk ${randomKey()} wgendpoint 10.0.0.2 7222 wgaip 192.168.5.2/32`,
  );
  await must(room, "ifconfig wg1 192.168.5.1/24");
  equal((await may(room, "ping -n -c 2 -i 0.2 -W 1 192.168.5.2", "left")).code, 1);
  equal((await must(room, "ifconfig wg1")).includes("last handshake"), false);
  await must(room, `ifconfig wg1 wgpeer ${publicKeys.right} wgpsk ${psk}`);
  // The next attempt comes within 5.333 s of the last.
  await must(room, "ping -n -c 1 -W 60 -w 60 192.168.5.2", "left");
});

/** The answers that a running ping has seen: their sequence numbers. */
const answers = (text: string) =>
  [...text.matchAll(/icmp_seq=(\d+) ttl/g)].map((found) => Number(found[1]));

async function endpointBecomes(room: Room, name: string, endpoint: string): Promise<void> {
  await eventually(
    `${name}'s peer at ${endpoint}`,
    async () => (await must(room, `ifconfig ${name}`)).includes(`wgendpoint ${endpoint}\n`),
  ).catch(async (error) => {
    const both = await must(room, "ifconfig wg1") + await must(room, "ifconfig wg2");
    throw new Error(`${error.message}\n${both}`);
  });
}

/**
 * Tells wg1 where its peer is until wg2 has heard from there. An answer that was under way from the
 * old endpoint when the new one was set takes the endpoint back with it, as it does in every
 * implementation.
 */
async function moveTo(room: Room, peer: string, endpoint: string, seenAs: string): Promise<void> {
  await eventually(`wg2's peer at ${seenAs}`, async () => {
    await must(room, `ifconfig wg1 wgpeer ${peer} wgendpoint ${endpoint}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    return (await must(room, "ifconfig wg2")).includes(`wgendpoint ${seenAs}\n`);
  });
}

Deno.test(
  "roaming under a running ping: a new address, the other family, and back",
  NEEDED6,
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    const running = room.spawn(["ping", "-n", "-i", "0.05", "192.168.5.2"], { netns: "left" });
    const flows = async () => {
      const seen = answers(running.output()).length;
      await eventually("five more answers", () => answers(running.output()).length >= seen + 5);
    };
    await flows();
    // Another prefix length: an address of the same network would go with the first one
    // (promote_secondaries).
    await must(room, "ip -n left address add 10.0.0.3/25 dev cable");
    await must(room, "ip -n left address del 10.0.0.1/24 dev cable");
    await endpointBecomes(room, "wg2", "10.0.0.3 7111");
    await flows();
    await moveTo(room, publicKeys.right, "fd00::2 7222", "fd00::1 7111");
    await flows();
    await moveTo(room, publicKeys.right, "10.0.0.2 7222", "10.0.0.3 7111");
    await flows();
    running.signal("SIGINT");
    equal((await running.status).code, 0);
    const seen = answers(running.output());
    const lost = seen[seen.length - 1] - seen.length;
    ok(lost <= 10, `${lost} of ${seen.length + lost} pings were lost:\n${running.output()}`);
  },
);

Deno.test("a port of the left side changes under a running ping", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  await must(room, "ifconfig wg1 wgport 7333", "left");
  match(await must(room, "netstat -ln", "left"), /\*\.7333/);
  await ping(room, "left", "192.168.5.2");
  await endpointBecomes(room, "wg2", "10.0.0.1 7333");
});

/** Sends datagrams of every size and every kind to a port, from where it runs. */
const HOSTILE = `
const socket = Deno.listenDatagram({ port: 0, transport: "udp", hostname: "0.0.0.0" });
const address = { transport: "udp", hostname: Deno.args[0], port: Number(Deno.args[1]) };
const random = (size) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
};
let sent = 0;
for (const type of [undefined, 0, 1, 2, 3, 4, 5, 255]) {
  for (const size of [...Array(260).keys(), 511, 512, 1023, 1280, 1420, 1451, 1452, 1453, 1500, 9000, 65000, 65507]) {
    const bytes = random(size);
    if (type !== undefined) bytes.set([type, 0, 0, 0].slice(0, size));
    await socket.send(bytes, address).catch(() => {});
    if (++sent % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
console.log(sent);
`;

Deno.test("datagrams of every size and kind do not end the daemon", NEEDED, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  await ping(room, "left", "192.168.5.2");
  const before = (await room.processes()).sort();
  await room.output(["sh", "-c", "cat >/run/hostile.ts"], { stdin: HOSTILE });
  const hostile = [
    Deno.execPath(),
    "run",
    "-A",
    "--unstable-net",
    "--no-config",
    "/run/hostile.ts",
  ];
  equal(Number(await room.output([...hostile, "10.0.0.2", "7222"], { netns: "left" })), 8 * 272);
  await ping(room, "left", "192.168.5.2");
  await ping(room, "right", "192.168.5.1");
  // Handshakes too: a new session is made at once when asked for by a peer that was forgotten.
  const key = await publicKey(room, "wg1");
  await must(room, `ifconfig wg2 -wgpeer ${key}`);
  await must(room, `ifconfig wg2 wgpeer ${key} wgendpoint 10.0.0.1 7111 wgaip 192.168.5.1/32`);
  await must(room, "ping -n -c 1 -W 60 -w 60 192.168.5.1", "right");
  equal((await room.processes()).sort().join("\n"), before.join("\n"));
});

Deno.test("a packet without a peer is answered with host unreachable", NEEDED6, async () => {
  await using room = await wgRoom();
  await tunnel(room);
  match(
    (await may(room, "ping -n -c 1 -W 2 192.168.5.77", "left")).stdout,
    /Destination Host Unreachable/i,
  );
  match(
    (await may(room, "ping -n -c 1 -W 2 fd05::77", "left")).stdout,
    /Destination unreachable: Address unreachable/i,
  );
});
