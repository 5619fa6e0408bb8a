/**
 * The machine that a run was made on, for the record.
 * @module
 */

import type { Results } from "./results.ts";

/** What this machine is. */
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
