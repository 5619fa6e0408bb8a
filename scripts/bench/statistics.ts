/**
 * What several rounds of one measurement say together.
 * @module
 */

/** Median, extremes and number of some samples. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/**
 * The sample below which the fraction `q` (0 to 1) of all lie, interpolated between neighbours.
 *
 * @throws RangeError when there is no sample.
 * @example
 * quantile([4, 1, 3, 2], 0.5); // 2.5
 */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) throw new RangeError("no samples");
  const sorted = samples.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** The middle sample. Throws RangeError when there is none. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Median and extremes, or undefined when there is no sample. */
export function summarize(samples: readonly number[]): Summary | undefined {
  if (samples.length === 0) return undefined;
  return { median: median(samples), min: Math.min(...samples), max: Math.max(...samples), count: samples.length };
}

/**
 * Half the distance of the extremes, as a fraction of the median: 0.1 reads "plus or minus 10%". Zero for a single sample.
 */
export function spread(summary: Summary): number {
  return summary.median === 0 ? 0 : (summary.max - summary.min) / 2 / Math.abs(summary.median);
}

/**
 * Ours against a rival's: the median of the ratios taken round by round. Neighbours in time share the machine's mood, so pairing them
 * takes out what drifts between the rounds. Rounds that one of the two lacks (NaN or shorter) do not count.
 */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number | undefined {
  const ratios: number[] = [];
  for (let i = 0; i < Math.min(ours.length, theirs.length); i++) {
    const ratio = ours[i] / theirs[i];
    if (Number.isFinite(ratio)) ratios.push(ratio);
  }
  return ratios.length === 0 ? undefined : median(ratios);
}
