/**
 * Simulates the seeds that it is told, one after the other, on a thread of its own.
 * @module
 */
import { simulate } from "./simulation.ts";

/** What became of a seed. */
export interface SeedResult {
  readonly seed: number;
  /** What did not hold; undefined when all did. */
  readonly failure: string | undefined;
}

const scope = self as unknown as Worker;
scope.onmessage = ({ data: seed }: MessageEvent<number>) => {
  let failure: string | undefined;
  try {
    simulate(seed);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  scope.postMessage({ seed, failure } satisfies SeedResult);
};
