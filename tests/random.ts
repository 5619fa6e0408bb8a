/**
 * Chance for tests: one seed for all of a run, `WG_TEST_SEED=N` repeats the run that printed N.
 * `property` is for trials whose failure shall be made small (fast-check shrinks it); `trial` for
 * those that are too long for that. With `WG_TEST_SHRINK=0` a failure stays as it is.
 * @module
 */
import fc from "npm:fast-check@4.11.0";

/** The seed of this run. */
export const SEED: number = seedOf(Deno.env.get("WG_TEST_SEED"));

function seedOf(text: string | undefined): number {
  if (text === undefined) return crypto.getRandomValues(new Uint32Array(1))[0];
  const seed = Number(text);
  if (text === "" || !Number.isInteger(seed)) {
    throw new Error(`WG_TEST_SEED: ${text} is no whole number`);
  }
  return seed >>> 0;
}

/** Draws numbers. No use for keys that matter. */
export class Chance {
  /** @param draw gives a whole number from 0 to `below` - 1; `below` is at most 2^32 */
  constructor(readonly draw: (below: number) => number) {}

  /** The same numbers for the same seed (mulberry32). */
  static of(seed: number): Chance {
    let state = seed >>> 0;
    return new Chance((below) => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ state >>> 15, state | 1);
      t ^= t + Math.imul(t ^ t >>> 7, t | 61);
      return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * below);
    });
  }

  /** A whole number from 0 to `below` - 1. */
  int(below: number): number {
    return this.draw(below);
  }

  /** 32 bits. */
  u32(): number {
    return this.draw(2 ** 32);
  }

  /** A number from 0 to 1, less than 1. */
  fraction(): number {
    return this.draw(2 ** 32) / 2 ** 32;
  }

  /** One of the choices. */
  oneOf<T>(choices: readonly T[]): T {
    return choices[this.draw(choices.length)];
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.draw(times) === 0;
  }

  /** Random bytes, all of one draw. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    const { draw } = Chance.of(this.u32());
    for (let i = 0; i < length; i++) bytes[i] = draw(256);
    return bytes;
  }
}

/** Fills arrays by chance. */
export function filler(chance: Chance): (into: Uint8Array) => void {
  return (into) => {
    for (let i = 0; i < into.length; i++) into[i] = chance.int(256);
  };
}

/** Numbers from 0 to 1, less than 1, the same for the same seed. */
export function fractions(seed: number): () => number {
  const chance = Chance.of(seed);
  return () => chance.fraction();
}

/**
 * Runs a trial once, and prints the seed when it fails.
 * @param number of its own for each trial of a test, so that their chances differ
 */
export function trial(body: (chance: Chance) => void, number = 0): void {
  try {
    body(Chance.of(SEED + number));
  } catch (error) {
    console.error(`WG_TEST_SEED=${SEED}, trial ${number}`);
    throw error;
  }
}

const drawn = (g: fc.GeneratorValue) =>
  new Chance((below) => g(fc.integer, { min: 0, max: below - 1 }));

/** Shrinking ends after this long, with the smallest trial found until then. */
const SHRINKING_MS = 30_000;

const parameters = (runs: number): fc.Parameters<[fc.GeneratorValue]> => ({
  seed: SEED | 0,
  numRuns: runs,
  includeErrorInReport: true,
  interruptAfterTimeLimit: SHRINKING_MS,
  endOnFailure: Deno.env.get("WG_TEST_SHRINK") === "0",
});

/** Runs trials. One that fails is made as small as it goes, and its seed is printed. */
export function property(runs: number, body: (chance: Chance) => void): void {
  const details = fc.check(fc.property(fc.gen(), (g) => body(drawn(g))), parameters(runs));
  report(details);
}

/** As `property`, for trials that wait. */
export async function asyncProperty(
  runs: number,
  body: (chance: Chance) => Promise<void>,
): Promise<void> {
  report(await fc.check(fc.asyncProperty(fc.gen(), (g) => body(drawn(g))), parameters(runs)));
}

function report(details: fc.RunDetails<[fc.GeneratorValue]>): void {
  if (!details.failed) return;
  const drew = details.counterexample === null
    ? ""
    : `, drawn: ${fc.stringify(details.counterexample)}`;
  console.error(`WG_TEST_SEED=${SEED}, after ${details.numShrinks} shrinks${drew}`);
  throw details.errorInstance ?? new Error("a trial failed");
}
