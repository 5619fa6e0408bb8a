/**
 * Simulates many seeds on as many threads as there are processors.
 * @module
 */
import type { SeedResult } from "./simulation_worker.ts";

/** A seed that takes longer than this is a failure: a simulation that never ends. */
const SEED_MS = 60_000;

/** How a seed is written, so that nobody takes it for a count. */
export function seedText(seed: number): string {
  return `0x${seed.toString(16).padStart(8, "0")}`;
}

/**
 * Simulates `count` seeds from `first` on; they wrap at 2^32.
 * @param budgetMs after this long no other seed is begun
 * @param done is called with what became of each seed, in the order in which they end
 * @returns how many seeds were simulated
 */
export async function runSeeds(
  first: number,
  count: number,
  budgetMs: number,
  done: (result: SeedResult) => void,
): Promise<number> {
  const end = performance.now() + budgetMs;
  let begun = 0;
  const thread = async () => {
    let worker = makeWorker();
    while (begun < count && performance.now() < end) {
      const result = await simulateOn(worker, (first + begun++) >>> 0);
      if (result.failure === NEVER_ENDED) {
        worker.terminate();
        worker = makeWorker();
      }
      done(result);
    }
    worker.terminate();
  };
  const threads = Math.min(navigator.hardwareConcurrency, count);
  await Promise.all(Array.from({ length: threads }, thread));
  return begun;
}

const NEVER_ENDED = `it did not end within ${SEED_MS / 1_000} s`;

function makeWorker(): Worker {
  return new Worker(new URL("./simulation_worker.ts", import.meta.url), { type: "module" });
}

function simulateOn(worker: Worker, seed: number): Promise<SeedResult> {
  return new Promise((resolve) => {
    const finish = (failure: string | undefined) => {
      clearTimeout(timer);
      resolve({ seed, failure });
    };
    const timer = setTimeout(() => finish(NEVER_ENDED), SEED_MS);
    worker.onmessage = ({ data }: MessageEvent<SeedResult>) => finish(data.failure);
    worker.onerror = (event) => {
      event.preventDefault();
      finish(event.message);
    };
    worker.postMessage(seed);
  });
}
