/**
 * Samples both ends under one TCP stream, and reports the time by the place of the code. It
 * requires perf (Debian: linux-perf).
 * @module
 */

import { ROOT } from "../built.ts";
import { type Implementation, planTunnel } from "./implementations.ts";
import { Laboratory, run } from "./laboratory.ts";
import { awaken, LOADS, type RunningTunnel, warmUp } from "./loads.ts";
import type { Profile } from "./results.ts";

/** The samples per second of a thread's time. */
const FREQUENCY = 997;

/** Profiles the sender and the receiver of one TCP stream. */
export async function measureProfile(
  implementation: Implementation,
  seconds: number,
): Promise<Profile[]> {
  await using laboratory = await Laboratory.open();
  const { left, right } = laboratory;
  const plan = await planTunnel(left, right);
  // Makes V8 record the places of compiled code, so that perf can name it. Other programs ignore
  // the variable.
  const environment = { DENO_V8_FLAGS: "--perf-basic-prof" };
  // The name of V8's file in /tmp contains a process number that both hosts may have. Each host
  // gets its own /tmp, unless that would hide the program.
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

/** Reads the lines `12.34%  name` of perf report, without the two empty columns for symbols. */
export function parseShares(text: string): { name: string; percent: number }[] {
  return [...text.matchAll(/^\s*([0-9.]+)%\s+(.*?\S)(?:\s+-\s+-)?\s*$/gm)]
    .map(([, percent, name]) => ({ name, percent: Number(percent) }));
}
