/**
 * `wg version`: the version, the kind of executable, the runtime, the crypto libraries and the
 * source of random bytes.
 * @module
 */
import type { Command } from "../command.ts";
import { kind, VERSION } from "../../daemon/program.ts";

/** The command `version`. */
export const command: Command = { run: version };

async function version(): Promise<number> {
  const { Arena } = await import("../../base/arena.ts");
  const { choosePacketCipher, chooseSuite } = await import("../../runtime/crypto.ts");
  const { randomSource } = await import("../../runtime/entropy.ts");
  const built = `${kind()}, deno ${Deno.version.deno}, ${Deno.build.arch}`;
  const cipher = choosePacketCipher(new Arena(1 << 16));
  console.log(
    `wg ${VERSION} (${built}), ${chooseSuite().name}, packets ${cipher.name}, ` +
      `random bytes from ${randomSource()}`,
  );
  return 0;
}
