/**
 * One Worker each way, whatever the number of processors: two threads that share a peer table and
 * descriptors, on both sides of a tunnel.
 * @module
 */
import { equal, match, ok } from "node:assert/strict";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { may, must, ping, tunnel, wgRoom } from "./peers.ts";

/** The received bytes that a client of iperf3 tells, in both directions together. */
function received(json: string): number {
  const { end } = JSON.parse(json);
  return end.sum_received.bytes + (end.sum_received_bidir_reverse?.bytes ?? 0);
}

Deno.test(
  "one Worker each way: status, traffic both ways at once, another port, another address, the end",
  needs("namespaces", "tun", "ip", "ping", "ipv6", "iperf3"),
  async () => {
    await using room = await wgRoom();
    await tunnel(room, "10.0.0.2", "", 2);
    for (const name of ["wg1", "wg2"]) {
      match(
        await must(room, `ifconfig ${name} hwfeatures`),
        /\tworkers: 2, one each way\n/,
      );
    }
    await ping(room, "left", "192.168.5.2");
    await ping(room, "right", "fd05::1");

    const server = room.spawn(["iperf3", "-s", "--forceflush"], { netns: "right" });
    await eventually("iperf3 listens", () => server.output().includes("listening"));
    for (const way of ["", " -R", " --bidir", " -6 --bidir"]) {
      const address = way.includes("-6") ? "fd05::2" : "192.168.5.2";
      const bytes = received(
        await must(room, `iperf3 -J -t 1 -c ${address}${way.replace(" -6", "")}`, "left"),
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
