/**
 * Feeds inputs to a target and judges what comes of it: no exception, a bounded time and a bounded
 * allocation. Makes failing inputs small.
 * @module
 */
import process from "node:process";
import { getHeapStatistics } from "node:v8";
import type { Feed, Target } from "./target.ts";

/**
 * The most processor time of one input. Only the fastest of several trials counts, because V8
 * compiles and collects garbage meanwhile.
 */
const INPUT_MS = 1_000;
const TRIALS = 4;
/** The most memory of one input: so much, and so many bytes for each byte of it. */
const ALLOCATED_BYTES = 64 * 2 ** 20;
const ALLOCATED_PER_BYTE = 4_096;

/** What V8 tells, with what @types/node does not know yet. */
interface HeapCounts {
  readonly total_allocated_bytes: number;
  readonly external_memory: number;
}

/** Bytes that the heap has allocated so far, and bytes of the buffers outside of it that live. */
function allocated(): number {
  const counts = getHeapStatistics() as unknown as HeapCounts;
  return counts.total_allocated_bytes + counts.external_memory;
}

/** Processor time of this thread. */
function millisecondsSince(began: { readonly user: number; readonly system: number }): number {
  const { user, system } = process.threadCpuUsage(began);
  return (user + system) / 1_000;
}

/** A target with its state, and what it made of inputs so far. */
export class Judge {
  readonly target: Target;
  #feed: Feed;

  constructor(target: Target) {
    this.target = target;
    this.#feed = target.open();
  }

  /** Begins with new state. */
  renew(): void {
    this.#feed = this.target.open();
  }

  /**
   * Feeds an input.
   * @returns its verdict
   * @throws what the target throws, and an error when the input takes too long or too much memory
   */
  feed(input: Uint8Array): string {
    const before = allocated();
    const began = process.threadCpuUsage();
    const verdict = this.#feed(input);
    const took = millisecondsSince(began);
    const used = allocated() - before;
    if (took > INPUT_MS) this.#requireTime(input);
    if (used > ALLOCATED_BYTES + ALLOCATED_PER_BYTE * input.length) {
      throw new Error(`${input.length} bytes of input made it allocate too many bytes`);
    }
    return verdict;
  }

  #requireTime(input: Uint8Array): void {
    for (let trial = 1; trial < TRIALS; trial++) {
      const began = process.threadCpuUsage();
      this.#feed(input);
      if (millisecondsSince(began) < INPUT_MS) return;
    }
    throw new Error(`${input.length} bytes of input took more than ${INPUT_MS} ms`);
  }
}

/** What is the same about two failures of one fault: the error without its values. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.split("\n").find((line) => /^\s+at .*\/(lib|ffi|fuzz)\//.test(line));
  return `${error.name} ${error.message.split("\n")[0].replace(/[0-9]+/g, "N")} ${place ?? ""}`;
}

/** The failure of an input that is fed to new state; undefined when it does not fail. */
export function failureOf(target: Target, input: Uint8Array): unknown {
  const judge = new Judge(target);
  try {
    judge.feed(input);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The most inputs that are tried to make one small, and the most time in ms. */
const SMALLER_TRIALS = 3_000;
const SMALLER_MS = 20_000;

/**
 * Makes a failing input small: removes pieces, and sets bytes to zero, as long as it fails in the
 * same way.
 */
export function minimise(target: Target, input: Uint8Array): Uint8Array {
  const kind = kindOf(failureOf(target, input));
  let smallest = input;
  let left = SMALLER_TRIALS;
  const end = performance.now() + SMALLER_MS;
  const fails = (candidate: Uint8Array) => {
    if (performance.now() > end) left = 0;
    if (left-- <= 0) return false;
    const failure = failureOf(target, candidate);
    return failure !== undefined && kindOf(failure) === kind;
  };
  for (let size = input.length; size >= 1 && left > 0;) {
    let removed = false;
    for (let from = 0; from + size <= smallest.length && left > 0;) {
      const candidate = new Uint8Array(smallest.length - size);
      candidate.set(smallest.subarray(0, from));
      candidate.set(smallest.subarray(from + size), from);
      if (fails(candidate)) {
        smallest = candidate;
        removed = true;
      } else from += size;
    }
    if (!removed || size > smallest.length) size = Math.floor(size / 2);
  }
  for (let at = 0; at < smallest.length && left > 0; at++) {
    if (smallest[at] === 0) continue;
    const candidate = smallest.slice();
    candidate[at] = 0;
    if (fails(candidate)) smallest = candidate;
  }
  return smallest;
}
