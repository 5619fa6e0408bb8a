/**
 * System calls by which a process gives up rights: capabilities(7), prctl(2), seccomp(2),
 * landlock(7). Capabilities and Landlock are of the calling thread; threads that it
 * starts, and a program that it executes, have no more than it has.
 * @module
 */
import { sockFprog } from "./bpf.ts";
import { call } from "./libc.ts";

/** _LINUX_CAPABILITY_VERSION_3, whose sets have 64 bits in two halves. */
const CAPABILITY_VERSION = 0x20080522;

/** The capability sets of a thread, as bits: bit N is the capability with the number N. */
export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

/** The header for the calling thread. */
const capabilityHeader = () =>
  new Uint8Array(Uint32Array.of(CAPABILITY_VERSION, 0).buffer) as Uint8Array;

/** capset(2), of the calling thread. Returns 0 or a negated errno. */
export function capset(sets: CapabilitySets): number {
  const order = [sets.effective, sets.permitted, sets.inheritable];
  const halves = [0n, 32n].flatMap((shift) =>
    order.map((set) => Number(set >> shift & 0xffff_ffffn))
  );
  return call("capset", capabilityHeader(), new Uint8Array(Uint32Array.from(halves).buffer));
}

/** capget(2), of the calling thread; undefined when the kernel refuses. */
export function capget(): CapabilitySets | undefined {
  const halves = new Uint32Array(6);
  if (call("capget", capabilityHeader(), new Uint8Array(halves.buffer)) < 0) return undefined;
  const set = (at: number) => BigInt(halves[at]) | BigInt(halves[at + 3]) << 32n;
  return { effective: set(0), permitted: set(1), inheritable: set(2) };
}

const PR_SET_DUMPABLE = 4;
const PR_CAPBSET_DROP = 24;
const PR_GET_SECUREBITS = 27;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_GET_NO_NEW_PRIVS = 39;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;

/**
 * Takes a capability out of the bounding set. Returns 0, -EINVAL for a number that the kernel does
 * not know, -EPERM without CAP_SETPCAP.
 */
export const dropBounding = (capability: number): number =>
  call("prctl", PR_CAPBSET_DROP, capability);

/** Adds a capability, which must be permitted and inheritable, to the ambient set. */
export const raiseAmbient = (capability: number): number =>
  call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);

/** Whether execve(2) gives root no capabilities (SECBIT_NOROOT). */
export const rootIsOrdinary = (): boolean => (call("prctl", PR_GET_SECUREBITS) & 1) !== 0;

/** Set-user-ID bits and file capabilities give nothing to this thread any more. Returns 0. */
export const setNoNewPrivileges = (): number => call("prctl", PR_SET_NO_NEW_PRIVS, 1);

/** Whether set-user-ID bits and file capabilities give nothing to this thread. */
export const hasNoNewPrivileges = (): boolean => call("prctl", PR_GET_NO_NEW_PRIVS) === 1;

/**
 * Sets whether others with the same user id may read the memory of this process, and whether it
 * leaves core dumps. execve(2) sets it again.
 */
export const setDumpable = (on: boolean): number => call("prctl", PR_SET_DUMPABLE, on ? 1 : 0);

const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;

/**
 * Installs a filter of system calls for all threads of this process. It needs no_new_privs, which
 * it also sets for the other threads.
 * @param program struct sock_filter[], in the byte order of this machine
 * @returns 0; the id of a thread that has another filter; or a negated errno
 */
export function installFilter(program: Uint8Array): number {
  const fprog = sockFprog(program);
  return call("seccomp", SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, fprog, program);
}

const LANDLOCK_CREATE_RULESET_VERSION = 1;
const LANDLOCK_RULE_PATH_BENEATH = 1;
const LANDLOCK_RULE_NET_PORT = 2;

/** The version of Landlock in the kernel, 1 or more; -ENOSYS or -EOPNOTSUPP without Landlock. */
export const landlockVersion = (): number =>
  call("landlock_create_ruleset", null, 0, LANDLOCK_CREATE_RULESET_VERSION);

/** Makes a ruleset of a struct landlock_ruleset_attr. Returns a descriptor. */
export const createRuleset = (attributes: Uint8Array): number =>
  call("landlock_create_ruleset", attributes, attributes.length, 0);

/** Adds a struct landlock_path_beneath_attr to a ruleset. Returns 0. */
export const addPathRule = (ruleset: number, rule: Uint8Array): number =>
  call("landlock_add_rule", ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0);

/** Adds a struct landlock_net_port_attr to a ruleset. Returns 0. */
export const addPortRule = (ruleset: number, rule: Uint8Array): number =>
  call("landlock_add_rule", ruleset, LANDLOCK_RULE_NET_PORT, rule, 0);

/** Restricts the calling thread by a ruleset. It needs no_new_privs. Returns 0. */
export const restrictSelf = (ruleset: number): number => call("landlock_restrict_self", ruleset, 0);
