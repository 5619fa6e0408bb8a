/**
 * `wg --version`: the program's version, how it runs, the runtime, and which cryptography does the work.
 * @module
 */
import type { Command } from "../command.ts";
import { kind, VERSION } from "../../daemon/self.ts";

/** See the module. */
export const command: Command = { run: version };

async function version(): Promise<number> {
  const { chooseSuite } = await import("../../runtime/crypto.ts");
  console.log(`wg ${VERSION} (${kind()}, deno ${Deno.version.deno}, ${Deno.build.arch}), ${chooseSuite().name}`);
  return 0;
}
