/** The planting of faults, on a small tree of its own, and what is explained in this one. */
import assert from "node:assert/strict";
import ts from "npm:typescript@6.0.3";
import { ROOT } from "../../scripts/built.ts";
import { chooseFaults, roomOf } from "../../scripts/mutate/choice.ts";
import { EXPLAINED } from "../../scripts/mutate/explained.ts";
import { type Fault, faultsOf, KINDS, plant } from "../../scripts/mutate/faults.ts";
import { share } from "../../scripts/mutate/report.ts";
import { TestsOf } from "../../scripts/mutate/tests_of.ts";
import { openWorkbench, tryFaults } from "../../scripts/mutate/trials.ts";
import { eventually } from "../../scripts/netlab.ts";
import { trial } from "../random.ts";

/** A room with a bound that is tested, a count that must end, and a sum that nothing looks at. */
const COUNTING = `
let sum = 0;

export function countTo(end: number): number {
  let count = 0;
  while (count < end) count += 1;
  sum += count;
  return count;
}
`;

const COUNTING_TEST = `
import { countTo } from "../../lib/data/counting.ts";
Deno.test("it counts", () => {
  if (countTo(3) !== 3 || countTo(0) !== 0) throw new Error("it does not count");
});
`;

const changes = (faults: readonly Fault[]) =>
  faults.map(({ before, after }) => `${before} -> ${after}`);

/** Makes a small project in a new folder. */
async function makeTree(test = COUNTING_TEST) {
  const root = `${await Deno.makeTempDir({ prefix: "wg-tree-" })}/`;
  for (const folder of ["lib/data", "tests/data"]) {
    await Deno.mkdir(root + folder, { recursive: true });
  }
  await Deno.writeTextFile(`${root}deno.json`, "{}");
  await Deno.writeTextFile(`${root}lib/data/counting.ts`, COUNTING);
  await Deno.writeTextFile(`${root}tests/data/counting_test.ts`, test);
  return { root, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

const SILENT = { measured: () => {}, tried: () => {} };

Deno.test("a fault is noticed, an endless loop is noticed, and what nothing looks at survives", async () => {
  await using tree = await makeTree();
  const faults = faultsOf("lib/data/counting.ts", COUNTING)
    // One endless loop is enough. These would be others.
    .filter(({ after }) => !/count -= 1|count \+= 0/.test(after));
  const plan = { root: tree.root, faults, seed: 1, simulates: false, spareSeconds: 1 };
  const workbench = await openWorkbench(plan);
  const outcomes = await tryFaults(workbench, plan, SILENT);
  const copy = await Deno.readTextFile(`${workbench.folder}/0/lib/data/counting.ts`);
  await workbench.close();
  const those = (which: (outcome: typeof outcomes[number]) => boolean) =>
    changes(outcomes.filter(which).map(({ fault }) => fault));
  assert.deepEqual(those(({ noticedBy }) => noticedBy === undefined), [
    "let sum = 0; -> let sum = 1;",
    "sum += count; -> ;",
    "sum += count; -> sum -= count;",
  ]);
  assert.deepEqual(those(({ isEndless }) => isEndless), [
    "while (count < end) count += 1; -> while (count < end) ;",
  ]);
  assert.ok(
    outcomes.every(({ noticedBy }) =>
      noticedBy === undefined || noticedBy === "tests/data/counting_test.ts"
    ),
  );
  assert.equal(share(outcomes), (outcomes.length - 3) / outcomes.length);
  assert.equal(copy, COUNTING, "the last fault was taken out");
  assert.equal(await exists(workbench.folder), false, "the folder is removed");
});

Deno.test("what only the type checker notices is noticed, an unused name is not", async () => {
  await using tree = await makeTree();
  const source = `
type Time = number & { readonly brand: unique symbol };
const last: { length: number; at: Time | undefined } = { length: 0, at: undefined };
let note = "";
function keep(length: number, at: Time): void {
  last.length = length;
  last.at = at;
}
export function countTo(end: number): number {
  const time = end as Time;
  const noted = \`${"${end}"}\`;
  keep(end, time);
  note = noted;
  return end;
}
export const shown = () => note;
`;
  await Deno.writeTextFile(`${tree.root}lib/data/counting.ts`, source);
  const options = { compilerOptions: { noUnusedLocals: true } };
  await Deno.writeTextFile(`${tree.root}deno.json`, JSON.stringify(options));
  const faults = faultsOf("lib/data/counting.ts", source)
    .filter(({ before, after }) =>
      `${before} ${after}` === "keep(end, time); keep(time, end);" ||
      `${before} ${after}` === "note = noted; ;"
    );
  assert.equal(faults.length, 2);
  const plan = { root: tree.root, faults, seed: 1, simulates: false };
  await using workbench = await openWorkbench(plan);
  const outcomes = await tryFaults(workbench, plan, SILENT);
  assert.deepEqual(outcomes.map(({ noticedBy }) => noticedBy), ["deno check", undefined]);
});

Deno.test("a test that fails without a fault ends the trials, and the folder is removed", async () => {
  await using tree = await makeTree(COUNTING_TEST.replace("!== 0", "=== 0"));
  const faults = faultsOf("lib/data/counting.ts", COUNTING).slice(0, 1);
  const plan = { root: tree.root, faults, seed: 1, simulates: false };
  let folder = "";
  await assert.rejects(async () => {
    await using workbench = await openWorkbench(plan);
    folder = workbench.folder;
    await tryFaults(workbench, plan, SILENT);
  }, /counting_test.ts fails without a fault[^]*it does not count/);
  assert.equal(await exists(folder), false);
});

Deno.test("the folder and the test that runs in it go when the program is killed", async () => {
  await using tree = await makeTree(
    'Deno.test("it waits", () => new Promise((done) => setTimeout(done, 600_000)));',
  );
  const script = `
    import { Workbench } from ${
    JSON.stringify(import.meta.resolve("../../scripts/mutate/workbench.ts"))
  };
    const workbench = await Workbench.open(${JSON.stringify(tree.root)}, 1, 1);
    workbench.test(0, { path: "tests/data/counting_test.ts", twoWays: false }, 600);
    console.log(workbench.folder);
  `;
  const program = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = program.stdout.getReader();
  const folder = new TextDecoder().decode((await reader.read()).value).trim();
  assert.match(folder, /wg-mutate-/);
  const runsInFolder = () =>
    [...Deno.readDirSync("/proc")].some(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/${name}/cwd`).startsWith(folder);
      } catch {
        return false;
      }
    });
  await eventually("the test runs", runsInFolder);
  program.kill("SIGKILL");
  await eventually("the folder is removed", async () => !await exists(folder));
  await eventually("the test has ended", () => !runsInFolder());
  await reader.cancel();
  await program.status;
});

Deno.test("the kinds of faults, and what is left alone", () => {
  const source = `
import { a } from "./1.ts";
type Five = 5;
/** At most 9. */
const LIMIT = 0x1_0;
class Gate {
  readonly #n: number;
  constructor(n: 3) { this.#n = n; log(n); }
  pass(low: number, high: number): string {
    if (low === LIMIT || !high) return "a" + 7;
    return Math.min(low, high) > 2 ? swap(low, high) : "none";
  }
}
`;
  const faults = faultsOf("lib/data/gate.ts", source);
  assert.deepEqual(
    faults.map(({ inside, kind, line, text }) => `${line} ${inside} ${kind} ${text}`),
    [
      "5 LIMIT constant 17",
      "5 LIMIT constant 15",
      "8 Gate.constructor deletion ;",
      "10 Gate.pass condition !(low === LIMIT || !high)",
      "10 Gate.pass deletion ;",
      "10 Gate.pass condition &&",
      "10 Gate.pass comparison !==",
      "10 Gate.pass condition high",
      "10 Gate.pass constant 8",
      "10 Gate.pass constant 6",
      "11 Gate.pass condition !(Math.min(low, high) > 2)",
      "11 Gate.pass comparison >=",
      "11 Gate.pass comparison Math.max",
      "11 Gate.pass constant 3",
      "11 Gate.pass constant 1",
      "11 Gate.pass argument high, low",
    ],
  );
  assert.deepEqual(changes(faults).slice(4, 5), [
    'if (low === LIMIT || !high) return "a" + 7; -> ;',
  ]);
});

/** All faults of the tree's own data plane and handshake. */
const own = ["data/sender", "data/replay", "data/merge", "noise/ikpsk2", "timers/due"]
  .map((name) => `lib/${name}.ts`)
  .flatMap((file) => faultsOf(file, Deno.readTextFileSync(ROOT + file)));

Deno.test("the tree with a fault still parses", () => {
  trial((chance) => {
    for (let i = 0; i < 20; i++) {
      const fault = chance.oneOf(own);
      const source = plant(Deno.readTextFileSync(ROOT + fault.file), fault);
      const { diagnostics } = ts.transpileModule(source, { reportDiagnostics: true });
      assert.deepEqual(diagnostics, [], `${fault.file}:${fault.line} ${fault.after}`);
    }
  });
});

Deno.test("the same seed chooses the same faults, of all rooms and kinds", () => {
  const chosen = chooseFaults(own, 60, 7);
  assert.equal(chosen.length, 60);
  assert.equal(new Set(chosen).size, 60);
  assert.deepEqual(chooseFaults(own, 60, 7), chosen);
  assert.notDeepEqual(chooseFaults(own, 60, 8), chosen);
  assert.deepEqual([...new Set(chosen.map(({ file }) => roomOf(file)))].sort(), [
    "data",
    "noise",
    "timers",
  ]);
  assert.deepEqual([...new Set(chosen.map(({ kind }) => kind))].sort(), [...KINDS].sort());
  assert.equal(chooseFaults(own.slice(0, 9), 60, 7).length, 9, "no more than there are");
});

Deno.test("the tests of a file are those that import it, the nearest first", () => {
  const tests = new TestsOf(ROOT).of("lib/data/replay.ts", () => 0);
  assert.deepEqual(tests[0], { path: "tests/data/replay_test.ts", twoWays: false });
  const paths = tests.map(({ path }) => path);
  assert.ok(paths.includes("tests/sim/tunnel_test.ts"));
  assert.ok(!paths.includes("tests/timers/due_test.ts"), "it does not import the data plane");
  assert.ok(!paths.some((path) => path.startsWith("tests/system/")));
  assert.ok(tests.some(({ twoWays }) => twoWays));
});

Deno.test("tests that have noticed faults of a file, or of its room, come first", () => {
  const tests = new TestsOf(ROOT);
  const first = (file: string) => tests.of(file, () => 0)[0].path;
  assert.equal(first("lib/data/replay.ts"), "tests/data/replay_test.ts");
  tests.noticed("lib/data/merge.ts", { path: "tests/data/traffic_test.ts", twoWays: false });
  assert.equal(first("lib/data/replay.ts"), "tests/data/traffic_test.ts");
  tests.noticed("lib/data/replay.ts", { path: "tests/data/reuse_test.ts", twoWays: false });
  assert.equal(first("lib/data/replay.ts"), "tests/data/reuse_test.ts");
  assert.notEqual(first("lib/timers/due.ts"), "tests/data/traffic_test.ts");
});

Deno.test("every explained fault is still a fault of the tree, and has a reason", () => {
  const stale = EXPLAINED.filter(({ file, inside, before, after, reason }) =>
    reason.length < 20 ||
    !faultsOf(file, Deno.readTextFileSync(ROOT + file)).some((fault) =>
      fault.inside === inside && fault.before === before && fault.after === after
    )
  );
  assert.deepEqual(stale, []);
});

Deno.test("a word that is no room, file, count or seed is refused", async () => {
  const words = [["cli"], ["lib/data/none.ts"], ["lib/data/replay.ts:1"], ["data", "0"], ["--all"]];
  for (const args of words) {
    const mutate = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", `${ROOT}scripts/mutate.ts`, ...args],
    });
    const { code, stderr } = await mutate.output();
    assert.equal(code, 2, args.join(" "));
    assert.match(new TextDecoder().decode(stderr), /^mutate: .*\n$/);
  }
});
