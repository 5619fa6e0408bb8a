/**
 * Whether a name that is mounted in a folder is seen by everybody who sees the folder.
 *
 * The name of an rdomain is a bind mount, and a mount is seen in one mount namespace and in those
 * that it propagates to. `ip netns exec` and systemd's sandboxes run commands in a copy of the
 * mount namespace, in which the folder is the same and new mounts stay. Others would see an empty
 * file there, and could give the same name to another network namespace.
 *
 * The mount namespaces that see the folder cannot be listed. Those of the command's ancestors and
 * of process 1 tell: one of them made the copy. Only files of /proc are read.
 * @module
 */

/** Ancestors that are looked at, at most. */
const ANCESTORS_MAX = 64;

/** A mount as /proc/PID/mountinfo has it (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly point: string;
  /**
   * The peer groups: what is mounted in a `shared` one goes to all of the group, and to its slaves
   * (`master`).
   */
  readonly shared: number | undefined;
  readonly master: number | undefined;
}

/** Reads /proc/PID/mountinfo; lines that are not understood are left out. */
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
      // Space, tab, newline and backslash are written in octal.
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

/**
 * The mount that a path lies in: of those whose point leads to it the longest, of equal ones the
 * last.
 */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const leads = mount.point === "/" || mount.point === path || path.startsWith(`${mount.point}/`);
    if (leads && (found === undefined || mount.point.length >= found.point.length)) found = mount;
  }
  return found;
}

/**
 * Whether what this process mounts in the folder is seen by its ancestors, as far as they see the
 * folder at all. Ancestors in another user namespace do not count, nor do those that may not be
 * looked at.
 * @param folder one that exists
 * @param mountinfo of this process
 */
export function mountsAreSeen(
  folder: string,
  mountinfo = readOr("/proc/self/mountinfo", ""),
): boolean {
  const own = { mounts: linkOf("self", "mnt"), users: linkOf("self", "user") };
  const here = identity(folder);
  const group = mountOf(folder, parseMountinfo(mountinfo))?.shared;
  if (own.mounts === undefined || here === undefined) return true;
  const asked = new Set([own.mounts]);
  for (const pid of ancestors()) {
    const mounts = linkOf(pid, "mnt");
    if (mounts === undefined || asked.has(mounts) || linkOf(pid, "user") !== own.users) continue;
    asked.add(mounts);
    if (identity(`/proc/${pid}/root${folder}`) !== here) continue;
    const receives = (mount: Mount) =>
      group !== undefined && (mount.shared === group || mount.master === group);
    if (!parseMountinfo(readOr(`/proc/${pid}/mountinfo`, "")).some(receives)) return false;
  }
  return true;
}

/**
 * The process' ancestors, and process 1: a command that was sent into a process namespace has no
 * ancestor there.
 */
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

function linkOf(pid: number | "self", kind: string): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}

/** Device and inode of a folder; undefined when it may not be looked at. */
function identity(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
