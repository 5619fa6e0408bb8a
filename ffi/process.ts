/**
 * What a process changes about itself: inherited descriptors, its session, the names and timers of
 * its threads, and the memory that it no longer needs.
 * @module
 */

import * as libc from "./libc.ts";
import { cString } from "./structs.ts";

/**
 * Points standard input, output and error, and every copy that the runtime made of them, at
 * /dev/null: the terminal and the starter's pipes are let go.
 */
export function closeStandardDescriptors(): void {
  const nothing = libc.open("/dev/null", libc.O_RDWR | libc.O_CLOEXEC);
  if (nothing < 0) return;
  const standard = new Set([0, 1, 2].map(objectOf));
  for (const descriptor of descriptors()) {
    if (descriptor !== nothing && standard.has(objectOf(descriptor))) {
      libc.dup2(nothing, descriptor, false);
    }
  }
  for (const descriptor of [0, 1, 2]) libc.dup2(nothing, descriptor);
  if (nothing > 2) libc.close(nothing);
}

/**
 * Closes what this process inherited besides its standard descriptors: everything that is not
 * marked close-on-exec. Call before anything is opened that shall be inherited.
 */
export function closeInheritedDescriptors(): void {
  for (const descriptor of descriptors()) {
    if (descriptor > 2 && (libc.fcntl(descriptor, libc.F_GETFD) & libc.FD_CLOEXEC) === 0) {
      libc.close(descriptor);
    }
  }
}

function descriptors(): number[] {
  return [...Deno.readDirSync("/proc/self/fd")].map((entry) => Number(entry.name));
}

/** What a descriptor stands for, e.g. `pipe:[123]`; empty when it is closed. */
function objectOf(descriptor: number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return "";
  }
}

/**
 * Begins a session of its own. One that leads a session already goes on leading it: setsid(2)
 * refuses.
 */
export function leadSession(): void {
  libc.setsid();
}

const PR_SET_NAME = 15;
const PR_SET_TIMERSLACK = 29;

/** The name of this thread as ps(1) and top(1) show it: at most 15 bytes. */
export function nameThread(name: string): void {
  libc.prctl(PR_SET_NAME, cString(name.slice(0, 15)));
}

/**
 * How late the kernel may end the calling thread's timed waits, so that several end together; 50 us
 * unless told (prctl(2), PR_SET_TIMERSLACK).
 */
export function setTimerSlack(slackUs: number): void {
  libc.prctl(PR_SET_TIMERSLACK, slackUs * 1000);
}

/** Gives memory that the C library holds but nobody uses back to the kernel. */
export function trimMemory(): void {
  libc.mallocTrim();
}

const MADV_DONTNEED = 4;

/**
 * Takes the program's own code and constants out of this process: most of what a start runs through
 * is never needed again. They are in a file that the kernel keeps; what is used again comes back by
 * itself, a page fault for each 64 KiB.
 */
export function unloadCode(): void {
  let smaps: string;
  try {
    smaps = Deno.readTextFileSync("/proc/self/smaps");
  } catch {
    // Without /proc it stays.
    return;
  }
  for (const { start, bytes } of codeMappings(smaps, Deno.execPath())) {
    libc.madvise(start, bytes, MADV_DONTNEED);
  }
}

/**
 * Where a program's code and constants are, by its /proc/PID/smaps (proc(5)): the mappings of its
 * file before the first writable one. Those that were written to all the same, by the loader, are
 * left out: what was written would be lost.
 */
export function codeMappings(
  smaps: string,
  program: string,
): { readonly start: bigint; readonly bytes: bigint }[] {
  const found: { start: bigint; bytes: bigint }[] = [];
  const mappings = [
    ...smaps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)\n((?:[A-Z].*\n?)*)/gm),
  ];
  const first = mappings.findIndex(([, , , , name]) => name === program);
  for (const [, start, end, rights, name, fields] of first < 0 ? [] : mappings.slice(first)) {
    if (name !== program || rights.includes("w")) break;
    if (/^Anonymous: +0 kB$/m.test(fields)) {
      found.push({ start: BigInt(`0x${start}`), bytes: BigInt(`0x${end}`) - BigInt(`0x${start}`) });
    }
  }
  return found;
}
