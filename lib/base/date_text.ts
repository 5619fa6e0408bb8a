/**
 * Dates as users write them, in configuration files and on command lines: the forms of ISO 8601
 * that leave no doubt about the time zone.
 * @module
 */
import { ConfigError } from "./errors.ts";
import { quote } from "./quote.ts";

/** The last date that is read, 9999-12-31T23:59:59Z, in milliseconds since 1970. */
export const DATE_MAX_MS = 253_402_300_799_000;
/** A day, or a time of a day with its zone. */
const DATE = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Reads a date: `2026-12-31`, which begins at 00:00 UTC, `2026-12-31T18:00Z`, or with seconds and
 * an offset, `2026-12-31T18:00:00+01:00`.
 * @returns milliseconds since 1970, from 0 to DATE_MAX_MS
 * @throws ConfigError that names `word`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseDate } from "./date_text.ts";
 *
 * assert.ok(parseDate("expires", "1970-01-02") === 86_400_000);
 * assert.ok(parseDate("expires", "1970-01-01T02:00+01:00") === 3_600_000);
 * ```
 */
export function parseDate(word: string, text: string): number {
  const found = DATE.exec(text);
  const unixMs = found === null ? undefined : millisecondsOf(`${found[1]}${found[2] ?? "T00:00Z"}`);
  if (unixMs !== undefined && unixMs >= 0 && unixMs <= DATE_MAX_MS) return unixMs;
  throw new ConfigError(
    word,
    `${quote(text)} is not a date; one as 2026-12-31 or 2026-12-31T18:00Z is required`,
  );
}

function millisecondsOf(text: string): number | undefined {
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    // There is no such day or time.
    return undefined;
  }
}

/**
 * A time as text in UTC, in whole seconds, such as `2026-12-31T18:00:00Z`. `parseDate` reads it.
 * @param unixMs milliseconds since 1970, from 0 to DATE_MAX_MS
 */
export function formatDate(unixMs: number): string {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(unixMs)).toString({
    smallestUnit: "second",
  });
}
