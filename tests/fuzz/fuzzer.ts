/**
 * Feeds inputs to a target: those that its generator makes, their mutations, and noise. Guided by
 * coverage, it keeps the inputs that reach a new block of the program, and mutates them further.
 * @module
 */
import { Chance } from "../random.ts";
import { Coverage } from "./coverage.ts";
import { failureOf, Judge, minimise } from "./judge.ts";
import { mutate, type Stock } from "./mutate.ts";
import { bytesOf, type Target } from "./target.ts";

/** Inputs between two looks at the coverage, which takes some ms: fewer after something new. */
const BATCH_MIN = 32;
const BATCH_MAX = 1_024;
/** The most inputs that are kept. */
const CORPUS_MAX = 2_000;
/** Inputs of the generator that the corpus begins with. */
const CORPUS_FIRST = 32;

/** How long to go on, and how. */
export interface FuzzOptions {
  /** All inputs follow from it, and from what the coverage tells. */
  readonly seed: number;
  /** The most inputs. */
  readonly inputs?: number;
  /** The most time, in ms. */
  readonly ms?: number;
  /** Whether coverage guides the search. */
  readonly guided: boolean;
  /** Whether inputs begin from those of the generator; without it they begin from noise. */
  readonly structured?: boolean;
  /** Is told of the next input before it is fed, for whoever watches that it ends. */
  readonly watch?: (input: Uint8Array) => void;
  /** Is told of the progress after each batch. */
  readonly progress?: (inputs: number) => void;
}

/** An input that failed. */
export interface Failure {
  /** Made small, when it fails alone too. */
  readonly input: Uint8Array;
  /** Whether the input fails when it is fed to new state. */
  readonly alone: boolean;
  readonly error: unknown;
}

/** What came of fuzzing a target. */
export interface Outcome {
  readonly inputs: number;
  /** How often each verdict was given. */
  readonly verdicts: ReadonlyMap<string, number>;
  /** Inputs that reached something new; 0 when not guided. */
  readonly kept: number;
  /** Characters of the watched files that ran; 0 when not guided. */
  readonly covered: number;
  readonly failure: Failure | undefined;
}

/** Fuzzes a target until something fails, or until the inputs or the time are used up. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<Outcome> {
  const coverage = options.guided ? await Coverage.begin(target.covers) : undefined;
  try {
    return await new Fuzzer(target, options, coverage).run();
  } finally {
    await coverage?.end();
  }
}

class Fuzzer {
  readonly #target: Target;
  readonly #options: FuzzOptions;
  readonly #coverage: Coverage | undefined;
  readonly #chance: Chance;
  readonly #judge: Judge;
  readonly #corpus: Uint8Array[] = [];
  readonly #verdicts = new Map<string, number>();
  readonly #stock: Stock;
  #inputs = 0;
  #kept = 0;
  #batch = BATCH_MIN;

  constructor(target: Target, options: FuzzOptions, coverage: Coverage | undefined) {
    this.#target = target;
    this.#options = options;
    this.#coverage = coverage;
    const chance = this.#chance = Chance.of(options.seed);
    this.#judge = new Judge(target);
    this.#stock = {
      words: (target.words ?? []).map((word) => typeof word === "string" ? bytesOf(word) : word),
      other: () => this.#corpus.length === 0 ? chance.bytes(16) : chance.oneOf(this.#corpus),
      bytesMax: target.bytesMax,
    };
    if (options.structured === false) return;
    for (let i = 0; i < CORPUS_FIRST; i++) this.#corpus.push(this.#made());
  }

  async run(): Promise<Outcome> {
    const { inputs = Infinity, ms = Infinity, progress } = this.#options;
    const end = performance.now() + ms;
    let failure: Failure | undefined;
    for (let begins = true; failure === undefined; begins = false) {
      const batch: Uint8Array[] = begins ? [...this.#corpus] : [];
      while (batch.length < this.#batch) batch.push(this.#next());
      batch.splice(Math.max(0, inputs - this.#inputs));
      if (batch.length === 0 || performance.now() >= end && !begins) break;
      failure = this.#feedAll(batch);
      this.#inputs += batch.length;
      if (failure === undefined) await this.#keepNew(batch);
      progress?.(this.#inputs);
    }
    return {
      inputs: this.#inputs,
      verdicts: this.#verdicts,
      kept: this.#kept,
      covered: this.#coverage?.characters ?? 0,
      failure,
    };
  }

  #made(): Uint8Array {
    return this.#target.make(this.#chance).subarray(0, this.#target.bytesMax);
  }

  #next(): Uint8Array {
    const chance = this.#chance;
    if (this.#corpus.length === 0 || chance.once(16)) {
      return chance.bytes(chance.int(1 << chance.int(11))).subarray(0, this.#target.bytesMax);
    }
    if (chance.once(8) && this.#options.structured !== false) return this.#made();
    // Of two kept inputs the later one is more often the rarer one.
    const last = this.#corpus.length - 1;
    const index = chance.once(2) ? chance.int(last + 1) : last - chance.int(1 + (last >> 3));
    return mutate(chance, this.#corpus[index], this.#stock);
  }

  #feedAll(batch: readonly Uint8Array[]): Failure | undefined {
    for (const input of batch) {
      this.#options.watch?.(input);
      try {
        const verdict = this.#judge.feed(input);
        this.#verdicts.set(verdict, (this.#verdicts.get(verdict) ?? 0) + 1);
      } catch (error) {
        if (failureOf(this.#target, input) === undefined) return { input, alone: false, error };
        const small = minimise(this.#target, input);
        // Where time or memory is the matter, the small one may not fail every time.
        const again = failureOf(this.#target, small);
        return again === undefined
          ? { input, alone: true, error }
          : { input: small, alone: true, error: again };
      }
    }
    return undefined;
  }

  /** Keeps the inputs of a batch that reach something new, which it finds by halves. */
  async #keepNew(batch: readonly Uint8Array[]): Promise<void> {
    const coverage = this.#coverage;
    if (coverage === undefined) return;
    const ran = await coverage.look();
    if (!coverage.isNew(ran)) {
      this.#batch = Math.min(2 * this.#batch, BATCH_MAX);
      return;
    }
    await this.#search(coverage, batch);
    coverage.learn(ran);
    this.#batch = BATCH_MIN;
  }

  async #search(coverage: Coverage, inputs: readonly Uint8Array[]): Promise<void> {
    await coverage.look();
    // A failure here needs an order of inputs; it will come again.
    for (const input of inputs) this.#options.watch?.(input), this.#feedQuietly(input);
    const ran = await coverage.look();
    if (!coverage.isNew(ran)) return;
    if (inputs.length === 1) {
      coverage.learn(ran);
      this.#kept++;
      if (this.#corpus.length >= CORPUS_MAX) this.#corpus.shift();
      this.#corpus.push(inputs[0]);
      return;
    }
    const half = inputs.length >> 1;
    await this.#search(coverage, inputs.slice(0, half));
    await this.#search(coverage, inputs.slice(half));
  }

  #feedQuietly(input: Uint8Array): void {
    try {
      this.#judge.feed(input);
    } catch {
      this.#judge.renew();
    }
  }
}
