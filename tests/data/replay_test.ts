import assert from "node:assert/strict";
import { REJECT_AFTER_MESSAGES } from "../../lib/base/constants.ts";
import {
  isExhausted,
  REPLAY_HEAD_WORDS,
  REPLAY_WINDOW_USABLE,
  ReplayWindows,
} from "../../lib/data/replay.ts";
import { property } from "../random.ts";

/** The window of one of the sessions. */
interface Window {
  readonly windows: ReplayWindows;
  readonly row: number;
}

/** Sessions that there may be. */
const ROWS = 200;
const heads = (row: number) => REPLAY_HEAD_WORDS * row;
const newWindow = (row = 70): Window => {
  const windows = new ReplayWindows(new Uint32Array(heads(ROWS)));
  windows.open(row);
  return { windows, row };
};
const accept = ({ windows, row }: Window, counter: bigint) =>
  windows.accept(row, heads(row), Number(counter & 0xffff_ffffn), Number(counter >> 32n));

const SIZE = BigInt(REPLAY_WINDOW_USABLE);
const LIMIT = SIZE + 1n;
const END = REJECT_AFTER_MESSAGES;

type Case = readonly [counter: bigint, isNew: boolean];
const range = (from: bigint, to: bigint): Case[] => {
  const step = from <= to ? 1n : -1n;
  const cases: Case[] = [];
  for (let i = from; i !== to + step; i += step) cases.push([i, true]);
  return cases;
};

/** The cases of drivers/net/wireguard/selftest/counter.c. Each list is for a new window. */
const KERNEL_CASES: readonly (readonly Case[])[] = [
  [
    [0n, true],
    [1n, true],
    [1n, false],
    [9n, true],
    [8n, true],
    [7n, true],
    [7n, false],
    [LIMIT, true],
    [LIMIT - 1n, true],
    [LIMIT - 1n, false],
    [LIMIT - 2n, true],
    [2n, true],
    [2n, false],
    [LIMIT + 16n, true],
    [3n, false],
    [LIMIT + 16n, false],
    [LIMIT * 4n, true],
    [LIMIT * 4n - (LIMIT - 1n), true],
    [10n, false],
    [LIMIT * 4n - LIMIT, false],
    [LIMIT * 4n - (LIMIT + 1n), false],
    [LIMIT * 4n - (LIMIT - 2n), true],
    [LIMIT * 4n + 1n - LIMIT, false],
    [0n, false],
    [END, false],
    [END - 1n, true],
    [END, false],
    [END - 1n, false],
    [END - 2n, true],
    [END + 1n, false],
    [END + 2n, false],
    [END - 2n, false],
    [END - 3n, true],
    [0n, false],
  ],
  [...range(1n, SIZE), [0n, true], [0n, false]],
  [...range(2n, SIZE + 1n), [1n, true], [0n, false]],
  range(SIZE, 0n),
  [...range(SIZE + 1n, 1n), [0n, false]],
  [...range(SIZE, 1n), [SIZE + 1n, true], [0n, false]],
  [...range(SIZE, 1n), [0n, true], [SIZE + 1n, true]],
];

Deno.test("the replay window passes the kernel's self-test", () => {
  assert.equal(REPLAY_WINDOW_USABLE, 8128);
  KERNEL_CASES.forEach((cases, list) => {
    const window = newWindow();
    cases.forEach(([counter, isNew], i) => {
      assert.equal(
        accept(window, counter),
        isNew,
        `list ${list}, case ${i + 1}: counter ${counter}`,
      );
    });
  });
});

Deno.test("the replay window agrees with a set of accepted counters", () => {
  property(20, (chance) => {
    const window = newWindow();
    const seen = new Set<bigint>();
    let greatest = -1n;
    let middle = BigInt(chance.oneOf([0, 2 ** 32 - 5000, 2 ** 33, 2 ** 52]));
    for (let i = 0; i < 3000; i++) {
      if (chance.once(50)) {
        middle += BigInt(chance.oneOf([31, 32, 33, 8000, 8128, 8192, 9000, 2 ** 32]));
      }
      const counter = middle + BigInt(chance.int(9000));
      const isNew = !seen.has(counter) && counter + SIZE >= greatest;
      assert.equal(accept(window, counter), isNew, `counter ${counter} after ${greatest}`);
      if (!isNew) continue;
      seen.add(counter);
      if (counter > greatest) greatest = counter;
    }
  });
});

for (const base of [0n, 2n ** 31n, 2n ** 32n, 2n ** 33n + 77n, 2n ** 40n]) {
  Deno.test(`words that a jump leaves out, and words that follow each other, are new: from ${base} on`, () => {
    for (const jump of [40n, 64n, 300n, 5_000n]) {
      const window = newWindow();
      // All in order, until every bit of the window is set twice over.
      const start = base > 20_000n ? base - 17_000n : 0n;
      const end = start + 17_000n;
      for (let counter = start; counter < end; counter++) assert.ok(accept(window, counter));
      assert.ok(accept(window, end + jump));
      for (let counter = end + jump - 1n; counter >= end; counter--) {
        assert.ok(accept(window, counter), `${counter} after ${end + jump}`);
        assert.ok(!accept(window, counter), `${counter} again`);
      }
    }
    // Every other one in order: a word begins with a bit of its own alone.
    const window = newWindow();
    for (let counter = base; counter < base + 20_000n; counter += 64n) {
      for (let i = 0n; i < 34n; i++) assert.ok(accept(window, counter + i));
      for (let i = 63n; i >= 34n; i--) assert.ok(accept(window, counter + i), `${counter + i}`);
    }
  });

  Deno.test(`a counter may be 8128 behind and no more: around ${base}`, () => {
    for (const ahead of [1n, 100n, 8_127n, 8_128n, 8_129n]) {
      const greatest = base + ahead;
      if (greatest < 8_129n) continue;
      const window = newWindow();
      assert.ok(accept(window, greatest));
      assert.ok(!accept(window, greatest - 8_129n));
      assert.ok(accept(window, greatest - 8_128n));
      assert.ok(!accept(window, greatest - 8_128n));
    }
  });
}

Deno.test("a window is empty again when its head is zeroed", () => {
  for (const row of [0, 63, 64, ROWS - 1]) {
    const memory = new Uint32Array(heads(ROWS));
    const windows = new ReplayWindows(memory);
    windows.open(row);
    const window = { windows, row };
    const again = () => memory.fill(0, heads(row), heads(row + 1));
    for (const counter of [5n, 6n, 4_000n, 2n ** 32n]) assert.ok(accept(window, counter));
    assert.ok(!accept(window, 2n ** 32n));
    again();
    for (const counter of [2n ** 32n, 2n ** 32n - 8_000n]) assert.ok(accept(window, counter));
    again();
    for (let counter = 9_000n; counter > 900n; counter--) assert.ok(accept(window, counter));
    again();
    for (const counter of [5n, 4n, 6n, 0n, 40n, 39n, 31n, 30n, 8_000n, 7_999n, 100n]) {
      assert.ok(accept(window, counter), `${counter} in row ${row}`);
      assert.ok(!accept(window, counter), `${counter} in row ${row} again`);
    }
  }
});

Deno.test("each session has a window of its own", () => {
  property(1, (chance) => {
    const memory = new Uint32Array(heads(ROWS));
    const windows = new ReplayWindows(memory);
    for (let row = 0; row < ROWS; row++) windows.open(row);
    const seen = Array.from({ length: ROWS }, () => new Set<number>());
    for (let i = 0; i < 20_000; i++) {
      const row = chance.int(ROWS), counter = chance.int(300);
      const isNew = !seen[row].has(counter);
      assert.equal(accept({ windows, row }, BigInt(counter)), isNew, `row ${row}, ${counter}`);
      seen[row].add(counter);
      if (!chance.once(100)) continue;
      memory.fill(0, heads(row), heads(row + 1));
      windows.open(row);
      seen[row].clear();
    }
  });
});

Deno.test("windows take 1 KiB each, up to the last row that has one", () => {
  const windows = new ReplayWindows(new Uint32Array(heads(1_024)));
  const before = Deno.memoryUsage().external;
  for (let row = 0; row < 1_024; row++) windows.open(row);
  // Less when the collector has freed something else.
  assert.ok(Deno.memoryUsage().external - before < 1_200 * 1_024);
});

Deno.test("the counter limit is 2^64 - 2^13 - 1", () => {
  for (
    const [counter, exhausted] of [[END - 1n, false], [END, true], [2n ** 64n - 1n, true], [
      0n,
      false,
    ]] as const
  ) {
    assert.equal(isExhausted(Number(counter & 0xffff_ffffn), Number(counter >> 32n)), exhausted);
  }
});
