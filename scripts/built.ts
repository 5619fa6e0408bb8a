/**
 * The executable ./wg, built when it is missing or older than its sources.
 * @module
 */
import { fileURLToPath } from "node:url";
import { compile } from "./compile.ts";

/** The project's folder, with a slash at the end. */
export const ROOT = fileURLToPath(import.meta.resolve("../"));

/**
 * Builds ./wg when that is needed and returns its path.
 * @param packed wants the kind that is made without a network (scripts/compile.ts); otherwise either will do
 * @throws Error when it cannot be built
 */
export async function ensureBuilt(packed: boolean): Promise<string> {
  await compile({ packed });
  return `${ROOT}wg`;
}
