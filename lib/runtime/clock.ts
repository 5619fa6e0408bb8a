/**
 * The two clocks: one that only goes forward and counts through suspend, for everything that waits; and the wall's, for TAI64N and for showing.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { mayUseFfi } from "./permission.ts";
import { CLOCK_BOOTTIME, CLOCK_REALTIME, openClock } from "../../ffi/clock.ts";

/** Where FFI may not be used, the runtime's monotonic clock serves. It may stand still while the machine sleeps. */
let clock: ReturnType<typeof openClock> | "runtime" | undefined;

function chosen(): ReturnType<typeof openClock> | "runtime" {
  clock ??= mayUseFfi() ? openClock() : "runtime";
  return clock;
}

/** CLOCK_BOOTTIME in milliseconds, with fractions; the same in every isolate and process of the machine. Does not allocate. */
export function now(): Milliseconds {
  const source = clock ?? chosen();
  if (source === "runtime") return milliseconds(performance.timeOrigin + performance.now());
  source.read(CLOCK_BOOTTIME);
  const { fields } = source;
  return milliseconds(((fields[0] >>> 0) + fields[1] * 2 ** 32) * 1000 + fields[2] / 1e6);
}

/** CLOCK_REALTIME: nanoseconds since 1970 (Unix time, without leap seconds). It may jump either way. */
export function wallClock(): bigint {
  const source = chosen();
  if (source === "runtime") return BigInt(Date.now()) * 1_000_000n;
  source.read(CLOCK_REALTIME);
  const { fields } = source;
  return BigInt((fields[0] >>> 0) + fields[1] * 2 ** 32) * 1_000_000_000n + BigInt(fields[2]);
}
