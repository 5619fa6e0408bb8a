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
import { LabError, Room } from "./netlab.ts";

/** A run of `deno test` that takes longer than this is ended, and is a failure. */
const JOB_MS = 15 * 60_000;

/**
 * Tests that change the network of the namespace they run in. They get a room of their own
 * (scripts/netlab.ts), where also an ordinary user is root, so that nothing of the machine is
 * touched and nothing on it is in their way.
 */
const IN_ROOMS = /^(\.\/)?tests\/(linux|bench)(\/|$)/;

const COLOURS: Record<string, string> = Deno.stdout.isTerminal()
  ? { FORCE_COLOR: "1" }
  : { NO_COLOR: "1" };

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

/** The words of one `deno test`: options and paths. */
type Job = readonly string[];

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
    ["tests/sim", "tests/conformance", "--", "--workers=4"],
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

interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly failedNames: readonly string[];
  readonly skipped: readonly string[];
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

/** Counts from the report of `deno test`, so that a run that ends without one is a failure too. */
async function runJob(job: Job, options: readonly string[]): Promise<Result> {
  const report = await Deno.makeTempFile({ prefix: "wg-tests-", suffix: ".xml" });
  try {
    const argv = [
      Deno.execPath(),
      "test",
      "-A",
      "--quiet",
      "--no-check",
      `--junit-path=${report}`,
      ...options,
      ...job,
    ];
    const inRoom = job.some((word) => IN_ROOMS.test(word)) && missing("namespaces") === undefined;
    const { success, stdout, stderr } = await (inRoom ? runInRoom(argv) : run(argv));
    const xml = await Deno.readTextFile(report);
    await writeAll(stdout);
    if (!success) await writeAll(stderr);
    const total = (attribute: string) =>
      Number(new RegExp(`<testsuites [^>]*\\b${attribute}="(\\d+)"`).exec(xml)?.[1] ?? 0);
    const named = (what: string) =>
      [...xml.matchAll(
        new RegExp(`<testcase name="([^"]*)" classname="([^"]*)"[^>]*>\\s*<(?:${what})`, "g"),
      )]
        .map(([, name, file]) => `${plain(file)} => ${plain(name)}`);
    const failedNames = named("failure|error");
    const left = named("skipped");
    const noTests = xml === "" && /No test modules found/.test(stderr);
    if (failedNames.length === 0 && !success && !noTests) {
      failedNames.push(`deno test ${job.join(" ")}`);
    }
    return {
      passed: total("tests") - named("failure|error").length - left.length,
      failed: failedNames.length,
      failedNames,
      // What a filter leaves out stands in the report as skipped.
      skipped: options.some((option) => option.startsWith("--filter")) ? [] : left,
    };
  } finally {
    await Deno.remove(report);
  }
}

interface Output {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

async function run([program, ...args]: readonly string[]): Promise<Output> {
  const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program, { args, cwd: ROOT, env: COLOURS, ...streams }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), JOB_MS);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, stdout: decode(stdout), stderr: decode(stderr) };
}

async function runInRoom(argv: readonly string[]): Promise<Output> {
  try {
    await using room = await Room.open();
    const { code, stdout, stderr } = await room.run(argv, {
      cwd: ROOT,
      env: COLOURS,
      timeoutMs: JOB_MS,
    });
    return { success: code === 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return { success: false, stdout: "", stderr: `${error.message}\n` };
  }
}

async function writeAll(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

/** Text of an XML attribute. */
function plain(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
