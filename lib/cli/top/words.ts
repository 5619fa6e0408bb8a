/**
 * The words of `wg top`.
 * @module
 */
import { ConfigError } from "../../base/errors.ts";
import { displayValue } from "../../base/quote.ts";

/** Seconds between two looks: the least, the most, and without -d. */
export const DELAY_MIN_S = 0.2;
export const DELAY_MAX_S = 3600;
const DELAY_S = 2;
/** The most looks of -n. */
export const COUNT_MAX = 1_000_000;

/** A command line of top. */
export interface TopLine {
  /** The interface; undefined for all. */
  readonly name: string | undefined;
  /** Whether lines are printed instead of a screen. */
  readonly batch: boolean;
  readonly json: boolean;
  /** The number of looks; undefined for no end. */
  readonly count: number | undefined;
  readonly delayMs: number;
}

/**
 * Reads `top [-b] [-n count] [-d seconds] [--json] [interface]`.
 * @throws ConfigError that names the word
 */
export function parseTop(args: readonly string[]): TopLine {
  let name: string | undefined, count: number | undefined;
  let batch = false, json = false, delay = DELAY_S;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === "-b") batch = true;
    else if (word === "--json") json = true;
    else if (word === "-n") count = numberOf(word, args[++at], 1, COUNT_MAX, /^\d+$/);
    else if (word === "-d") {
      delay = numberOf(word, args[++at], DELAY_MIN_S, DELAY_MAX_S, /^[\d.]+$/);
    } else if (word.startsWith("-") || name !== undefined) {
      throw new ConfigError(
        displayValue(word),
        "unexpected word; `wg help top` shows the usage",
      );
    } else name = word;
  }
  return { name, batch, json, count, delayMs: Math.round(delay * 1000) };
}

/** Whether a terminal of this type ($TERM) can show a screen. One without a type cannot. */
export const hasScreen = (term: string | undefined): boolean =>
  term !== undefined && term !== "" && term !== "dumb";

function numberOf(
  word: string,
  text: string | undefined,
  least: number,
  most: number,
  form: RegExp,
): number {
  const value = text !== undefined && form.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  const given = text === undefined ? "" : `${displayValue(text)}: `;
  throw new ConfigError(word, `${given}a number from ${least} to ${most} is required`);
}
