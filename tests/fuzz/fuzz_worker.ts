/**
 * Fuzzes one target after the other in an isolate of its own, so that one that does not end can be
 * stopped.
 * @module
 */
import { fuzz } from "./fuzzer.ts";
import { targetOf } from "./targets.ts";
import { FED, LENGTH, type Order, type Told, WATCH_BYTES_AT } from "./fuzz_runner.ts";

const tell = (told: Told) => self.postMessage(told);

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  const { name, watched, ...options } = data;
  const words = new Int32Array(watched, 0, WATCH_BYTES_AT / 4);
  const bytes = new Uint8Array(watched, WATCH_BYTES_AT);
  const target = targetOf(name)!;
  try {
    const { failure, ...outcome } = await fuzz(target, {
      ...options,
      watch(input) {
        bytes.set(input);
        words[LENGTH] = input.length;
        Atomics.add(words, FED, 1);
      },
      progress: (inputs) => tell({ type: "progress", inputs }),
    });
    tell({
      type: "done",
      result: {
        ...outcome,
        name,
        seed: options.seed,
        failure: failure && {
          input: failure.input.toHex(),
          alone: failure.alone,
          error: describe(failure.error),
        },
      },
    });
  } catch (error) {
    tell({ type: "broken", error: describe(error) });
  }
};

function describe(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
