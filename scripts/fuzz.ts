/**
 * `deno task fuzz`: feeds the parsers (tests/fuzz) valid inputs, damaged ones and noise, guided by
 * coverage. A failing input is made small and printed with the command that repeats it; the exit
 * status is 1 then.
 *
 * ```
 * deno task fuzz [SECONDS] [TARGET ...] [--seed N] [--blind] [--json]
 * deno task fuzz TARGET --input HEX
 * ```
 *
 * SECONDS is the time for all targets together, a minute without it. The same seed gives the same
 * inputs with --blind; with coverage they also depend on what the runtime reports.
 * @module
 */
import { inputOf } from "../tests/fuzz/cases.ts";
import { runTargets, type TargetResult } from "../tests/fuzz/fuzz_runner.ts";
import { failureOf, Judge } from "../tests/fuzz/judge.ts";
import { targetOf, TARGETS } from "../tests/fuzz/targets.ts";

const SECONDS = 60;
const USAGE_STATUS = 2;
/** How many of the verdicts of a target are shown, the most frequent ones. */
const VERDICTS_SHOWN = 6;

interface Line {
  seconds: number;
  readonly names: string[];
  seed: number;
  blind: boolean;
  json: boolean;
  input: Uint8Array | undefined;
}

const line = readLine(Deno.args);
Deno.exit(line.input === undefined ? await runAll(line) : feedOne(line.names, line.input));

function readLine(args: readonly string[]): Line {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const line: Line = {
    seconds: SECONDS,
    names: [],
    seed,
    blind: false,
    json: false,
    input: undefined,
  };
  for (let i = 0; i < args.length; i++) {
    const word = args[i];
    if (word === "--blind") line.blind = true;
    else if (word === "--json") line.json = true;
    else if (word === "--seed" && /^[0-9]{1,10}$/.test(args[i + 1] ?? "")) {
      line.seed = Number(args[++i]) >>> 0;
    } else if (word === "--input" && args[i + 1] !== undefined) line.input = inputOf(args[++i]);
    else if (/^[0-9]{1,6}$/.test(word)) line.seconds = Number(word);
    else if (targetOf(word) !== undefined) line.names.push(word);
    else {
      const names = TARGETS.map(({ name }) => name).join(", ");
      console.error(`fuzz: ${word}: a number of seconds, or one of ${names}, is required`);
      Deno.exit(USAGE_STATUS);
    }
  }
  if (line.names.length === 0) line.names.push(...TARGETS.map(({ name }) => name));
  return line;
}

/** Feeds one input to one target. Returns the exit status. */
function feedOne(names: readonly string[], input: Uint8Array): number {
  const target = targetOf(names[0])!;
  const failure = failureOf(target, input);
  if (failure === undefined) {
    console.log(`${target.name}: ${new Judge(target).feed(input)}`);
    return 0;
  }
  console.error(failure);
  return 1;
}

/** Fuzzes all named targets. Returns the exit status. */
async function runAll({ seconds, names, seed, blind, json }: Line): Promise<number> {
  const threads = Math.min(navigator.hardwareConcurrency, names.length);
  const ms = seconds * 1_000 * threads / names.length;
  const shows = Deno.stderr.isTerminal() && !json;
  const results: TargetResult[] = [];
  const running = new Map<string, number>();
  await runTargets(names, {
    seed,
    ms,
    guided: !blind,
    progress(name, inputs) {
      running.set(name, inputs);
      if (!shows) return;
      const now = [...running].map(([name, inputs]) => `${name} ${inputs}`).join(", ");
      progress(`${results.length} of ${names.length} targets; ${now}`);
    },
    done(result) {
      running.delete(result.name);
      results.push(result);
      if (shows) progress("");
      if (!json) tell(result);
    },
  });
  if (json) console.log(JSON.stringify(results.map(summary), undefined, 2));
  const inputs = results.reduce((sum, result) => sum + result.inputs, 0);
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  if (!json) console.log(`${inputs} inputs to ${results.length} targets, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function tell({ name, seed, inputs, kept, covered, verdicts, failure }: TargetResult): void {
  const counts = [...verdicts].sort((a, b) => b[1] - a[1]).slice(0, VERDICTS_SHOWN)
    .map(([verdict, count]) => `${verdict} ${count}`).join(", ");
  const reached = kept === 0 ? "" : `, ${kept} kept, ${covered} characters covered`;
  console.log(`${name}: ${inputs} inputs${reached} (${counts})`);
  if (failure === undefined) return;
  console.log(`${name}: FAILED: ${failure.error}`);
  const again = failure.alone
    ? `deno task fuzz ${name} --input ${failure.input}`
    : `deno task fuzz ${name} --seed ${seed}`;
  console.log(`${name}: seed ${seed}; this repeats it: ${again}`);
  if (failure.alone) {
    console.log(`${name}: once it is mended, add the input to tests/fuzz/cases/${name}.txt`);
  }
}

function summary({ verdicts, ...result }: TargetResult) {
  return { ...result, verdicts: Object.fromEntries(verdicts) };
}

function progress(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}
