/** Ranges without ranges, against a list of single addresses. */
import assert from "node:assert/strict";
import { excludeRanges } from "../../lib/allowed_ips/exclude.ts";
import type { AllowedIp } from "../../lib/base/endpoint.ts";
import { formatRange, maskAddress, parseRange } from "../../lib/base/ip_text.ts";
import { type Chance, trial } from "../random.ts";

const range = (text: string) => parseRange(text) ?? assert.fail(text);
const without = (included: string[], excluded: string[]) =>
  excludeRanges(included.map(range), excluded.map(range)).map(formatRange);

Deno.test("all but a network is its siblings on the way", () => {
  assert.deepEqual(without(["0.0.0.0/0"], ["128.0.0.0/1"]), ["0.0.0.0/1"]);
  assert.deepEqual(without(["10.0.0.0/8"], ["10.64.0.0/10"]), ["10.0.0.0/10", "10.128.0.0/9"]);
  const most = without(["0.0.0.0/0"], ["192.0.2.0/24"]);
  assert.equal(most.length, 24);
  assert.deepEqual(most.slice(0, 2), ["0.0.0.0/1", "128.0.0.0/2"]);
  assert.equal(without(["::/0"], ["2001:db8::7"]).length, 128);
});

Deno.test("families are apart, and nothing changes without an exclusion of the family", () => {
  assert.deepEqual(
    without(["10.0.0.0/9", "10.128.0.0/9", "fd00::/8"], ["fd00::/9"]),
    ["10.0.0.0/9", "10.128.0.0/9", "fd80::/9"],
  );
  assert.deepEqual(without(["10.0.0.0/8"], ["0.0.0.0/0"]), []);
  assert.deepEqual(without([], ["10.0.0.0/8"]), []);
  assert.deepEqual(without(["10.0.0.0/8"], ["11.0.0.0/8"]), ["10.0.0.0/8"]);
  assert.deepEqual(without(["10.0.0.0/9", "10.128.0.0/9"], ["11.0.0.0/8"]), ["10.0.0.0/8"]);
  assert.deepEqual(without(["10.0.0.7/32"], ["10.0.0.7/32"]), []);
});

/** A universe of 256 addresses: the last byte of one network of the family. */
const BASES = [range("198.51.100.0/24"), range("2001:db8::/120")];

function randomRange(chance: Chance, base: AllowedIp): AllowedIp {
  const address = base.address.slice();
  address[address.length - 1] = chance.int(256);
  // Sometimes the range is wider than the universe.
  const prefix = chance.once(12) ? chance.int(base.prefix) : base.prefix + chance.int(9);
  return { address: maskAddress(address, prefix), prefix };
}

/** Which addresses of the universe the ranges have. */
function members(ranges: readonly AllowedIp[], base: AllowedIp): boolean[] {
  return Array.from({ length: 256 }, (_, last) => {
    const address = base.address.slice();
    address[address.length - 1] = last;
    return ranges.some((one) =>
      one.address.length === address.length &&
      maskAddress(address, one.prefix).every((byte, i) => byte === one.address[i])
    );
  });
}

/** The least number of aligned blocks that have exactly these addresses. */
function fewestBlocks(wanted: readonly boolean[]): number {
  if (wanted.every((one) => one)) return 1;
  if (!wanted.some((one) => one)) return 0;
  const half = wanted.length / 2;
  return fewestBlocks(wanted.slice(0, half)) + fewestBlocks(wanted.slice(half));
}

Deno.test("random ranges without random ranges: the right addresses, in the fewest prefixes", () => {
  trial((chance) => {
    for (let i = 0; i < 250; i++) {
      const base = chance.oneOf(BASES);
      const some = (most: number) =>
        Array.from({ length: chance.int(most) }, () => randomRange(chance, base));
      const [included, excluded] = [some(7), [...some(7), randomRange(chance, base)]];
      const out = excludeRanges(included, excluded);
      const not = members(excluded, base);
      const wanted = members(included, base).map((one, last) => one && !not[last]);
      assert.deepEqual(members(out, base), wanted);
      const inside = out.filter((one) =>
        one.prefix >= base.prefix &&
        maskAddress(one.address, base.prefix).every((byte, i) => byte === base.address[i])
      );
      if (inside.length === out.length) assert.equal(out.length, fewestBlocks(wanted));
      assert.deepEqual(out.map(formatRange), [...new Set(out.map(formatRange))]);
      for (const one of out) {
        assert.deepEqual(one.address, maskAddress(one.address, one.prefix), formatRange(one));
      }
    }
  });
});
