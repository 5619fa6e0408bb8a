/**
 * Gives up the rights that the process of an interface does not need.
 *
 * The process begins with the rights of the command that started it. Capabilities belong to
 * threads, and the runtime's threads begin before the code of this program. So the process first
 * limits its main thread and then executes the program again (`confine`): all threads of the
 * second run have the limited rights from their beginning. The second run finds in its environment
 * what the first one did (`confinement`).
 * @module
 */
import { errnoText } from "../base/errno.ts";
import {
  capabilitiesInStatus,
  type CapabilityName,
  capabilityWords,
  inheritNothing,
  limitCapabilities,
  withOnly,
} from "../linux/capabilities.ts";
import { setNoNewPrivileges } from "../../ffi/confinement.ts";
import { execve } from "../../ffi/libc.ts";
import { programFiles, SANDBOX_VARIABLE, selfCommand } from "./program.ts";

/** What the first run did, as JSON. */
const CONFINED_VARIABLE = "WG_CONFINED";

/**
 * The capabilities of an interface's process. It enters network namespaces (sys_admin), looks who
 * is in them (sys_ptrace), hears of changes there (net_broadcast) and binds ports below 1024.
 */
const KEPT: readonly CapabilityName[] = [
  "net_admin",
  "net_bind_service",
  "net_broadcast",
  "sys_ptrace",
  "sys_admin",
];

/** The rights that the process of an interface has given up. */
export interface Confinement {
  /** The capabilities and the layers that are in effect, e.g. `net_admin no_new_privs`. */
  readonly words: readonly string[];
  /** The layers that the kernel refused, with the reason, e.g. `landlock (ENOSYS)`. */
  readonly missing: readonly string[];
}

/** The confinement of a process that did not call `confine`, as in tests. */
export const UNCONFINED: Confinement = { words: ["unconfined"], missing: [] };

/** Options of `confine`. */
export interface ConfineOptions {
  /** The arguments with which this program is executed again. */
  readonly args: readonly string[];
  /** Variables for the second run, besides those that the program needs. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Gives up rights and executes this program again, with the same process id. In the second run it
 * returns what was given up. Call it before Workers are started and before descriptors are open
 * that are to stay.
 */
export function confine(options: ConfineOptions): Confinement {
  const before = Deno.env.get(CONFINED_VARIABLE);
  if (before !== undefined) return secondRun(before);
  if (Deno.env.get(SANDBOX_VARIABLE) === "off") {
    return { words: ["unconfined"], missing: [`all (${SANDBOX_VARIABLE}=off)`] };
  }
  const { program, args, environment } = selfCommand(options.args);
  const missing = limitCapabilities(keptFor(programFiles()));
  const words = [];
  if (setNoNewPrivileges() === 0) words.push("no_new_privs");
  else missing.push("no_new_privs");
  const result = execve(
    program,
    [program, ...args],
    Object.entries({
      ...environment,
      ...options.environment,
      [CONFINED_VARIABLE]: JSON.stringify({ words, missing } satisfies Confinement),
    }).map(([name, value]) => new TextEncoder().encode(`${name}=${value}`)),
  );
  // The rights of this thread are limited all the same.
  return {
    words: [capabilityWords(capabilitiesInStatus("CapEff") ?? 0n), ...words],
    missing: [...missing, `other threads (execve: ${errnoText(-result)})`],
  };
}

function secondRun(told: string): Confinement {
  Deno.env.delete(CONFINED_VARIABLE);
  inheritNothing();
  const { words, missing } = JSON.parse(told) as Confinement;
  const capabilities = capabilityWords(capabilitiesInStatus("CapEff") ?? 0n) || "no capabilities";
  return { words: [capabilities, ...words], missing };
}

/**
 * The capabilities to keep. Root without capabilities is bound by the modes of files. The program
 * itself may be in a folder that only another user may read.
 */
function keptFor(files: readonly string[]): readonly CapabilityName[] {
  return withOnly(KEPT, () => files.every(isReadable)) ? KEPT : [...KEPT, "dac_read_search"];
}

function isReadable(path: string): boolean {
  try {
    if (Deno.statSync(path).isDirectory) [...Deno.readDirSync(path)];
    else Deno.openSync(path).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.PermissionDenied);
  }
}
