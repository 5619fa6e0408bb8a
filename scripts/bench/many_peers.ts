/**
 * Measures many peers of one device that send in turn, compared with one peer.
 * @module
 */

import { fileURLToPath } from "node:url";
import { type Implementation, planTunnel, SOCKET } from "./implementations.ts";
import { Laboratory } from "./laboratory.ts";
import type { TalkerRow } from "./results.ts";
import { HANDSHAKES_SECONDS_MAX, type TalkCount, type TalkOrder } from "./talk_load.ts";
import { makeKeyPair, peerLines, uapi } from "./uapi.ts";

/** The device is warm when V8 has compiled its loop. */
const WARM_UP_SECONDS = 3;
const LOAD = fileURLToPath(import.meta.resolve("./talk_load.ts"));

/** Measures echoes through one device with each number of peers, in alternating rounds. */
export async function measureTalkers(
  implementation: Implementation,
  sizes: readonly number[],
  rounds: number,
  seconds: number,
  say: (line: string) => void,
): Promise<TalkerRow[]> {
  const rows = sizes.map((peers) => ({
    peers,
    heard: [] as number[],
    rate: [] as number[],
    cpu: [] as number[],
    load: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      say(`${row.peers} peers talking, round ${round + 1} of ${rounds}`);
      const count = await measureOnce(implementation, row.peers, seconds);
      row.heard.push(count.heard);
      row.rate.push(count.echoes / count.seconds);
      row.cpu.push(count.deviceCpu / count.echoes * 1e6);
      row.load.push(count.ownCpu / count.echoes * 1e6);
    }
  }
  return rows;
}

async function measureOnce(
  implementation: Implementation,
  peers: number,
  seconds: number,
): Promise<TalkCount> {
  await using laboratory = await Laboratory.open();
  const { left, right } = laboratory;
  const plan = await planTunnel(left, right);
  await implementation.up(right, plan.right);
  const inside = (i: number) => [10, 78, i >> 8, i & 255];
  const keys = await Promise.all(Array.from({ length: peers }, () => makeKeyPair()));
  const lines = keys.map(({ public: key }, i) => peerLines(key, [`${inside(i).join(".")}/32`]));
  await uapi(right.path(SOCKET), ["set=1", ...lines].join("\n"));
  await right.run(["ip", "route", "add", "10.78.0.0/16", "dev", "wg1"]);

  const order: TalkOrder = {
    address: right.address.split(".").map(Number),
    port: plan.right.port,
    responder: plan.right.keys.public.toHex(),
    talkers: keys.map((pair, i) => ({ key: pair.private.toHex(), inside: inside(i) })),
    to: plan.right.inet.split(".").map(Number),
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
  };
  const file = await Deno.makeTempFile({ prefix: "wg-bench-talk-" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(order));
    const { stdout } = await right.run([Deno.execPath(), "run", "-A", LOAD, file], {
      timeoutSeconds: HANDSHAKES_SECONDS_MAX + WARM_UP_SECONDS + seconds + 20,
    });
    return JSON.parse(stdout) as TalkCount;
  } finally {
    await Deno.remove(file);
  }
}
