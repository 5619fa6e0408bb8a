/**
 * Plants one fault after the other, and runs tests until one notices it.
 * @module
 */
import { explanationOf } from "./explained.ts";
import type { Fault } from "./faults.ts";
import { type TestFile, testName, TestsOf } from "./tests_of.ts";
import { failsAlready, type TestRun, Workbench } from "./workbench.ts";

/** Runs that go on at the same time. */
const COPIES = 2;
/** Seeds that are simulated when no test notices a fault. */
const SIMULATED_SEEDS = 24;
/** A run with a fault may take so many times as long as without it. */
const TIMES_LONGER = 4;
/** And longer by this unless told, because machines that run tests are busy. */
const SPARE_MS = 15_000;
/** No run without a fault takes so long. */
const FIRST_RUN_MS = 300_000;

/** What became of a fault. */
export interface Outcome {
  readonly fault: Fault;
  /** The test that noticed it; undefined when none did. */
  readonly noticedBy: string | undefined;
  /** Whether the test was ended because it took too long. */
  readonly isEndless: boolean;
  /** Why no test can notice it, if that is known. */
  readonly explanation: string | undefined;
  /** What the test wrote that noticed it. */
  readonly output: string;
}

/** What is told while the trials go on. */
export interface Listener {
  /** The tests run without a fault. */
  measured(done: number, of: number): void;
  /** A fault has been tried. */
  tried(outcome: Outcome): void;
}

/** What the trials are about. */
export interface TrialPlan {
  /** The project's folder, with a slash at the end. */
  readonly root: string;
  readonly faults: readonly Fault[];
  /** The seed of random tests and of simulations. */
  readonly seed: number;
  /** Whether only the tests of a fault's own room run. */
  readonly isNear?: boolean;
  /** Whether a few seeds are simulated when no test notices a fault. */
  readonly simulates: boolean;
  /** How much longer a run may take with a fault, in milliseconds; 15 s unless told. */
  readonly spareMs?: number;
}

/**
 * Tries all faults in the workbench.
 * @returns the outcomes, in the order of the faults
 * @throws Error if a test fails without a fault
 */
export async function tryFaults(
  workbench: Workbench,
  { root, faults, seed, isNear = false, simulates, spareMs = SPARE_MS }: TrialPlan,
  listener: Listener,
): Promise<Outcome[]> {
  const testsOf = new TestsOf(root, isNear);
  const files = [...new Set(faults.map(({ file }) => file))];
  const tests = new Map<string, TestFile>();
  for (const file of files) {
    for (const test of testsOf.of(file, () => 0)) tests.set(testName(test), test);
  }
  const durations = await measure(workbench, [...tests.values()], listener);
  const duration = (test: TestFile) => durations.get(testName(test)) ?? 0;
  const simulated = simulates
    ? await workbench.simulate(0, SIMULATED_SEEDS, seed, FIRST_RUN_MS)
    : undefined;
  if (simulated !== undefined && simulated.verdict !== "passed") {
    throw new Error(`the simulation fails without a fault:\n${simulated.output}`);
  }
  const limitOf = (milliseconds: number) => TIMES_LONGER * milliseconds + spareMs;
  const outcomes: Outcome[] = [];
  await share(faults, async (fault, copy, i) => {
    const explanation = explanationOf(fault);
    if (explanation !== undefined) {
      // No test can notice it, so none runs.
      outcomes[i] = unnoticed(fault, explanation);
      return listener.tried(outcomes[i]);
    }
    const restore = await workbench.plant(copy, fault);
    const judge = async (): Promise<Outcome> => {
      const noticed = (by: string, { verdict, output }: TestRun): Outcome => ({
        fault,
        noticedBy: by,
        isEndless: verdict === "endless",
        explanation: undefined,
        output,
      });
      for (const test of testsOf.of(fault.file, duration)) {
        const run = await workbench.test(copy, test, limitOf(duration(test)));
        if (run.verdict !== "passed") {
          testsOf.noticed(fault.file, test);
          return noticed(testName(test), run);
        }
      }
      if (simulated !== undefined) {
        const limitMs = limitOf(simulated.milliseconds);
        const run = await workbench.simulate(copy, SIMULATED_SEEDS, seed, limitMs);
        if (run.verdict !== "passed") return noticed("scripts/sim.ts", run);
      }
      return unnoticed(fault, undefined);
    };
    outcomes[i] = await judge();
    await restore();
    listener.tried(outcomes[i]);
  });
  return outcomes;
}

function unnoticed(fault: Fault, explanation: string | undefined): Outcome {
  return { fault, noticedBy: undefined, isEndless: false, explanation, output: "" };
}

/** Runs every test without a fault. Returns how long each takes, in milliseconds, by its name. */
async function measure(
  workbench: Workbench,
  tests: readonly TestFile[],
  listener: Listener,
): Promise<Map<string, number>> {
  const durations = new Map<string, number>();
  await share(tests, async (test, copy) => {
    const run = await workbench.test(copy, test, FIRST_RUN_MS);
    if (run.verdict !== "passed") throw failsAlready(test, run);
    durations.set(testName(test), run.milliseconds);
    listener.measured(durations.size, tests.length);
  });
  return durations;
}

/** Does something with all items, as many at a time as there are copies. */
async function share<T>(
  items: readonly T[],
  handle: (item: T, copy: number, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const onCopy = async (_: unknown, copy: number) => {
    while (next < items.length) {
      const index = next++;
      await handle(items[index], copy, index);
    }
  };
  await Promise.all(Array.from({ length: COPIES }, onCopy));
}

/** Makes a workbench with as many copies as the trials use. */
export function openWorkbench({ root, seed }: TrialPlan): Promise<Workbench> {
  return Workbench.open(root, COPIES, seed);
}
