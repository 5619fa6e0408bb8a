/**
 * What `wg install` and `wg uninstall` share: reading the list of files, telling the steps, and
 * telling systemd.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";
import { systemctl } from "../../linux/systemctl.ts";
import { complain } from "../output.ts";
import { type Manifest, MANIFEST_MAX, parseManifest } from "./manifest.ts";
import type { Step } from "./placing.ts";

/**
 * The list of an installation; undefined if there is none.
 * @throws ConfigError if the file is no list
 */
export function readManifest(path: string): Manifest | undefined {
  let size: number;
  try {
    size = Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (size > MANIFEST_MAX) {
    throw new ConfigError(displayPath(path), `is larger than ${MANIFEST_MAX} bytes`);
  }
  return parseManifest(Deno.readTextFileSync(path), path);
}

/** Prints steps, one on each line: `install /usr/local/bin/wg`. */
export function tellSteps(steps: readonly Step[]): void {
  for (const { deed, path, note } of steps) {
    console.log(`${deed.padEnd(7)} ${path}${note === undefined ? "" : ` (${note})`}`);
  }
}

/** Has systemd read its units again, where it runs. A failure is told and is not fatal. */
export async function reloadUnits(): Promise<void> {
  try {
    if (!Deno.statSync("/run/systemd/system").isDirectory) return;
  } catch {
    return;
  }
  console.log("run     systemctl daemon-reload");
  const answer = await systemctl("daemon-reload");
  if (answer?.success !== true) complain(`systemctl: ${answer?.complaint ?? "is not there"}`);
}
