/**
 * Control groups (cgroups(7)): of which service of systemd a process is, and how another process
 * gets into the same groups.
 * @module
 */
import { onFile } from "./file_error.ts";

/** A group of a process: a line of /proc/PID/cgroup. */
interface Group {
  /** The controllers of the hierarchy, as `name=systemd`; empty for that of cgroup v2. */
  readonly controllers: string;
  /** The path, as this process sees it. */
  readonly path: string;
}

/** Where a hierarchy is mounted. */
interface Hierarchy {
  /** The options of the mount, with the controllers among them; one empty word for cgroup v2. */
  readonly options: readonly string[];
  /** The group that is at the mount point. */
  readonly root: string;
  readonly point: string;
}

/**
 * The service of the system's manager that a process belongs to, such as `wg@wg0.service`;
 * undefined for none. Services of users and of containers' programs are none.
 */
export function systemServiceOf(pid: number): string | undefined {
  for (const { controllers, path } of groupsOf(readOr(`/proc/${pid}/cgroup`))) {
    if (controllers !== "" && controllers !== "name=systemd") continue;
    const name = /\/([^/]+\.service)$/.exec(path)?.[1];
    if (name !== undefined && !/\/user@[^/]*\.service\//.test(path)) return name;
  }
  return undefined;
}

/**
 * Moves this process into the groups of another one, in every hierarchy that is mounted. Processes
 * that this one starts afterwards are there too.
 * @throws OsError if a group cannot be joined; this process may have joined others
 */
export function joinGroupsOf(pid: number): void {
  const own = new Map(groupsOf(readOr("/proc/self/cgroup")).map((one) => [one.controllers, one]));
  const hierarchies = hierarchiesIn(readOr("/proc/self/mountinfo"));
  for (const { controllers, path } of groupsOf(readOr(`/proc/${pid}/cgroup`))) {
    if (own.get(controllers)?.path === path) continue;
    const words = controllers.split(",");
    const folder = folderOf(
      path,
      hierarchies.filter(({ options }) => words.every((word) => options.includes(word))),
    );
    if (folder === undefined) continue;
    const file = `${folder}/cgroup.procs`;
    onFile("write", file, () => Deno.writeTextFileSync(file, `${Deno.pid}`, { create: false }));
  }
}

/** The lines of /proc/PID/cgroup. */
function groupsOf(text: string): Group[] {
  return text.split("\n").flatMap((line) => {
    const [, controllers, path] = /^[0-9]+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return path === undefined ? [] : [{ controllers, path }];
  });
}

/** The hierarchies in a mountinfo file (proc_pid_mountinfo(5)). */
function hierarchiesIn(text: string): Hierarchy[] {
  return text.split("\n").flatMap((line): Hierarchy[] => {
    const [before, after] = line.split(" - ");
    const [, , , root, point] = before.split(" ");
    const [type, , options] = after?.split(" ") ?? [];
    if (type === "cgroup2") return [{ options: [""], root, point }];
    return type === "cgroup" ? [{ options: options.split(","), root, point }] : [];
  });
}

/** The folder of a group; undefined if no mount has it. */
function folderOf(path: string, mounted: readonly Hierarchy[]): string | undefined {
  for (const { root, point } of mounted) {
    const base = root === "/" ? "" : root;
    if (path === base || path.startsWith(`${base}/`)) return point + path.slice(base.length);
  }
  return undefined;
}

function readOr(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
