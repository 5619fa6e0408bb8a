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
import { errnoName, errnoText } from "../base/errno.ts";
import { holdSecretMemory } from "../base/secret_bytes.ts";
import {
  capabilitiesInStatus,
  type CapabilityName,
  capabilityWords,
  inheritNothing,
  limitCapabilities,
  withOnly,
} from "../linux/capabilities.ts";
import { allowedCalls, callRules, type Phase } from "../linux/allowed_calls.ts";
import type { CallName } from "../linux/call_numbers.ts";
import { assembleFilter } from "../linux/seccomp.ts";
import { installFilter, setDumpable, setNoNewPrivileges } from "../../ffi/confinement.ts";
import { execve } from "../../ffi/libc.ts";
import { lockMemory } from "../../ffi/secret_memory.ts";
import { programFiles, SANDBOX_VARIABLE, type SelfCommand, selfCommand } from "./program.ts";

/** Calls for entering network namespaces and naming rdomains. */
const MORE_CALLS: readonly CallName[] = ["setns", "unshare", "mount", "umount2"];
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
  /** Gives up what only opening descriptors requires. Call it when all are open. */
  close(): void;
}

/** What the first run did. */
type FirstRun = Pick<Confinement, "words" | "missing">;

/** The confinement of a process that did not call `confine`, as in tests. */
export const UNCONFINED: Confinement = { words: ["unconfined"], missing: [], close: () => {} };

/** Options of `confine`. */
export interface ConfineOptions {
  /** The arguments with which this program is executed again. */
  readonly args: readonly string[];
  /** Variables for the second run, besides those that the program needs. */
  readonly environment: Readonly<Record<string, string>>;
  /** The program to execute; only tests pass another than this one. */
  readonly self?: (args: readonly string[]) => SelfCommand;
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
    return { ...UNCONFINED, missing: [`all (${SANDBOX_VARIABLE}=off)`] };
  }
  const { program, args, environment } = (options.self ?? selfCommand)(options.args);
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
      [CONFINED_VARIABLE]: JSON.stringify({ words, missing } satisfies FirstRun),
    }).map(([name, value]) => new TextEncoder().encode(`${name}=${value}`)),
  );
  // The rights of this thread are limited all the same.
  return {
    words: [ownCapabilities(), ...words],
    missing: [...missing, `other threads (execve: ${errnoText(-result)})`],
    close: () => {},
  };
}

const ownCapabilities = () => capabilityWords(capabilitiesInStatus("CapEff") ?? 0n) || "none";

function secondRun(told: string): Confinement {
  Deno.env.delete(CONFINED_VARIABLE);
  inheritNothing();
  const first = JSON.parse(told) as FirstRun;
  const words = [ownCapabilities(), ...first.words];
  const missing = [...first.missing];
  if (setDumpable(false) === 0) words.push("no_dump");
  else missing.push("no_dump");
  let locks = true;
  holdSecretMemory((memory) => {
    if (!locks) return;
    const result = lockMemory(memory);
    if (result >= 0) return;
    locks = false;
    missing.push(`mlock (${errnoName(-result)})`);
  });
  const filter = new CallFilter();
  filter.install("opening");
  return {
    get words() {
      return [...words, ...(locks ? ["mlock"] : []), ...filter.words];
    },
    get missing() {
      return [...missing, ...filter.missing];
    },
    close: () => filter.install("open"),
  };
}

/** The filter of system calls of this process. */
class CallFilter {
  #calls = 0;
  #refusal: string | undefined;

  get words(): string[] {
    return this.#calls === 0 ? [] : [`seccomp(${this.#calls})`];
  }

  get missing(): string[] {
    return this.#refusal === undefined ? [] : [`seccomp (${this.#refusal})`];
  }

  /** Adds the filter of a phase. An earlier one stays: a call must pass both. */
  install(phase: Phase): void {
    if (this.#refusal !== undefined) return;
    const rules = callRules(phase, Deno.pid, MORE_CALLS);
    const result = installFilter(assembleFilter(rules, Deno.build.arch));
    if (result === 0) this.#calls = allowedCalls(rules);
    else this.#refusal = result > 0 ? `thread ${result} has another` : errnoName(-result);
  }
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
