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
 * used
 * @throws Error if it cannot be built
 */
export async function ensureBuilt(packed: boolean): Promise<string> {
  await compile({ packed });
  return `${ROOT}wg`;
}
