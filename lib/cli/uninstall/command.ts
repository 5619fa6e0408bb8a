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
  if (root === "" && !force && !print) refuseWhileRunning(executableIn(prefix));
  tellSteps(removalSteps(removal));
  if (cache) tellSteps([{ deed: "remove", path: CACHE, note: "the unpacked program" }]);
  if (print) return 0;
  carryOutRemoval(root, removal);
  if (root === "") await reloadUnits();
  if (cache) Deno.removeSync(CACHE, { recursive: true });
  console.log("Configuration files in /etc and running interfaces are as they were.");
  return 0;
}

/** @throws ConfigError if processes run from the program: they read its files also later */
function refuseWhileRunning(executable: string): void {
  const running = [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((pid) => {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === Deno.pid) return false;
    const program = targetOf(`/proc/${pid}/exe`);
    return program === executable || program.startsWith(`${CACHE}/`);
  });
  if (running.length === 0) return;
  throw new ConfigError(
    `process ${running.join(", ")}`,
    "still runs from this program; `wg ifconfig NAME destroy` ends an interface, and --force " +
      "leaves it running",
  );
}

/** What a link leads to; the empty string if that cannot be read. */
function targetOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

function isOwnFolder(path: string): boolean {
  try {
    const { isDirectory, isSymlink, uid } = Deno.lstatSync(path);
    return isDirectory && !isSymlink && uid === Deno.uid();
  } catch {
    return false;
  }
}
