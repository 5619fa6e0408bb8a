/**
 * The files that the process of an interface uses, for Landlock.
 * @module
 */
import type { FileAccess, PathRule } from "../linux/landlock.ts";
import { SOCKET_FOLDER } from "./paths.ts";

const READ: readonly FileAccess[] = ["read_file", "read_dir"];
const READ_WRITE: readonly FileAccess[] = ["read_file", "write_file", "ioctl_dev"];

/** The dynamic loaders of the C library, which execve(2) opens. */
const LOADERS = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

/** Where the dynamic loader finds libraries. */
const LIBRARIES = [
  "/lib",
  "/lib64",
  "/usr/lib",
  "/usr/lib64",
  "/usr/local/lib",
];

/**
 * The settings of the C library's look-ups of names, and of libcrypto. Programs replace these files
 * by others, and a rule for a file does not hold for another one of the same name, so the folders
 * are named.
 */
const SETTINGS = [
  "/etc",
  "/run/systemd/resolve",
  "/run/resolvconf",
  "/run/NetworkManager",
  "/run/connman",
];
/** The TCP ports to which it may connect: DNS, for long answers. */
export const OWN_PORTS: readonly number[] = [53];

/**
 * What the runtime and this program read: other processes' public files, limits of the control
 * group, processors.
 */
const FACTS = ["/proc", "/sys/fs/cgroup", "/sys/devices/system", "/dev/urandom"];

/**
 * The rules of an interface's process.
 * @param program the file that is executed
 * @param files what the program is read from
 */
export function ownFiles(program: string, files: readonly string[]): PathRule[] {
  return [
    ...[program, ...LOADERS].map((path) => ({ path, access: ["execute", "read_file"] as const })),
    ...[...files, ...LIBRARIES, ...SETTINGS, ...FACTS].map((path) => ({ path, access: READ })),
    // rdomains have names in a folder of /run that may be made later.
    { path: "/run", access: ["read_dir"] },
    { path: "/proc/sys/net", access: ["read_file", "read_dir", "write_file", "truncate"] },
    { path: "/dev/net/tun", access: READ_WRITE },
    { path: "/dev/null", access: READ_WRITE },
    {
      path: SOCKET_FOLDER,
      access: [...READ, "write_file", "truncate", "make_reg", "make_sock", "remove_file"],
    },
  ];
}
