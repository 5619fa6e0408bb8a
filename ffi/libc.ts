/**
 * System calls for everything but packets (those are ffi/packet_io.ts): descriptors, sockets,
 * namespaces, signals, processes.
 *
 * All of them are made by one symbol, glibc's syscall(2), through `Deno.UnsafeFnPointer`. Opening
 * it takes 0.5 ms. Functions opened by `Deno.dlopen` would take 1.2 ms for the first and 0.3 ms for
 * each other one. A call takes 3 us, which is fast enough here. The system call numbers are those
 * of x86_64 and aarch64. On both, variadic functions are called like others, and the structures of
 * ffi/structs.ts are the same.
 *
 * Functions return the kernel's result: 0 or more, or a negated errno. `checked` of errno.ts throws
 * the latter as an OsError. A call that a signal interrupts (EINTR) is repeated, except `poll` and
 * `close`.
 * @module
 */
import { EINTR, EIO } from "../lib/base/errno.ts";
import { ERRNO_MAX } from "./errno.ts";
import { cString, timespec } from "./structs.ts";

/** System call numbers (asm/unistd_64.h; asm-generic/unistd.h). */
export const SYSTEM_CALLS = {
  close: [3, 57],
  ioctl: [16, 29],
  socket: [41, 198],
  connect: [42, 203],
  sendto: [44, 206],
  recvfrom: [45, 207],
  bind: [49, 200],
  getsockname: [51, 204],
  setsockopt: [54, 208],
  getsockopt: [55, 209],
  socketpair: [53, 199],
  execve: [59, 221],
  fcntl: [72, 25],
  flock: [73, 32],
  setsid: [112, 157],
  setgroups: [116, 159],
  setresuid: [117, 147],
  setresgid: [119, 149],
  prlimit64: [302, 261],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  prctl: [157, 167],
  madvise: [28, 233],
  mount: [165, 40],
  umount2: [166, 39],
  openat: [257, 56],
  mkdirat: [258, 34],
  unlinkat: [263, 35],
  fchmodat: [268, 53],
  ppoll: [271, 73],
  unshare: [272, 97],
  eventfd2: [290, 19],
  dup3: [292, 24],
  setns: [308, 268],
  getrandom: [318, 278],
  sendmsg: [46, 211],
  recvmsg: [47, 212],
  capget: [125, 90],
  capset: [126, 91],
  seccomp: [317, 277],
  mlock: [149, 228],
  landlock_create_ruleset: [444, 444],
  landlock_add_rule: [445, 445],
  landlock_restrict_self: [446, 446],
} as const satisfies Record<string, readonly [x86_64: number, aarch64: number]>;

type SystemCall = keyof typeof SYSTEM_CALLS;
/** An argument of a system call: a number, or bytes whose address is passed (`null` for NULL). */
type Argument = number | bigint | Uint8Array | null;

const LONGS = ["i64", "i64", "i64", "i64", "i64", "i64", "i64"] as const;
const SYSCALL = { parameters: LONGS, result: "i32" } as const;
const MALLOC_TRIM = { parameters: ["usize"], result: "i32" } as const;
const ERRNO_LOCATION = { parameters: [], result: "pointer" } as const;

interface Opened {
  readonly syscall: Deno.UnsafeFnPointer<typeof SYSCALL>;
  readonly errno: Deno.UnsafePointerView;
  readonly mallocTrim: Deno.PointerObject;
}

let opened: Opened | undefined;

/**
 * Opens functions of glibc for callers on the packet path. Opening is slow: see the module.
 * @throws Error on other systems than Linux
 */
export function openLibc<const S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] {
  if (Deno.build.os !== "linux") {
    throw new Error(
      "WireGuard interfaces need Linux; elsewhere only the library's portable mode runs",
    );
  }
  return Deno.dlopen("libc.so.6", symbols).symbols;
}

function libc(): Opened {
  if (opened !== undefined) return opened;
  // The type "pointer" gives the address of the symbol. No code is generated for it.
  const symbols = openLibc({
    syscall: { type: "pointer" },
    __errno_location: { type: "pointer" },
    malloc_trim: { type: "pointer" },
  });
  const location = new Deno.UnsafeFnPointer(
    symbols.__errno_location as Deno.PointerObject<never>,
    ERRNO_LOCATION,
  );
  opened = {
    syscall: new Deno.UnsafeFnPointer(symbols.syscall as Deno.PointerObject<never>, SYSCALL),
    // Each thread has its own errno, and an isolate stays on its thread.
    errno: new Deno.UnsafePointerView(location.call() as Deno.PointerObject),
    mallocTrim: symbols.malloc_trim as Deno.PointerObject,
  };
  return opened;
}

/**
 * The address of bytes, for a structure that points to them. The caller keeps the bytes alive while
 * the kernel may read them.
 */
export function addressOf(bytes: Uint8Array): bigint {
  return bytes.length === 0
    ? 0n
    : Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes as Uint8Array<ArrayBuffer>));
}

function long(argument: Argument): bigint {
  if (argument === null) return 0n;
  return typeof argument === "object" ? addressOf(argument) : BigInt(argument);
}

const ARCHITECTURE = Deno.build.arch === "aarch64" ? 1 : 0;

function once(
  call: SystemCall,
  a: Argument,
  b: Argument,
  c: Argument,
  d: Argument,
  e: Argument,
  f: Argument,
): number {
  const { syscall, errno } = libc();
  const result = syscall.call(
    long(SYSTEM_CALLS[call][ARCHITECTURE]),
    long(a),
    long(b),
    long(c),
    long(d),
    long(e),
    long(f),
  );
  if (result !== -1) return result;
  const error = errno.getInt32(0);
  // The runtime may have changed errno between the two statements. A wrong value becomes EIO, so
  // that a failure is never returned as a success.
  return error > 0 && error <= ERRNO_MAX ? -error : -EIO;
}

/**
 * Makes a system call for the modules of this folder. Arguments that are left out are 0.
 * @returns the kernel's result: 0 or more, or a negated errno
 */
export function call(
  name: SystemCall,
  a: Argument = 0,
  b: Argument = 0,
  c: Argument = 0,
  d: Argument = 0,
  e: Argument = 0,
  f: Argument = 0,
): number {
  while (true) {
    const result = once(name, a, b, c, d, e, f);
    if (result !== -EINTR) return result;
  }
}

// --- descriptors ---

/** open(2) flags that are the same on both architectures (O_DIRECTORY and O_NOFOLLOW are not). */
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

const AT_FDCWD = -100;

/** open(2). Returns a descriptor. */
export const open = (path: string, flags: number, mode = 0): number =>
  call("openat", AT_FDCWD, cString(path), flags, mode);
/** close(2). It is not repeated after EINTR, because Linux has closed the descriptor then. */
export const close = (fd: number): number => once("close", fd, 0, 0, 0, 0, 0);
/** ioctl(2). The argument is a number, or a structure that the kernel reads or fills. */
export const ioctl = (fd: number, request: number, argument: Uint8Array | number): number =>
  call("ioctl", fd, request, argument);
/** dup2(2), the copy closed on exec unless `inherit`. `to` must differ from `fd`. */
export const dup2 = (fd: number, to: number, inherit = true): number =>
  call("dup3", fd, to, inherit ? 0 : O_CLOEXEC);

export const F_GETFD = 1;
export const F_SETFD = 2;
export const FD_CLOEXEC = 1;
/** fcntl(2). */
export const fcntl = (fd: number, command: number, argument = 0): number =>
  call("fcntl", fd, command, argument);

/** eventfd(2), closed on exec and not blocking. Returns a descriptor. */
export const eventfd = (): number => call("eventfd2", 0, O_CLOEXEC | O_NONBLOCK);

export const LOCK_EX = 2;
/** flock(2); waits for the lock. */
export const flock = (fd: number, operation: number): number => call("flock", fd, operation);

/**
 * poll(2) on an array made by `pollfds` of structs.ts. It fills `revents`.
 * @param timeoutMs milliseconds; a negative number waits without a limit
 * @returns the number of ready descriptors, or -EINTR after a signal
 */
export function poll(fds: Uint8Array, timeoutMs: number): number {
  const timeout = timeoutMs < 0 ? null : timespec(timeoutMs);
  return once("ppoll", fds, fds.length / 8, timeout, null, 8, 0);
}

// --- sockets ---

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = O_NONBLOCK;
export const SOCK_CLOEXEC = O_CLOEXEC;

/** socket(2). Returns a descriptor. */
export const socket = (family: number, type: number, protocol: number): number =>
  call("socket", family, type, protocol);
/** socketpair(2) into two ints. Returns 0. */
export const socketpair = (family: number, type: number, into: Uint8Array): number =>
  call("socketpair", family, type, 0, into);

/** bind(2) to an address made by structs.ts. */
export const bind = (fd: number, address: Uint8Array): number =>
  call("bind", fd, address, address.length);

/** connect(2) to an address made by structs.ts. Returns 0. */
export const connect = (fd: number, address: Uint8Array): number =>
  call("connect", fd, address, address.length);

/** getsockname(2) into `address`. Returns 0. */
export function getsockname(fd: number, address: Uint8Array): number {
  return call("getsockname", fd, address, new Uint8Array(Uint32Array.of(address.length).buffer));
}

/** setsockopt(2) with an int. */
export const setsockopt = (fd: number, level: number, option: number, value: number): number =>
  call("setsockopt", fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4);
/** setsockopt(2) with a structure. `kept` is what it points to. */
export const setsockoptBytes = (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  kept: Uint8Array = value,
): number => call("setsockopt", fd, level, option, value, value.length, kept);

/** getsockopt(2) of an int; undefined when the kernel refuses. */
export function getsockopt(fd: number, level: number, option: number): number | undefined {
  const value = new Int32Array(1);
  const length = new Uint8Array(Uint32Array.of(4).buffer);
  return call("getsockopt", fd, level, option, new Uint8Array(value.buffer), length) < 0
    ? undefined
    : value[0];
}

/** getsockopt(2) of a structure, into all of `value`. Returns 0. */
export const getsockoptBytes = (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
): number =>
  call("getsockopt", fd, level, option, value, new Uint8Array(Uint32Array.of(value.length).buffer));

/** send(2) on a socket that needs no address. Returns bytes sent. */
export const send = (fd: number, bytes: Uint8Array, flags = 0): number =>
  call("sendto", fd, bytes, bytes.length, flags, null, 0);

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
/**
 * recv(2). Returns the bytes received. With MSG_TRUNC it is the length of the datagram, which may
 * be longer than `into`.
 */
export const recv = (fd: number, into: Uint8Array, flags = 0): number =>
  call("recvfrom", fd, into, into.length, flags, null, null);

// --- files, mounts and namespaces ---

/** mkdir(2). */
export const mkdir = (path: string, mode: number): number =>
  call("mkdirat", AT_FDCWD, cString(path), mode);
/** unlink(2). */
export const unlink = (path: string): number => call("unlinkat", AT_FDCWD, cString(path), 0);
/** chmod(2). */
export const chmod = (path: string, mode: number): number =>
  call("fchmodat", AT_FDCWD, cString(path), mode);

export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_SHARED = 1 << 20;
/** mount(2). */
export const mount = (source: string, target: string, type: string, flags: number): number =>
  call("mount", cString(source), cString(target), cString(type), flags, null);

export const MNT_DETACH = 2;
/** umount2(2). */
export const umount2 = (target: string, flags: number): number =>
  call("umount2", cString(target), flags);

export const CLONE_NEWNET = 0x40000000;
/** unshare(2), of the calling thread. */
export const unshare = (flags: number): number => call("unshare", flags);
/** setns(2), of the calling thread. */
export const setns = (fd: number, type: number): number => call("setns", fd, type);

// --- randomness ---

/**
 * getrandom(2). After boot it waits until the kernel's generator is initialized.
 * @returns how many bytes of `into` were filled; up to 256 bytes are always filled whole
 */
export const getrandom = (into: Uint8Array): number => call("getrandom", into, into.length, 0);

// --- the process ---

/** setsid(2): a session of its own, without a controlling terminal. */
export const setsid = (): number => call("setsid");

/** setgroups(2) to none, of the calling thread. Returns 0. */
export const leaveGroups = (): number => call("setgroups", 0, null);

/** setresgid(2) of the calling thread, with one id for all three. Returns 0. */
export const setgid = (id: number): number => call("setresgid", id, id, id);

/** setresuid(2) of the calling thread, with one id for all three. Returns 0. */
export const setuid = (id: number): number => call("setresuid", id, id, id);

/** prctl(2) with one argument. */
export const prctl = (option: number, argument: number | Uint8Array): number =>
  call("prctl", option, argument);

/** madvise(2) on memory of this process. */
export const madvise = (start: bigint, bytes: bigint, advice: number): number =>
  call("madvise", start, bytes, advice);

/** malloc_trim(3): releases free memory of the C library to the kernel. */
export function mallocTrim(): void {
  new Deno.UnsafeFnPointer(libc().mallocTrim as Deno.PointerObject<never>, MALLOC_TRIM).call(0n);
}

const RLIMIT_NOFILE = 7;
/**
 * Sets the limit on descriptors of this process to that of another process. The runtime raises the
 * limit, and execve(2) keeps it; the parent still has the original one.
 */
export function copyDescriptorLimit(pid: number): number {
  const limits = new Uint8Array(16);
  const result = call("prlimit64", pid, RLIMIT_NOFILE, null, limits);
  return result < 0 ? result : call("prlimit64", 0, RLIMIT_NOFILE, limits, null);
}

/** The soft limit on descriptors of this process; Infinity when the kernel does not tell it. */
export function descriptorLimit(): number {
  const limits = new BigUint64Array(2);
  const bytes = new Uint8Array(limits.buffer);
  return call("prlimit64", 0, RLIMIT_NOFILE, null, bytes) < 0 ? Infinity : Number(limits[0]);
}

const SIG_SETMASK = 2;
const SIG_DFL = 0n;
const SIG_IGN = 1n;
/**
 * The kernel's sigset_t, and struct sigaction with its handler, flags, restorer and mask, in bytes.
 */
const SIGSET_BYTES = 8;
const SIGACTION_BYTES = 32;

/**
 * Sets the action of a signal to SIG_DFL. The runtime ignores SIGPIPE, and execve(2) keeps ignored
 * signals ignored.
 */
export const resetSignal = (signal: number): number =>
  call("rt_sigaction", signal, new Uint8Array(SIGACTION_BYTES), null, SIGSET_BYTES);
/** Ignores a signal whose action is still the default one. Returns 0. */
export function ignoreSignal(signal: number): number {
  const action = new Uint8Array(SIGACTION_BYTES);
  const result = call("rt_sigaction", signal, null, action, SIGSET_BYTES);
  const handler = new DataView(action.buffer);
  if (result < 0 || handler.getBigUint64(0, true) !== SIG_DFL) return result;
  handler.setBigUint64(0, SIG_IGN, true);
  return call("rt_sigaction", signal, action, null, SIGSET_BYTES);
}
/** Unblocks all signals of the calling thread, whose mask execve(2) keeps. */
export const unblockSignals = (): number =>
  call("rt_sigprocmask", SIG_SETMASK, new Uint8Array(SIGSET_BYTES), null, SIGSET_BYTES);

/** The bytes of a string with the zero that ends it. */
const terminated = (text: Uint8Array) => new Uint8Array([...text, 0]);

/**
 * execve(2): replaces this process and all its threads. Returns only when it fails. `environment`
 * is "NAME=value" strings.
 */
export function execve(
  path: string,
  argv: readonly string[],
  environment: readonly Uint8Array[],
): number {
  const strings: Uint8Array[] = [];
  const pointers = (own: readonly Uint8Array<ArrayBuffer>[]): Uint8Array => {
    strings.push(...own);
    return new Uint8Array(BigUint64Array.from([...own.map(addressOf), 0n]).buffer);
  };
  const result = call(
    "execve",
    cString(path),
    pointers(argv.map(cString)),
    pointers(environment.map(terminated)),
  );
  return strings.length < 0 ? 0 : result;
}
