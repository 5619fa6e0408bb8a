/** Clocks and randomness. */
import assert from "node:assert/strict";
import { now, wallClock } from "../../lib/runtime/clock.ts";
import { fillRandom } from "../../lib/runtime/entropy.ts";

Deno.test("the monotonic clock counts from boot and only goes forward", () => {
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
  const first = now();
  assert.ok(Math.abs(first - uptime) < 1000, `${first} against ${uptime}`);
  let before = first;
  for (let i = 0; i < 10_000; i++) {
    const t = now();
    assert.ok(t >= before);
    before = t;
  }
  assert.ok(before > first);
});

Deno.test("the monotonic clock is the same in a Worker", async () => {
  const source = `import { now } from ${
    JSON.stringify(new URL("../../lib/runtime/clock.ts", import.meta.url).href)
  };
    self.onmessage = () => postMessage(now()); postMessage("ready");`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
    type: "module",
  });
  try {
    const next = () =>
      new Promise<unknown>((resolve) => worker.onmessage = (event) => resolve(event.data));
    assert.equal(await next(), "ready");
    const before = now();
    const theirs = next();
    worker.postMessage("now");
    const between = await theirs as number;
    assert.ok(before <= between && between <= now());
  } finally {
    worker.terminate();
  }
});

Deno.test("the wall clock is Unix time in nanoseconds", () => {
  const difference = Number(wallClock() / 1_000_000n) - Date.now();
  assert.ok(Math.abs(difference) < 1000, `${difference} ms`);
});

Deno.test("randomness fills all of a buffer of any size", () => {
  for (const size of [0, 1, 32, 65_536, 65_537, 200_000]) {
    const bytes = new Uint8Array(size);
    fillRandom(bytes);
    // A kilobyte of zeros at the end has a chance of 2^-8192.
    if (size >= 1024) assert.ok(bytes.subarray(size - 1024).some((byte) => byte !== 0));
  }
  const two = [new Uint8Array(32), new Uint8Array(32)];
  two.forEach(fillRandom);
  assert.notDeepEqual(two[0], two[1]);
});
