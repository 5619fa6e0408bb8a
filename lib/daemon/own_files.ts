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

/** The settings of the dynamic loader, the C library and libcrypto, which are read at the start. */
const SETTINGS = [
  "/etc/ld.so.cache",
  "/etc/ld.so.preload",
  "/etc/localtime",
  "/etc/ssl/openssl.cnf",
  "/etc/pki/tls/openssl.cnf",
  "/etc/crypto-policies",
];

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
export function ownFiles(
  program: string,
  files: readonly string[],
): PathRule[] {
  return [
    ...[program, ...LOADERS].map((path) => ({ path, access: ["execute", "read_file"] as const })),
    ...[...files, ...LIBRARIES, ...SETTINGS, ...FACTS].map((path) => ({
      path,
      access: READ,
    })),
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
