/**
 * What tests read of the process of a running interface, and traffic through it.
 * @module
 */
import { ok } from "node:assert/strict";
import { hasEnded } from "../../lib/daemon/owner.ts";
import { eventually, type Room, type Running } from "../../scripts/netlab.ts";
import { LONG_MS } from "../../scripts/running.ts";

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** The process of an interface of this room. */
export async function daemonOf(room: Room, name: string): Promise<number> {
  let found: string[] = [];
  // One that was told to end may not be gone yet.
  await eventually(`one process of ${name}`, async () => {
    const ofName = new RegExp(` daemon ${name}( |$)`);
    found = (await room.processes()).filter((line) => ofName.test(line));
    return found.length === 1;
  }).catch((error) => {
    throw new Error(`${error.message}\n${found.join("\n")}`, { cause: error });
  });
  return Number(found[0].split(" ")[0]);
}

/**
 * Kills the process of an interface, and waits for its end. Its link goes before its control socket
 * does, so an end of the link is not enough for the next interface of this name.
 * @returns its process id
 */
export async function killDaemon(room: Room, name: string): Promise<number> {
  const pid = await daemonOf(room, name);
  Deno.kill(pid, "SIGKILL");
  ok(await hasEnded(pid, LONG_MS), `process ${pid} of ${name} does not end`);
  return pid;
}

/** Resident memory in MiB. */
export const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]) / 1024;

/**
 * Memory that a process has written to, in MiB. Growth is judged by it: pages of files, such as the
 * program's own, leave and come back as the machine needs memory.
 */
export const writtenMb = (pid: number): number => {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+)/gm)]
    .reduce((sum, [, kib]) => sum + Number(kib) / 1024, 0);
};

/**
 * Milliseconds for which the threads of a process have waited for a processor, added up
 * (Documentation/scheduler/sched-stats.rst).
 */
export const waitedMs = (pid: number): number =>
  [...Deno.readDirSync(`/proc/${pid}/task`)].reduce((sum, { name }) => {
    try {
      const [, waitedNs] = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ");
      return sum + Number(waitedNs) / 1e6;
    } catch {
      // The thread has ended.
      return sum;
    }
  }, 0);

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
    /** Waits for answers to requests from now on. Without them its error has what ping wrote. */
    async goesOn(what: string): Promise<void> {
      const before = answered().length;
      const isAnswered = () => answered().length > before + 5;
      await eventually(what, isAnswered).catch((error) => {
        throw new Error(`${error.message}\n${running.output().slice(-2_000)}`, { cause: error });
      });
    },
    async end(): Promise<void> {
      running.signal("SIGINT");
      await running.status;
    },
  };
}
