/**
 * Fuzzes targets on as many threads as there are processors, and ends those that hang.
 * @module
 */
import type { FuzzOptions, Outcome } from "./fuzzer.ts";

/** What a thread is to do. */
export interface Order extends Pick<FuzzOptions, "seed" | "ms" | "inputs" | "guided"> {
  readonly name: string;
  /** Two words, then the bytes of the input that is being fed. */
  readonly watched: SharedArrayBuffer;
}

/** What a thread tells. */
export type Told =
  | { readonly type: "progress"; readonly inputs: number }
  | { readonly type: "done"; readonly result: TargetResult }
  | { readonly type: "broken"; readonly error: string };

/** What came of a target. */
export interface TargetResult extends Omit<Outcome, "failure"> {
  readonly name: string;
  readonly seed: number;
  readonly failure: FailureText | undefined;
}

/** An input that failed. */
export interface FailureText {
  /** In hexadecimal. */
  readonly input: string;
  /** Whether it fails when it is the only one. */
  readonly alone: boolean;
  readonly error: string;
}

/** The word that counts the inputs, that of the length of the input, and where the input is. */
export const FED = 0;
export const LENGTH = 1;
export const WATCH_BYTES_AT = 8;
/** More bytes than any input has. */
const WATCHED_BYTES = 1 << 18;
/** An input that takes longer than this hangs. */
const INPUT_MS = 60_000;
const LOOK_MS = 1_000;

/** How to run. */
export interface RunOptions {
  readonly seed: number;
  /** The time for each target, in ms. */
  readonly ms: number;
  readonly guided: boolean;
  /** Is called with the inputs of a target so far. */
  readonly progress: (name: string, inputs: number) => void;
  /** Is called with what came of each target, in the order in which they end. */
  readonly done: (result: TargetResult) => void;
}

/** Fuzzes the targets of these names. */
export async function runTargets(names: readonly string[], options: RunOptions): Promise<void> {
  let next = 0;
  const thread = async () => {
    while (next < names.length) options.done(await runTarget(names[next++], options));
  };
  const threads = Math.min(navigator.hardwareConcurrency, names.length);
  await Promise.all(Array.from({ length: threads }, thread));
}

function runTarget(
  name: string,
  { seed, ms, guided, progress }: RunOptions,
): Promise<TargetResult> {
  const watched = new SharedArrayBuffer(WATCH_BYTES_AT + WATCHED_BYTES);
  const words = new Int32Array(watched, 0, WATCH_BYTES_AT / 4);
  const worker = new Worker(new URL("./fuzz_worker.ts", import.meta.url), { type: "module" });
  let inputs = 0;
  return new Promise<TargetResult>((resolve, reject) => {
    const hangs = () => {
      const input = new Uint8Array(watched, WATCH_BYTES_AT, words[LENGTH]).slice().toHex();
      const error = `it did not end within ${INPUT_MS / 1_000} s`;
      const failure = { input, alone: true, error };
      resolve({ name, seed, inputs, verdicts: new Map(), kept: 0, covered: 0, failure });
    };
    let last = -1;
    let since = performance.now();
    const looking = setInterval(() => {
      const fed = Atomics.load(words, FED);
      if (fed !== last || fed === 0) [last, since] = [fed, performance.now()];
      else if (performance.now() - since > INPUT_MS) finish(hangs);
    }, LOOK_MS);
    const finish = (settle: () => void) => {
      clearInterval(looking);
      worker.terminate();
      settle();
    };
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      if (data.type === "progress") progress(name, inputs = data.inputs);
      else if (data.type === "done") finish(() => resolve(data.result));
      else finish(() => reject(new Error(`${name}: ${data.error}`)));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      finish(() => reject(new Error(`${name}: ${event.message}`)));
    };
    const order: Order = { name, seed, ms, guided, watched };
    worker.postMessage(order);
  });
}
