import { deepEqual, equal } from "node:assert/strict";
import { fillRandom, randomSource } from "../../lib/runtime/entropy.ts";

const ENTROPY = import.meta.resolve("../../lib/runtime/entropy.ts");

/** Runs a script in a process of its own, with the runtime's permissions as given. */
async function run(script: string, permissions: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-check",
      ...permissions,
      `data:text/typescript,${encodeURIComponent(script)}`,
    ],
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("every byte of any length is filled, and no two fills are alike", () => {
  equal(randomSource(), "getrandom(2)");
  for (const length of [0, 1, 32, 257, 65_537, 1_000_003]) {
    const one = new Uint8Array(length);
    const two = new Uint8Array(length);
    fillRandom(one);
    fillRandom(two);
    // Of 1000 zero bytes in a row none is left: the chance of one is 256^-16 for 16.
    for (let at = 0; at + 16 <= length; at += 16) {
      equal(one.subarray(at, at + 16).some((byte) => byte !== 0), true);
    }
    if (length >= 32) equal(one.every((byte, i) => byte === two[i]), false);
  }
});

Deno.test("without FFI the runtime's generator is used and named", async () => {
  const script = `import { fillRandom, randomSource } from ${JSON.stringify(ENTROPY)};
    const bytes = new Uint8Array(70_000);
    fillRandom(bytes);
    console.log(randomSource(), new Set(bytes.subarray(65_536)).size > 200);`;
  deepEqual(
    (await run(script, ["--allow-import", "--allow-read"])).trim(),
    "the runtime's generator true",
  );
});
