/**
 * The two clocks. CLOCK_BOOTTIME never goes back and counts through suspend; timers use it.
 * CLOCK_REALTIME is for TAI64N and for times that are shown.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { mayUseFfi } from "./permission.ts";
import { CLOCK_BOOTTIME, CLOCK_REALTIME, openClock } from "../../ffi/clock.ts";

/** Without FFI the runtime's monotonic clock is used, which may stop while the machine sleeps. */
let clock: ReturnType<typeof openClock> | "runtime" | undefined;

function chosen(): ReturnType<typeof openClock> | "runtime" {
  clock ??= mayUseFfi() ? openClock() : "runtime";
  return clock;
}

/**
 * CLOCK_BOOTTIME in milliseconds, with fractions. All isolates and processes of the machine read
 * the same clock. It does not allocate.
 */
export function now(): Milliseconds {
  const source = clock ?? chosen();
  if (source === "runtime") return milliseconds(performance.timeOrigin + performance.now());
  source.read(CLOCK_BOOTTIME);
  const { fields } = source;
  return milliseconds(((fields[0] >>> 0) + fields[1] * 2 ** 32) * 1000 + fields[2] / 1e6);
}

/** CLOCK_REALTIME in nanoseconds since 1970 (Unix time). It may jump forward and back. */
export function wallClock(): bigint {
  const source = chosen();
  if (source === "runtime") return BigInt(Date.now()) * 1_000_000n;
  source.read(CLOCK_REALTIME);
  const { fields } = source;
  return BigInt((fields[0] >>> 0) + fields[1] * 2 ** 32) * 1_000_000_000n + BigInt(fields[2]);
}
