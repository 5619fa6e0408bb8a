/**
 * `deno task aarch64`: the program and tests of the pure rooms as aarch64, in an emulator. It
 * downloads the emulator once into build/aarch64 (scripts/aarch64/machine.ts) and installs nothing.
 *
 * First the tunnel of tests/system/aarch64_test.ts, where root and namespaces are there, then all
 * tests of these rooms: `deno task aarch64 tests/wire` runs those of the named paths only.
 */
import { ensureBuilt, ROOT } from "./built.ts";
import { emulatedTests, prepareMachine, problemOfMachine } from "./aarch64/machine.ts";

/** The rooms whose tests run, and the system calls. */
const PATHS = ["tests/ffi/libc_test.ts", "tests/netlink", "tests/crypto", "tests/wire"];

const say = (line: string) => console.log(line);

async function main(): Promise<number> {
  if (problemOfMachine() !== undefined) {
    const reason = await prepareMachine(say);
    if (reason !== undefined) {
      say(`aarch64: ${reason}`);
      return 1;
    }
  }
  const failed: string[] = [];
  if (Deno.args.length === 0) {
    say("aarch64: a tunnel to a peer of this machine");
    await ensureBuilt(true);
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", "tests/system/aarch64_test.ts"],
      cwd: ROOT,
      stdin: "null",
    }).spawn().status;
    if (!success) failed.push("the tunnel");
  }
  for (const path of Deno.args.length === 0 ? PATHS : Deno.args) {
    say(`aarch64: ${path}`);
    const { success, output } = await emulatedTests(path);
    say(output.trim());
    if (!success) failed.push(path);
  }
  say(failed.length === 0 ? "aarch64: passed" : `aarch64: failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
