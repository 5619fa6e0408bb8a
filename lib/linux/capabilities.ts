/**
 * Capabilities of processes and threads (capabilities(7)).
 * @module
 */
import { EPERM } from "../base/errno.ts";
import * as ffi from "../../ffi/confinement.ts";

/** The capabilities that this program names, with their numbers (linux/capability.h). */
export const CAPABILITY = {
  dac_override: 1,
  dac_read_search: 2,
  setgid: 6,
  setuid: 7,
  net_bind_service: 10,
  net_broadcast: 11,
  net_admin: 12,
} as const;

/** The name of a capability without its prefix, e.g. `net_admin`. */
export type CapabilityName = keyof typeof CAPABILITY;

/** More capabilities than any kernel has. */
const NUMBERS = 64;

/** The set of capabilities, as bits. */
export const capabilitySet = (names: readonly CapabilityName[]): bigint =>
  names.reduce((set, name) => set | 1n << BigInt(CAPABILITY[name]), 0n);

/** The names of the capabilities in a set, with spaces between them; others as `cap_N`. */
export function capabilityWords(set: bigint): string {
  const words: string[] = [];
  const names = Object.entries(CAPABILITY);
  for (let number = 0; number < NUMBERS; number++) {
    if ((set >> BigInt(number) & 1n) === 0n) continue;
    words.push(names.find(([, value]) => value === number)?.[0] ?? `cap_${number}`);
  }
  return words.join(" ");
}

/**
 * Whether this process may make and change network interfaces (CAP_NET_ADMIN). True also when /proc
 * cannot be read; the kernel then decides.
 */
export function mayAdministerNetwork(): boolean {
  const effective = capabilitiesInStatus("CapEff");
  return effective === undefined || (effective & capabilitySet(["net_admin"])) !== 0n;
}

/** A set of the calling thread in /proc; undefined when it cannot be read. */
export function capabilitiesInStatus(
  field: "CapEff" | "CapBnd" | "CapInh" | "CapAmb",
): bigint | undefined {
  try {
    const status = Deno.readTextFileSync("/proc/thread-self/status");
    const set = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1];
    return set === undefined ? undefined : BigInt(`0x${set}`);
  } catch {
    return undefined;
  }
}

/**
 * Limits the calling thread, and the program that it executes next, to some capabilities. The
 * bounding set becomes empty: nothing that the program executes may add a capability.
 *
 * A program that root executes has the inheritable capabilities, and one that another user executes
 * the ambient ones. Only a thread itself can change its sets, and the runtime's threads begin
 * before the program's code. So the sets of the next program are made here, before it begins.
 * @param keep the capabilities that may be kept; those that the thread lacks are not added
 * @returns the refusals of the kernel, e.g. `bounding set (EPERM)`
 */
export function limitCapabilities(keep: readonly CapabilityName[]): string[] {
  const now = ffi.capget();
  if (now === undefined) return ["capget"];
  const refused: string[] = [];
  const kept = now.permitted & capabilitySet(keep);
  // Raise the inheritable set first: it may not exceed the bounding set.
  const inherits = ffi.capset({ ...now, inheritable: kept }) === 0;
  if (!inherits) refused.push("inheritable set (EPERM)");
  for (let number = 0; number < NUMBERS; number++) {
    const result = ffi.dropBounding(number);
    if (result === -EPERM) {
      refused.push("bounding set (EPERM)");
      break;
    }
    if (result < 0) break;
  }
  if (Deno.uid() !== 0 || ffi.rootIsOrdinary()) {
    for (const name of keep) ffi.raiseAmbient(CAPABILITY[name]);
  }
  // no_new_privs keeps the next program from having more than this, whatever the bounding set is.
  if (ffi.capset({ effective: kept, permitted: kept, inheritable: kept }) < 0) {
    refused.push("permitted set (EPERM)");
  }
  return refused;
}

/** Empties the inheritable set of the calling thread, and of threads that it starts later. */
export function inheritNothing(): void {
  const now = ffi.capget();
  if (now !== undefined) ffi.capset({ ...now, inheritable: 0n });
}

/**
 * Runs `fn` as a thread that has no other capabilities than these, and gives them back.
 * @returns the result of `fn`
 */
export function withOnly<T>(names: readonly CapabilityName[], fn: () => T): T {
  const now = ffi.capget();
  if (now === undefined) return fn();
  ffi.capset({ ...now, effective: now.permitted & capabilitySet(names) });
  try {
    return fn();
  } finally {
    ffi.capset(now);
  }
}
