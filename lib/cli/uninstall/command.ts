/**
 * `wg uninstall`: takes away what `wg install` has made.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayPath } from "../../base/quote.ts";
import type { Command } from "../command.ts";
import { executableIn, manifestIn } from "../install/layout.ts";
import { readManifest, reloadUnits, tellSteps } from "../install/machine.ts";
import { parseInstallOptions } from "../install/options.ts";
import { carryOutRemoval, planRemoval, removalSteps } from "../install/placing.ts";
import { runningFrom, runningText } from "./running.ts";

/** Where root's packed program is unpacked (scripts/pack/header.ts). */
const CACHE = "/var/cache/wg";

/** The command `uninstall`. */
export const command: Command = { run: uninstall };

async function uninstall(args: readonly string[]): Promise<number> {
  const { prefix, root, print, force } = parseInstallOptions("uninstall", args);
  const path = manifestIn(prefix);
  const manifest = readManifest(root + path);
  if (manifest === undefined) {
    throw new ConfigError(
      displayPath(root + path),
      `is not there; wg install with ${prefix} as its prefix would have made it`,
    );
  }
  const removal = planRemoval(root, manifest, path);
  const cache = root === "" && Deno.uid() === 0 && isOwnFolder(CACHE);
  const executable = executableIn(prefix);
  const isOurs = (program: string) => program === executable || program.startsWith(`${CACHE}/`);
  const running = root === "" ? runningText(runningFrom(isOurs)) : undefined;
  if (running !== undefined && !force && !print) {
    const what = "run from this program and are to be ended before; --force leaves them running";
    throw new ConfigError(running, what);
  }
  // Steps are told when they are done: an ordinary user may do none.
  if (!print) carryOutRemoval(root, removal);
  tellSteps(removalSteps(removal));
  if (cache) tellSteps([{ deed: "remove", path: CACHE, note: "the unpacked program" }]);
  if (print) return 0;
  if (root === "") await reloadUnits();
  if (cache) Deno.removeSync(CACHE, { recursive: true });
  if (running !== undefined) console.log(`Still running, until they are ended: ${running}.`);
  console.log("Configuration files in /etc and running interfaces are as they were.");
  return 0;
}

function isOwnFolder(path: string): boolean {
  try {
    const { isDirectory, isSymlink, uid } = Deno.lstatSync(path);
    return isDirectory && !isSymlink && uid === Deno.uid();
  } catch {
    return false;
  }
}
