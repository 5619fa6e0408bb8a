import assert from "node:assert/strict";
import { calledAs, dataWorkerUrl, kind, selfCommand, VERSION } from "../../lib/daemon/program.ts";

Deno.test("the version is deno.json's", () => {
  const { version } = JSON.parse(
    Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
  );
  assert.equal(VERSION, version);
});

Deno.test("from source: main.ts again, with its own configuration, and the Worker's module", () => {
  assert.equal(kind(), "source");
  const { program, args } = selfCommand(["daemon", "wg0"]);
  assert.equal(program, Deno.execPath());
  assert.deepEqual(args.slice(-2), ["daemon", "wg0"]);
  assert.ok(Deno.statSync(args[args.length - 3]).isFile);
  assert.ok(Deno.statSync(dataWorkerUrl()).isFile);
  assert.equal(calledAs().name, "wg");
});
