/**
 * What tests read of the process of a running interface.
 * @module
 */
import { equal } from "node:assert/strict";
import type { Room } from "../../scripts/netlab.ts";

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** The process of an interface of this room. */
export async function daemonOf(room: Room, name: string): Promise<number> {
  const found = (await room.processes()).filter((line) =>
    new RegExp(` daemon ${name}( |$)`).test(line)
  );
  equal(found.length, 1, found.join("\n"));
  return Number(found[0].split(" ")[0]);
}

/** Resident memory in MiB. */
export const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]) / 1024;

/** How many descriptors a process has open. */
export const descriptorsOf = (pid: number): number =>
  [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
