/**
 * Quotas of peers, and amounts of data as users write them. Pure.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { PeerName } from "./tally.ts";

/** The times in which a quota may be used up. */
export const PERIODS = ["day", "month"] as const;
export type Period = typeof PERIODS[number];

/** How much a peer may receive and send in each day or calendar month. */
export interface Quota {
  readonly bytes: number;
  readonly period: Period;
}

/** The quota of a peer, and what is used of it. */
export interface PeerQuota extends PeerName, Quota {
  readonly used: number;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/**
 * Reads an amount of data: `500M`, `1.5G`, `20GiB` or bytes.
 * @returns bytes, from 1 to 2^53 - 1
 * @throws ConfigError that names `word`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseSize } from "./quota.ts";
 *
 * assert.ok(parseSize("--quota", "1.5G") === 1_500_000_000);
 * assert.ok(parseSize("--quota", "2KiB") === 2048);
 * ```
 */
export function parseSize(word: string, text: string): number {
  const [, number, unit] = /^([0-9]{1,15}(?:\.[0-9]{1,3})?)([KMGT]?|[KMGT]iB)$/.exec(text) ?? [];
  const bytes = number === undefined ? NaN : Math.floor(Number(number) * UNITS[unit]);
  if (bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
  throw new ConfigError(
    word,
    `${
      quote(text)
    } is no amount of data; bytes, or a number with K, M, G, T, KiB, MiB, GiB or TiB ` +
      "is required",
  );
}

/** The first and the last day of the period in which a day `YYYY-MM-DD` is. */
export function daysOf(period: Period, day: string): readonly [first: string, last: string] {
  if (period === "day") return [day, day];
  const month = day.slice(0, "YYYY-MM".length);
  return [`${month}-01`, `${month}-31`];
}
