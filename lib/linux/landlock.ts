/**
 * Restricts which files a process may use (landlock(7), include/uapi/linux/landlock.h). Files that
 * no rule names cannot be opened, made or removed; reading their attributes is still possible, and
 * so is connecting to a socket. TCP besides some ports, abstract sockets of other processes and
 * signals to them are forbidden where the kernel can.
 * @module
 */
import { osError } from "../base/errno.ts";
import { checked } from "../../ffi/errno.ts";
import {
  addPathRule,
  addPortRule,
  createRuleset,
  landlockVersion,
  restrictSelf,
} from "../../ffi/confinement.ts";
import * as libc from "../../ffi/libc.ts";

/** LANDLOCK_ACCESS_FS_*, with the version of Landlock that has it. */
const ACCESS = {
  execute: [0, 1],
  write_file: [1, 1],
  read_file: [2, 1],
  read_dir: [3, 1],
  remove_dir: [4, 1],
  remove_file: [5, 1],
  make_char: [6, 1],
  make_dir: [7, 1],
  make_reg: [8, 1],
  make_sock: [9, 1],
  make_fifo: [10, 1],
  make_block: [11, 1],
  make_sym: [12, 1],
  refer: [13, 2],
  truncate: [14, 3],
  ioctl_dev: [15, 5],
} as const;

/** A right over files. */
export type FileAccess = keyof typeof ACCESS;

/** The rights that a file that is no folder can have. */
const OF_FILES: readonly FileAccess[] = [
  "execute",
  "write_file",
  "read_file",
  "truncate",
  "ioctl_dev",
];

/** The versions that have access_net, and scoped. */
const NET_VERSION = 4;
const SCOPED_VERSION = 6;
/** BIND_TCP and CONNECT_TCP; ABSTRACT_UNIX_SOCKET and SIGNAL. */
const NET_ALL = 3n;
const CONNECT_TCP = 2n;
const SCOPED_ALL = 3n;

/** Bytes of struct landlock_path_beneath_attr, which is packed. */
const PATH_RULE_BYTES = 12;
const O_PATH = 0o10000000;

/** The rights to a path: a file, or a folder with all that is in it. */
export interface PathRule {
  readonly path: string;
  readonly access: readonly FileAccess[];
}

const bits = (access: readonly FileAccess[], version: number): bigint =>
  access.reduce((set, name) => {
    const [bit, since] = ACCESS[name];
    return since <= version ? set | 1n << BigInt(bit) : set;
  }, 0n);

/** A struct landlock_ruleset_attr that restricts all that a version of Landlock can. */
export function rulesetAttributes(version: number): Uint8Array<ArrayBuffer> {
  const fields = [bits(Object.keys(ACCESS) as FileAccess[], version)];
  if (version >= NET_VERSION) fields.push(NET_ALL);
  if (version >= SCOPED_VERSION) fields.push(SCOPED_ALL);
  return new Uint8Array(BigUint64Array.from(fields).buffer);
}

/**
 * A struct landlock_path_beneath_attr.
 * @param isFolder a file that is no folder gets only the rights that it can have
 */
export function pathRule(
  access: readonly FileAccess[],
  descriptor: number,
  isFolder: boolean,
  version: number,
): Uint8Array<ArrayBuffer> {
  const possible = isFolder ? access : access.filter((name) => OF_FILES.includes(name));
  const rule = new Uint8Array(PATH_RULE_BYTES);
  const view = new DataView(rule.buffer);
  view.setBigUint64(0, bits(possible, version), true);
  view.setInt32(8, descriptor, true);
  return rule;
}

/** A struct landlock_net_port_attr that allows connections to a TCP port. */
export const portRule = (port: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(BigUint64Array.of(CONNECT_TCP, BigInt(port)).buffer);

/**
 * Restricts the calling thread, its later threads, and the program that it executes. Paths that do
 * not exist are left out. It needs no_new_privs.
 * @param ports the TCP ports to which it may connect
 * @returns the version of Landlock
 * @throws OsError ENOSYS or EOPNOTSUPP on a kernel without Landlock; nothing is restricted then
 */
export function restrictFiles(rules: readonly PathRule[], ports: readonly number[]): number {
  const version = landlockVersion();
  if (version < 0) throw osError("landlock_create_ruleset", "landlock", -version);
  const ruleset = checked(
    createRuleset(rulesetAttributes(version)),
    "landlock_create_ruleset",
    "landlock",
  );
  try {
    for (const rule of rules) addRule(ruleset, rule, version);
    for (const port of version >= NET_VERSION ? ports : []) {
      checked(addPortRule(ruleset, portRule(port)), "landlock_add_rule", `port ${port}`);
    }
    checked(restrictSelf(ruleset), "landlock_restrict_self", "landlock");
    return version;
  } finally {
    libc.close(ruleset);
  }
}

function addRule(ruleset: number, { path, access }: PathRule, version: number): void {
  const descriptor = libc.open(path, O_PATH | libc.O_CLOEXEC);
  if (descriptor < 0) return;
  try {
    const isFolder = Deno.statSync(`/proc/thread-self/fd/${descriptor}`).isDirectory;
    const rule = pathRule(access, descriptor, isFolder, version);
    checked(addPathRule(ruleset, rule), "landlock_add_rule", path);
  } finally {
    libc.close(descriptor);
  }
}
