/**
 * `deno task mutate`: plants small faults in the pure rooms, one at a time, runs the tests that
 * import the room, and lists the faults that no test notices. The tree is copied to a temporary
 * folder first, which is removed at the end.
 *
 * deno task mutate [ROOM|FILE|FILE:LINE] [COUNT] [0xSEED] [--json] [--near] [--no-sim]
 *
 * COUNT faults are chosen by chance, 200 unless told; with a line, all of it. The same SEED chooses
 * the same faults of the same code. A test that takes much more processor time than without the
 * fault has noticed it. A few seeds are simulated too, except with `--no-sim`. `--near` runs only
 * the tests of the fault's own room, which is quick, and simulates nothing.
 *
 * The exit status is 1 when fewer than 95 % of the faults that are not explained
 * (scripts/mutate/explained.ts) are noticed.
 * @module
 */
import { parseArgs } from "node:util";
import { ROOT } from "./built.ts";
import { chooseFaults } from "./mutate/choice.ts";
import { type Fault, faultsOf } from "./mutate/faults.ts";
import { Progress } from "./mutate/progress.ts";
import { jsonOf, share, sumsText, type Trials } from "./mutate/report.ts";
import { openWorkbench, tryFaults } from "./mutate/trials.ts";

/** The rooms that are pure and carry the protocol. */
const ROOMS = ["data", "device", "noise", "cookie", "timers", "allowed_ips", "wire"] as const;
/** Rooms in which faults are planted only when they are named. */
const OTHER_ROOMS = ["base", "crypto"] as const;
const ALL_ROOMS: readonly string[] = [...ROOMS, ...OTHER_ROOMS];
const COUNT = 200;
/** The least part of the faults that must be noticed. */
const GOAL = 0.95;

/** What the command line says. */
interface Plan {
  readonly faults: readonly Fault[];
  readonly possible: number;
  readonly seed: number;
  readonly json: boolean;
  readonly isNear: boolean;
  readonly simulates: boolean;
}

class UsageError extends Error {}

Deno.exit(await main());

async function main(): Promise<number> {
  let plan: Plan;
  try {
    plan = readPlan(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof TypeError)) throw error;
    console.error(`mutate: ${error.message}`);
    return 2;
  }
  const { faults, seed, json, isNear, simulates } = plan;
  const seedText = `0x${seed.toString(16).padStart(8, "0")}`;
  if (!json) {
    console.log(`${faults.length} of ${plan.possible} faults, seed ${seedText}`);
  }
  const trialPlan = { root: ROOT, faults, seed, isNear, simulates };
  await using workbench = await openWorkbench(trialPlan);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => void workbench.close().then(() => Deno.exit(1)));
  }
  const progress = new Progress(faults.length, !json);
  const began = performance.now();
  const outcomes = await tryFaults(workbench, trialPlan, progress);
  progress.end();
  const seconds = (performance.now() - began) / 1_000;
  const trials: Trials = { seed: seedText, possible: plan.possible, seconds, outcomes };
  console.log(json ? JSON.stringify(jsonOf(trials), null, 2) : sumsText(trials));
  return share(outcomes) >= GOAL ? 0 : 1;
}

/** @throws UsageError if the words are wrong */
function readPlan(args: readonly string[]): Plan {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean" },
      "near": { type: "boolean" },
      "no-sim": { type: "boolean" },
    },
    allowPositionals: true,
  });
  let where: string | undefined;
  let count = COUNT;
  let seed = Math.floor(Math.random() * 2 ** 32);
  for (const word of positionals) {
    if (/^0x[0-9a-f]{1,8}$/i.test(word)) seed = Number(word);
    else if (/^[1-9][0-9]{0,5}$/.test(word)) count = Number(word);
    else if (where === undefined) where = word;
    else throw new UsageError(`${word}: a COUNT from 1 to 999999 or a 0xSEED is required`);
  }
  const faults = faultsAt(where);
  const isLine = where?.includes(":") === true;
  return {
    faults: isLine ? faults : chooseFaults(faults, count, seed),
    possible: faults.length,
    seed,
    json: values.json === true,
    isNear: values.near === true,
    simulates: values.near !== true && values["no-sim"] !== true,
  };
}

/** @throws UsageError if there is no such room, file or line */
function faultsAt(where: string | undefined): Fault[] {
  const wanted = where === undefined || ALL_ROOMS.includes(where)
    ? filesOf(where === undefined ? ROOMS : [where])
    : [where.replace(/:.*/, "")];
  if (wanted.some((file) => !filesOf(ALL_ROOMS).includes(file))) {
    throw new UsageError(`${where}: one of ${ALL_ROOMS.join(", ")} or a file of these is required`);
  }
  const faults = wanted.flatMap((file) => faultsOf(file, Deno.readTextFileSync(ROOT + file)));
  const line = /:(.*)$/.exec(where ?? "")?.[1];
  const found = line === undefined ? faults : faults.filter((fault) => `${fault.line}` === line);
  if (found.length === 0) throw new UsageError(`${where}: a line where a fault fits is required`);
  return found;
}

function filesOf(rooms: readonly string[]): string[] {
  return rooms.flatMap((room) =>
    [...Deno.readDirSync(`${ROOT}lib/${room}`)].map(({ name }) => `lib/${room}/${name}`)
      .filter((path) => path.endsWith(".ts")).sort()
  );
}
