/**
 * Random bytes for keys, ephemeral keys, indices, nonces and cookie secrets.
 *
 * The bytes come from getrandom(2). A generator in the process has a state, and who gets an image
 * of the memory can compute earlier keys from it. The runtime's `crypto.getRandomValues` is such a
 * generator, so it is used only where FFI is not allowed.
 * @module
 */
import { openRandom } from "../../ffi/random.ts";
import { mayUseFfi } from "./permission.ts";

/** The most bytes per call of crypto.getRandomValues (Web Cryptography API section 10.1.1). */
const RUNTIME_BYTES_MAX = 65_536;

/** The sources of random bytes. */
export type RandomSource = "getrandom(2)" | "the runtime's generator";

let source: RandomSource | undefined;
let fill: ((into: Uint8Array) => void) | undefined;

/** The source that `fillRandom` uses in this process. */
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
  fill ??= randomSource() === "getrandom(2)" ? openRandom() : fillFromRuntime;
  fill(into);
}

function fillFromRuntime(into: Uint8Array): void {
  for (let at = 0; at < into.length; at += RUNTIME_BYTES_MAX) {
    crypto.getRandomValues(into.subarray(at, at + RUNTIME_BYTES_MAX) as Uint8Array<ArrayBuffer>);
  }
}
