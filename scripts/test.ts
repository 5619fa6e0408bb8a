/**
 * `deno task test`: every test. As root it first installs the Debian programs that tests use as real peers. It ends with one line:
 * `N passed, N failed`, and `, N skipped` when some were.
 * Words after it go to `deno test`: `deno task test --filter roaming`, `deno task test tests/route`.
 * @module
 */
import { ensureBuilt, ROOT } from "./built.ts";
import { type Facility, installPackages, missing } from "./facilities.ts";

/** Tests of the whole project, and the examples in its documentation comments. */
const EVERYTHING = ["--doc", "tests", "lib", "ffi", "mod.ts"];

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
const result = await runTests(args);
for (const name of result.skippedNames) say(`skipped: ${name}`);
const failed = result.failed + (built ? 0 : 1);
const nothing = result.passed + failed === 0;
if (nothing) say("no test ran");
console.log(`${result.passed} passed, ${failed} failed${result.skipped === 0 ? "" : `, ${result.skipped} skipped`}`);
Deno.exit(failed === 0 && !nothing ? 0 : 1);

/** What the tests say they need: the words of their `needs(...)` calls. */
async function neededFacilities(): Promise<Facility[]> {
  const found = new Set<Facility>(["namespaces", "tun"]);
  for await (const entry of Deno.readDir(`${ROOT}tests/net`)) {
    if (!entry.name.endsWith("_test.ts")) continue;
    const text = await Deno.readTextFile(`${ROOT}tests/net/${entry.name}`);
    for (const [, list] of text.matchAll(/\bneeds\(([^)]*)\)/g)) {
      for (const [, word] of list.matchAll(/"([^"]+)"/g)) found.add(word as Facility);
    }
  }
  return [...found];
}

interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skippedNames: readonly string[];
}

/** Runs `deno test` and counts from its report, so that a crash of the runner itself is a failure too. */
async function runTests(args: readonly string[]): Promise<Result> {
  const report = await Deno.makeTempFile({ prefix: "wg-tests-", suffix: ".xml" });
  try {
    const paths = args.some((arg) => !arg.startsWith("-") && arg.includes("/")) ? [] : await present(EVERYTHING);
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--quiet", "--no-check", "--parallel", `--junit-path=${report}`, ...args, ...paths],
      cwd: ROOT,
      env: Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" },
      stdin: "null",
    }).spawn().status;
    const xml = await Deno.readTextFile(report);
    const total = (attribute: string) =>
      Number(new RegExp(`<testsuites [^>]*\\b${attribute}="(\\d+)"`).exec(xml)?.[1] ?? 0);
    // What a filter leaves out stands in the report as skipped.
    const skippedNames = args.some((arg) => arg.startsWith("--filter"))
      ? []
      : [...xml.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<skipped/g)].map(([, name]) => plain(name));
    const broken = total("failures") + total("errors");
    const failed = broken === 0 && !success ? 1 : broken;
    const skipped = skippedNames.length;
    const left = [...xml.matchAll(/<skipped/g)].length;
    return { passed: total("tests") - broken - left, failed, skipped, skippedNames };
  } finally {
    await Deno.remove(report);
  }
}

async function present(words: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const word of words) {
    if (word.startsWith("-") || await Deno.stat(`${ROOT}${word}`).then(() => true, () => false)) found.push(word);
  }
  return found;
}

/** Text of an XML attribute. */
function plain(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&apos;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
