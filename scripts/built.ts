/**
 * Builds the executable ./wg if it is missing or older than its sources.
 * @module
 */
import { fileURLToPath } from "node:url";
import { compile } from "./compile.ts";

/** The project's folder, with a slash at the end. */
export const ROOT = fileURLToPath(import.meta.resolve("../"));

/**
 * Builds ./wg if needed and returns its path.
 * @param packed whether the packed kind is required (scripts/compile.ts); otherwise either kind is
 * used. `WG_TEST_KIND=compiled` in the environment has either kind everywhere: a release is tested
 * so.
 * @throws Error if it cannot be built
 */
export async function ensureBuilt(packed: boolean): Promise<string> {
  await compile({ packed: packed && Deno.env.get("WG_TEST_KIND") !== "compiled" });
  return `${ROOT}wg`;
}
