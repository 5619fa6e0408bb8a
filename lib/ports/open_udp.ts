/**
 * Opens the UDP sockets of an interface, IPv4 and IPv6 on the same port. With several receivers
 * (lib/base/data_planes.ts) each has a pair of sockets, and a filter says which gets a datagram.
 * @module
 */
import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT } from "../base/errno.ts";
import { sockFprog } from "../../ffi/bpf.ts";
import { checked } from "../../ffi/errno.ts";
import * as libc from "../../ffi/libc.ts";
import { setReceiveBuffer } from "./receive_buffer.ts";
import { receiverFilter } from "./receiver_filter.ts";
import { AF_INET, AF_INET6, sockaddr, SOCKADDR_IN_BYTES, sockaddrPort } from "../../ffi/structs.ts";

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_REUSEPORT = 15;
const SO_SNDBUFFORCE = 32;
const SO_MARK = 36;
const SO_ATTACH_REUSEPORT_CBPF = 51;

const SOL_IP = 0;
const IP_PKTINFO = 8;
const IP_MTU_DISCOVER = 10;
const IP_RECVTOS = 13;

const SOL_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVTCLASS = 66;

/** IP_PMTUDISC_DONT and IPV6_PMTUDISC_DONT. */
const PMTUDISC_DONT = 0;

/** Bytes of each send and receive buffer, the same as in wireguard-go. */
const BUFFER_BYTES = 7 << 20;
/** The most random ports that are tried until one is free in both families. */
const PORT_ATTEMPTS = 100;

/** The values of the sockets to open. */
export interface UdpRequest {
  /** The port; 0 chooses a free one. */
  readonly port: number;
  /** SO_MARK; 0 for none. */
  readonly fwmark?: number;
  /** The data planes that receive, each of which gets a pair; 1 by default. */
  readonly receivers?: number;
}

/** Two sockets, nonblocking and closed on exec; -1 where the host lacks the family. */
export interface UdpPair {
  readonly fd4: number;
  readonly fd6: number;
}

/** The sockets of an interface: the first receiver's pair, and those of the others. */
export interface OpenedUdp extends UdpPair {
  readonly port: number;
  readonly others: readonly UdpPair[];
}

/** The pairs of all receivers. */
export const pairsOf = ({ fd4, fd6, others }: OpenedUdp): UdpPair[] => [{ fd4, fd6 }, ...others];

/**
 * Opens the sockets in the calling thread's network namespace. They stay in that namespace.
 * @throws OsError EADDRINUSE when another socket has the port, EPERM for a fwmark without
 *   CAP_NET_ADMIN, EAFNOSUPPORT on a host without IPv4 and IPv6
 */
export function openUdp(request: UdpRequest): OpenedUdp {
  const { port, fwmark = 0, receivers = 1 } = request;
  for (let attempt = 1;; attempt++) {
    try {
      return openPairs(port, fwmark, receivers);
    } catch (error) {
      if (!(error instanceof SecondFamilyClash) || port !== 0 || attempt === PORT_ATTEMPTS) {
        throw error instanceof SecondFamilyClash ? error.cause : error;
      }
    }
  }
}

/** Closes all sockets. */
export function closeUdp(opened: OpenedUdp): void {
  for (const pair of pairsOf(opened)) closePair(pair);
}

function closePair({ fd4, fd6 }: UdpPair): void {
  if (fd4 >= 0) libc.close(fd4);
  if (fd6 >= 0) libc.close(fd6);
}

/** Sets SO_MARK of all sockets. @throws OsError EPERM without CAP_NET_ADMIN */
export function setFwmark(opened: OpenedUdp, fwmark: number): void {
  for (const fd of pairsOf(opened).flatMap(({ fd4, fd6 }) => [fd4, fd6])) {
    // A mark is an unsigned 32-bit number, which setsockopt(2) takes as an int.
    if (fd >= 0) {
      checked(libc.setsockopt(fd, SOL_SOCKET, SO_MARK, fwmark | 0), "SO_MARK", `fwmark ${fwmark}`);
    }
  }
}

/** The port of the IPv4 socket is in use for IPv6. */
class SecondFamilyClash extends Error {}

function openPairs(port: number, fwmark: number, receivers: number): OpenedUdp {
  const first = openPair(port);
  const others: UdpPair[] = [];
  const opened = { ...first, others };
  try {
    const { fd4, fd6 } = first;
    while (others.length < receivers - 1) others.push(openBeside(opened));
    if (receivers > 1) {
      for (const fd of [fd4, fd6]) if (fd >= 0) attachFilter(fd, receivers, opened.port);
    }
    if (fwmark !== 0) setFwmark(opened, fwmark);
    return opened;
  } catch (error) {
    closeUdp(opened);
    throw error;
  }
}

/**
 * Opens another pair on the port of the first one. Only now the first one shares its port: it was
 * bound alone, so the port is in no other use.
 */
function openBeside(first: UdpPair & { readonly port: number }): UdpPair {
  const object = `udp port ${first.port}`;
  const pair = { fd4: -1, fd6: -1 };
  try {
    for (const [key, family, bytes] of [["fd4", AF_INET, 4], ["fd6", AF_INET6, 16]] as const) {
      if (first[key] < 0) continue;
      const fd = pair[key] = openFamily(family, object);
      for (const shared of [first[key], fd]) {
        checked(libc.setsockopt(shared, SOL_SOCKET, SO_REUSEPORT, 1), "SO_REUSEPORT", object);
      }
      checked(libc.bind(fd, sockaddr(new Uint8Array(bytes), first.port)), "bind", object);
    }
    return pair;
  } catch (error) {
    closePair(pair);
    throw error;
  }
}

function attachFilter(fd: number, receivers: number, port: number): void {
  const program = receiverFilter(receivers);
  checked(
    libc.setsockoptBytes(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, sockFprog(program), program),
    "SO_ATTACH_REUSEPORT_CBPF",
    `udp port ${port}`,
  );
}

function openPair(port: number): UdpPair & { readonly port: number } {
  const object = `udp port ${port}`;
  const fd4 = openFamily(AF_INET, object);
  let fd6 = -1;
  try {
    let bound = port;
    if (fd4 >= 0) {
      checked(libc.bind(fd4, sockaddr(new Uint8Array(4), port)), "bind", object);
      bound = boundPort(fd4, SOCKADDR_IN_BYTES, object);
    }
    fd6 = openFamily(AF_INET6, object);
    if (fd6 >= 0) fd6 = bindSecond(fd6, bound, fd4 >= 0);
    if (fd6 >= 0 && fd4 < 0) bound = boundPort(fd6, 28, object);
    if (fd4 < 0 && fd6 < 0) checked(-EAFNOSUPPORT, "socket", object);
    return { fd4, fd6, port: bound };
  } catch (error) {
    closePair({ fd4, fd6 });
    throw error;
  }
}

/** Binds the IPv6 socket. Where IPv6 is switched off it closes the socket and returns -1. */
function bindSecond(fd: number, port: number, second: boolean): number {
  const result = libc.bind(fd, sockaddr(new Uint8Array(16), port));
  if (result >= 0) return fd;
  libc.close(fd);
  if (result === -EADDRNOTAVAIL && second) return -1;
  try {
    checked(result, "bind", `udp port ${port}`);
  } catch (error) {
    if (result === -EADDRINUSE && second) throw new SecondFamilyClash("bind", { cause: error });
    throw error;
  }
  return fd;
}

function boundPort(fd: number, size: number, object: string): number {
  const address = new Uint8Array(size);
  checked(libc.getsockname(fd, address), "getsockname", object);
  return sockaddrPort(address);
}

/** Opens a socket and sets its options. Returns -1 where the host lacks the family. */
function openFamily(family: number, object: string): number {
  const fd = libc.socket(family, libc.SOCK_DGRAM | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC, 0);
  if (fd === -EAFNOSUPPORT) return -1;
  checked(fd, "socket", object);
  try {
    // Outer packets that are larger than the path's MTU are fragmented, as by Linux's WireGuard.
    const options: readonly (readonly [number, number, number, string])[] = family === AF_INET
      ? [
        [SOL_IP, IP_PKTINFO, 1, "IP_PKTINFO"],
        [SOL_IP, IP_RECVTOS, 1, "IP_RECVTOS"],
        [SOL_IP, IP_MTU_DISCOVER, PMTUDISC_DONT, "IP_MTU_DISCOVER"],
      ]
      : [
        [SOL_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"],
        [SOL_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO"],
        [SOL_IPV6, IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS"],
        [SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DONT, "IPV6_MTU_DISCOVER"],
      ];
    for (const [level, option, value, call] of options) {
      checked(libc.setsockopt(fd, level, option, value), call, object);
    }
    // The FORCE option exceeds the limit of the sysctl, but needs CAP_NET_ADMIN.
    if (libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES) < 0) {
      libc.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
    }
    setReceiveBuffer(fd, BUFFER_BYTES);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}
