/**
 * How long commands take, beside an empty Deno program, run by run in turn.
 * @module
 */

import { type Implementation, OUR_PROGRAM, planTunnel } from "./implementations.ts";
import { type Host, Laboratory } from "./laboratory.ts";
import type { CommandTimes } from "./results.ts";

/** Times the commands that people wait for, on an interface that is up with one peer. */
export async function measureCommands(
  ours: Implementation,
  repeats: number,
  say: (line: string) => void,
): Promise<CommandTimes[]> {
  await using laboratory = await Laboratory.open();
  const { left, right } = laboratory;
  const plan = await planTunnel(left, right);
  await ours.up(left, plan.left);
  const empty = await Deno.makeTempFile({ prefix: "wg-bench-empty-", suffix: ".ts" });
  try {
    const reference = [Deno.execPath(), "run", empty];
    const commands: { title: string; argv: string[]; undo?: string[] }[] = [
      { title: "wg ifconfig wg1", argv: [OUR_PROGRAM, "ifconfig", "wg1"] },
      { title: "wg show wg1", argv: [OUR_PROGRAM, "show", "wg1"] },
      { title: "wg --version", argv: [OUR_PROGRAM, "--version"] },
      {
        title: "wg ifconfig wg9 create",
        argv: [OUR_PROGRAM, "ifconfig", "wg9", "create"],
        undo: [OUR_PROGRAM, "ifconfig", "wg9", "destroy"],
      },
    ];
    const found: CommandTimes[] = [];
    for (const { title, argv, undo } of commands) {
      if ((await left.run(argv, { anyCode: true })).code !== 0) continue;
      if (undo !== undefined) await left.run(undo);
      const milliseconds: number[] = [];
      const emptyMilliseconds: number[] = [];
      for (let i = 0; i < repeats; i++) {
        say(`commands: ${title}, ${i + 1} of ${repeats}`);
        emptyMilliseconds.push(await timed(left, reference));
        milliseconds.push(await timed(left, argv));
        if (undo !== undefined) await left.run(undo);
      }
      found.push({ title, milliseconds, empty: emptyMilliseconds });
    }
    return found;
  } finally {
    await Deno.remove(empty);
  }
}

async function timed(host: Host, argv: readonly string[]): Promise<number> {
  const started = performance.now();
  await host.run(argv);
  return performance.now() - started;
}
