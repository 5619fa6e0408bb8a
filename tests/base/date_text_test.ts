import assert from "node:assert/strict";
import { DATE_MAX_MS, formatDate, parseDate } from "../../lib/base/date_text.ts";

Deno.test("dates are read in the forms that leave no doubt", () => {
  const day = Date.UTC(2026, 11, 31);
  for (
    const [text, unixMs] of [
      ["2026-12-31", day],
      ["2026-12-31T00:00Z", day],
      ["2026-12-31T00:00:07Z", day + 7_000],
      ["2026-12-31T01:30+01:30", day],
      ["2026-12-30T23:00:00-01:00", day],
      ["2028-02-29", Date.UTC(2028, 1, 29)],
      ["9999-12-31T23:59:59Z", DATE_MAX_MS],
    ] as const
  ) assert.equal(parseDate("expires", text), unixMs, text);
});

Deno.test("other dates are refused by name", () => {
  for (
    const text of [
      "",
      "tomorrow",
      "31.12.2026",
      "2026-13-01",
      "2026-02-29",
      "2026-12-31T25:00Z",
      "2026-12-31T18:00",
      "2026-12-31 18:00Z",
      "2026-12-31T18:00Z[Europe/Vienna]",
      "1969-12-31",
      " 2026-12-31",
    ]
  ) {
    assert.throws(
      () => parseDate("wgexpires", text),
      /^ConfigError: wgexpires: ".*" is not a date/,
    );
  }
});

Deno.test("what is written is read again", () => {
  assert.equal(formatDate(1_798_675_200_999), "2026-12-31T00:00:00Z");
  for (const unixMs of [0, 1_700_000_000_000, DATE_MAX_MS]) {
    assert.equal(parseDate("x", formatDate(unixMs)), unixMs);
  }
});
