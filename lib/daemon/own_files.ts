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

/** The settings of look-ups of names. They are read whenever they have changed. */
const NAME_SETTINGS = [
  "/etc/resolv.conf",
  "/etc/hosts",
  "/etc/nsswitch.conf",
  "/etc/host.conf",
  "/etc/gai.conf",
];

/**
 * The folders of these settings. A rule for a file is one for its inode: it does not hold for the
 * file that a program puts in its place. A rule for the folder does.
 */
const NAME_FOLDERS = [
  "/run/systemd/resolve",
  "/run/resolvconf",
  "/run/NetworkManager",
  "/run/connman",
];
/** The folder in which there are keys and passwords too. */
const NAME_FOLDER_WITH_SECRETS = "/etc";

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
 * @param looksUpNames whether settings of look-ups can be read also after they were replaced
 */
export function ownFiles(
  program: string,
  files: readonly string[],
  looksUpNames: boolean,
): PathRule[] {
  const names = [...NAME_FOLDERS, ...looksUpNames ? [NAME_FOLDER_WITH_SECRETS] : NAME_SETTINGS];
  return [
    ...[program, ...LOADERS].map((path) => ({ path, access: ["execute", "read_file"] as const })),
    ...[...files, ...LIBRARIES, ...SETTINGS, ...names, ...FACTS].map((path) => ({
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

/**
 * The setting of look-ups that was replaced by a file which this process may not read; undefined
 * when there is none.
 */
export function replacedNameSetting(): string | undefined {
  return NAME_SETTINGS.find((path) => {
    try {
      Deno.openSync(path).close();
      return false;
    } catch (error) {
      return error instanceof Deno.errors.PermissionDenied;
    }
  });
}
