import { equal } from "node:assert/strict";
import { formatAgo, formatBytes, formatSpan } from "../../lib/cli/show/text.ts";

Deno.test("spans have 365-day years, days, hours, minutes and seconds, and leave out what is none", () => {
  equal(formatSpan(1), "1 second");
  equal(formatSpan(65), "1 minute, 5 seconds");
  equal(formatSpan(7200), "2 hours");
  equal(formatSpan(86_400 + 3600), "1 day, 1 hour");
  equal(formatSpan(2 * 31_536_000 + 364 * 86_400 + 59), "2 years, 364 days, 59 seconds");
});

Deno.test("an age of nothing is now, and one below it a clock that was set back", () => {
  equal(formatAgo(0), "Now");
  equal(formatAgo(61), "1 minute, 1 second ago");
  equal(formatAgo(-1), "(System clock wound backward; connection problems may ensue.)");
});

Deno.test("bytes have two digits from 1 KiB on, and TiB is the last unit", () => {
  const found = [
    0,
    1023,
    1024,
    1536,
    1024 ** 2 - 1,
    1024 ** 2,
    1024 ** 3,
    1024 ** 4,
    2048 * 1024 ** 4,
  ].map((bytes) => formatBytes(bytes));
  equal(
    found.join("; "),
    "0 B; 1023 B; 1.00 KiB; 1.50 KiB; 1024.00 KiB; 1.00 MiB; 1.00 GiB; 1.00 TiB; 2048.00 TiB",
  );
});
