/** The limits and times of a device that are no protocol's, as the manual and the log have them. */
import assert from "node:assert/strict";
import { LIMITER_COLLECT_MS, LIMITER_SOURCES_MAX } from "../../lib/cookie/rate_limiter.ts";
import { RECENT_SOURCE_MS } from "../../lib/cookie/recent_sources.ts";
import { COMPLAIN_EVERY_MS, SILENT_INITIATIONS } from "../../lib/device/complaints.ts";
import * as Name from "../../lib/device/endpoint_name.ts";
import { STRANGERS_MAX } from "../../lib/device/evidence.ts";
import { LOG_LINES_PER_SECOND } from "../../lib/device/outputs.ts";
import { REFUSALS_PER_SECOND } from "../../lib/device/refusal_limit.ts";

Deno.test("how much strangers and peers may write and keep", () => {
  assert.deepEqual([LOG_LINES_PER_SECOND, REFUSALS_PER_SECOND, STRANGERS_MAX], [200, 10, 32]);
  assert.deepEqual([COMPLAIN_EVERY_MS, SILENT_INITIATIONS], [60_000, 3]);
  // The limiter is Linux's, with fewer sources.
  assert.deepEqual([LIMITER_COLLECT_MS, LIMITER_SOURCES_MAX], [1_000, 16_384]);
  // Below the time after which an initiation is repeated.
  assert.equal(RECENT_SOURCE_MS, 4_000);
});

Deno.test("when a name is looked up again, and how many addresses of it are tried", () => {
  assert.deepEqual([Name.FAILED_AGAIN_MS, Name.UNANSWERED_AGAIN_MS], [1_000, 15_000]);
  assert.deepEqual([Name.AGAIN_MAX_MS, Name.ANSWER_AGE_MS], [60_000, 300_000]);
  assert.equal(Name.NAME_ADDRESSES_MAX, 16);
});
