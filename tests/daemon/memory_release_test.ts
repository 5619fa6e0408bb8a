/** When memory is released after traffic. */
import { deepEqual } from "node:assert/strict";
import { MemoryRelease } from "../../lib/daemon/memory_release.ts";

/** Looks once a second at a packet loop that makes so many passes in each of the seconds. */
function lookAt(passes: readonly number[]): number[] {
  const released: number[] = [];
  let second = 0;
  const release = new MemoryRelease((wasBusy) => {
    if (wasBusy) released.push(second);
    return Promise.resolve();
  });
  let beats = 0;
  for (second = 1; second <= passes.length; second++) {
    beats += passes[second - 1];
    release.look(beats);
  }
  return released;
}

const seconds = (count: number, passes: number) => Array.from({ length: count }, () => passes);

Deno.test("memory is released once, 30 s after much traffic", () => {
  deepEqual(lookAt([...seconds(5, 1_000), ...seconds(200, 2)]), [35]);
  deepEqual(lookAt([...seconds(3, 300), ...seconds(40, 2), 5_000, ...seconds(40, 2)]), [33, 74]);
});

Deno.test("it is not released without much traffic, nor between packets of a flow", () => {
  deepEqual(lookAt(seconds(300, 2)), []);
  deepEqual(lookAt(seconds(300, 150)), []);
  deepEqual(lookAt(Array.from({ length: 300 }, (_, i) => i % 20 === 0 ? 1_000 : 2)), []);
  // Seconds of some traffic are neither busy nor calm.
  deepEqual(lookAt([1_000, ...seconds(100, 100), ...seconds(29, 2)]), []);
});
