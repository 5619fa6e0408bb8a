/**
 * What tests read of the process of a running interface, and traffic through it.
 * @module
 */
import { equal } from "node:assert/strict";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";

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

/** Echo requests every 20 ms until `end`; the sequence numbers that were answered. */
export function pinging(room: Room, netns: string, address: string) {
  const running: Running = room.spawn(["ping", "-n", "-i", "0.02", "-W", "1", address], { netns });
  const answered = () =>
    [...running.output().matchAll(/icmp_seq=(\d+) ttl/g)].map((found) => Number(found[1]));
  return {
    answered,
    /** Waits for answers to requests from now on. */
    async goesOn(what: string): Promise<void> {
      const before = answered().length;
      await eventually(what, () => answered().length > before + 5, 60_000);
    },
    async end(): Promise<void> {
      running.signal("SIGINT");
      await running.status;
    },
  };
}
