/**
 * Changes of this process: inherited descriptors, session, names and timers of threads, and memory
 * that is no longer needed.
 * @module
 */

import * as libc from "./libc.ts";
import { cString } from "./structs.ts";

/**
 * Redirects standard input, output and error to /dev/null, with every copy that the runtime made of
 * them. This closes the terminal, and the pipes to the process that started this one.
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
 * Closes the inherited descriptors, besides the standard ones: those without FD_CLOEXEC. Call it
 * before you open descriptors that child processes inherit.
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

/** The file of a descriptor, e.g. `pipe:[123]`; empty when the descriptor is closed. */
function objectOf(descriptor: number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return "";
  }
}

/** Makes this process a session leader, if it is not one already. */
export function leadSession(): void {
  libc.setsid();
}

const PR_SET_NAME = 15;
const PR_SET_TIMERSLACK = 29;

/** Sets the name of this thread, which ps(1) and top(1) show, to at most 15 bytes. */
export function nameThread(name: string): void {
  libc.prctl(PR_SET_NAME, cString(name.slice(0, 15)));
}

/**
 * Sets how late the kernel may end timed waits of this thread, in microseconds. The default is 50
 * (prctl(2), PR_SET_TIMERSLACK).
 */
export function setTimerSlack(slackUs: number): void {
  libc.prctl(PR_SET_TIMERSLACK, slackUs * 1000);
}

/** Releases free memory of the C library to the kernel. */
export function trimMemory(): void {
  libc.mallocTrim();
}

const MADV_DONTNEED = 4;

/**
 * Releases the pages of code and constants of the program and its libraries. Most of the code that
 * runs at the start is not needed later. The kernel reads pages that are needed again from the
 * file, with a page fault for each 64 KiB.
 */
export function unloadCode(): void {
  let smaps: string;
  try {
    smaps = Deno.readTextFileSync("/proc/self/smaps");
  } catch {
    // Without /proc the pages stay.
    return;
  }
  for (const { start, bytes } of codeMappings(smaps)) libc.madvise(start, bytes, MADV_DONTNEED);
}

/**
 * The private read-only mappings of files, from a /proc/PID/smaps (proc(5)). Mappings that the
 * loader has written to are left out, because the written bytes would be lost.
 */
export function codeMappings(
  smaps: string,
): { readonly start: bigint; readonly bytes: bigint }[] {
  const found: { start: bigint; bytes: bigint }[] = [];
  for (
    const [, start, end, fields] of smaps.matchAll(
      /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +\/.*\n((?:[A-Z].*\n?)*)/gm,
    )
  ) {
    // Written pages that are swapped out count as Swap only, and would be lost too.
    if (/^Anonymous: +0 kB$/m.test(fields) && !/^Swap: +[1-9]/m.test(fields)) {
      found.push({ start: BigInt(`0x${start}`), bytes: BigInt(`0x${end}`) - BigInt(`0x${start}`) });
    }
  }
  return found;
}
