/**
 * Makes values of users fit to be shown in messages, without keys and control characters.
 * @module
 */

/** A whole key of 32 bytes in base64 or hexadecimal. */
const WHOLE_KEY = /[A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64}/g;

/**
 * Control characters, which a terminal would execute: C0, DEL, C1, separators of lines, and those
 * that turn the direction of the text behind them.
 */
// deno-lint-ignore no-control-regex
export const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** The text with `?` for control characters. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, "?");
}

/** The text without what has the form of a whole key, other than `publicKeys`. */
export function withoutKeys(text: string, publicKeys: readonly string[] = []): string {
  return text.replace(WHOLE_KEY, (key) => publicKeys.includes(key) ? key : "(what may be a key)");
}

/** 32 characters that may be a part of a key in base64 or hexadecimal. */
const LIKE_A_KEY = /[A-Za-z0-9+/]{32}/;

/**
 * A value for a message: at most 64 characters, with `?` for control characters. A value that could
 * be a key in the wrong place is not shown.
 */
export function displayValue(value: string): string {
  if (LIKE_A_KEY.test(value)) return "(what may be a key)";
  return displayPath(value);
}

/** `displayValue` for the path of a file, which is shown even if it looks like a key. */
export function displayPath(value: string): string {
  const clean = withoutControls(value);
  return clean.length > 64 ? `${clean.slice(0, 61)}...` : clean;
}

/** `displayValue` between quotes. */
export function quote(value: string): string {
  return `"${displayValue(value)}"`;
}

/** A word as the shell reads it back. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The problem with text that is not a whole number from `min` to `max`, for a ConfigError.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { numberProblem } from "./quote.ts";
 *
 * assert.ok(numberProblem("70000", 0, 65535) === "70000 is out of range; 0 to 65535 is required");
 * assert.ok(numberProblem("x", 0, 9) === '"x" is not a number; 0 to 9 is required');
 * ```
 */
export function numberProblem(text: string, min: number, max: number): string {
  const problem = /^-?[0-9]+$/.test(text)
    ? `${displayValue(text)} is out of range`
    : `${quote(text)} is not a number`;
  return `${problem}; ${min} to ${max} is required`;
}
