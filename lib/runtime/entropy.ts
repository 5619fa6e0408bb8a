/**
 * Random bytes for keys, ephemeral keys, indices, nonces and cookie secrets.
 *
 * They come from getrandom(2). A generator inside the process would keep a state from which an image of the memory
 * gives away the keys that it made before. The runtime's `crypto.getRandomValues` is one, so it serves only where FFI
 * may not be used.
 * @module
 */
import { checked } from "../../ffi/errno.ts";
import { getrandom } from "../../ffi/libc.ts";
import { mayUseFfi } from "./permission.ts";

/** Most bytes of one crypto.getRandomValues (Web Cryptography API section 10.1.1). */
const RUNTIME_BYTES_MAX = 65_536;

/** Where random bytes come from. */
export type RandomSource = "getrandom(2)" | "the runtime's generator";

let source: RandomSource | undefined;

/** Where `fillRandom` takes its bytes from in this process. */
export const randomSource = (): RandomSource =>
  source ??= mayUseFfi() ? "getrandom(2)" : "the runtime's generator";

/**
 * Fills `into` with random bytes fit for keys.
 * @throws OsError when getrandom(2) fails
 *
 * @example
 * ```ts
 * import { fillRandom } from "./entropy.ts";
 * const key = new Uint8Array(32);
 * fillRandom(key);
 * ```
 */
export function fillRandom(into: Uint8Array): void {
  if (randomSource() === "getrandom(2)") fillFromKernel(into);
  else fillFromRuntime(into);
}

function fillFromKernel(into: Uint8Array): void {
  for (let at = 0; at < into.length;) {
    at += checked(getrandom(into.subarray(at)), "getrandom", "random bytes");
  }
}

function fillFromRuntime(into: Uint8Array): void {
  for (let at = 0; at < into.length; at += RUNTIME_BYTES_MAX) {
    crypto.getRandomValues(into.subarray(at, at + RUNTIME_BYTES_MAX) as Uint8Array<ArrayBuffer>);
  }
}
