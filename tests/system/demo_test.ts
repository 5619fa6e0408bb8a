import { equal, match } from "node:assert/strict";
import { portableDemo } from "../../scripts/demo_portable.ts";

Deno.test("the demo's portable half needs no privileges and prints what it did", async () => {
  const said: string[] = [];
  await portableDemo((line) => said.push(line));
  equal(
    said.filter((line) => /^64 bytes from 192\.168\.5\.2: seq=[1-5] time=/.test(line)).length,
    5,
  );
  match(said[0], /^peer 1: 192\.168\.5\.1, on 127\.0\.0\.1:\d+, /);
  match(said.join("\n"), /^peer 2: its peer is at 127\.0\.0\.1:\d+$/m);
  match(said[said.length - 1], /^peer 2: tx: \d+, rx: \d+$/);
});
