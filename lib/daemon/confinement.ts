/**
 * Gives up the rights that the process of an interface does not need.
 *
 * The process begins with the rights of the command that started it. Capabilities belong to
 * threads, and the runtime's threads begin before the code of this program. So the process first
 * limits its main thread and then executes the program again (`confine`): all threads of the
 * second run have the limited rights from their beginning. The second run finds in its environment
 * what the first one did.
 *
 * A command that needs no other rights any more limits its own main thread (`confineStarter`). The
 * process that this thread starts then needs no first run, which takes an eighth of the start.
 * @module
 */
import { errnoName, errnoText } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
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
import { restrictFiles } from "../linux/landlock.ts";
import { assembleFilter } from "../linux/seccomp.ts";
import {
  hasNoNewPrivileges,
  installFilter,
  setDumpable,
  setNoNewPrivileges,
} from "../../ffi/confinement.ts";
import { close, execve, F_SETFD, fcntl, FD_CLOEXEC } from "../../ffi/libc.ts";
import { lockMemory } from "../../ffi/secret_memory.ts";
import { LinkMonitor } from "../linux/link_monitor.ts";
import {
  descriptorsOf,
  type DistantFacts,
  type DistantSockets,
  factsOf,
  fromFacts,
  openDistantSockets,
} from "./distant_sockets.ts";
import { ownFiles } from "./own_files.ts";
import { SOCKET_FOLDER } from "./paths.ts";
import { underLock } from "./socket_folder.ts";
import { PORT_LATER } from "./rights.ts";
import { programFiles, SANDBOX_VARIABLE, type SelfCommand, selfCommand } from "./program.ts";

/** What the first run did, as JSON. */
const CONFINED_VARIABLE = "WG_CONFINED";

/** The word for PR_SET_NO_NEW_PRIVS. */
const NO_NEW_PRIVILEGES = "no_new_privs";

/** The capabilities of an interface's process. */
const KEPT: readonly CapabilityName[] = ["net_admin"];

/** The rights that the process of an interface has given up. */
export interface Confinement {
  /** The capabilities and the layers that are in effect, e.g. `net_admin no_new_privs`. */
  readonly words: readonly string[];
  /** The layers that the kernel refused, with the reason, e.g. `landlock (ENOSYS)`. */
  readonly missing: readonly string[];
  /** What was opened before the rights were given up. */
  readonly opened?: Opened;
  /** Gives up what only opening descriptors requires. Call it when all are open. */
  close(): void;
}

/** What the first run opened, because the second one may not. */
export interface Opened {
  /** The sockets of the interface, when they need more rights. */
  readonly sockets?: DistantSockets | undefined;
  /** A LinkMonitor that hears of links in other namespaces, which needs CAP_NET_BROADCAST. */
  readonly linkMonitor?: number | undefined;
}

/** What the first run tells the second one. */
interface FirstRun extends Pick<Confinement, "words" | "missing"> {
  /** The capabilities that it kept, as of `capabilityWords`. */
  readonly kept: string;
  readonly sockets?: { readonly facts: DistantFacts; readonly descriptors: readonly number[] };
  readonly linkMonitor?: number;
}

/** The confinement of a process that did not call `confine`, as in tests. */
export const UNCONFINED: Confinement = { words: ["unconfined"], missing: [], close: () => {} };

/** What is opened and kept by those who give up rights. */
interface Wanted {
  /** The sockets to open before, as `rightsVariables` tells them, or PORT_LATER. */
  readonly sockets?: string | undefined;
  /** The data planes that receive, which each need sockets; 1 by default. */
  readonly receivers?: number;
}

/** Options of `confine`. */
export interface ConfineOptions extends Wanted {
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
 * @throws OsError when the sockets cannot be opened; EADDRINUSE for a port in use
 */
export function confine(options: ConfineOptions): Confinement {
  const before = Deno.env.get(CONFINED_VARIABLE);
  if (before !== undefined && wasStartedLimited(before)) return secondRun(before);
  if (isSwitchedOff()) return { ...UNCONFINED, missing: [`all (${SANDBOX_VARIABLE}=off)`] };
  const { program, args, environment } = (options.self ?? selfCommand)(options.args);
  const { words, missing, opened } = limitThread(options, program);
  const result = execve(
    program,
    [program, ...args],
    Object.entries({
      ...environment,
      ...options.environment,
      ...variablesFor({ words, missing, opened }),
    }).map(([name, value]) => new TextEncoder().encode(`${name}=${value}`)),
  );
  // The rights of this thread are limited all the same.
  return {
    words: [ownCapabilities(), ...words],
    missing: [...missing, `other threads (execve: ${errnoText(-result)})`],
    opened,
    close: () => {},
  };
}

/** What a process needs that the calling thread starts next. */
export interface ConfinedStart {
  readonly environment: Readonly<Record<string, string>>;
  /** Closes the descriptors that the process has inherited. */
  close(): void;
}

/**
 * Gives up the rights of the calling thread, so that the process of an interface that it starts
 * next begins with limited ones. Afterwards the thread can do what CAP_NET_ADMIN permits, use the
 * files of `ownFiles`, and execute nothing but this program.
 * @returns undefined when the confinement is switched off; nothing has changed then
 */
export function confineStarter(wanted: Wanted): ConfinedStart | undefined {
  if (isSwitchedOff()) return undefined;
  const limited = limitThread(wanted, selfCommand([]).program);
  return {
    environment: variablesFor(limited),
    close: () => descriptorsIn(limited.opened).forEach((fd) => close(fd)),
  };
}

const isSwitchedOff = () => Deno.env.get(SANDBOX_VARIABLE) === "off";

/** What a limited thread has given up and opened. */
interface Limited extends Pick<Confinement, "words" | "missing"> {
  readonly opened: Opened;
}

/** Opens what is needed later, and limits the calling thread. */
function limitThread(
  { sockets, receivers = 1 }: Wanted,
  program: string,
): Limited {
  // Rules and rights are for the folder that is there.
  underLock(SOCKET_FOLDER, () => {});
  const opened = openBefore(sockets, receivers);
  const wanted = sockets === PORT_LATER ? [...KEPT, "net_bind_service" as const] : KEPT;
  const missing = limitCapabilities(keptFor(wanted, programFiles()));
  const words: string[] = [];
  // The path of a folder in another mount namespace could not be found any more: the C library
  // reads all folders above it for that, and the runtime does not start without a path.
  Deno.chdir("/");
  if (setNoNewPrivileges() === 0) words.push(NO_NEW_PRIVILEGES);
  else missing.push(NO_NEW_PRIVILEGES);
  try {
    const version = restrictFiles(ownFiles(program, programFiles()), []);
    words.push(`landlock(${version})`);
  } catch (error) {
    missing.push(`landlock (${error instanceof OsError ? error.code : error})`);
  }
  return { words, missing, opened };
}

/** The variables that tell the second run what was done. It inherits the descriptors. */
const variablesFor = ({ words, missing, opened }: Limited): Record<string, string> => ({
  [CONFINED_VARIABLE]: JSON.stringify(
    { words, missing, kept: ownCapabilities(), ...inherited(opened) } satisfies FirstRun,
  ),
});

/**
 * Whether the thread that started this process was limited, as the variable says. The runtime
 * decides which thread starts a process.
 */
function wasStartedLimited(told: string): boolean {
  const { words, kept } = JSON.parse(told) as FirstRun;
  if (!words.includes(NO_NEW_PRIVILEGES)) return true;
  if (!hasNoNewPrivileges()) return false;
  return ownCapabilities().split(" ").every((name) => kept.split(" ").includes(name));
}

/** Opens what the second run may not open. */
function openBefore(sockets: string | undefined, receivers: number): Opened {
  const [port, rtable] = /^(\d+) (\d+)$/.exec(sockets ?? "")?.slice(1).map(Number) ?? [];
  const distant = port === undefined ? undefined : openDistantSockets({ port, rtable, receivers });
  const monitor = LinkMonitor.open();
  if (monitor.listenEverywhere(true)) return { sockets: distant, linkMonitor: monitor.fd };
  monitor.close();
  return { sockets: distant };
}

const descriptorsIn = ({ sockets, linkMonitor }: Opened): readonly number[] => [
  ...sockets === undefined ? [] : descriptorsOf(sockets),
  ...linkMonitor === undefined ? [] : [linkMonitor],
];

/** Keeps descriptors over execve(2), and tells them to the second run. */
function inherited(opened: Opened): Pick<FirstRun, "sockets" | "linkMonitor"> {
  const { sockets, linkMonitor } = opened;
  for (const fd of descriptorsIn(opened)) fcntl(fd, F_SETFD, 0);
  const descriptors = sockets === undefined ? [] : descriptorsOf(sockets);
  return {
    ...(sockets === undefined ? {} : { sockets: { facts: factsOf(sockets), descriptors } }),
    ...(linkMonitor === undefined ? {} : { linkMonitor }),
  };
}

/** The descriptors of the first run. They are closed on exec again. */
function openedBefore({ sockets, linkMonitor }: FirstRun): Opened {
  for (const fd of [...sockets?.descriptors ?? [], ...(linkMonitor ? [linkMonitor] : [])]) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
  return { sockets: sockets && fromFacts(sockets.facts, sockets.descriptors), linkMonitor };
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
    opened: openedBefore(first),
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
    const rules = callRules(phase, Deno.pid);
    const result = installFilter(assembleFilter(rules, Deno.build.arch));
    if (result === 0) this.#calls = allowedCalls(rules);
    else this.#refusal = result > 0 ? `thread ${result} has another` : errnoName(-result);
  }
}

/**
 * The capabilities to keep. Root without capabilities is bound by the modes of files. The program
 * may be in a folder that only another user may read, and the folder of the control sockets may
 * belong to another user.
 */
function keptFor(
  wanted: readonly CapabilityName[],
  files: readonly string[],
): readonly CapabilityName[] {
  const kept = [...wanted];
  if (!withOnly(wanted, () => files.every(isReadable))) kept.push("dac_read_search");
  if (!isWritable(SOCKET_FOLDER)) kept.push("dac_override");
  return kept;
}

/** Whether this user may make files in a folder without capabilities. */
function isWritable(folder: string): boolean {
  const { uid, mode } = Deno.statSync(folder);
  return ((mode ?? 0) & (uid === Deno.uid() ? 0o200 : 0o002)) !== 0;
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
