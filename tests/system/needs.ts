/**
 * Which tests can run on this machine. A test that cannot is named as ignored by `deno test`;
 * scripts/test.ts says why.
 * @module
 */
import { type Facility, missing } from "../../scripts/facilities.ts";

/** Options of a test that needs these things. */
export function needs(...facilities: readonly Facility[]): { ignore: boolean } {
  return { ignore: facilities.some((facility) => missing(facility) !== undefined) };
}
