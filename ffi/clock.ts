/**
 * clock_gettime(2), called without allocation. A call takes about 40 ns, in the vDSO.
 * @module
 */
import { openLibc } from "./libc.ts";

/** Clock numbers (include/uapi/linux/time.h). */
export const CLOCK_REALTIME = 0;
export const CLOCK_BOOTTIME = 7;

/** Opens the clocks. `read` writes the time of a CLOCK_* to `fields`, a struct timespec. */
export function openClock(): { read(clock: number): void; readonly fields: Int32Array } {
  const symbols = openLibc({
    clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
  });
  // struct timespec has 64-bit seconds and nanoseconds. They are read in 32-bit halves, because a
  // BigInt would be allocated.
  const fields = new Int32Array(4);
  const pointer = Deno.UnsafePointer.of(fields);
  return { read: (clock) => void symbols.clock_gettime(clock, pointer), fields };
}
