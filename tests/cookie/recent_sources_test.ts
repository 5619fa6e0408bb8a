import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { RECENT_SOURCE_MS, RecentSources } from "../../lib/cookie/recent_sources.ts";
import { Chance, SEED } from "../random.ts";

const v4 = (n: number) => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);
/** As v4, in the same array for every call, because many are made. */
const word = new Uint8Array(4);
const shared = (n: number) => {
  for (let i = 0; i < 4; i++) word[i] = n >>> 24 - 8 * i;
  return word;
};
const v6 = (network: number, host: number) => {
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, 0xb8, ...v4(network)]);
  address.set(v4(host), 12);
  return address;
};
const add = (sources: RecentSources, address: Uint8Array, now: number) =>
  sources.add(address, 0, address.length, milliseconds(now));

Deno.test("a source is recent for four seconds, which is less than until its next initiation", () => {
  for (const start of [10_000, 16 * 65_536 - 2_000, 86_400_000.5]) {
    const sources = new RecentSources();
    assert.ok(!add(sources, v4(1), start));
    assert.ok(add(sources, v4(1), start));
    const renewed = start + RECENT_SOURCE_MS - 16;
    assert.ok(add(sources, v4(1), renewed), `${start}`);
    assert.ok(add(sources, v4(1), renewed + RECENT_SOURCE_MS - 16), "its time was renewed");
    assert.ok(!add(sources, v4(1), renewed + 2 * RECENT_SOURCE_MS + 16), `${start}`);
  }
  assert.ok(RECENT_SOURCE_MS + 32 < 5_000);
});

Deno.test("the four seconds end with their last 16 ms", () => {
  for (const [ms, isRecent] of [[RECENT_SOURCE_MS + 15.9, true], [RECENT_SOURCE_MS + 16, false]]) {
    const sources = new RecentSources();
    add(sources, v4(1), 16_000);
    assert.equal(add(sources, v4(1), 16_000 + Number(ms)), isRecent);
  }
});

Deno.test("a clock that goes back makes no source recent for longer", () => {
  const sources = new RecentSources();
  add(sources, v4(1), 50_000);
  assert.ok(!add(sources, v4(1), 40_000));
  assert.ok(add(sources, v4(1), 40_000));
});

Deno.test("IPv6 sources are a /64, and the offset of an address counts", () => {
  const sources = new RecentSources();
  add(sources, v6(1, 1), 5_000);
  assert.ok(add(sources, v6(1, 2), 5_000));
  assert.ok(!add(sources, v6(2, 1), 5_000));
  const cell = new Uint8Array(32);
  cell.set(v6(1, 9), 11);
  assert.ok(sources.add(cell, 11, 16, milliseconds(5_000)));
  assert.ok(!sources.add(cell, 11, 4, milliseconds(5_000)), "the same first bytes as IPv4");
});

Deno.test("many sources are remembered, and none is taken for another", () => {
  const sources = new RecentSources();
  const random = Chance.of(SEED + 3);
  // A block of addresses, and others of chance.
  const added = new Set<number>();
  for (let i = 0; i < 0x8000; i++) added.add((0x0a01_0000 | i) >>> 0);
  while (added.size < 0x10000) added.add(random.u32());
  for (const source of added) {
    if (add(sources, shared(source), 9_000)) assert.fail(`${source} is new, seed ${SEED}`);
  }
  let remembered = 0;
  for (const source of added) if (add(sources, shared(source), 9_000)) remembered++;
  assert.ok(remembered > 0.95 * added.size, `${remembered}, seed ${SEED}`);
  for (let i = 0; i < 100_000; i++) {
    const other = random.u32();
    if (added.has(other)) continue;
    added.add(other);
    if (add(sources, shared(other), 9_000)) assert.fail(`${other} is new, seed ${SEED}`);
  }
});

Deno.test("none of many IPv6 networks is taken for another, whichever of their halves differ", () => {
  for (const half of [0, 4]) {
    const sources = new RecentSources();
    const network = v6(7, 0);
    for (let i = 0; i < 4_096; i++) {
      network.set(v4(i), half);
      assert.ok(!add(sources, network, 5_000), `${i}`);
    }
  }
});

Deno.test("more sources than there is room for replace the oldest", () => {
  const sources = new RecentSources();
  const COUNT = 600_000, LATEST = 100_000;
  const timeOf = (i: number) => 5_000 + i / 200;
  for (let i = 0; i < COUNT; i++) add(sources, shared(i), timeOf(i));
  let remembered = 0;
  // The latest first, so that what is added here replaces nothing that is still to come.
  for (let i = COUNT - 1; i >= COUNT - LATEST; i--) {
    if (add(sources, shared(i), timeOf(COUNT))) remembered++;
  }
  assert.ok(remembered > 0.9 * LATEST, `${remembered}`);
  // All of these are recent, but for the room.
  remembered = 0;
  for (let i = 0; i < LATEST; i++) if (add(sources, shared(i), timeOf(COUNT))) remembered++;
  assert.ok(remembered < 0.1 * LATEST, `${remembered}`);
});
