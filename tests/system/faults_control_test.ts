/**
 * A control socket that is flooded: ten clients ask on and on, some do not read, and the process
 * stays small, moves packets and serves others.
 * @module
 */
import { ok } from "node:assert/strict";
import { eventually } from "../../scripts/netlab.ts";
import { needs } from "./needs.ts";
import { must, ping, tunnel, wgRoom } from "./peers.ts";
import { daemonOf, residentMb, sleep } from "./running.ts";

const NEEDED = needs("namespaces", "tun", "ip", "ping");
const CLIENTS = 10;
/** So that an answer has 150 KB. */
const PEERS = 1_000;
const FLOOD_MS = 6_000;
/** Without bounds it is more than 190 MB. */
const RESIDENT_MAX_MB = 120;
const KEPT_MAX_MB = 15;

/** Asks for everything again and again until the signal; reads the answers, or none of them. */
async function flood(path: string, reads: boolean, stop: AbortSignal): Promise<number> {
  using client = await Deno.connect({ transport: "unix", path });
  stop.addEventListener("abort", () => client.close(), { once: true });
  const asked = new TextEncoder().encode("get=1\n\n".repeat(2_000));
  let bytes = 0;
  const write = async () => {
    for (let at = 0;;) at = (at + await client.write(asked.subarray(at))) % asked.length;
  };
  const read = async () => {
    const piece = new Uint8Array(65_536);
    for (let count: number | null = 0; reads && count !== null; bytes += count ?? 0) {
      count = await client.read(piece);
    }
  };
  await Promise.allSettled([write(), read()]);
  return bytes;
}

for (const reads of [true, false]) {
  Deno.test(
    `${CLIENTS} clients that pipeline gets${reads ? "" : " and read nothing"}: memory is bounded`,
    NEEDED,
    async () => {
      await using room = await wgRoom();
      await tunnel(room);
      await ping(room, "left", "192.168.5.2");
      const path = `/proc/${room.pid}/root/run/wireguard/wg1.sock`;
      const peers = Array.from({ length: PEERS }, (_, i) => {
        const key = crypto.getRandomValues(new Uint8Array(32)).toHex();
        return `public_key=${key}\nallowed_ip=10.${100 + (i >> 8)}.${i & 255}.1/32\n`;
      });
      const text = new TextEncoder().encode(`set=1\n${peers.join("")}\n`);
      using setting = await Deno.connect({ transport: "unix", path });
      for (let at = 0; at < text.length;) at += await setting.write(text.subarray(at));
      await setting.read(new Uint8Array(100));
      const pid = await daemonOf(room, "wg1");
      await eventually("idle memory", async () => {
        const before = residentMb(pid);
        await sleep(1_500);
        return residentMb(pid) >= before - 0.5;
      });
      const before = residentMb(pid);

      const stop = new AbortController();
      const floods = Array.from({ length: CLIENTS }, () => flood(path, reads, stop.signal));
      const ended = performance.now() + FLOOD_MS;
      let most = 0;
      while (performance.now() < ended) {
        most = Math.max(most, residentMb(pid));
        await sleep(20);
      }
      // Others are served, and packets move.
      await must(room, "ifconfig wg1");
      await ping(room, "left", "192.168.5.2");
      most = Math.max(most, residentMb(pid));
      stop.abort();
      const bytes = (await Promise.all(floods)).reduce((sum, count) => sum + count, 0);
      ok(!reads || bytes > 1e6, `${bytes} bytes of answers`);
      console.log(`      resident: ${before.toFixed()} MB, flooded ${most.toFixed()} MB`);
      ok(most < RESIDENT_MAX_MB, `${most} MB`);
      await eventually(
        "that it is small again",
        () => residentMb(pid) < before + KEPT_MAX_MB,
      );
    },
  );
}
