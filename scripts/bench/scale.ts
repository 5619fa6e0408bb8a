/**
 * Measures the cost of an interface against its number of peers.
 * @module
 */

import { setUpTunnel } from "./tunnels.ts";
import { type Implementation, OUR_PROGRAM, SOCKET } from "./implementations.ts";
import { Laboratory, residentMax, sleep } from "./laboratory.ts";
import { LOADS, warmUp } from "./loads.ts";
import type { ScaleRow } from "./results.ts";
import { peerLines, uapi } from "./uapi.ts";

/**
 * Measures an interface with each of these numbers of peers. One of them carries the traffic, the
 * others are idle.
 */
export async function measureScale(
  implementation: Implementation,
  sizes: readonly number[],
  rounds: number,
  seconds: number,
  say: (line: string) => void,
): Promise<ScaleRow[]> {
  const rows = sizes.map((peers) => ({
    peers,
    set: [] as number[],
    get: [] as number[],
    show: [] as number[],
    tcp: [] as number[],
    resident: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      say(`${row.peers} peers, round ${round + 1} of ${rounds}`);
      const found = await measureOnce(implementation, row.peers, seconds);
      for (const key of ["set", "get", "show", "tcp", "resident"] as const) {
        row[key].push(found[key]);
      }
    }
  }
  return rows;
}

async function measureOnce(implementation: Implementation, peers: number, seconds: number) {
  await using laboratory = await Laboratory.open();
  const { left } = laboratory;
  const { tunnel } = await setUpTunnel(laboratory, implementation);
  const daemons = left.processes();

  const socket = left.path(SOCKET);
  const lines = ["set=1"];
  for (let i = 1; i < peers; i++) {
    lines.push(peerLines(idleKey(i), [`10.${128 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`]));
  }
  const set = await timed(() => uapi(socket, lines.join("\n")));
  // The garbage of parsing is released after some moments. The rest is the cost of idle peers.
  await sleep(1500);
  const resident = residentMax(daemons);
  const get = await timed(() => uapi(socket, "get=1"));
  const show = await timed(() => left.run([OUR_PROGRAM, "ifconfig", "wg1"]));
  await warmUp(tunnel, Math.max(2, seconds));
  const load = LOADS.find((l) => l.id === "tcp");
  const tcp = (await load?.run(tunnel, seconds))?.tcp_mean ?? NaN;
  return { set, get, show, tcp, resident };
}

/** The key of an idle peer. Any 32 bytes are a public key, and nobody has the private key. */
function idleKey(number: number): Uint8Array {
  const key = crypto.getRandomValues(new Uint8Array(32));
  new DataView(key.buffer).setUint32(0, number);
  return key;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
