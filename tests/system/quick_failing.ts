/**
 * A program for quick_failure_test.ts: `wg quick up` and `reload`, in which each step in turn
 * fails, before or after it had its effect, or is interrupted by a signal. After each run the
 * machine must be as before. It prints the steps that failed, one a line.
 * @module
 */
import { equal } from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { down } from "../../lib/cli/quick/down.ts";
import { findFile } from "../../lib/cli/quick/file.ts";
import type { HookRunner } from "../../lib/cli/quick/hooks.ts";
import type { Step } from "../../lib/cli/quick/plan.ts";
import { reload } from "../../lib/cli/quick/reload.ts";
import { Session } from "../../lib/cli/quick/session.ts";
import { StepRunner } from "../../lib/cli/quick/step_runner.ts";
import { up } from "../../lib/cli/quick/up.ts";

const QUIET = { print: false, quiet: true };
const [path, changed] = Deno.args;
const FILE = findFile(path);
/** What can go wrong with a step. */
const MISHAPS = ["before", "after", "signal"] as const;

/** Counts the steps. That with the number `at` goes wrong. */
class FailingRunner extends StepRunner {
  static at = 0;
  static mishap: typeof MISHAPS[number] = "before";
  static failed: Step | undefined;
  #count = 0;

  override async do(step: Step, ...more: [Parameters<StepRunner["do"]>[1]]) {
    if (this.#count++ !== FailingRunner.at) return await super.do(step, ...more);
    FailingRunner.failed = step;
    // The same runner does the steps of the undoing of a reload, which do not fail.
    if (FailingRunner.mishap === "before") throw new ConfigError("planted", "before the step");
    const saved = await super.do(step, ...more);
    if (FailingRunner.mishap === "after") throw new ConfigError("planted", "after the step");
    const came = new Promise<void>((resolve) => Deno.addSignalListener("SIGTERM", resolve));
    Deno.kill(Deno.pid, "SIGTERM");
    await came;
    return saved;
  }
}

const failing = (file: typeof FILE, telling: typeof QUIET) =>
  new Session(file, telling, (name: string, hooks: HookRunner) => new FailingRunner(name, hooks));

/** Everything that a run changes, without counters and process numbers. */
function machine(): string[] {
  const run = (...argv: string[]) => {
    const { stdout } = new Deno.Command(argv[0], { args: argv.slice(1) }).outputSync();
    return new TextDecoder().decode(stdout).replace(/"ifindex":\d+,?|"stats64?":\{[^}]*\}/g, "");
  };
  const peers = run("sh", "-c", "wg show all dump 2>/dev/null | cut -f 1-6,9").trim();
  return [
    run("ip", "-j", "address"),
    ...["-4", "-6"].flatMap((family) => [
      run("ip", family, "-j", "route", "show", "table", "all"),
      run("ip", family, "-j", "rule"),
    ]),
    run("nft", "list", "ruleset"),
    Deno.readTextFileSync("/proc/sys/net/ipv4/conf/all/src_valid_mark"),
    Deno.readTextFileSync("/etc/resolv.conf"),
    [...Deno.readDirSync("/etc")].map(({ name }) => name).filter((name) =>
      name.startsWith("resolv")
    )
      .join(),
    ...["/var/run/wireguard", "/run/wg"].map((folder) =>
      [...Deno.readDirSync(folder)].map(({ name }) => name).sort().join()
    ),
    peers,
  ].flatMap((text) => text.replaceAll("},{", "},\n{").split("\n"));
}

/** Compares the machine with what it was. The message has the lines that differ. */
function same(before: readonly string[], what: string): void {
  const now = machine();
  const lost = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const found = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  equal([...lost, ...found].join("\n"), "", [what, ...lost, ...found].join("\n"));
  equal(now.join("\n"), before.join("\n"), what);
}

/** Lets one step after the other go wrong, until there are no more. */
async function each(act: () => Promise<number>): Promise<void> {
  const before = machine();
  for (FailingRunner.at = 0;; FailingRunner.at++) {
    FailingRunner.mishap = MISHAPS[FailingRunner.at % MISHAPS.length];
    FailingRunner.failed = undefined;
    const status = await act();
    if (FailingRunner.failed === undefined) {
      equal(status, 0);
      return;
    }
    const { mishap, failed } = FailingRunner;
    console.log(`${mishap} ${(failed as Step).type}`);
    equal(status, mishap === "signal" ? 143 : 1, `${mishap} ${JSON.stringify(failed)}`);
    same(before, `${mishap} ${JSON.stringify(failed)}`);
  }
}

for (const folder of ["/var/run/wireguard", "/run/wg"]) Deno.mkdirSync(folder, { recursive: true });
const start = machine();
await each(() => up(FILE, QUIET, failing));
console.log("up");
Deno.copyFileSync(changed, path);
await each(() => reload(FILE, QUIET, failing));
console.log("reload");
equal(await down(FILE, QUIET), 0);
same(start, "down");
console.log("down");
