/**
 * Which run of a unit of systemd has brought an interface up. A unit takes down what it has brought
 * up, and leaves alone what an administrator has brought up by hand.
 * @module
 */
import { unixSocketOwner } from "../../../ffi/unix_socket.ts";
import { callerVariables } from "../../daemon/caller_environment.ts";
import { socketPath } from "../../daemon/paths.ts";
import { systemServiceOf } from "../../linux/cgroups.ts";
import type { QuickRecord } from "./record.ts";

/** The run of the unit that this process is part of; the empty string for none. */
export const unitRun = (): string => callerVariables().INVOCATION_ID ?? "";

/**
 * Whether this run of a unit has brought the interface up. Where no record says it, as after an
 * older version, it is the unit's if its process is in the unit.
 * @param record undefined if there is none
 */
export function isOfThisRun(name: string, record: QuickRecord | undefined): boolean {
  if (record?.unitRun !== undefined) return record.unitRun === unitRun();
  const [unit, pid] = [systemServiceOf(Deno.pid), unixSocketOwner(socketPath(name))];
  return unit !== undefined && pid !== undefined && systemServiceOf(pid) === unit;
}
