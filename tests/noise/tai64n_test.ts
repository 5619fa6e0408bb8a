import assert from "node:assert/strict";
import { encodeTai64n, isLater, secondsBetween, TimestampSource } from "../../lib/noise/tai64n.ts";
import { fractions, SEED } from "../random.ts";

Deno.test("the epoch is 2^62 + 10 s, nanoseconds follow, big-endian", () => {
  assert.equal(encodeTai64n(0n).toHex(), "400000000000000a00000000");
  // 2009-02-13 23:31:30 UTC and 123456789 ns.
  assert.equal(encodeTai64n(1_234_567_890_123_456_789n).toHex(), "40000000499602dc075bcd15");
  assert.equal(encodeTai64n(-5n).toHex(), "400000000000000a00000000");
});

Deno.test("order is that of the times", () => {
  const times = [
    0n,
    1n,
    999_999_999n,
    1_000_000_000n,
    1_700_000_000_000_000_000n,
    1_700_000_000_000_000_001n,
  ];
  for (const a of times) {
    for (const b of times) assert.equal(isLater(encodeTai64n(a), encodeTai64n(b)), a > b);
  }
});

Deno.test("every byte counts, the first one most", () => {
  const a = new Uint8Array(12), b = new Uint8Array(12).fill(1);
  b[0] = 0;
  assert.equal(isLater(a, b), false);
  a[0] = 1;
  assert.deepEqual([isLater(a, b), isLater(b, a)], [true, false]);
});

Deno.test("seconds between two timestamps, wherever they are in a buffer", () => {
  const second = 1_000_000_000n;
  const start = 1_700_000_000n * second;
  const buffer = new Uint8Array(64).fill(0xa5);
  const inBuffer = (at: number, ns: bigint) => {
    buffer.set(encodeTai64n(ns), at);
    return buffer.subarray(at, at + 12);
  };
  for (const seconds of [0n, 1n, 59n, 256n, 1n << 33n]) {
    for (const ns of [0n, 1n, 999_999_999n]) {
      const later = start + seconds * second + ns;
      const a = inBuffer(5, later), b = inBuffer(33, start);
      assert.equal(secondsBetween(a, b), Number(seconds));
      assert.equal(secondsBetween(encodeTai64n(later), encodeTai64n(start)), Number(seconds));
      assert.equal(secondsBetween(b, a), 0, "it is not later");
    }
  }
});

Deno.test("a clock that stands still gives timestamps of 1 ns after each other, from its own on", () => {
  for (const clock of [0n, 5n << 24n, 1_700_000_000n * 1_000_000_000n]) {
    const source = new TimestampSource(() => clock);
    for (let i = 0n; i < 3n; i++) assert.deepEqual(source.next(), encodeTai64n(clock + i));
  }
});

Deno.test("the low 24 bits of the clock are not shown", () => {
  let clock = 1_700_000_000_123_456_789n;
  const source = new TimestampSource(() => clock);
  for (let i = 0; i < 100; i++) {
    const nanoseconds = new DataView(source.next().buffer).getUint32(8);
    assert.equal(nanoseconds & 0xff_ffff, 0);
    clock += 20_000_001n;
  }
});

Deno.test("timestamps grow whatever the clock does", () => {
  const seed = SEED;
  const random = fractions(seed);
  let clock = 1_700_000_000_000_000_000n;
  const source = new TimestampSource(() => clock);
  let last = source.next();
  for (let i = 0; i < 20_000; i++) {
    const kind = random();
    if (kind < 0.01) clock = BigInt(Math.floor(random() * 4e18));
    else if (kind < 0.5) clock += BigInt(Math.floor(random() * 1e8));
    const next = source.next();
    assert.ok(isLater(next, last), `seed ${seed}, step ${i}`);
    last = next;
  }
});
