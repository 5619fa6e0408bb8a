import assert from "node:assert/strict";
import { median, pairedRatio, quantile, spread, summarize } from "../../scripts/bench/statistics.ts";

Deno.test("quantiles interpolate between neighbours and take the ends as they are", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([10, 20, 30], 0), 10);
  assert.equal(quantile([10, 20, 30], 1), 30);
  assert.equal(quantile([7], 0.99), 7);
  assert.equal(median([5, 1, 9]), 5);
  assert.throws(() => quantile([], 0.5), RangeError);
});

Deno.test("a quantile lies between the extremes and grows with q", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  let state = seed;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let trial = 0; trial < 200; trial++) {
    const samples = Array.from({ length: 1 + Math.floor(random() * 20) }, random);
    const [low, high] = [random(), random()].sort();
    assert.ok(quantile(samples, low) <= quantile(samples, high), `seed ${seed}`);
    assert.ok(quantile(samples, low) >= Math.min(...samples), `seed ${seed}`);
    assert.ok(quantile(samples, high) <= Math.max(...samples), `seed ${seed}`);
  }
});

Deno.test("a summary of nothing is nothing; the spread is half the range by the median", () => {
  assert.equal(summarize([]), undefined);
  const found = summarize([8, 12, 10]);
  assert.deepEqual(found, { median: 10, min: 8, max: 12, count: 3 });
  assert.equal(spread({ median: 10, min: 8, max: 12, count: 3 }), 0.2);
  assert.equal(spread({ median: 0, min: 0, max: 0, count: 3 }), 0);
});

Deno.test("ratios are taken round by round: a machine that halves its speed in one round changes nothing", () => {
  assert.equal(pairedRatio([10, 5, 10], [5, 2.5, 5]), 2);
  assert.equal(pairedRatio([10, NaN, 8], [5, 3, 2]), 3);
  assert.equal(pairedRatio([10, 10], [0, 5]), 2);
  assert.equal(pairedRatio([1, 2, 3], [1]), 1);
  assert.equal(pairedRatio([NaN], [1]), undefined);
  assert.equal(pairedRatio([], [1]), undefined);
});
