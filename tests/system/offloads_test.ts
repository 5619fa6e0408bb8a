/**
 * Offloads switched by hand on a running tunnel: what the status tells, what the kernel sees of it,
 * and TCP that goes on all the while.
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { OFFLOAD_NAMES, type OffloadName } from "../../lib/base/offloads.ts";
import type { Room } from "../../scripts/netlab.ts";
import { exchange, startEcho } from "./echo.ts";
import { Iperf3Server } from "./iperf3.ts";
import { needs } from "./needs.ts";
import { may, must, tunnel, WG, wgRoom } from "./peers.ts";

const SIDES = [["wg1", "left"], ["wg2", "right"]] as const;

/** What `hwfeatures` and --json tell, which must agree. */
async function told(room: Room, name: string): Promise<{ running: string; off: string }> {
  const line = /\toffloads: ([a-z ]+)(?:; switched off: ([a-z ]+))?\n/.exec(
    await must(room, `ifconfig ${name} hwfeatures`),
  );
  ok(line !== null, "hwfeatures has a line for them");
  const shown = { running: line[1] === "none" ? "" : line[1], off: line[2] ?? "" };
  const [{ engine }] = JSON.parse(await must(room, `ifconfig --json ${name}`));
  deepEqual({ running: engine.offloads, off: engine.offloadsOff }, shown);
  return shown;
}

/** What remains of the offloads that this kernel has when some are off by hand: USO needs TSO. */
function remaining(had: string, ...off: readonly OffloadName[]): string {
  const gone: readonly string[] = off.includes("tso") ? [...off, "uso"] : off;
  return had.split(" ").filter((name) => !gone.includes(name)).join(" ");
}

async function both(room: Room, words: string): Promise<void> {
  for (const [name] of SIDES) equal(await must(room, `ifconfig ${name} ${words}`), "");
}

/** Bytes a packet on average, sent and received, as a link counts super-packets. */
async function perPacket(
  room: Room,
  netns: string,
  link: string,
  load: () => Promise<unknown>,
): Promise<[number, number]> {
  const look = async () =>
    JSON.parse(await must(room, `ip -n ${netns} -j -s link show dev ${link}`))[0].stats64;
  const before = await look();
  await load();
  const after = await look();
  const average = (way: "tx" | "rx") =>
    (after[way].bytes - before[way].bytes) / (after[way].packets - before[way].packets);
  return [average("tx"), average("rx")];
}

for (const workers of [1, 2] as const) {
  Deno.test(
    `every offload off and on again under traffic, with ${
      workers === 1 ? "one Worker" : "a Worker each way"
    }`,
    needs("namespaces", "tun", "ip", "ipv6", "iperf3"),
    async () => {
      await using room = await wgRoom();
      await tunnel(room, "10.0.0.2", "", workers);
      const { running: had, off: none } = await told(room, "wg1");
      equal(none, "");
      match(had, /^tso (uso )?gso gro$/);

      await startEcho(room);
      const server = new Iperf3Server(room, "right", 5203);
      /** Something to count packets of, from left to right. */
      const load = () => server.load("left", "-n 4M -c 192.168.5.2");
      const other = room.spawn(["iperf3", "-s", "--forceflush"], { netns: "right" });
      await other.wrote("listening");
      // Slow enough to leave the machine to the rest; it goes on until it is told to stop.
      const traffic = room.spawn([
        "iperf3",
        "--forceflush",
        "-t",
        "0",
        "-b",
        "40M",
        "--bidir",
        "-c",
        "192.168.5.2",
      ], {
        netns: "left",
      });
      await traffic.wrote(/-1\.\d+ +sec/);

      for (const name of OFFLOAD_NAMES) {
        await both(room, `-${name}`);
        for (const [wg] of SIDES) {
          deepEqual(await told(room, wg), { running: remaining(had, name), off: name });
        }
        await exchange(room, 4 << 20);
        if (name === "uso") {
          await server.load("left", "-u -b 100M -n 8M -c 192.168.5.2");
        }
        await both(room, name);
        for (const [wg] of SIDES) deepEqual(await told(room, wg), { running: had, off: "" });
        await exchange(room, 4 << 20);
      }
      traffic.signal("SIGINT");
      await traffic.status;
      match(traffic.output(), /receiver/, traffic.output());

      // Several in one change, in any order of the words; the kernel's own counters tell what
      // became of super-packets.
      const super_ = 3000;
      const [, before] = await perPacket(room, "right", "wg2", load);
      const [sends] = await perPacket(room, "left", "cable", load);
      ok(before > super_ && sends > super_, `merged writes of ${before} bytes, sends of ${sends}`);
      await both(room, "-gso -tso mtu 1400 -gro");
      for (const [wg] of SIDES) {
        deepEqual(await told(room, wg), { running: "", off: "tso gso gro" });
      }
      const [taken] = await perPacket(room, "left", "wg1", load);
      const [, written] = await perPacket(room, "right", "wg2", load);
      const [alone] = await perPacket(room, "left", "cable", load);
      ok(
        Math.max(taken, written) <= 1400 && alone <= 1500,
        `${taken}, ${written}, ${alone} bytes a packet`,
      );

      // Other sockets have what the ones before them had.
      await must(room, "ifconfig wg1 wgport 7333 tso");
      deepEqual(await told(room, "wg1"), { running: remaining(had, "gso", "gro"), off: "gso gro" });
      await exchange(room, 4 << 20);
      await must(room, "ifconfig wg1 wgrtable 0 wgport 7111 -uso gro gso");
      deepEqual(await told(room, "wg1"), { running: remaining(had, "uso"), off: "uso" });

      // What is wrong with one word keeps all others from being done.
      for (
        const [words, said] of [
          ["gro -tso -lro", /^ifconfig: -lro: [^\n]+\n$/],
          ["-tso -gsoo", /^ifconfig: -gsoo: [^\n]+\n$/],
          ["-gso hwfeatures", /^ifconfig: hwfeatures: [^\n]+\n$/],
          ["-gso wgport 5201 wgrtable 999", /^ifconfig: wgrtable: [^\n]+\n$/],
        ] as const
      ) {
        const { code, stdout, stderr } = await may(room, `ifconfig wg1 ${words}`, "left");
        deepEqual([code, stdout], [1, ""], words);
        match(stderr, said);
        deepEqual(await told(room, "wg1"), { running: remaining(had, "uso"), off: "uso" });
      }
    },
  );
}

Deno.test(
  "offloads are switched off with create, in hostname.if(5) files, and not by a change that fails",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg0 create -gro -tso");
    const { running, off } = await told(room, "wg0");
    deepEqual([running, off], ["gso", "tso gro"]);
    // What anybody is told is the same.
    match(
      await must(room, "cat /var/run/wireguard/wg0.public"),
      /\noffloads=gso\noffloads_off=tso gro\n/,
    );
    await must(room, "ifconfig wg0 tso gro");
    const { running: had } = await told(room, "wg0");
    match(
      await must(room, "cat /var/run/wireguard/wg0.public"),
      new RegExp(`\\noffloads=${had}\\noffloads_off=\\n`),
    );

    // The port is taken when the offloads would already be switched.
    await must(room, "ifconfig wg1 create wgport 7001");
    const refused = await may(room, "ifconfig wg0 -tso -gso wgport 7001");
    deepEqual([refused.code, refused.stdout], [1, ""]);
    match(refused.stderr, /^ifconfig: wgport: 7001: [^\n]+\n$/);
    deepEqual(await told(room, "wg0"), { running: had, off: "" });

    await room.output(["sh", "-c", "mkdir /run/files && cat >/run/files/hostname.wg2"], {
      stdin: "-uso\n-gso up\n",
    });
    for (let run = 0; run < 2; run++) {
      await must(room, `${WG} netstart -d /run/files`);
      deepEqual(await told(room, "wg2"), { running: remaining(had, "uso", "gso"), off: "uso gso" });
    }
  },
);

for (const workers of [1, 2] as const) {
  Deno.test(
    `a path too narrow for a run: it arrives one by one, and the status counts, with ${workers} Worker`,
    needs("namespaces", "tun", "ip", "ipv6"),
    async () => {
      await using room = await wgRoom();
      await tunnel(room, "10.0.0.2", "", workers);
      await startEcho(room);
      const refused = async (name: string) => {
        const [{ counters }] = JSON.parse(await must(room, `ifconfig --json ${name}`));
        const line = /\n\tudp_gso_refused (\d+)\n/.exec(
          await must(room, `ifconfig ${name} hwfeatures`),
        );
        equal(counters.udp_gso_refused, Number(line?.[1] ?? 0));
        return counters.udp_gso_refused as number;
      };
      await exchange(room, 4 << 20);
      equal(await refused("wg1"), 0);
      // The segments of a run are longer than what the way takes now; one alone is sent in
      // fragments. The link itself still takes what comes back: a veth drops what is longer than
      // the MTU of the device that receives it.
      await must(room, "ip route change 10.0.0.0/24 dev cable src 10.0.0.1 mtu 1300", "left");
      await exchange(room, 4 << 20);
      ok(await refused("wg1") > 0);
      equal(await refused("wg2"), 0);
      match((await told(room, "wg2")).running, /gso/);
    },
  );
}
