/**
 * Plants one fault after the other, and runs tests until one notices it.
 * @module
 */
import { roomOf } from "./choice.ts";
import { explanationOf } from "./explained.ts";
import type { Fault } from "./faults.ts";
import { type TestFile, testName, TestsOf } from "./tests_of.ts";
import { failsAlready, type RunTime, type TestRun, Workbench } from "./workbench.ts";

/** The type checker, where a test is named. */
export const CHECK = "deno check";
/** An error in what it writes. That a name is used no more says nothing about the program. */
const ERROR_OF_TYPES = /\bTS(?!6133|6192|6196|6198)\d+ \[ERROR\]/;
/** Runs that go on at the same time. */
const COPIES = 2;
/** Seeds that are simulated when no test notices a fault. */
const SIMULATED_SEEDS = 24;
/** A run with a fault may take so many times as long as without it. */
const TIMES_LONGER = 4;
/** And longer by this unless told, in seconds of processor time. */
const SPARE_SECONDS = 5;
/** No run without a fault takes so much time. */
const FIRST_RUN: RunTime = { cpuSeconds: 300, seconds: 1_800 };
/** By the clock a run may take so many times as long, since other programs may begin to run. */
const CLOCK_TIMES_LONGER = 20;
/** And at least so long. */
const CLOCK_SECONDS_LEAST = 600;

/** What became of a fault. */
export interface Outcome {
  readonly fault: Fault;
  /** The test that noticed it, or `deno check`; undefined when nothing did. */
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
  /** How much longer a run may take with a fault, in seconds of processor time; 5 unless told. */
  readonly spareSeconds?: number;
}

/**
 * Tries all faults in the workbench.
 * @returns the outcomes, in the order of the faults
 * @throws Error if a test fails without a fault
 */
export async function tryFaults(
  workbench: Workbench,
  plan: TrialPlan,
  listener: Listener,
): Promise<Outcome[]> {
  const testsOf = new TestsOf(plan.root, plan.isNear);
  const tests = new Map<string, TestFile>();
  for (const file of new Set(plan.faults.map(({ file }) => file))) {
    for (const test of testsOf.of(file, () => 0)) tests.set(testName(test), test);
  }
  const durations = await measure(workbench, [...tests.values()], listener);
  const trial = new Trial(workbench, plan, testsOf, durations);
  await trial.measureCheck();
  if (plan.simulates) await trial.measureSimulation();
  const outcomes: Outcome[] = [];
  await share(plan.faults, async (fault, copy, i) => {
    outcomes[i] = await trial.outcomeOf(fault, copy);
    listener.tried(outcomes[i]);
  });
  return outcomes;
}

/** What stands behind the trial of every fault. */
class Trial {
  /** The time that the types of all files with faults take without a fault. */
  #checkTime = FIRST_RUN;
  /** The time that the simulation takes without a fault; undefined when there is none. */
  #simulationTime: RunTime | undefined;

  constructor(
    readonly workbench: Workbench,
    readonly plan: TrialPlan,
    readonly testsOf: TestsOf,
    readonly durations: ReadonlyMap<string, RunTime>,
  ) {}

  /** @throws Error if the types are wrong without a fault */
  async measureCheck(): Promise<void> {
    const files = [...new Set(this.plan.faults.map(({ file }) => file))];
    const run = await this.workbench.check(0, files, FIRST_RUN);
    if (run.verdict !== "passed") {
      throw new Error(`${CHECK} fails without a fault (${run.verdict}):\n${run.output}`);
    }
    this.#checkTime = run;
  }

  /** @throws Error if the simulation fails without a fault */
  async measureSimulation(): Promise<void> {
    const run = await this.#simulate(0, FIRST_RUN);
    if (run.verdict !== "passed") {
      throw new Error(`the simulation fails without a fault (${run.verdict}):\n${run.output}`);
    }
    this.#simulationTime = run;
  }

  /** Tries a fault in a copy. */
  async outcomeOf(fault: Fault, copy: number): Promise<Outcome> {
    const outcome = { fault, noticedBy: undefined, isEndless: false, output: "" };
    const explanation = explanationOf(fault);
    // No test can notice it, so none runs.
    if (explanation !== undefined) return { ...outcome, explanation };
    const restore = await this.workbench.plant(copy, fault);
    const noticed = await this.#noticed(fault, copy);
    await restore();
    return { ...outcome, explanation, ...noticed };
  }

  /**
   * Runs the tests of the fault's own room, then the simulation, which uses nearly all rooms, then
   * the other tests. The types are checked last, because a test says more. Returns what noticed the
   * fault.
   */
  async #noticed(fault: Fault, copy: number): Promise<Partial<Outcome> | undefined> {
    const tests = this.testsOf.of(fault.file, (test) => this.#time(test).cpuSeconds);
    const isOwn = ({ path }: TestFile) => roomOf(path) === roomOf(fault.file);
    const first = await this.#firstToNotice(tests.filter(isOwn), fault, copy);
    if (first !== undefined) return first;
    if (this.#simulationTime !== undefined) {
      const run = await this.#simulate(copy, this.#limit(this.#simulationTime));
      if (run.verdict !== "passed") return noticedBy("scripts/sim.ts", run);
    }
    const far = tests.filter((test) => !isOwn(test));
    return await this.#firstToNotice(far, fault, copy) ?? await this.#check(fault, copy);
  }

  async #firstToNotice(tests: readonly TestFile[], fault: Fault, copy: number) {
    for (const test of tests) {
      const run = await this.workbench.test(copy, test, this.#limit(this.#time(test)));
      if (run.verdict === "passed") continue;
      this.testsOf.noticed(fault.file, test);
      return noticedBy(testName(test), run);
    }
    return undefined;
  }

  async #check({ file }: Fault, copy: number): Promise<Partial<Outcome> | undefined> {
    const run = await this.workbench.check(copy, [file], this.#limit(this.#checkTime));
    return ERROR_OF_TYPES.test(run.output) ? noticedBy(CHECK, run) : undefined;
  }

  #simulate(copy: number, max: RunTime): Promise<TestRun> {
    return this.workbench.simulate(copy, SIMULATED_SEEDS, this.plan.seed, max);
  }

  #time(test: TestFile): RunTime {
    return this.durations.get(testName(test)) ?? { cpuSeconds: 0, seconds: 0 };
  }

  #limit({ cpuSeconds, seconds }: RunTime): RunTime {
    return {
      cpuSeconds: TIMES_LONGER * cpuSeconds + (this.plan.spareSeconds ?? SPARE_SECONDS),
      seconds: Math.max(CLOCK_SECONDS_LEAST, CLOCK_TIMES_LONGER * seconds),
    };
  }
}

function noticedBy(by: string, { verdict, output }: TestRun): Partial<Outcome> {
  return { noticedBy: by, isEndless: verdict === "endless", output };
}

/** Runs every test without a fault. Returns the time of each, by its name. */
async function measure(
  workbench: Workbench,
  tests: readonly TestFile[],
  listener: Listener,
): Promise<Map<string, RunTime>> {
  const durations = new Map<string, RunTime>();
  await share(tests, async (test, copy) => {
    const run = await workbench.test(copy, test, FIRST_RUN);
    if (run.verdict !== "passed") throw failsAlready(test, run);
    durations.set(testName(test), run);
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
