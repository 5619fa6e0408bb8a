/**
 * A network namespace that this process keeps alive, because the process or its sockets are in it.
 * An interface of the kernel ends with its namespace. The daemon uses this module to find out when
 * nobody else needs the namespace, and ends then.
 * @module
 */
import { identityOf, type NamespaceIdentity, sameNamespace } from "./rdomain.ts";

/**
 * The mark of a process's network namespace: the inode of a file of it in /proc. Reading it
 * requires no rights over the process, unlike /proc/PID/ns/net.
 * @param process a process id, or `thread-self`
 * @throws Deno.errors.NotFound when the process has ended
 */
export const namespaceMark = (process: number | "thread-self"): number =>
  Deno.statSync(`/proc/${process}/net/dev`).ino ?? 0;

/** A namespace that this process keeps alive. Only a namespace that had a name can be abandoned. */
export class HeldNamespace {
  readonly #identity: NamespaceIdentity;
  readonly #mark: number | undefined;
  /** The path of a mount of the namespace, which is its name; undefined when it has none. */
  #path: string | undefined;

  /** @param mark what `namespaceMark` tells in the namespace; without it, it is never abandoned */
  constructor(identity: NamespaceIdentity, mark: number | undefined) {
    this.#mark = mark;
    this.#identity = identity;
    this.#path = nameOf(identity);
  }

  /** The path of the last known name; undefined when the namespace never had one. */
  get path(): string | undefined {
    return this.#path;
  }

  /**
   * Whether the namespace has lost its last name, and no other process is in it. Where processes of
   * others are hidden, one may be in it. While the name exists, this costs one stat(2).
   * @param isOther whether a process does not count, as this one does not
   */
  isAbandoned(isOther: (pid: number) => boolean): boolean {
    if (
      this.#path === undefined || this.#mark === undefined || isName(this.#path, this.#identity)
    ) return false;
    const another = nameOf(this.#identity);
    if (another === undefined) return !hasProcess(this.#mark, isOther);
    this.#path = another;
    return false;
  }
}

/** The path of a mount of a namespace in this process's mount namespace; undefined for none. */
function nameOf({ inode }: NamespaceIdentity): string | undefined {
  const root = `net:[${inode}]`;
  let mounts: string;
  try {
    mounts = Deno.readTextFileSync("/proc/self/mountinfo");
  } catch {
    return undefined;
  }
  for (const line of mounts.split("\n")) {
    // Fields: id, parent, device, root, mount point (proc_pid_mountinfo(5)). Spaces are in octal.
    const fields = line.split(" ");
    if (fields[3] === root) {
      return fields[4].replace(
        /\\([0-7]{3})/g,
        (_, code) => String.fromCharCode(parseInt(code, 8)),
      );
    }
  }
  return undefined;
}

function isName(path: string, identity: NamespaceIdentity): boolean {
  try {
    return sameNamespace(identityOf(path), identity);
  } catch (error) {
    // An error other than NotFound does not prove that the name is gone.
    return !(error instanceof Deno.errors.NotFound);
  }
}

function hasProcess(mark: number, isOther: (pid: number) => boolean): boolean {
  try {
    const found = [...Deno.readDirSync("/proc")].map(({ name }) => name);
    // The option hidepid of /proc hides process 1, too.
    if (!found.includes("1")) return true;
    for (const name of found) {
      if (!/^[0-9]+$/.test(name) || Number(name) === Deno.pid) continue;
      try {
        if (namespaceMark(Number(name)) === mark && !isOther(Number(name))) return true;
      } catch (error) {
        // Processes that have ended, and zombies, are in no namespace.
        const isGone = error instanceof Deno.errors.NotFound ||
          ["ESRCH", "EINVAL"].includes(String((error as { readonly code?: unknown }).code));
        if (!isGone) return true;
      }
    }
    return false;
  } catch {
    return true;
  }
}
