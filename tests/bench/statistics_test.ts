import assert from "node:assert/strict";
import {
  estimate,
  median,
  pairedRatio,
  quantile,
  spread,
  summarize,
} from "../../scripts/bench/statistics.ts";
import { Chance, fractions, SEED } from "../random.ts";

Deno.test("quantiles interpolate between neighbours and take the ends as they are", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([10, 20, 30], 0), 10);
  assert.equal(quantile([10, 20, 30], 1), 30);
  assert.equal(quantile([7], 0.99), 7);
  assert.equal(median([5, 1, 9]), 5);
  assert.throws(() => quantile([], 0.5), RangeError);
});

Deno.test("a quantile lies between the extremes and grows with q", () => {
  const random = fractions(SEED);
  for (let trial = 0; trial < 200; trial++) {
    const samples = Array.from({ length: 1 + Math.floor(random() * 20) }, random);
    const [low, high] = [random(), random()].sort();
    assert.ok(quantile(samples, low) <= quantile(samples, high), `seed ${SEED}`);
    assert.ok(quantile(samples, low) >= Math.min(...samples), `seed ${SEED}`);
    assert.ok(quantile(samples, high) <= Math.max(...samples), `seed ${SEED}`);
  }
});

Deno.test("a summary of nothing is nothing; of some samples it has the median, the quartiles and the extremes", () => {
  assert.equal(summarize([]), undefined);
  assert.deepEqual(summarize([8, 12, 10]), {
    median: 10,
    lower: 9,
    upper: 11,
    min: 8,
    max: 12,
    count: 3,
  });
  assert.deepEqual(summarize([1, 5, 2, 4, 30]), {
    median: 4,
    lower: 2,
    upper: 5,
    min: 1,
    max: 30,
    count: 5,
  });
});

Deno.test("the spread is half of what lies between the quartiles, or the extremes of few samples, by the median", () => {
  const of = (...samples: number[]) => spread(summarize(samples) ?? assert.fail());
  assert.equal(of(8, 12, 10), 0.2);
  assert.equal(of(10), 0);
  assert.equal(of(0, 0, 0), 0);
  assert.equal(of(8, 9, 10, 11, 12), 0.1);
  assert.equal(
    of(8, 9, 10, 11, 1000),
    0.1,
    "one round that went wrong says nothing about the others",
  );
});

Deno.test("a median's error comes from the distances to it, and four samples at least", () => {
  assert.equal(estimate([]), undefined);
  assert.deepEqual(estimate([1, 2, 9]), { median: 2, error: undefined });
  const found = estimate([8, 9, 10, 11, 1000]);
  assert.equal(found?.median, 10);
  assert.ok(Math.abs((found?.error ?? NaN) - 1.2533 * 1.4826 * 1 / Math.sqrt(5)) < 1e-12);
  assert.equal(estimate([3, 3, 3, 3])?.error, 0);
});

Deno.test("the error is how far medians of normal samples are from the middle, give or take", () => {
  const chance = Chance.of(SEED);
  const random = () => (chance.u32() + 0.5) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const trials = Array.from(
    { length: 2000 },
    () => estimate(Array.from({ length: 25 }, normal)) ?? assert.fail(),
  );
  const scatter = Math.sqrt(
    trials.reduce((sum, { median }) => sum + median ** 2, 0) / trials.length,
  );
  const told = median(trials.map(({ error }) => error ?? NaN));
  assert.ok(Math.abs(told / scatter - 1) < 0.15, `seed ${SEED}: told ${told}, was ${scatter}`);
});

Deno.test("ratios are taken round by round: a machine that halves its speed in one round changes nothing", () => {
  assert.deepEqual(pairedRatio([10, 5, 10, 10], [5, 2.5, 5, 5]), { median: 2, error: 0 });
  assert.equal(pairedRatio([10, NaN, 8], [5, 3, 2])?.median, 3);
  assert.equal(pairedRatio([10, 10], [0, 5])?.median, 2);
  assert.equal(pairedRatio([1, 2, 3], [1])?.median, 1);
  assert.equal(pairedRatio([NaN], [1]), undefined);
  assert.equal(pairedRatio([], [1]), undefined);
});

Deno.test("rounds that one side lacks do not count for the error of a ratio either", () => {
  assert.equal(pairedRatio([2, 4, 6, NaN], [1, 1, 1, 1])?.error, undefined);
  assert.deepEqual(pairedRatio([2, 4, 6, NaN, 8], [1, 1, 1, 1, 1]), estimate([2, 4, 6, 8]));
});
