/**
 * Which run of a unit of systemd has brought an interface up. A unit takes down what it has brought
 * up, and leaves alone what an administrator has brought up by hand.
 * @module
 */
import { callerVariables } from "../../daemon/caller_environment.ts";
import type { QuickRecord } from "./record.ts";

/** The run of the unit that this process is part of; the empty string for none. */
export const unitRun = (): string => callerVariables().INVOCATION_ID ?? "";

/**
 * Whether this run of a unit has brought the interface up. A record of an older version does not
 * say it; its interface counts as the unit's.
 * @param record undefined if `up` of wg quick did not bring the interface up
 */
export const isOfThisRun = (record: QuickRecord | undefined): boolean =>
  record !== undefined && (record.unitRun === undefined || record.unitRun === unitRun());
