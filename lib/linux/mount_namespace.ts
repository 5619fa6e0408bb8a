/**
 * Checks whether a mount in a folder is visible to all processes that see the folder.
 *
 * The name of an rdomain is a bind mount. A mount is visible in one mount namespace and in those
 * that it propagates to. `ip netns exec` and systemd's sandboxes run commands in a copy of the
 * mount namespace, from which mounts do not propagate. Other processes would see an empty file in
 * place of the name, and could give the name to another network namespace.
 *
 * The kernel does not list the mount namespaces that see a folder. The check uses those of the
 * process's ancestors and of process 1, because one of them made the copy. It only reads files of
 * /proc.
 * @module
 */
import { namespaceOf } from "./process_facts.ts";

/** The most ancestors that are checked. */
const ANCESTORS_MAX = 64;

/** A mount of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly point: string;
  /** The peer group. A mount propagates to all mounts of the group and to their slaves. */
  readonly shared: number | undefined;
  /** The peer group from which this mount, a slave, receives mounts. */
  readonly master: number | undefined;
}

/** The mounts of a mountinfo file. Malformed lines are left out. */
function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n")) {
    const [, , , , point, , ...rest] = line.split(" ");
    const end = rest.indexOf("-");
    if (point === undefined || end < 0) continue;
    const group = (name: string) => {
      const field = rest.slice(0, end).find((one) => one.startsWith(`${name}:`));
      return field === undefined ? undefined : Number(field.slice(name.length + 1));
    };
    mounts.push({
      // Spaces, tabs, newlines and backslashes are in octal.
      point: point.replace(
        /\\([0-7]{3})/g,
        (_, digits: string) => String.fromCharCode(parseInt(digits, 8)),
      ),
      shared: group("shared"),
      master: group("master"),
    });
  }
  return mounts;
}

/** The mount that contains a path: the one with the longest mount point, and of these the last. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const leads = mount.point === "/" || mount.point === path || path.startsWith(`${mount.point}/`);
    if (leads && (found === undefined || mount.point.length >= found.point.length)) found = mount;
  }
  return found;
}

/**
 * Whether a mount in the folder is visible to all ancestors of this process that see the folder.
 * Ancestors in another user namespace do not count, nor do those whose files cannot be read.
 * @param folder a folder that exists
 * @param mountinfo the mountinfo of this process
 */
export function mountsAreSeen(
  folder: string,
  mountinfo = readOr("/proc/self/mountinfo", ""),
): boolean {
  const own = { mounts: namespaceOf("self", "mnt"), users: namespaceOf("self", "user") };
  const here = identity(folder);
  const group = mountOf(folder, parseMountinfo(mountinfo))?.shared;
  if (own.mounts === undefined || here === undefined) return true;
  const asked = new Set([own.mounts]);
  for (const pid of ancestors()) {
    const mounts = namespaceOf(pid, "mnt");
    if (mounts === undefined || asked.has(mounts) || namespaceOf(pid, "user") !== own.users) {
      continue;
    }
    asked.add(mounts);
    if (identity(`/proc/${pid}/root${folder}`) !== here) continue;
    const receives = (mount: Mount) =>
      group !== undefined && (mount.shared === group || mount.master === group);
    if (!parseMountinfo(readOr(`/proc/${pid}/mountinfo`, "")).some(receives)) return false;
  }
  return true;
}

/** The ancestors of this process, and process 1. After setns(2) a process may have no ancestor. */
function ancestors(): number[] {
  const found: number[] = [];
  for (let pid = Deno.ppid; pid > 1 && found.length < ANCESTORS_MAX;) {
    found.push(pid);
    const parent = /^PPid:\s*([0-9]+)$/m.exec(readOr(`/proc/${pid}/status`, ""))?.[1];
    pid = Number(parent ?? "0");
  }
  return [...found, 1];
}

function readOr(path: string, otherwise: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return otherwise;
  }
}

/** The device and inode of a folder; undefined when it cannot be read. */
function identity(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
