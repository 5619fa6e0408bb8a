/**
 * Ranges of addresses without other ranges: `0.0.0.0/0, !192.0.2.0/24` as a list of prefixes.
 * @module
 */
import type { AllowedIp, IpBytes } from "../base/endpoint.ts";
import { maskAddress } from "../base/ip_text.ts";

/**
 * The addresses that are in a range of `included` and in no range of `excluded`, as the shortest
 * list of prefixes, IPv4 first, in order of their addresses. Each list may have both families. If a
 * family has no excluded range, its included ranges are returned as they are. One excluded range
 * makes at most as many prefixes as its own is long: 32 for IPv4, 128 for IPv6.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatRange, parseRange } from "../base/ip_text.ts";
 * import { excludeRanges } from "./exclude.ts";
 *
 * const [all, lan] = ["0.0.0.0/0", "64.0.0.0/2"].map((text) => parseRange(text)!);
 * assert.deepEqual(excludeRanges([all], [lan]).map(formatRange), ["0.0.0.0/2", "128.0.0.0/1"]);
 * ```
 */
export function excludeRanges(
  included: readonly AllowedIp[],
  excluded: readonly AllowedIp[],
): AllowedIp[] {
  return [4, 16].flatMap((size) => {
    const ofSize = (range: AllowedIp) => range.address.length === size;
    const without = excluded.filter(ofSize);
    const within = included.filter(ofSize);
    if (without.length === 0) return within;
    return remaining({ address: new Uint8Array(size), prefix: 0 }, within, without);
  });
}

/** What remains of one prefix. The lists may have ranges that do not overlap it. */
function remaining(
  block: AllowedIp,
  included: readonly AllowedIp[],
  excluded: readonly AllowedIp[],
): AllowedIp[] {
  const within = included.filter((range) => overlap(range, block));
  const without = excluded.filter((range) => overlap(range, block));
  if (within.length === 0 || without.some((range) => range.prefix <= block.prefix)) return [];
  if (without.length === 0 && within.some((range) => range.prefix <= block.prefix)) return [block];
  // Every range in the lists is longer than the block, or another one splits it. So it has halves.
  const [low, high] = halves(block);
  const left = remaining(low, within, without);
  const right = remaining(high, within, without);
  const isWhole = left[0]?.prefix === low.prefix && right[0]?.prefix === high.prefix;
  return isWhole ? [block] : [...left, ...right];
}

/** Whether one of two ranges of the same family contains the other. */
function overlap(a: AllowedIp, b: AllowedIp): boolean {
  const common = Math.min(a.prefix, b.prefix);
  const [left, right] = [maskAddress(a.address, common), maskAddress(b.address, common)];
  return left.every((byte, i) => byte === right[i]);
}

function halves({ address, prefix }: AllowedIp): [AllowedIp, AllowedIp] {
  const high: IpBytes = address.slice();
  high[prefix >> 3] |= 0x80 >> (prefix & 7);
  return [{ address, prefix: prefix + 1 }, { address: high, prefix: prefix + 1 }];
}
