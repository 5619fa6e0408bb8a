/**
 * Counters of the running program: causes that are made for real are found in `ifconfig
 * hwfeatures`, in `--json` and in `get=2`.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { COUNTERS, type Counts, PEER_COUNTERS } from "../../lib/base/counters.ts";
import { eventually, type Room } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, publicKey, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

interface Told {
  readonly counters: Counts;
  readonly wgpeers: readonly { readonly wgpeer: string; readonly counters: Counts }[];
}

async function told(room: Room, name: string): Promise<Told> {
  return JSON.parse(await must(room, `ifconfig --json ${name}`))[0];
}

/** The counters of the interface's one peer. */
const ofPeer = async (room: Room, name: string) => (await told(room, name)).wgpeers[0].counters;

/**
 * Sends each of these datagrams, given by type and length, from the left to the right side's port.
 */
const DATAGRAMS = `
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "10.0.0.1", port: 0 });
  for (const [type, length] of JSON.parse(Deno.args[0])) {
    const bytes = new Uint8Array(length);
    bytes[0] = type;
    await socket.send(bytes, { transport: "udp", hostname: "10.0.0.2", port: 7222 });
  }
  socket.close();
`;

async function send(
  room: Room,
  datagrams: readonly (readonly [type: number, length: number])[],
): Promise<void> {
  const words = ["eval", "--quiet", "--unstable-net", DATAGRAMS, JSON.stringify(datagrams)];
  await room.output([Deno.execPath(), ...words], { netns: "left" });
}

/** A public key that nobody has the private key of. */
const randomPublic = randomKey;

const ASK = `
  using daemon = await Deno.connect({ transport: "unix", path: "/var/run/wireguard/wg1.sock" });
  await daemon.write(new TextEncoder().encode(Deno.args[0] + "\\n\\n"));
  const decoder = new TextDecoder();
  let text = "";
  for (const piece = new Uint8Array(65536); !text.endsWith("\\n\\n");) {
    text += decoder.decode(piece.subarray(0, await daemon.read(piece)));
  }
  console.log(text);
`;

/** What wg1's daemon answers on its socket. */
const answer = (room: Room, request: string) =>
  room.output([Deno.execPath(), "eval", "--quiet", ASK, request]);

for (const workers of [1, 2] as const) {
  Deno.test(
    `what was dropped is told by its reason, of the interface and of its peer, with ${workers} Worker`,
    needs("namespaces", "tun", "ip", "ping", "ipv6"),
    async () => {
      await using room = await wgRoom();
      const { publicKeys } = await tunnel(room, "10.0.0.2", "", workers);
      await ping(room, "left", "192.168.5.2");
      const first = await told(room, "wg2");
      deepEqual(Object.keys(first.counters), COUNTERS.map(([name]) => name), "0 is told too");
      deepEqual(Object.keys(first.wgpeers[0].counters), PEER_COUNTERS);
      ok(first.counters.tx_sealed! >= 4 && first.counters.rx_opened! >= 4);
      ok(
        first.counters.tun_reads! >= 4 && first.counters.udp_sends! >= 4 &&
          first.counters.udp_receives! >= 4,
      );
      equal(first.counters.rx_replayed, 0);
      equal(first.wgpeers[0].counters.handshake_initiation_accepted, 1);
      equal(first.wgpeers[0].counters.handshake_completed, 1);
      equal((await ofPeer(room, "wg1")).handshake_response_accepted, 1);

      // What strangers send: neither type nor length, a wrong mac1, a response that nobody waits
      // for, a session that is not there, a cookie for nobody.
      await send(room, [[9, 100], [4, 31], [1, 148], [2, 92], [4, 64], [3, 64]]);
      await eventually("the datagrams are counted", async () => {
        const { counters } = await told(room, "wg2");
        return counters.cookie_unknown_index === 1;
      });
      const { counters: strangers } = await told(room, "wg2");
      deepEqual(
        [
          strangers.rx_malformed,
          strangers.handshake_mac1_wrong,
          strangers.handshake_unknown_index,
          strangers.rx_no_session,
        ],
        [2, 1, 1, 1],
      );

      // A source that the right side's peer may not use, and a destination that no peer has.
      await must(room, "ip -n left address add 192.168.5.77/32 dev wg1");
      await may(room, "ping -n -c 2 -i 0.2 -W 1 -I 192.168.5.77 192.168.5.2", "left");
      equal((await ofPeer(room, "wg2")).rx_unallowed_source, 2);
      const nowhere = await may(room, "ping -n -c 2 -i 0.2 -W 1 192.168.5.9", "left");
      match(nowhere.stdout, /Destination Host Unreachable/);
      const { counters: left } = await told(room, "wg1");
      ok(left.tx_no_peer! >= 2 && left.icmp_unreachable_sent! >= 2);

      // The right side goes away from its route: what is sent to it fails, packets and keepalives
      // alike.
      await must(room, "ip -n left address del 10.0.0.1/24 dev cable");
      await may(room, "ping -n -c 3 -i 0.2 -W 1 192.168.5.2", "left");
      ok((await ofPeer(room, "wg1")).tx_send_failed! >= 3);

      // The text has those that are not 0, below the interface and below the peer; nobody sees them
      // without asking.
      const text = await must(room, "ifconfig wg2 hwfeatures");
      match(text, /\n\trx_malformed 2\n(\t[a-z0-9_]+ \d+\n)*\trx_no_session 1\n/);
      match(text, /\twgpeer [^\n]+\n(\t\t[^\n]+\n)*\t\trx_unallowed_source 2\n/);
      ok(!/ 0\n/.test(text.slice(text.indexOf("\ttun_reads"))), text);
      ok(!(await must(room, "ifconfig wg2")).includes("rx_"));
      equal((await told(room, "wg2")).wgpeers[0].wgpeer, publicKeys.left);
      const help = await must(room, `${WG} help counters`);
      for (const [name, , meaning] of COUNTERS) {
        ok(help.includes(`${name}`) && help.includes(`    ${meaning}\n`), name);
      }
    },
  );
}

Deno.test(
  "failed handshakes are counted by their reason, which Debian's wg(8) is not shown",
  needs("namespaces", "tun", "ip", "ping", "wg"),
  async () => {
    await using room = await wgRoom();
    const { publicKeys } = await tunnel(room);
    // wg3 is no peer of the right side's; wg4's peer has another preshared key; wg5's has no route,
    // wg6's no endpoint.
    const peer = `wgpeer ${publicKeys.right} wgendpoint 10.0.0.2 7222`;
    await must(
      room,
      `ifconfig wg3 create wgkey ${randomKey()} ${peer} wgaip 192.168.6.2/32 192.168.6.1/24`,
      "left",
    );
    await must(room, `ifconfig wg4 create wgport 7004 wgkey ${randomKey()}`, "right");
    const four = await publicKey(room, "wg4");
    await must(
      room,
      `ifconfig wg4 wgpeer ${publicKeys.left} wgpsk ${randomKey()} wgaip 192.168.7.1/32 192.168.7.2/24`,
      "right",
    );
    await must(
      room,
      `ifconfig wg1 wgpeer ${four} wgendpoint 10.0.0.2 7004 wgaip 192.168.7.2/32 ` +
        `wgpeer ${randomPublic()} wgendpoint 10.99.0.1 7005 wgaip 192.168.8.2/32 ` +
        `wgpeer ${randomPublic()} wgaip 192.168.9.2/32`,
      "left",
    );
    for (const n of [7, 8, 9]) await must(room, `ip -n left route add 192.168.${n}.2/32 dev wg1`);
    for (const address of ["192.168.6.2", "192.168.7.2", "192.168.8.2", "192.168.9.2"]) {
      await may(room, `ping -n -c 3 -i 0.3 -W 1 ${address}`, "left");
    }
    await eventually(
      "the right side refused wg3",
      async () => (await told(room, "wg2")).counters.handshake_unknown_peer! > 0,
    );
    await eventually("the repetition is counted", async () => {
      const [, , noRoute] = (await told(room, "wg1")).wgpeers;
      return noRoute.counters.handshake_retried! > 0;
    });
    const { wgpeers: [, psk, noRoute, noEndpoint] } = await told(room, "wg1");
    equal(psk.wgpeer, four);
    ok(psk.counters.handshake_response_forged! > 0);
    ok(noRoute.counters.handshake_send_failed! > 0);
    ok(noEndpoint.counters.tx_no_endpoint! >= 3);
    // Down drops what waits for a handshake.
    await must(room, "ifconfig wg1 down", "left");
    await eventually(
      "what waited is dropped",
      async () => (await told(room, "wg1")).wgpeers[2].counters.tx_staged_dropped! >= 3,
    );

    ok((await must(room, "wg show wg1 dump", "left")).includes(publicKeys.right));
    const [one, two] = [await answer(room, "get=1"), await answer(room, "get=2")];
    ok(one.includes("\nrx_bytes=") && !/counter|handshake_(?!time)|tx_(?!bytes)/.test(one), one);
    match(two, /\ncounter=tun_reads [1-9]\d*\n/);
    match(two, /\ncounter=rx_replayed 0\n/);
    match(two, /\npublic_key=[0-9a-f]{64}\n([a-z_]+=[^\n]*\n)*counter=tx_no_endpoint [1-9]/);
  },
);

Deno.test(
  "messages that arrive twice are counted as replayed: data messages and an initiation",
  needs("namespaces", "tun", "ip", "ping", "nft"),
  async () => {
    await using room = await wgRoom();
    await tunnel(room);
    await ping(room, "left", "192.168.5.2");
    await room.output(["nft", "-f", "-"], {
      netns: "left",
      stdin: `table netdev twice {
        chain egress {
          type filter hook egress device "cable" priority 0;
          udp dport 7222 dup to "cable"
        }
      }`,
    });
    await must(room, "ping -n -c 3 -i 0.2 -W 60 192.168.5.2", "left");
    const before = await ofPeer(room, "wg2");
    ok(before.rx_replayed! >= 3);
    equal(before.handshake_replayed, 0);
    await must(room, "ifconfig wg1 down", "left");
    await must(room, "ifconfig wg1 up", "left");
    await must(room, "ping -n -c 1 -w 60 -W 60 192.168.5.2", "left");
    await eventually(
      "the repeated initiation",
      async () => (await ofPeer(room, "wg2")).handshake_replayed! > 0,
    );
    equal((await ofPeer(room, "wg2")).handshake_completed, 2);
  },
);
