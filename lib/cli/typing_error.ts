/**
 * Finds words that are misspelt by one character.
 * @module
 */

/**
 * Whether one typing error turns one word into the other: a character too many, too few or wrong,
 * or two swapped ones (a Damerau-Levenshtein distance of 1).
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 * equal(isOneErrorAway("shwo", "show"), true);
 * equal(isOneErrorAway("home", "show"), false);
 * ```
 */
export function isOneErrorAway(word: string, other: string): boolean {
  const [long, short] = word.length >= other.length ? [word, other] : [other, word];
  let at = 0;
  while (at < short.length && long[at] === short[at]) at++;
  const rest = (text: string, from: number) => text.slice(at + from);
  if (long.length === short.length + 1) return rest(long, 1) === rest(short, 0);
  if (long.length !== short.length || at === long.length) return false;
  if (rest(long, 1) === rest(short, 1)) return true;
  return long[at] === short[at + 1] && long[at + 1] === short[at] &&
    rest(long, 2) === rest(short, 2);
}
