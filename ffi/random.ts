/**
 * getrandom(2), called directly. Every handshake draws from it twice, and a call through libc.ts
 * takes longer than the kernel needs for the bytes.
 * @module
 */
import { checked } from "./errno.ts";
import { getrandom as repeated, openLibc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** The most bytes of one call. The kernel always fills so many whole (getrandom(2)). */
const BYTES_MAX = 256;
/** The lengths as BigInts, which would be slow to make. */
const LENGTHS: readonly bigint[] = Array.from({ length: BYTES_MAX + 1 }, (_, i) => BigInt(i));

/**
 * Opens getrandom(2). The result fills an array with random bytes fit for keys, and leaves no copy.
 * After boot it waits until the kernel's generator is initialized.
 * @throws OsError from the result, when the call fails
 */
export function openRandom(): (into: Uint8Array) => void {
  const { getrandom } = openLibc({
    getrandom: { parameters: ["pointer", "u64", "u32"], result: "i32" },
  });
  const drawn = pinned(BYTES_MAX);
  const draw = (into: Uint8Array): void => {
    const filled = getrandom(drawn.pointer, LENGTHS[into.length], 0);
    if (filled === into.length) {
      into.set(drawn.bytes.subarray(0, filled));
      drawn.bytes.fill(0, 0, filled);
    } else {
      // The other call repeats what a signal interrupts, and tells the error.
      checked(repeated(into), "getrandom", "random bytes");
    }
  };
  return (into) => {
    for (let at = 0; at < into.length; at += BYTES_MAX) {
      draw(into.length <= BYTES_MAX ? into : into.subarray(at, at + BYTES_MAX));
    }
  };
}
