/**
 * Where the time goes: a sampling profile of both ends under one TCP stream, by the place the code lives in. Needs perf (Debian: linux-perf).
 * @module
 */

import { ROOT } from "../built.ts";
import { type Implementation, planTunnel } from "./implementations.ts";
import { Laboratory, run } from "./laboratory.ts";
import { awaken, LOADS, type RunningTunnel, warmUp } from "./loads.ts";
import type { Profile } from "./results.ts";

/** Samples a second of a thread's time. */
const FREQUENCY = 997;

/** Profiles the sender and the receiver of one TCP stream. */
export async function measureProfile(
  implementation: Implementation,
  seconds: number,
): Promise<Profile[]> {
  await using laboratory = await Laboratory.open();
  const { left, right } = laboratory;
  const plan = await planTunnel(left, right);
  // Deno reads this; it makes V8 write down where it puts compiled code, so that perf can name it. Others do not mind.
  const environment = { DENO_V8_FLAGS: "--perf-basic-prof" };
  // Its file in /tmp is named by a process number that both hosts may give: each gets a /tmp of its own, where that does not hide the program.
  for (const host of ROOT.startsWith("/tmp/") ? [] : [left, right]) {
    await host.run(["mount", "-t", "tmpfs", "tmpfs", "/tmp"]);
  }
  await implementation.up(left, plan.left, environment);
  await implementation.up(right, plan.right, environment);
  const ends = [
    { side: "sender", pids: left.processes() },
    { side: "receiver", pids: right.processes() },
  ];
  const tunnel: RunningTunnel = { left, right, plan, daemons: ends.flatMap((end) => end.pids) };
  await awaken(tunnel);
  await warmUp(tunnel, Math.max(2, seconds));
  const folder = await Deno.makeTempDir({ prefix: "wg-bench-perf-" });
  try {
    const stream = LOADS.find((load) => load.id === "ipv6");
    const recording = ends.map(({ side, pids }) =>
      run([
        ...["perf", "record", "-q", "-F", String(FREQUENCY), "-p", pids.join(",")],
        ...["-o", `${folder}/${side}`, "--", "sleep", String(seconds)],
      ], { anyCode: true, timeoutSeconds: seconds + 30 })
    );
    await stream?.run(tunnel, seconds + 1);
    await Promise.all(recording);
    return await Promise.all(ends.map(async ({ side }) => ({
      measurement: implementation.id,
      side,
      places: await shares(`${folder}/${side}`, "dso", 8),
      functions: await shares(`${folder}/${side}`, "symbol", 24),
    })));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function shares(
  file: string,
  sort: string,
  most: number,
): Promise<{ name: string; percent: number }[]> {
  const argv = [
    "perf",
    "report",
    "-i",
    file,
    "--stdio",
    "--sort",
    sort,
    "-g",
    "none",
    "-q",
    "--full-source-path",
  ];
  return parseShares((await run(argv, { anyCode: true })).stdout).slice(0, most);
}

/** Reads the lines `12.34%  name` of perf report; the two empty columns that it adds for symbols are dropped. */
export function parseShares(text: string): { name: string; percent: number }[] {
  return [...text.matchAll(/^\s*([0-9.]+)%\s+(.*?\S)(?:\s+-\s+-)?\s*$/gm)]
    .map(([, percent, name]) => ({ name, percent: Number(percent) }));
}
