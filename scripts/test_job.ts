/**
 * One run of `deno test` of the test runner, which ends also when a test hangs.
 * @module
 */
import { ROOT } from "./built.ts";
import { missing } from "./facilities.ts";
import { Room } from "./netlab.ts";
import { LabError, Running } from "./running.ts";

/** The words of one `deno test`: options and paths. */
export type Job = readonly string[];

/** What came of a job. */
export interface Result {
  readonly passed: number;
  readonly failed: number;
  readonly failedNames: readonly string[];
  readonly skipped: readonly string[];
}

/** When a job is ended, which is then a failure. */
export interface Limits {
  /** After so long in ms. */
  readonly wholeMs: number;
  /** After it has written nothing for so long in ms: a test is written when it begins and ends. */
  readonly silentMs: number;
}

/**
 * No test waits longer for one thing than 400 s, which is what the emulator gets for a start, and
 * for its first handshake.
 */
const LIMITS: Limits = { wholeMs: 15 * 60_000, silentMs: 10 * 60_000 };

/**
 * Tests that change the network of the namespace they run in. They get a room of their own
 * (scripts/netlab.ts), where also an ordinary user is root, so that nothing of the machine is
 * touched and nothing on it is in their way.
 */
const IN_ROOMS = /^(\.\/)?tests\/(linux|bench)(\/|$)/;

const ENVIRONMENT: Record<string, string> = {
  ...(Deno.stdout.isTerminal() ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
  // Seconds; it would tell again and again of a test that hangs, which then is not silent.
  DENO_SLOW_TEST_TIMEOUT: "86400",
};

/**
 * Runs `deno test` and writes what it wrote in one piece. The counts are those of its report, so
 * that a run that ends without one is a failure too.
 * @param options more options of `deno test`
 */
export async function runJob(
  job: Job,
  options: readonly string[],
  limits: Limits = LIMITS,
): Promise<Result> {
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
    const { success, stdout, stderr } = await (inRoom ? runInRoom : run)(argv, limits);
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

async function run(argv: readonly string[], limits: Limits): Promise<Output> {
  const command = { cwd: ROOT, env: ENVIRONMENT };
  return await finish(new Running(argv, { command, name: argv.join(" ") }), limits);
}

async function runInRoom(argv: readonly string[], limits: Limits): Promise<Output> {
  try {
    await using room = await Room.open();
    return await finish(room.spawn(argv, { cwd: ROOT, env: ENVIRONMENT }), limits);
  } catch (error) {
    return failureOf(error);
  }
}

/** Waits for the end of a process, or ends it with all that it has started. */
async function finish(running: Running, { wholeMs, silentMs }: Limits): Promise<Output> {
  try {
    const { success } = await running.wait(wholeMs, silentMs);
    return { success, stdout: running.stdout, stderr: running.stderr };
  } catch (error) {
    await running.kill();
    return failureOf(error);
  }
}

/** What the laboratory says in place of the process. */
function failureOf(error: unknown): Output {
  if (!(error instanceof LabError)) throw error;
  return { success: false, stdout: "", stderr: `${error.message}\n` };
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
