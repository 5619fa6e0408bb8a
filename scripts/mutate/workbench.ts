/**
 * A folder of its own with copies of the tree, in which faults are planted and tests run. It goes
 * with this process, however that ends: a shell waits for the end of a pipe from this process, ends
 * what still runs in the folder and removes it.
 * @module
 */
import { type Fault, plant } from "./faults.ts";
import { type TestFile, testName } from "./tests_of.ts";

/** What is not copied: what was built, and what no test of a pure room reads. */
const LEFT_OUT: ReadonlySet<string> = new Set([".git", ".bench", "build", "wg", "node_modules"]);

/** Memory of a test's heap. A fault that makes something grow for ever is noticed by its end. */
const HEAP_MIB = 1_024;

/** Ends what runs in the folder, its first argument, and removes it. */
const REMOVER = `
trap '' INT TERM HUP
read -r _
while :; do
  found=
  for link in /proc/[0-9]*/cwd; do
    case "$(readlink "$link" 2>/dev/null)" in "$1"/*)
      pid=\${link#/proc/}
      kill -9 "\${pid%/cwd}" 2>/dev/null && found=1
    esac
  done
  [ -n "$found" ] || break
done
rm -rf -- "$1"
`;

const NEVER = new Promise<never>(() => {});

/**
 * Runs a command with at most so many seconds of processor time, its first argument, and writes how
 * much it took. The limit is not one of the clock: where other programs run, that says nothing.
 */
const LIMITER = `
ulimit -t "$1"
shift
"$@"
status=$?
times
exit $status
`;
/** Exit statuses of a command that SIGXCPU or SIGKILL has ended. */
const ENDED_BY_LIMIT: readonly number[] = [128 + 24, 128 + 9];
/** What became of a run: it succeeded, it failed, or it took too long and was ended. */
export type Verdict = "passed" | "failed" | "endless";

/** The time of a run, or the most that it may take. */
export interface RunTime {
  /** Processor time. */
  readonly cpuSeconds: number;
  /** Time by the clock. A run that waits for something that never comes uses no processor. */
  readonly seconds: number;
}

/** A run with its output. */
export interface TestRun extends RunTime {
  readonly verdict: Verdict;
  readonly output: string;
}

/** Copies of the tree. */
export class Workbench {
  /** The folder with all copies. */
  readonly folder: string;
  readonly #remover: Deno.ChildProcess;
  readonly #environment: Record<string, string>;
  #isClosed = false;

  private constructor(folder: string, remover: Deno.ChildProcess, seed: number) {
    this.folder = folder;
    this.#remover = remover;
    this.#environment = {
      DENO_DIR: `${folder}/deno`,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
      WG_TEST_SEED: `${seed}`,
      // That a fault is noticed is enough.
      WG_TEST_SHRINK: "0",
    };
  }

  /**
   * Makes a folder with `copies` copies of the tree.
   * @param root the project's folder, with a slash at the end
   * @param seed the seed of random tests
   */
  static async open(root: string, copies: number, seed: number): Promise<Workbench> {
    const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "wg-mutate-" }));
    const remover = new Deno.Command("sh", {
      args: ["-c", REMOVER, "remover", folder],
      stdin: "piped",
      stdout: "null",
      cwd: "/",
    }).spawn();
    const workbench = new Workbench(folder, remover, seed);
    try {
      await shareNpmPackages(`${folder}/deno`);
      for (let i = 0; i < copies; i++) await copyFolder(root, workbench.#copy(i));
      return workbench;
    } catch (error) {
      await workbench.close();
      throw error;
    }
  }

  #copy(number: number): string {
    return `${this.folder}/${number}/`;
  }

  /** Plants a fault in a copy. */
  async plant(copy: number, fault: Fault): Promise<() => Promise<void>> {
    const path = this.#copy(copy) + fault.file;
    const source = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, plant(source, fault));
    return () => Deno.writeTextFile(path, source);
  }

  /** Runs a test file in a copy, until its first failure. */
  test(copy: number, test: TestFile, max: RunTime): Promise<TestRun> {
    const words = ["test", "-A", "--no-check", "--quiet", "--fail-fast", test.path];
    return this.#run(copy, test.twoWays ? [...words, "--", "--workers=2"] : words, max);
  }

  /** Checks the types of files, and of all that they import, in a copy. */
  check(copy: number, files: readonly string[], max: RunTime): Promise<TestRun> {
    return this.#run(copy, ["check", "--quiet", ...files], max);
  }

  /** Simulates `count` seeds from `first` on in a copy. */
  simulate(copy: number, count: number, first: number, max: RunTime): Promise<TestRun> {
    const seed = `0x${first.toString(16)}`;
    const words = ["run", "-A", "--no-check", "--quiet", "scripts/sim.ts", `${count}`, seed];
    return this.#run(copy, words, max);
  }

  async #run(copy: number, [verb, ...words]: string[], max: RunTime): Promise<TestRun> {
    // A process that is started now would make a part of the folder again.
    if (this.#isClosed) return await NEVER;
    const deno = [Deno.execPath(), verb, `--v8-flags=--max-old-space-size=${HEAP_MIB}`, ...words];
    const child = new Deno.Command("sh", {
      args: ["-c", LIMITER, "limiter", `${Math.ceil(max.cpuSeconds)}`, ...deno],
      cwd: this.#copy(copy),
      env: this.#environment,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const began = performance.now();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#endRunsIn(copy);
    }, max.seconds * 1_000);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(timer);
    // It was ended with the folder. What it would have found is not known.
    if (this.#isClosed) return await NEVER;
    const written = new TextDecoder().decode(stdout);
    return {
      verdict: isLate || ENDED_BY_LIMIT.includes(code)
        ? "endless"
        : code === 0
        ? "passed"
        : "failed",
      cpuSeconds: cpuSecondsOf(written),
      seconds: (performance.now() - began) / 1_000,
      output: written + new TextDecoder().decode(stderr),
    };
  }

  /** Ends all processes whose folder is a copy. */
  #endRunsIn(copy: number): void {
    for (const { name } of Deno.readDirSync("/proc")) {
      try {
        if (`${Deno.readLinkSync(`/proc/${name}/cwd`)}/` !== this.#copy(copy)) continue;
        Deno.kill(Number(name), "SIGKILL");
      } catch {
        // No process, or one that has ended.
      }
    }
  }

  /** Ends what still runs and removes the folder. Runs that were going on never come to an end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#remover.stdin.close().catch(() => {});
    await this.#remover.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** An error of a test that fails without any fault. */
export function failsAlready(test: TestFile, run: TestRun): Error {
  return new Error(`${testName(test)} fails without a fault (${run.verdict}):\n${run.output}`);
}

/** The processor time of the children, in the last line that `times` of a POSIX shell writes. */
function cpuSecondsOf(output: string): number {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  return [...last.matchAll(/(\d+)m([\d.]+)s/g)]
    .reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

/**
 * A cache of its own for compiled code, so that none of it stays behind, with the packages that
 * this process's cache has.
 */
async function shareNpmPackages(cache: string): Promise<void> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  const { npmCache } = JSON.parse(new TextDecoder().decode((await info.output()).stdout));
  await Deno.mkdir(cache);
  await Deno.symlink(npmCache, `${cache}/npm`);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (LEFT_OUT.has(name)) continue;
    if (isDirectory) await copyFolder(`${from}${name}/`, `${to}${name}/`);
    if (isFile) await Deno.copyFile(from + name, to + name);
  }
}
