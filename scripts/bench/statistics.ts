/**
 * Statistics of several rounds of one measurement.
 * @module
 */

/** The smallest number of samples with meaningful quartiles and errors. */
const SAMPLES_MIN = 4;
/**
 * The ratio of the standard deviation of normal samples to the median of their distances to their
 * median.
 */
const DEVIATION_BY_DISTANCE = 1.4826;
/**
 * The ratio of the standard error of a median to that of a mean, for normal samples: sqrt(pi / 2).
 */
const MEDIAN_BY_MEAN = 1.2533;

/** Median, quartiles, extremes and number of some samples. */
export interface Summary {
  readonly median: number;
  /** A quarter of the samples lies below it. */
  readonly lower: number;
  /** A quarter of the samples lies above it. */
  readonly upper: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** A median and its standard error. */
export interface Estimate {
  readonly median: number;
  /** The standard error; undefined with fewer than four samples. */
  readonly error: number | undefined;
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

/** Median, quartiles and extremes, or undefined when there is no sample. */
export function summarize(samples: readonly number[]): Summary | undefined {
  if (samples.length === 0) return undefined;
  return {
    median: median(samples),
    lower: quantile(samples, 0.25),
    upper: quantile(samples, 0.75),
    min: Math.min(...samples),
    max: Math.max(...samples),
    count: samples.length,
  };
}

/**
 * Half the distance of the quartiles (of the extremes with fewer than four samples) as a fraction
 * of the median: 0.1 is "plus or minus 10%". Zero for a single sample.
 */
export function spread(summary: Summary): number {
  const { lower, upper, min, max } = summary;
  const distance = summary.count < SAMPLES_MIN ? max - min : upper - lower;
  return summary.median === 0 ? 0 : distance / 2 / Math.abs(summary.median);
}

/**
 * The median and its standard error; undefined without samples. The error is computed from the
 * median absolute deviation, which a failed round does not change.
 */
export function estimate(samples: readonly number[]): Estimate | undefined {
  if (samples.length === 0) return undefined;
  const middle = median(samples);
  if (samples.length < SAMPLES_MIN) return { median: middle, error: undefined };
  const deviation = DEVIATION_BY_DISTANCE *
    median(samples.map((sample) => Math.abs(sample - middle)));
  return { median: middle, error: MEDIAN_BY_MEAN * deviation / Math.sqrt(samples.length) };
}

/**
 * The median of the ratios of ours to a rival's, round by round, and its error. Pairing the rounds
 * removes changes of the machine between them. Rounds that one of the two lacks (NaN or shorter)
 * are ignored.
 */
export function pairedRatio(
  ours: readonly number[],
  theirs: readonly number[],
): Estimate | undefined {
  const ratios: number[] = [];
  for (let i = 0; i < Math.min(ours.length, theirs.length); i++) {
    const ratio = ours[i] / theirs[i];
    if (Number.isFinite(ratio)) ratios.push(ratio);
  }
  return estimate(ratios);
}
