/** What V8 makes of COUNTER, whose members are read for every packet. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

Deno.test("compiled code that counts stays valid when the counts are read", async () => {
  const script = fileURLToPath(import.meta.resolve("./hot_counting.ts"));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--v8-flags=--trace-opt,--trace-deopt", script],
    stderr: "null",
  }).output();
  assert.ok(success);
  const lines = new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes("countPackets"));
  assert.ok(lines.some((line) => line.includes("completed compiling")), "it was compiled");
  const discarded = lines.filter((line) => line.includes("bailout")).length;
  assert.ok(discarded <= 3, `compiled code was discarded ${discarded} times`);
});
