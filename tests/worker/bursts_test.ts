/** When the packet loop expects a burst of packets. */
import assert from "node:assert/strict";
import { Bursts } from "../../lib/worker/bursts.ts";

const begins = (...waits: readonly (readonly [reads: number, waited: number])[]) => {
  const bursts = new Bursts();
  return waits.map(([reads, waited]) => bursts.begins(reads, waited));
};

Deno.test("a burst is expected after a burst and a short pause, each time", () => {
  assert.deepEqual(begins([16, 0.2], [16, 2], [39, 1]), [true, true, true]);
});

Deno.test("none is expected after few packets, or after a pause that is longer", () => {
  assert.deepEqual(begins([15, 1], [16, 2.1], [1, 4]), [false, false, false]);
});

Deno.test("short waits do not end a burst, and one burst announces only the next", () => {
  assert.deepEqual(begins([8, 0.1], [8, 0.05], [0, 0.9], [0, 0.9]), [false, false, true, false]);
});

Deno.test("packets that come one by one are no burst", () => {
  assert.deepEqual(begins(...Array.from({ length: 50 }, () => [1, 0.5] as const)), [
    ...Array<boolean>(50).fill(false),
  ]);
});
