/**
 * A network namespace that this process keeps alive by being in it or by sockets in it, and whether anybody else still
 * wants it. A kernel's interface would end with its namespace; this is how ours notices that it should.
 * @module
 */
import { identityOf, type NamespaceIdentity, sameNamespace } from "./rdomain.ts";

/** See the module. Only a namespace that had a name is ever given up. */
export class HeldNamespace {
  readonly #identity: NamespaceIdentity;
  /** One of its names, the last one that was seen. */
  #path: string | undefined;

  constructor(identity: NamespaceIdentity) {
    this.#identity = identity;
    this.#path = nameOf(identity);
  }

  /** The name it had; undefined when it never had one. */
  get path(): string | undefined {
    return this.#path;
  }

  /**
   * Whether it had a name and has none any more, and no process is in it but some that do not count. Processes that
   * cannot be looked at count as being in it. Without a name lost this costs one stat(2).
   * @param others processes that do not count, besides this one; asked for when the name is gone
   */
  isAbandoned(others: () => ReadonlySet<number>): boolean {
    if (this.#path === undefined || isName(this.#path, this.#identity)) return false;
    const another = nameOf(this.#identity);
    if (another === undefined) return !hasProcess(this.#identity, others());
    this.#path = another;
    return false;
  }
}

/** Where a namespace is mounted, as this process sees it; undefined when it is nowhere. */
function nameOf({ inode }: NamespaceIdentity): string | undefined {
  const root = `net:[${inode}]`;
  let mounts: string;
  try {
    mounts = Deno.readTextFileSync("/proc/self/mountinfo");
  } catch {
    return undefined;
  }
  for (const line of mounts.split("\n")) {
    // Number, parent, device, root, mount point (proc_pid_mountinfo(5)); blanks are written in octal.
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
    // Only a name that is not there is gone.
    return !(error instanceof Deno.errors.NotFound);
  }
}

function hasProcess({ inode }: NamespaceIdentity, others: ReadonlySet<number>): boolean {
  const link = `net:[${inode}]`;
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^[0-9]+$/.test(name) || Number(name) === Deno.pid || others.has(Number(name))) continue;
      try {
        if (Deno.readLinkSync(`/proc/${name}/ns/net`) === link) return true;
      } catch (error) {
        // Those that ended meanwhile, and zombies, are in none.
        if (!(error instanceof Deno.errors.NotFound) && !isNoSuchProcess(error)) return true;
      }
    }
    return false;
  } catch {
    return true;
  }
}

const isNoSuchProcess = (error: unknown) => (error as { readonly code?: unknown }).code === "ESRCH";
