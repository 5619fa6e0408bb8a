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
  await tellOthers();
  return 0;
}

/** Names interfaces whose processes are of another version. Who may not ask them sees none. */
async function tellOthers(): Promise<void> {
  const { getDevice, interfaceDenied, interfaceNames } = await import("../../daemon/client.ts");
  const { wipeStatus } = await import("../../base/config.ts");
  for (const name of interfaceNames()) {
    if (interfaceDenied(name)) continue;
    const status = await getDevice(name).catch(() => undefined);
    if (status === undefined) continue;
    wipeStatus(status);
    // Other implementations tell neither.
    if (status.suite === "" || status.version === VERSION) continue;
    const other = status.version === "" ? "an older version" : `version ${status.version}`;
    console.log(`${name} runs ${other}; \`wg restart ${name}\` changes that`);
  }
}
