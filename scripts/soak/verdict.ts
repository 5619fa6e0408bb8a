/**
 * The figures of a soak's two halves side by side, and whether something grew.
 * @module
 */
import { quantile } from "../bench/statistics.ts";

/** The median of the second half may exceed that of the first by so much. */
export const RESIDENT_GROWTH_KB = 8_192;
export const DESCRIPTOR_GROWTH = 4;
/** This share of the time at the beginning belongs to no half: caches and heaps fill then. */
const WARM_UP_SHARE = 0.05;

/** A quantity over the time of a half. */
export interface Half {
  readonly median: number;
  readonly max: number;
  /** Growth an hour, by least squares, and its standard error. */
  readonly slope: number;
  readonly error: number;
}

/** A sample of a quantity. */
export interface Point {
  /** Seconds. */
  readonly at: number;
  readonly value: number;
}

/** Both halves of the time from the end of the warm-up; undefined with fewer than 6 points. */
export function halves(
  points: readonly Point[],
): { readonly first: Half; readonly second: Half } | undefined {
  const end = points.at(-1)?.at ?? 0;
  const warm = points.filter(({ at }) => at >= end * WARM_UP_SHARE);
  if (warm.length < 6) return undefined;
  const middle = (warm[0].at + end) / 2;
  return {
    first: halfOf(warm.filter(({ at }) => at < middle)),
    second: halfOf(warm.filter(({ at }) => at >= middle)),
  };
}

function halfOf(points: readonly Point[]): Half {
  const values = points.map(({ value }) => value);
  return { median: quantile(values, 0.5), max: Math.max(...values), ...slopeOf(points) };
}

/** The slope an hour and its standard error. */
export function slopeOf(
  points: readonly Point[],
): { readonly slope: number; readonly error: number } {
  const n = points.length;
  const mean = (of: (point: Point) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / n;
  const [at, value] = [mean((point) => point.at), mean((point) => point.value)];
  const spread = points.reduce((sum, point) => sum + (point.at - at) ** 2, 0);
  if (spread === 0) return { slope: 0, error: Infinity };
  const slope = points.reduce((sum, point) => sum + (point.at - at) * (point.value - value), 0) /
    spread;
  const rest = points.reduce(
    (sum, point) => sum + (point.value - value - slope * (point.at - at)) ** 2,
    0,
  );
  const error = n > 2 ? Math.sqrt(rest / (n - 2) / spread) : Infinity;
  return { slope: slope * 3_600, error: error * 3_600 };
}

/** What is wrong with a quantity, or undefined. */
export function growth(
  name: string,
  points: readonly Point[],
  bound: number,
  unit: string,
): string | undefined {
  const both = halves(points);
  if (both === undefined) return undefined;
  const grown = both.second.median - both.first.median;
  if (grown <= bound) return undefined;
  return `${name}: the median grew by ${Math.round(grown)} ${unit}; ${bound} is allowed`;
}
