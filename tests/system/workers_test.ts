/**
 * Several Workers, whatever the number of processors: threads that share a peer table and
 * descriptors, on both sides of a tunnel.
 * @module
 */
import { equal, match, notEqual, ok } from "node:assert/strict";
import { eventually } from "../../scripts/netlab.ts";
import { Iperf3Server } from "./iperf3.ts";
import { needs } from "./needs.ts";
import { cable, may, must, ping, randomKey, tunnel, WG, wgRoom } from "./peers.ts";

/** The received bytes that a client of iperf3 tells, in both directions together. */
function received(json: string): number {
  const { end } = JSON.parse(json);
  ok(end.sum_received !== undefined, json);
  return end.sum_received.bytes + (end.sum_received_bidir_reverse?.bytes ?? 0);
}

const FORMS = [[2, "2, one each way"], [4, "4: 2 send, 2 receive"]] as const;

for (const [workers, shown] of FORMS) {
  Deno.test(
    `${workers} Workers: status, traffic both ways at once, another port, another address, the end`,
    needs("namespaces", "tun", "ip", "ping", "ipv6", "iperf3"),
    async () => {
      await using room = await wgRoom();
      await tunnel(room, "10.0.0.2", "", workers);
      for (const name of ["wg1", "wg2"]) {
        ok((await must(room, `ifconfig ${name} hwfeatures`)).includes(`\tworkers: ${shown}\n`));
      }
      await ping(room, "left", "192.168.5.2");
      await ping(room, "right", "fd05::1");

      const server = new Iperf3Server(room, "right");
      for (const way of ["", " -R", " --bidir", " -6 --bidir"]) {
        const address = way.includes("-6") ? "fd05::2" : "192.168.5.2";
        const bytes = received(
          await server.load("left", `-J -n 16M -P 4 -c ${address}${way.replace(" -6", "")}`),
        );
        ok(bytes > 1e6, `iperf3${way}: ${bytes} bytes`);
      }
      // What they told the table is what flowed.
      const counts = /tx: (\d+), rx: (\d+)/.exec(await must(room, "ifconfig wg1", "left"));
      ok(Number(counts?.[1]) > 2e6 && Number(counts?.[2]) > 2e6, counts?.[0]);

      await must(room, "ifconfig wg1 wgport 7333", "left");
      await ping(room, "left", "192.168.5.2");
      await must(room, "ip -n left address add 10.0.0.3/25 dev cable");
      await must(room, "ip -n left address del 10.0.0.1/24 dev cable");
      await ping(room, "left", "192.168.5.2");
      await eventually(
        "wg2 follows",
        async () => (await must(room, "ifconfig wg2")).includes("wgendpoint 10.0.0.3 7333\n"),
      );
      await ping(room, "right", "192.168.5.1");

      match((await may(room, "ping -n -c 1 -W 2 192.168.5.77", "left")).stdout, /Unreachable/);
      await must(room, "ifconfig wg1 down");
      equal((await may(room, "ping -n -c 1 -W 1 192.168.5.1", "right")).code, 1);
      await must(room, "ifconfig wg1 up");
      await ping(room, "left", "192.168.5.2");

      await must(room, "ip -n left link delete wg1");
      await must(room, "ifconfig wg2 destroy");
      await eventually(
        "both have ended",
        async () => !(await room.processes()).some((line) => line.includes(" daemon wg")),
      );
    },
  );
}

Deno.test(
  "wgworkers chooses their number at create; later it is refused, and a restart keeps it",
  needs("namespaces", "tun", "ip"),
  async () => {
    await using room = await wgRoom();
    await must(room, "ifconfig wg1 create wgworkers 3 wgport 7111 wgrtable 5");
    const workers = async (name: string) =>
      /\tworkers: ([^\n]*)\n/.exec(await must(room, `ifconfig ${name} hwfeatures`))?.[1];
    equal(await workers("wg1"), "3: 2 send, 1 receives");
    await must(room, "ifconfig wg1 wgworkers 3 wgport 53");
    const refused = await may(room, "ifconfig wg1 wgworkers 4 wgport 7112");
    equal(refused.code, 1);
    match(
      refused.stderr,
      /workers: 4 Workers can be had only by a new interface; this one has 3\n/,
    );
    match(await must(room, "ifconfig wg1"), /\twgport 53\n/);
    await must(room, "ifconfig wg1 wgrtable 0 wgport 7111");
    await room.output(["sh", "-c", `${WG} restart wg1`]);
    equal(await workers("wg1"), "3: 2 send, 1 receives");

    for (
      const [words, what] of [["0", "out of range"], ["33", "out of range"], [
        "x",
        "is not a number",
      ]]
    ) {
      const { code, stderr } = await may(room, `ifconfig wg2 create wgworkers ${words}`);
      equal(code, 1);
      ok(stderr.startsWith("ifconfig: wgworkers: ") && stderr.includes(what), stderr);
    }
    await room.output([WG, "wg2"], { env: { WG_WORKERS: "5" } });
    equal(await workers("wg2"), "5: 3 send, 2 receive");
    const wrong = room.spawn([WG, "wg3"], { env: { WG_WORKERS: "many" } });
    notEqual((await wrong.status).code, 0);
    match(
      wrong.output(),
      /WG_WORKERS: "?many"? is invalid; a number of Workers, 1 to 32, is required/,
    );
    // The port belongs to one interface alone, however many sockets it has.
    const taken = await may(room, "ifconfig wg3 create wgworkers 4 wgport 7111");
    match(taken.stderr, /wgport: 7111: [^\n]*EADDRINUSE/);
  },
);

Deno.test(
  "4 Workers: each of four peers has its own tunnel at once, and their counters add up",
  needs("namespaces", "tun", "ip", "ping"),
  async () => {
    await using room = await wgRoom();
    await cable(room);
    const key = async (name: string, netns: string, words: string) => {
      await must(room, `ifconfig ${name} create ${words} wgkey ${randomKey()}`, netns);
      return /\twgpubkey (\S+)\n/.exec(await must(room, `ifconfig ${name}`, netns))?.[1];
    };
    const hub = await key("wg1", "left", "wgport 7111 wgworkers 4 inet 192.168.5.1/24");
    const spokes = [2, 3, 4, 5];
    for (const i of spokes) {
      const own = await key(`wg${i}`, "right", `wgport ${7000 + i}`);
      await must(room, `ifconfig wg1 wgpeer ${own} wgaip 192.168.5.${i}/32`);
      await must(
        room,
        `ifconfig wg${i} wgpeer ${hub} wgendpoint 10.0.0.1 7111 wgaip 192.168.5.1/32`,
      );
      // Spokes in one namespace: each is bound to its own link.
      await must(room, `ifconfig wg${i} inet 192.168.5.${i}/24`);
    }
    const pings = await Promise.all(
      spokes.map((i) => may(room, `ping -n -q -c 20 -i 0.05 -W 60 -I wg${i} 192.168.5.1`, "right")),
    );
    for (const { code, stdout } of pings) equal(code, 0, stdout);
    const [{ counters, wgpeers }] = JSON.parse(await must(room, "ifconfig --json wg1"));
    ok(counters.rx_opened >= 80, JSON.stringify(counters));
    equal(counters.rx_no_session ?? 0, 0);
    equal(wgpeers.length, 4);
    const sum = wgpeers.reduce((sum: number, peer: { rx: number }) => sum + peer.rx, 0);
    ok(sum >= 80 * 128, JSON.stringify(wgpeers));
  },
);
