/**
 * `deno task test`: every test. As root it first installs the Debian programs that tests use as
 * real peers. It ends with one line: `N passed, N failed`, and `, N skipped` when some were. Words
 * after it go to `deno test`: `deno task test --filter roaming`, `deno task test
 * tests/allowed_ips`. A failure of chance prints WG_TEST_SEED=N, which repeats it when it is set
 * (tests/random.ts).
 * @module
 */
import { ensureBuilt, ROOT } from "./built.ts";
import { type Facility, installPackages, missing } from "./facilities.ts";
import { type Job, type Result, runJob } from "./test_job.ts";

const say = (line: string) => console.log(line);

const args = Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args;
const needed = await neededFacilities();
await installPackages(needed, say);
for (const facility of needed) {
  const reason = missing(facility);
  if (reason !== undefined) say(`skipped: tests that need ${facility}: ${reason}`);
}
let built = true;
try {
  await ensureBuilt(true);
} catch (error) {
  built = false;
  say(`./wg could not be built: ${error instanceof Error ? error.message : error}`);
}
const results = await runJobs(
  await jobs(args),
  args.filter((arg) => arg.startsWith("-") || !arg.includes("/")),
);
const skipped = results.flatMap((result) => result.skipped);
for (const name of skipped) say(`skipped: ${name}`);
for (const name of results.flatMap((result) => result.failedNames)) say(`FAILED: ${name}`);
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, built ? 0 : 1);
const nothing = passed + failed === 0;
if (nothing) say("no test ran");
say(
  `${passed} passed, ${failed} failed${skipped.length === 0 ? "" : `, ${skipped.length} skipped`}`,
);
Deno.exit(failed === 0 && !nothing ? 0 : 1);

/** What the tests say they need: the words of their `needs(...)` calls. */
async function neededFacilities(): Promise<Facility[]> {
  const found = new Set<Facility>(["namespaces", "tun"]);
  for await (const entry of Deno.readDir(`${ROOT}tests/system`)) {
    if (!entry.name.endsWith("_test.ts")) continue;
    const text = await Deno.readTextFile(`${ROOT}tests/system/${entry.name}`);
    for (const [, list] of text.matchAll(/\bneeds\(([^)]*)\)/g)) {
      for (const [, word] of list.matchAll(/"([^"]+)"/g)) found.add(word as Facility);
    }
  }
  return [...found];
}

/**
 * A process of its own for every room's tests, and for every file of those in namespaces:
 * descriptors, current folder and namespaces belong to a process, so tests of different rooms that
 * share one could disturb each other.
 */
async function jobs(args: readonly string[]): Promise<Job[]> {
  const paths = args.filter((arg) => !arg.startsWith("-") && arg.includes("/"));
  if (paths.length > 0) return paths.map((path) => [path]);
  const found: string[][] = [];
  const rooms: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}tests`)) {
    if (name === "system" || !isDirectory) continue;
    if (await hasTests(`${ROOT}tests/${name}`)) rooms.push(`tests/${name}`);
  }
  for await (const { name } of Deno.readDir(`${ROOT}tests/system`)) {
    if (name.endsWith("_test.ts")) found.push([`tests/system/${name}`]);
  }
  const files: string[] = [];
  for await (const { name, isFile } of Deno.readDir(`${ROOT}tests`)) {
    if (isFile && name.endsWith("_test.ts")) files.push(`tests/${name}`);
  }
  // The tests of packets once more, over several data planes (tests/data/worker_forms.ts).
  const forms = [
    ["tests/data", "tests/sim", "tests/conformance", "--", "--workers=2"],
    ["tests/data/hostile_test.ts", "tests/sim", "tests/conformance", "--", "--workers=4"],
  ];
  // tests/library_test.ts checks their types.
  const examples = [["--doc", "lib", "ffi", "mod.ts"]];
  return [...found.sort(), ...rooms.sort().map((room) => [room]), ...forms, files, ...examples]
    .filter((job) => job.length > 0);
}

async function hasTests(folder: string): Promise<boolean> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory ? await hasTests(`${folder}/${name}`) : name.endsWith("_test.ts")) return true;
  }
  return false;
}

/**
 * Runs the jobs, as many at a time as there are processors; what each one writes comes in one
 * piece.
 */
async function runJobs(jobs: readonly Job[], options: readonly string[]): Promise<Result[]> {
  const waiting = [...jobs];
  const results: Result[] = [];
  const worker = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      results.push(await runJob(job, options));
    }
  };
  await Promise.all(Array.from({ length: Math.min(navigator.hardwareConcurrency, 4) }, worker));
  return results;
}
