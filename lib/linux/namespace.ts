/**
 * Network namespaces, and rdomains. rdomain 0 is the namespace that the command was started in.
 * rdomain N is the namespace with the name `rdomainN` of ip-netns(8), so `ip netns exec rdomainN`
 * works too.
 *
 * setns(2) changes the namespace of one thread. Asynchronous calls of the runtime use other
 * threads. So functions in `run` are synchronous, and read files of the namespace in
 * /proc/thread-self.
 * @module
 */
import { EEXIST, EINVAL, ENOENT, ENOSYS, ENOTTY, EPERM, osError } from "../base/errno.ts";
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

/** The mode of the folder of names, which all users may read. */
const DIRECTORY_MODE = 0o755;

/** The links that the kernel adds to new namespaces, some of them when a module is loaded. */
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

/** A network namespace. It exists at least until this descriptor of it is closed. */
export class NetNamespace {
  readonly identity: NamespaceIdentity;
  #closed = false;

  private constructor(readonly fd: number, readonly name: string) {
    try {
      this.identity = identityOf(`/proc/thread-self/fd/${fd}`);
      if (!isNetNamespace(libc.ioctl(fd, NS_GET_NSTYPE, 0), this.identity)) {
        throw osError("setns", name, EINVAL);
      }
    } catch (error) {
      libc.close(fd);
      throw error;
    }
  }

  /** Opens the calling thread's namespace, which is rdomain 0 outside of `run`. */
  static current(): NetNamespace {
    return NetNamespace.#open(THREAD_NAMESPACE, "network namespace");
  }

  /** Opens the namespace at a path: /run/netns/NAME, /proc/PID/ns/net. @throws OsError */
  static atPath(path: string): NetNamespace {
    return NetNamespace.#open(path, path);
  }

  /** The namespace of a descriptor, which `close` closes. @throws OsError */
  static ofDescriptor(fd: number): NetNamespace {
    return new NetNamespace(fd, "network namespace");
  }

  /**
   * Opens rdomain `n`. With `create` it is made when it does not exist, with a name and its
   * loopback interface up.
   * @throws ConfigError when `n` is out of range, or the name of a new rdomain would be visible in
   *   this mount namespace only
   * @throws OsError ENOENT when it does not exist; EACCES or EPERM when the user lacks privileges
   */
  static rdomain(n: number, options: { readonly create?: boolean } = {}): NetNamespace {
    checkRdomain(n);
    if (n === 0) return NetNamespace.current();
    const path = rdomainPath(n);
    try {
      return NetNamespace.#open(path, `rdomain ${n}`);
    } catch (error) {
      // A file without a namespace is left by an interrupted creation, or by one that goes on.
      const absent = error instanceof OsError && (error.errno === ENOENT || error.errno === EINVAL);
      if (options.create !== true || !absent) throw error;
    }
    requireSeenNames(n);
    return underLock(() => NetNamespace.#openOrCreate(n));
  }

  /**
   * Makes rdomain `n` if it does not exist, and runs `fn` before another process can remove it for
   * being empty. `fn` adds what is to stay in the rdomain. It must not make or remove rdomains.
   * @returns the result of `fn`
   * @throws as `rdomain`, and what `fn` throws
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

  /** Another descriptor of the same namespace. */
  copy(): NetNamespace {
    return NetNamespace.#open(`/proc/thread-self/fd/${this.fd}`, this.name);
  }

  /**
   * Runs a synchronous function in the namespace, and returns to the thread's own namespace.
   * @returns the result of `fn`
   * @throws OsError when the namespace cannot be entered, and what `fn` throws
   */
  run<T>(fn: () => T): T {
    // setns(2) needs privileges, also for the thread's own namespace.
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

  /** Closes the descriptor. Further calls do nothing. */
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
 * Removes the name of rdomain `n` if the rdomain has neither links besides the kernel's own nor
 * listening sockets. Close your own sockets in it first. The namespace ends when the last process
 * has left it and the last descriptor of it is closed.
 * @returns whether the name was removed
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

/**
 * Whether a descriptor is one of a network namespace. Emulators of user programs (qemu-user) do not
 * have the ioctl. There a file of the file system of namespaces is taken for one, and setns(2)
 * checks the kind.
 * @param type the result of NS_GET_NSTYPE
 */
function isNetNamespace(type: number, identity: NamespaceIdentity): boolean {
  if (type !== -ENOTTY && type !== -ENOSYS) return type === libc.CLONE_NEWNET;
  return identity.device === identityOf(THREAD_NAMESPACE).device;
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

/** Adds the required capability to an EPERM. In containers root often lacks it. */
function withReason(error: unknown, object: string): unknown {
  if (!(error instanceof OsError) || error.errno !== EPERM) return error;
  return osError(error.call, object, EPERM, "rdomains need the capability CAP_SYS_ADMIN");
}

function returnTo(fd: number): void {
  checked(libc.setns(fd, libc.CLONE_NEWNET), "setns", "the namespace it came from");
}

/** Runs `fn` with the lock that ip(8) also uses when it makes or removes names. */
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

/** Makes the folder of names, with DIRECTORY_MODE whatever the umask is, unless it exists. */
function makeDirectory(): void {
  const made = libc.mkdir(NETNS_DIRECTORY, DIRECTORY_MODE);
  if (made === -EEXIST) return;
  checked(made, "mkdir", NETNS_DIRECTORY);
  checked(libc.chmod(NETNS_DIRECTORY, DIRECTORY_MODE), "chmod", NETNS_DIRECTORY);
}

/**
 * @throws ConfigError when a new name would be visible in the mount namespace of this command only
 */
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

/** Makes mounts in the folder propagate to other mount namespaces, as ip-netns(8) does. */
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
  // Another process may have made it before this one got the lock.
  if (isNamespace(path)) return;
  // An old file may still be a mount in another mount namespace. Unlinking it removes that mount.
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
