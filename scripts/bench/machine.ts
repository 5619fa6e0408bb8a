/**
 * Describes the machine of a run.
 * @module
 */

import type { Results } from "./results.ts";

/** The description of this machine. */
export function thisMachine(): Results["machine"] {
  const model = /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ??
    "unknown";
  return {
    cpus: navigator.hardwareConcurrency,
    model,
    kernel: Deno.osRelease(),
    memoryGb: Math.round(Deno.systemMemoryInfo().total / 1e9),
    deno: Deno.version.deno,
  };
}
