/**
 * `wg version`: the version, the kind of executable, the runtime, the crypto libraries and the
 * source of random bytes.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";
import type { Command } from "../command.ts";
import { kind, VERSION } from "../../daemon/program.ts";
import { printAll } from "../output.ts";

/** The command `version`. */
export const command: Command = { run: version };

async function version(args: readonly string[]): Promise<number> {
  const json = args[0] === "--json";
  const wrong = args[json ? 1 : 0];
  if (wrong !== undefined) {
    throw new ConfigError(displayValue(wrong), "unexpected word; version takes --json only");
  }
  const { Arena } = await import("../../base/arena.ts");
  const { choosePacketCipher, chooseSuite } = await import("../../runtime/crypto.ts");
  const { randomSource } = await import("../../runtime/entropy.ts");
  const facts = {
    version: VERSION,
    kind: kind(),
    deno: Deno.version.deno,
    arch: Deno.build.arch,
    suite: chooseSuite().name,
    cipher: choosePacketCipher(new Arena(1 << 16)).name,
    random: randomSource(),
  };
  const others = await otherVersions();
  if (json) {
    const interfaces = others.map(({ name, version }) => ({ name, version: version || null }));
    printAll(`${JSON.stringify({ ...facts, interfaces }, undefined, 2)}\n`);
    return 0;
  }
  const { kind: built, deno, arch, suite, cipher, random } = facts;
  printAll(
    `wg ${VERSION} (${built}, deno ${deno}, ${arch}), ${suite}, packets ${cipher}, ` +
      `random bytes from ${random}\n`,
  );
  for (const { name, version } of others) {
    const other = version === "" ? "an older version" : `version ${version}`;
    printAll(`${name} runs ${other}; \`wg restart ${name}\` changes that\n`);
  }
  return 0;
}

/** An interface whose process is of another version; empty for one too old to tell. */
interface Other {
  readonly name: string;
  readonly version: string;
}

/** Interfaces whose processes are of another version. Who may not ask them sees none. */
async function otherVersions(): Promise<Other[]> {
  const { getDevice, interfaceDenied, interfaceNames } = await import("../../daemon/client.ts");
  const { wipeStatus } = await import("../../base/config.ts");
  const others: Other[] = [];
  for (const name of interfaceNames()) {
    if (interfaceDenied(name)) continue;
    const status = await getDevice(name).catch(() => undefined);
    if (status === undefined) continue;
    wipeStatus(status);
    // Other implementations tell neither.
    if (status.suite === "" || status.version === VERSION) continue;
    others.push({ name, version: status.version });
  }
  return others;
}
