/**
 * The filter of system calls of a process that looks up names (lib/cli/daemon/look_ups.ts). It runs
 * programs and libraries of the system, so it is refused what they do not need, and nothing else.
 * @module
 */
import { EPERM } from "../base/errno.ts";
import { type CallRule, type Condition } from "./seccomp.ts";

const [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] = [1, 2, 10, 16];
const SOCK_STREAM = 1;
/** Bits of socket(2)'s second argument without SOCK_NONBLOCK and SOCK_CLOEXEC. */
const SOCK_TYPE_MASK = 0xf;
const [IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP] = [0, 6, 17];

const family = (...values: number[]): Condition => ({ argument: 0, values });
const stream: Condition = { argument: 1, mask: SOCK_TYPE_MASK, values: [SOCK_STREAM] };

/**
 * The rules; calls without one are made. Unix sockets are streams, as those of nscd(8) and
 * systemd-resolved are. With a datagram to the service manager a process of the interface's unit
 * could name another main process, or end the unit. Landlock restricts TCP but not MPTCP, so
 * protocols are named. io_uring(7) would make sockets without a system call.
 */
export const LOOK_UP_RULES: readonly CallRule[] = [
  {
    call: "socket",
    answer: "allow",
    anyOf: [
      [family(AF_UNIX), stream],
      [
        family(AF_INET, AF_INET6),
        { argument: 2, values: [IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP] },
      ],
      [family(AF_NETLINK)],
    ],
    otherwise: { errno: EPERM },
  },
  // Sockets of a pair can be connected to others.
  { call: "socketpair", answer: "allow", when: stream, otherwise: { errno: EPERM } },
  { call: "io_uring_setup", answer: { errno: EPERM } },
];
