/**
 * clock_gettime(2) with a signature that the packet loop can afford (about 40 ns; the vDSO answers).
 * @module
 */
import { openLibc } from "./libc.ts";

/** Clock numbers (include/uapi/linux/time.h). */
export const CLOCK_REALTIME = 0;
export const CLOCK_BOOTTIME = 7;

/** Opens the clock: a function that reads one of the CLOCK_* and fills `seconds` and `nanoseconds`. */
export function openClock(): { read(clock: number): void; readonly fields: Int32Array } {
  const symbols = openLibc({
    clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
  });
  // struct timespec: 64-bit seconds, 64-bit nanoseconds, read as 32-bit halves because BigInt allocates.
  const fields = new Int32Array(4);
  const pointer = Deno.UnsafePointer.of(fields);
  return { read: (clock) => void symbols.clock_gettime(clock, pointer), fields };
}
