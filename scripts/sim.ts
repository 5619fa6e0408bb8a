/**
 * `deno task sim`: devices in virtual time with seeded faults, under checks of what must always
 * hold (tests/sim). Prints a line for each seed that fails; the exit status is 1 then.
 *
 * - `deno task sim`: a thousand seeds that nobody has seen before
 * - `deno task sim COUNT`: so many
 * - `deno task sim COUNT 0xSEED`: so many, from this one on
 * - `deno task sim 0xSEED`: this one, its scenario, and what became of it
 * @module
 */
import { scenarioOf } from "../tests/sim/scenario.ts";
import { runSeeds, seedText } from "../tests/sim/seed_runner.ts";
import { simulate } from "../tests/sim/simulation.ts";

const COUNT = 1_000;
const SEED_MAX = 0xffff_ffff;

const SEED = /^0x[0-9a-f]{1,8}$/i;
const [word = `${COUNT}`, first, ...more] = Deno.args;
const isSeed = SEED.test(word) && first === undefined;
const number = isSeed || /^[0-9]{1,9}$/.test(word) ? Number(word) : 0;
const isFirst = first === undefined || SEED.test(first);
if (more.length > 0 || !isFirst || !(isSeed || number > 0)) {
  console.error(
    `sim: ${Deno.args.join(" ")}: a COUNT from 1 to 999999999, a 0xSEED or both are required`,
  );
  Deno.exit(2);
}
const chance = () => Math.floor(Math.random() * (SEED_MAX + 1));
Deno.exit(
  isSeed ? showSeed(number) : await runMany(number, first === undefined ? chance() : Number(first)),
);

/** One seed, told in full. Returns the exit status. */
function showSeed(seed: number): number {
  const { forms, disturbedMs, packetEveryMs, faults } = scenarioOf(seed);
  const planes = forms.join(", ");
  console.log(`${forms.length} nodes with ${planes} Workers; faults for ${disturbedMs} ms`);
  console.log(`a packet from each to each other every ${Math.round(packetEveryMs)} ms`);
  for (const { at, until, deed } of faults) {
    const { kind, ...what } = deed;
    console.log(
      `${at} to ${until} ms: ${kind} ${
        JSON.stringify(what, (_, value) => typeof value === "bigint" ? String(value) : value)
      }`,
    );
  }
  try {
    const { sent, arrived } = simulate(seed);
    console.log(`${seedText(seed)}: all holds; ${arrived} of ${sent} packets arrived`);
    return 0;
  } catch (error) {
    console.log(`${seedText(seed)}:`, error);
    return 1;
  }
}

/** Seeds from `first` on, on all processors. Returns the exit status. */
async function runMany(count: number, first: number): Promise<number> {
  const began = performance.now();
  const showsProgress = Deno.stderr.isTerminal();
  let simulated = 0;
  let failed = 0;
  await runSeeds(first, count, Infinity, ({ seed, failure }) => {
    simulated++;
    if (showsProgress) progress("");
    if (failure !== undefined) {
      failed++;
      console.log(`deno task sim ${seedText(seed)}: ${failure.split("\n")[0]}`);
    }
    if (showsProgress) progress(`${simulated} of ${count} seeds, ${failed} failed`);
  });
  if (showsProgress) progress("");
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(`${simulated} seeds from ${seedText(first)} on, ${failed} failed, in ${seconds} s`);
  return failed === 0 ? 0 : 1;
}

function progress(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
}
