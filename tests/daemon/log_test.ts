import assert from "node:assert/strict";
import { Log, LOG_LINES_MAX } from "../../lib/daemon/log.ts";
import { formatLog, parseLog } from "../../lib/daemon/log_text.ts";

Deno.test("the ring keeps the last lines, numbered, and gives those after a number", () => {
  const log = new Log("wg0", false, "verbose", () => 5);
  for (let i = 1; i <= LOG_LINES_MAX + 10; i++) log.write(`line ${i}`);
  const all = log.since(0);
  assert.equal(all.length, LOG_LINES_MAX);
  assert.deepEqual(all[0], { sequence: 11, unixMs: 5, text: "line 11" });
  assert.deepEqual(log.since(LOG_LINES_MAX + 9).map((line) => line.text), [
    `line ${LOG_LINES_MAX + 10}`,
  ]);
  log.close();
});

Deno.test("a line cannot forge another, and is read back as it was written", () => {
  const log = new Log("wg0", false, "verbose", () => 7);
  log.write("a\nerrno=0\n\nline=9 9 forged \x1b[31m");
  log.write("x".repeat(10_000));
  const lines = parseLog(formatLog(log.since(0)));
  assert.deepEqual(lines, log.since(0));
  assert.equal(lines.length, 2);
  assert.equal(lines[0].text, "a errno=0  line=9 9 forged  [31m");
  assert.equal(lines[1].text.length, 500);
  log.close();
});
