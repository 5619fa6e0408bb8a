import assert from "node:assert/strict";
import { codeMappings, unloadCode } from "../../ffi/process.ts";

/** The mappings of a program and a library after loading, with those that must stay. */
const SMAPS = [
  "10000-30000 r--p 00000000 fe:00 77 /usr/lib/other",
  "Rss: 8 kB",
  "Anonymous: 0 kB",
  "Swap: 0 kB",
  "VmFlags: rd mr mw me",
  "30000-31000 r--s 00000000 fe:00 79 /usr/lib/shared",
  "Anonymous: 0 kB",
  "55a000000000-55a000003000 r--p 00000000 fe:00 78                     /opt/a program",
  "Rss:                  12 kB",
  "Anonymous:             0 kB",
  "55a000003000-55a000008000 r-xp 00002000 fe:00 78                     /opt/a program",
  "Anonymous:             0 kB",
  "55a000008000-55a000009000 r--p 00007000 fe:00 78                     /opt/a program",
  "Anonymous:             4 kB",
  "Swap:                  0 kB",
  "55a000008800-55a000009000 r--p 00007800 fe:00 78                     /opt/a program",
  "Anonymous:             0 kB",
  "Swap:                 16 kB",
  "55a000009000-55a00000a000 rw-p 00008000 fe:00 78                     /opt/a program",
  "Anonymous:             0 kB",
  "55a00000a000-55a00000b000 r--p 00000000 00:00 0 ",
  "Anonymous:             0 kB",
  "7f0000000000-7f0000001000 r-xp 00000000 00:00 0                      [vdso]",
  "Anonymous:             0 kB",
  "",
].join("\n");

Deno.test("the mappings of code are those of files that were never written", () => {
  assert.deepEqual(codeMappings(SMAPS), [
    { start: 0x10000n, bytes: 0x20000n },
    { start: 0x55a000000000n, bytes: 0x3000n },
    { start: 0x55a000003000n, bytes: 0x5000n },
  ]);
  assert.deepEqual(codeMappings(""), []);
});

Deno.test("released code leaves memory and is read again when it runs", async () => {
  const resident = () =>
    Number(/^RssFile:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1]);
  const before = resident();
  unloadCode();
  const after = resident();
  assert.ok(after < before * 0.8, `${before} kB before, ${after} kB after`);
  // Run code of the runtime.
  const { stdout } = await new Deno.Command("echo", { args: ["still here"] }).output();
  assert.equal(new TextDecoder().decode(stdout), "still here\n");
});
