/**
 * Time and a running interface: sessions of a process that was stopped are too old when it goes on,
 * and jumps of the wall clock disturb nothing.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { counted, countPackets } from "./counting_rules.ts";
import { needs } from "./needs.ts";
import { may, must, wgRoom } from "./peers.ts";
import { clockFile, shortTunnel } from "./short_times.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping", "nft");

const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;

const responses = (running: Running) =>
  count(running.output(), /Receiving handshake response from/g);

/** What the interface has counted, by its own account. */
async function countersOf(running: Running): Promise<Record<string, number>> {
  const before = count(running.output(), /^counters /gm);
  running.signal("SIGUSR1");
  return await eventually("its counters", () => {
    const told = [...running.output().matchAll(/^counters (.*)$/gm)];
    return told.length > before ? JSON.parse(told[told.length - 1][1]) : undefined;
  });
}

/** Stops a process for much longer than its keys live (2.7 s), and lets it go on. */
async function stop(running: Running, meanwhile: () => Promise<unknown>): Promise<void> {
  running.signal("SIGSTOP");
  await meanwhile();
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  running.signal("SIGCONT");
}

const answers = (room: Room) => must(room, "ping -n -c 3 -i 0.1 -w 60 -W 60 192.168.5.2", "left");

for (const workers of [1, 2] as const) {
  Deno.test(
    `${workers} Worker: what a stopped process finds in its queues does not use old sessions`,
    NEEDED,
    async () => {
      await using room = await wgRoom();
      const { left, right } = await shortTunnel(room, workers);
      await answers(room);

      // Data messages wait in the socket of the stopped process.
      await countPackets(room, "right", "input", { echo: 'iifname "wg2" icmp type echo-request' });
      // Nftables would count those once that leave in one call.
      const sealed = async () => (await countersOf(left)).tx_sealed;
      const sealedBefore = await sealed();
      await stop(right, async () => {
        equal((await may(room, "ping -n -l 10 -c 10 -W 1 192.168.5.2", "left")).code, 1);
      });
      const data = await sealed() - sealedBefore;
      ok(data >= 10, `${data} data messages wait`);
      await eventually("all messages are looked at, and refused", async () => {
        const { rx_expired = 0, rx_no_session = 0 } = await countersOf(right);
        return rx_expired + rx_no_session >= data;
      });
      deepEqual(await counted(room, "right"), {}, "none was delivered");
      await right.wrote(/Zeroing out keys for/);
      await answers(room);

      // Packets wait in the TUN device of the stopped process.
      const before = await countersOf(right);
      const handshakes = responses(left);
      await stop(left, async () => {
        await may(room, "ping -n -c 10 -i 0.02 -W 1 192.168.5.2", "left");
      });
      await answers(room);
      const after = await countersOf(right);
      ok(responses(left) > handshakes, "a new session carries them");
      for (const counter of ["rx_expired", "rx_no_session", "rx_unauthentic", "rx_replayed"]) {
        equal(after[counter], before[counter], counter);
      }
    },
  );
}

Deno.test(
  "jumps of the wall clock on both sides lose no packet and no handshake",
  NEEDED,
  async () => {
    await using room = await wgRoom();
    const { left, right } = await shortTunnel(room, 1);
    await answers(room);
    const pings = room.spawn(["ping", "-n", "-i", "0.05", "192.168.5.2"], { netns: "left" });
    const day = 86_400;
    const jumps = [["wg1", -day], ["wg2", -day], ["wg1", day], ["wg2", 10 * day], [
      "wg1",
      0,
    ]] as const;
    for (const [name, seconds] of jumps) {
      await room.output([
        "sh",
        "-c",
        `echo ${seconds} >${clockFile(name)}.new && mv $0.new $0`,
        clockFile(name),
      ]);
      const before = responses(left);
      await eventually(`new sessions after ${name} jumped`, () => responses(left) >= before + 2);
    }
    pings.signal("SIGINT");
    await pings.status;
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(pings.output()) ??
      [];
    ok(Number(sent) > 50 && Number(received) >= 0.95 * Number(sent), pings.output().slice(-300));
    for (const side of [left, right]) {
      equal((await countersOf(side)).handshake_replayed ?? 0, 0, "no timestamp was refused");
    }
  },
);
