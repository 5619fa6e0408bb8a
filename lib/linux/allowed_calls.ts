/**
 * The system calls that the process of an interface may make, in two forms: while it opens its
 * descriptors, and afterwards. The lists come from strace(1) of the interface in its tests, with
 * the calls that the C library, V8 and the runtime make instead on other kernels.
 *
 * A call that is not listed returns ENOSYS, and a listed one with other arguments an error, so that
 * a list that is too narrow costs a function and not the interface. Calls with which a process
 * executes programs, reads other processes or changes the kernel kill the process: nothing in this
 * program makes them, so whoever makes them has taken it over.
 * @module
 */
import { EAFNOSUPPORT, EINVAL, EPERM } from "../base/errno.ts";
import type { CallName } from "./call_numbers.ts";
import type { CallRule, Condition } from "./seccomp.ts";

const words = (text: string) => text.trim().split(/\s+/) as CallName[];

/**
 * The packets' calls are first. The kernel remembers that they are allowed without conditions. With
 * MSG_FASTOPEN those that send could connect TCP past Landlock, but no TCP socket can be made.
 */
const PACKETS = words(
  "read write readv writev recvmsg recvfrom sendmsg sendmmsg sendto poll ppoll futex",
);
const MEMORY = words(
  "brk mmap munmap mremap mprotect madvise membarrier mlock munlock mincore pkey_alloc pkey_free " +
    "pkey_mprotect",
);
const THREADS_AND_TIME = words(
  "set_robust_list rseq set_tid_address gettid getpid getppid getuid geteuid getgid getegid " +
    "sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max " +
    "sched_get_priority_min nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday " +
    "time getrusage times arch_prctl uname sysinfo getcpu exit exit_group restart_syscall",
);
const SIGNALS = words(
  "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sigaltstack",
);
const DESCRIPTORS = words(
  "pread64 pwrite64 close close_range lseek fstat fcntl dup dup2 dup3 flock ftruncate fsync " +
    "fdatasync pipe pipe2 eventfd2 epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 " +
    "select pselect6 getrandom",
);
const SOCKETS = words(
  "socketpair bind accept accept4 connect getsockname getpeername getsockopt setsockopt " +
    "recvmmsg shutdown",
);
/** Not chmod(2) and its like: Landlock lets an owner change the mode of any file. */
const FILES = words(
  "openat open stat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 getdents64 " +
    "readlink readlinkat getcwd chdir mkdir mkdirat rename renameat renameat2 unlink unlinkat " +
    "rmdir umask getxattr lgetxattr",
);
/** Only while descriptors are opened. */
const OPENING = words("capget capset seccomp setsid listen");

/** Calls that kill the process. */
export const KILLING: readonly CallName[] = words(
  "execve execveat ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd " +
    "kexec_load kexec_file_load init_module finit_module delete_module bpf perf_event_open " +
    "userfaultfd keyctl add_key request_key chroot pivot_root move_mount open_tree fsopen " +
    "fsconfig fsmount fspick mount_setattr swapon swapoff reboot iopl ioperm " +
    "open_by_handle_at setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid " +
    "setfsgid mknod mknodat acct quotactl settimeofday clock_settime adjtimex clock_adjtime " +
    "sethostname setdomainname syslog vhangup",
);

/**
 * Calls that the program makes where it has the rights, and does without where it has not: entering
 * network namespaces, and naming rdomains.
 */
const REFUSED = words("setns unshare mount umount2");

const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] = [1, 2, 10, 16];
const [SOCK_STREAM, SOCK_DGRAM] = [1, 2];
/** Bits of socket(2)'s second argument without SOCK_NONBLOCK and SOCK_CLOEXEC. */
const SOCK_TYPE_MASK = 0xf;
const [IPPROTO_IP, IPPROTO_UDP] = [0, 17];
const [NETLINK_ROUTE, NETLINK_KOBJECT_UEVENT] = [0, 15];

/**
 * The sockets that a process may make: the tunnel's and those of DNS, rtnetlink, and datagrams to
 * the log and the service manager. Landlock restricts TCP but not MPTCP, so protocols are named.
 * Stream sockets of AF_UNIX are for the control socket alone. Other programs of root trust
 * whoever connects to theirs as root, and some start any program for it.
 */
const socketsOf = (isOpening: boolean): Condition[][] => {
  const family = (...values: number[]): Condition => ({ argument: 0, values });
  const type = (...values: number[]): Condition => ({ argument: 1, mask: SOCK_TYPE_MASK, values });
  const protocol = (...values: number[]): Condition => ({ argument: 2, values });
  return [
    [
      family(AF_INET, AF_INET6),
      type(SOCK_DGRAM),
      protocol(IPPROTO_IP, IPPROTO_UDP),
    ],
    [
      family(AF_NETLINK),
      protocol(NETLINK_ROUTE, ...(isOpening ? [NETLINK_KOBJECT_UEVENT] : [])),
    ],
    [family(AF_UNIX), type(SOCK_DGRAM, ...(isOpening ? [SOCK_STREAM] : []))],
  ];
};

const TCGETS = 0x5401;
const TIOCGWINSZ = 0x5413;
const FIONREAD = 0x541b;
const FIONBIO = 0x5421;
const FIONCLEX = 0x5450;
const FIOCLEX = 0x5451;
const TUNSETOFFLOAD = 0x400454d0;
const TUNGETIFF = 0x800454d2;
const TUNGETDEVNETNS = 0x54e3;
const NS_GET_NSTYPE = 0xb703;
const TUNSETIFF = 0x400454ca;
const REQUESTS = [
  TCGETS,
  TIOCGWINSZ,
  FIONREAD,
  FIONBIO,
  FIONCLEX,
  FIOCLEX,
  TUNSETOFFLOAD,
  TUNGETIFF,
  TUNGETDEVNETNS,
  NS_GET_NSTYPE,
];

const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_GET_NAME = 16;
const PR_CAPBSET_READ = 23;
const PR_SET_TIMERSLACK = 29;
const PR_SET_VMA = 0x53564d41;
const PROCESS_OPTIONS = [
  PR_GET_DUMPABLE,
  PR_SET_NAME,
  PR_GET_NAME,
  PR_CAPBSET_READ,
  PR_SET_TIMERSLACK,
  PR_SET_VMA,
];

const CLONE_THREAD = 0x10000;
/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const CLONE_NEW = 0x80 | 0x20000 | 0x7e00_0000;

/** Which descriptors the process has: `opening` until all are open. */
export type Phase = "opening" | "open";

/**
 * The rules of a phase.
 * @param pid the process id; threads may signal only threads of this process
 */
export function callRules(phase: Phase, pid: number): CallRule[] {
  const isOpening = phase === "opening";
  const allowed = [
    ...PACKETS,
    ...MEMORY,
    ...THREADS_AND_TIME,
    ...SIGNALS,
    ...DESCRIPTORS,
    ...SOCKETS,
    ...FILES,
    ...(isOpening ? OPENING : []),
  ];
  return [
    ...allowed.map((call): CallRule => ({ call, answer: "allow" })),
    { call: "ioctl", ...only(1, [...REQUESTS, ...(isOpening ? [TUNSETIFF] : [])], EPERM) },
    {
      call: "socket",
      answer: "allow",
      anyOf: socketsOf(isOpening),
      otherwise: { errno: EAFNOSUPPORT },
    },
    {
      call: "prctl",
      ...only(0, [...PROCESS_OPTIONS, ...(isOpening ? [PR_SET_DUMPABLE] : [])], EINVAL),
    },
    { call: "tgkill", ...only(0, [pid], EPERM) },
    { call: "prlimit64", ...only(0, [0, pid], EPERM) },
    // Threads, but no processes. The flags of clone3 are behind a pointer, so the C library is told
    // to use clone.
    {
      call: "clone",
      ...only(0, [CLONE_THREAD], EPERM),
      when: { argument: 0, mask: CLONE_THREAD | CLONE_NEW, values: [CLONE_THREAD] },
    },
    ...REFUSED.map((call): CallRule => ({ call, answer: { errno: EPERM } })),
    ...KILLING.map((call): CallRule => ({ call, answer: "kill" })),
  ];
}

const only = (argument: number, values: readonly number[], errno: number) => ({
  answer: "allow" as const,
  when: { argument, values },
  otherwise: { errno },
});

/** How many calls the rules of a phase allow, also those that are allowed with some arguments. */
export const allowedCalls = (rules: readonly CallRule[]): number =>
  rules.filter(({ answer }) => answer === "allow").length;
