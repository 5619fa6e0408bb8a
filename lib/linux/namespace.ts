/**
 * Network namespaces, and rdomains as network namespaces: rdomain 0 is the one the command was started in, rdomain N is the one named `rdomainN`
 * where ip-netns(8) keeps its names, so `ip netns exec rdomainN` works too.
 *
 * A namespace belongs to a thread (setns(2)). An isolate stays on its thread and nothing asynchronous of the runtime does, so inside `run` only
 * synchronous calls are made, and files of the namespace are read under /proc/thread-self.
 * @module
 */
import { EEXIST, EINVAL, ENOENT, EPERM, osError } from "../base/errno.ts";
import { ConfigError, OsError } from "../base/errors.ts";
import { checked } from "../../ffi/errno.ts";
import * as libc from "../../ffi/libc.ts";
import { mountsAreSeen } from "./mount_namespace.ts";
import { listeningSockets } from "./sockets.ts";
import {
  checkRdomain,
  identityOf,
  namedRdomains,
  type NamespaceIdentity,
  NETNS_DIRECTORY,
  rdomainPath,
  sameNamespace,
  THREAD_NAMESPACE,
} from "./rdomain.ts";
import { RouteSocket } from "./route_socket.ts";

/** ioctl of a namespace's descriptor (include/uapi/linux/nsfs.h). */
const NS_GET_NSTYPE = 0xb703;

/** Of the folder of the names: everybody may look into it. */
const DIRECTORY_MODE = 0o755;

/** Links that the kernel itself puts into new namespaces when the tunnel's module is loaded. */
const FALLBACK_LINKS = new Set([
  "lo",
  "tunl0",
  "gre0",
  "gretap0",
  "erspan0",
  "ip_vti0",
  "ip6_vti0",
  "sit0",
  "ip6tnl0",
  "ip6gre0",
]);

/** A network namespace, held open by a descriptor: it lives at least as long. */
export class NetNamespace {
  readonly identity: NamespaceIdentity;
  #closed = false;

  private constructor(readonly fd: number, readonly name: string) {
    try {
      if (libc.ioctl(fd, NS_GET_NSTYPE, 0) !== libc.CLONE_NEWNET) {
        throw osError("setns", name, EINVAL);
      }
      this.identity = identityOf(`/proc/thread-self/fd/${fd}`);
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  /** The one the calling thread is in: rdomain 0, outside `run`. */
  static current(): NetNamespace {
    return NetNamespace.#open(THREAD_NAMESPACE, "network namespace");
  }

  /** The one at a path: a name of ip-netns(8), /proc/PID/ns/net, /proc/PID/fd/N. @throws OsError */
  static atPath(path: string): NetNamespace {
    return NetNamespace.#open(path, path);
  }

  /** The one behind a descriptor, which it takes over. @throws OsError */
  static ofDescriptor(fd: number): NetNamespace {
    return new NetNamespace(fd, "network namespace");
  }

  /**
   * rdomain `n`. With `create` it is made when it does not exist: named, its loopback interface up.
   * @throws ConfigError when `n` is not 0 to RDOMAIN_MAX, and for one to be made whose name only this mount namespace would see
   * @throws OsError ENOENT when it does not exist; EACCES, EPERM where the user may not
   */
  static rdomain(n: number, options: { readonly create?: boolean } = {}): NetNamespace {
    checkRdomain(n);
    if (n === 0) return NetNamespace.current();
    const path = rdomainPath(n);
    try {
      return NetNamespace.#open(path, `rdomain ${n}`);
    } catch (error) {
      // A file without a namespace on it is the rest of a creation that was cut short, or one going on.
      const absent = error instanceof OsError && (error.errno === ENOENT || error.errno === EINVAL);
      if (options.create !== true || !absent) throw error;
    }
    requireSeenNames(n);
    return underLock(() => NetNamespace.#openOrCreate(n));
  }

  /**
   * Makes rdomain `n` when it does not exist and runs `fn` before anybody can take it away again for being empty: put into it what keeps it.
   * In `fn` no rdomain may be made or removed.
   * @returns what `fn` returned
   * @throws as `rdomain`; what `fn` throws
   */
  static occupy<T>(n: number, fn: (namespace: NetNamespace) => T): T {
    checkRdomain(n);
    if (n === 0) {
      using here = NetNamespace.current();
      return synchronous(fn(here));
    }
    if (!isNamespace(rdomainPath(n))) requireSeenNames(n);
    let made = false;
    try {
      return underLock(() => {
        made = !isNamespace(rdomainPath(n));
        using namespace = NetNamespace.#openOrCreate(n);
        return synchronous(fn(namespace));
      });
    } catch (error) {
      if (made) removeRdomainIfEmpty(n);
      throw error;
    }
  }

  static #openOrCreate(n: number): NetNamespace {
    try {
      createNamed(rdomainPath(n), n);
    } catch (error) {
      throw withReason(error, `rdomain ${n}`);
    }
    return NetNamespace.#open(rdomainPath(n), `rdomain ${n}`);
  }

  static #open(path: string, name: string): NetNamespace {
    return new NetNamespace(
      checked(libc.open(path, libc.O_RDONLY | libc.O_CLOEXEC), "open", name),
      name,
    );
  }

  /**
   * Runs a synchronous function in the namespace and comes back, whatever happens.
   * @returns what it returned
   * @throws OsError when the namespace cannot be entered; what `fn` throws
   */
  run<T>(fn: () => T): T {
    // Even one's own namespace cannot be entered without privileges, and need not be.
    if (sameNamespace(identityOf(THREAD_NAMESPACE), this.identity)) return synchronous(fn());
    const back = checked(
      libc.open(THREAD_NAMESPACE, libc.O_RDONLY | libc.O_CLOEXEC),
      "open",
      THREAD_NAMESPACE,
    );
    try {
      enter(this.fd, this.name);
      try {
        return synchronous(fn());
      } finally {
        returnTo(back);
      }
    } finally {
      libc.close(back);
    }
  }

  /** Lets go of it. Harmless the second time. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    libc.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Takes the name of rdomain `n` away when nothing is left in it: no link but the kernel's own, no socket that listens. The namespace ends with
 * the last process or descriptor in it. Close your own sockets there first.
 * @returns whether it was removed
 * @throws OsError
 */
export function removeRdomainIfEmpty(n: number): boolean {
  checkRdomain(n);
  if (n === 0 || !namedRdomains().includes(n)) return false;
  return underLock(() => {
    const path = rdomainPath(n);
    let namespace: NetNamespace;
    try {
      namespace = NetNamespace.atPath(path);
    } catch (error) {
      if (error instanceof OsError && error.errno === ENOENT) return false;
      throw error;
    }
    using held = namespace;
    using routes = RouteSocket.open(held);
    if (!routes.links().every((link) => FALLBACK_LINKS.has(link.name))) return false;
    if (listeningSockets(held).length > 0) return false;
    checked(libc.umount2(path, libc.MNT_DETACH), "umount", path);
    checked(libc.unlink(path), "unlink", path);
    return true;
  });
}

function synchronous<T>(result: T): T {
  if (result instanceof Promise) {
    throw new TypeError("a function that runs in a namespace must be synchronous");
  }
  return result;
}

function enter(fd: number, name: string): void {
  try {
    checked(libc.setns(fd, libc.CLONE_NEWNET), "setns", name);
  } catch (error) {
    throw withReason(error, name);
  }
}

/** Containers often leave root without this capability; the rest of the program does not need it. */
function withReason(error: unknown, object: string): unknown {
  if (!(error instanceof OsError) || error.errno !== EPERM) return error;
  return osError(error.call, object, EPERM, "rdomains need the capability CAP_SYS_ADMIN");
}

function returnTo(fd: number): void {
  checked(libc.setns(fd, libc.CLONE_NEWNET), "setns", "the namespace it came from");
}

/** Runs `fn` while no other process makes or removes names; ip(8) takes the same lock. */
function underLock<T>(fn: () => T): T {
  makeDirectory();
  const flags = libc.O_RDONLY | libc.O_CLOEXEC;
  const lock = checked(libc.open(NETNS_DIRECTORY, flags), "open", NETNS_DIRECTORY);
  try {
    checked(libc.flock(lock, libc.LOCK_EX), "flock", NETNS_DIRECTORY);
    return fn();
  } finally {
    libc.close(lock);
  }
}

/** What is made here has its mode whatever the umask; a folder that was there is left as it is. */
function makeDirectory(): void {
  const made = libc.mkdir(NETNS_DIRECTORY, DIRECTORY_MODE);
  if (made === -EEXIST) return;
  checked(made, "mkdir", NETNS_DIRECTORY);
  checked(libc.chmod(NETNS_DIRECTORY, DIRECTORY_MODE), "chmod", NETNS_DIRECTORY);
}

/** @throws ConfigError when a name made now would be seen only in the mount namespace of this command */
function requireSeenNames(n: number): void {
  if (mountsAreSeen(existingOf(NETNS_DIRECTORY))) return;
  throw new ConfigError(
    `rdomain ${n}`,
    "the rdomain does not exist, and this command runs in its own mount namespace (as `ip netns " +
      "exec` does), where no other process would see its name; create the rdomain outside, or " +
      "enter the namespace with nsenter --net=/run/netns/NAME",
  );
}

/** The folder, or the nearest one above it that exists. */
function existingOf(folder: string): string {
  try {
    Deno.statSync(folder);
    return folder;
  } catch {
    return folder === "/" ? folder : existingOf(folder.slice(0, folder.lastIndexOf("/")) || "/");
  }
}

/** Mounts made in the directory are seen by other mount namespaces, as ip-netns(8) has it. */
function shareDirectory(): void {
  const share = () => libc.mount("", NETNS_DIRECTORY, "none", libc.MS_SHARED | libc.MS_REC);
  const shared = share();
  if (shared === -EINVAL) {
    checked(
      libc.mount(NETNS_DIRECTORY, NETNS_DIRECTORY, "none", libc.MS_BIND | libc.MS_REC),
      "mount",
      NETNS_DIRECTORY,
    );
    checked(share(), "mount", NETNS_DIRECTORY);
  } else checked(shared, "mount", NETNS_DIRECTORY);
}

function createNamed(path: string, n: number): void {
  // Somebody else may have made it before the lock was ours.
  if (isNamespace(path)) return;
  // A file that is left of an earlier name may still be a mount in another mount namespace: unlinking it ends that.
  libc.unlink(path);
  shareDirectory();
  const flags = libc.O_RDONLY | libc.O_CREAT | libc.O_CLOEXEC;
  libc.close(checked(libc.open(path, flags, 0), "open", path));
  const back = checked(
    libc.open(THREAD_NAMESPACE, libc.O_RDONLY | libc.O_CLOEXEC),
    "open",
    THREAD_NAMESPACE,
  );
  try {
    checked(libc.unshare(libc.CLONE_NEWNET), "unshare", `rdomain ${n}`);
    try {
      using routes = RouteSocket.open();
      routes.setLink(routes.requireLink("lo").index, { up: true });
      checked(libc.mount(THREAD_NAMESPACE, path, "none", libc.MS_BIND), "mount", path);
    } finally {
      returnTo(back);
    }
  } catch (error) {
    libc.unlink(path);
    throw error;
  } finally {
    libc.close(back);
  }
}

function isNamespace(path: string): boolean {
  try {
    NetNamespace.atPath(path).close();
    return true;
  } catch {
    return false;
  }
}
