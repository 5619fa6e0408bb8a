/**
 * The ICMP errors for datagrams of the UDP sockets, from the sockets' error queues (ip(7),
 * IP_RECVERR). A socket that is not connected learns of them in no other way.
 *
 * ICMP errors can be forged, so they only explain. With IP_RECVERR the kernel makes the next send
 * fail, once for each error; `mayBePending` tells that a send is to be repeated. The queue takes
 * room of the receive buffer, so in a flood of errors the option is switched off for a while, which
 * empties the queue.
 * @module
 */
import { Arena } from "../base/arena.ts";
import { type Endpoint, ENDPOINT_CELL_BYTES, readEndpointCell } from "../base/endpoint.ts";
import {
  EACCES,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from "../base/errno.ts";
import type { PathError, PathProblem } from "../base/evidence.ts";
import { formatIp } from "../base/ip_text.ts";
import * as libc from "../../ffi/libc.ts";
import { type PacketIo, packetIo } from "../../ffi/packet_io.ts";
import { AF_INET, AF_INET6 } from "../../ffi/structs.ts";
import { IoVectors } from "./io_vectors.ts";
import { SOL_IP, SOL_IPV6, UdpMessage } from "./udp_message.ts";

const IP_RECVERR = 11;
const IPV6_RECVERR = 25;
const MSG_ERRQUEUE = 0x2000;

/** struct sock_extended_err (linux/errqueue.h): errno, origin, type, code, pad, info, data. */
const EXTENDED_ERROR_BYTES = 16;
const ORIGIN = 4;
const TYPE = 5;
const CODE = 6;
const INFO = 8;
const ORIGIN_ICMP = 2;
const ORIGIN_ICMP6 = 3;

/** The most errors that one `read` takes. */
const READS_MAX = 16;
/** The most errors in a second. More switch the option off for REST_MS. */
export const ERRORS_PER_SECOND = 64;
/** How long the option is off after a flood. */
export const REST_MS = 10_000;
const ARENA_BYTES = 4096;

/** How often a send is repeated that a pending ICMP error may have made fail. */
const REPEATS_MAX = 2;

/**
 * Whether to repeat a send that failed, because the error may be that of an ICMP message for an
 * earlier datagram.
 * @param again how often it was repeated
 */
export function mayBePending(errno: number, again: number): boolean {
  return again < REPEATS_MAX && PENDING.has(errno);
}

/** What the kernel makes of ICMP errors (icmp_err_convert, icmpv6_err_convert). */
const PENDING: ReadonlySet<number> = new Set([
  EACCES,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
]);

/** The error queues of the sockets of both families. */
export class ErrorQueue {
  readonly #arena = new Arena(ARENA_BYTES);
  readonly #message: UdpMessage;
  readonly #cellAt: number;
  readonly #io: PacketIo = packetIo();
  readonly #told: (to: Endpoint, error: PathError) => void;
  #fd4 = -1;
  #fd6 = -1;
  #second = 0;
  #errors = 0;
  /** When the option is switched on again; 0 while it is on. */
  #restsUntil = 0;

  /** @param told gets each error, with the destination of the datagram that it is for */
  constructor(told: (to: Endpoint, error: PathError) => void) {
    this.#told = told;
    this.#message = new UdpMessage(this.#arena);
    this.#message.setVectors(new IoVectors(this.#arena, 1));
    // The datagram itself is not wanted.
    this.#message.useVectors(0);
    this.#cellAt = this.#arena.allocate(ENDPOINT_CELL_BYTES);
  }

  /**
   * Follows these sockets from now on; -1 for none. Call `read` whenever one of them has POLLERR.
   */
  follow(fd4: number, fd6: number): void {
    this.#fd4 = fd4;
    this.#fd6 = fd6;
    this.#restsUntil = 0;
    this.#switch(true);
  }

  #switch(on: boolean): void {
    if (this.#fd4 >= 0) libc.setsockopt(this.#fd4, SOL_IP, IP_RECVERR, on ? 1 : 0);
    if (this.#fd6 >= 0) libc.setsockopt(this.#fd6, SOL_IPV6, IPV6_RECVERR, on ? 1 : 0);
  }

  /**
   * Reads a bounded number of errors. Call it at least once a second too, which ends the rest after
   * a flood.
   * @param isPending whether poll(2) has found POLLERR
   * @param now milliseconds of a monotonic clock
   * @returns the number of errors
   */
  read(isPending: boolean, now: number): number {
    if (this.#restsUntil !== 0 && now >= this.#restsUntil) {
      this.#restsUntil = 0;
      this.#switch(true);
    }
    if (!isPending) return 0;
    let count = 0;
    for (const fd of [this.#fd4, this.#fd6]) {
      while (fd >= 0 && count < READS_MAX && this.#readOne(fd)) count++;
    }
    this.#limit(count, now);
    return count;
  }

  #limit(count: number, now: number): void {
    if (now - this.#second >= 1000) {
      this.#second = now;
      this.#errors = 0;
    }
    this.#errors += count;
    if (this.#errors <= ERRORS_PER_SECOND || this.#restsUntil !== 0) return;
    this.#restsUntil = now + REST_MS;
    this.#switch(false);
  }

  /** Reads an error. Returns false when there is none. */
  #readOne(fd: number): boolean {
    const message = this.#message;
    message.prepare();
    if (this.#io.recvmsg(fd, message.pointer, MSG_ERRQUEUE) < 0) return false;
    const v4 = message.findControl(SOL_IP, IP_RECVERR, EXTENDED_ERROR_BYTES);
    const at = v4 >= 0 ? v4 : message.findControl(SOL_IPV6, IPV6_RECVERR, EXTENDED_ERROR_BYTES);
    message.readTo(this.#cellAt);
    const to = readEndpointCell(this.#arena.bytes, this.#cellAt);
    const error = at < 0 ? undefined : this.#error(at);
    if (to !== undefined && error !== undefined) this.#told(to, error);
    return true;
  }

  /** The error at this offset; undefined for what is not ICMP. */
  #error(at: number): PathError | undefined {
    const { bytes, view } = this.#arena;
    const origin = bytes[at + ORIGIN];
    if (origin !== ORIGIN_ICMP && origin !== ORIGIN_ICMP6) return undefined;
    const type = bytes[at + TYPE];
    const code = bytes[at + CODE];
    const problem = origin === ORIGIN_ICMP ? problemOf4(type, code) : problemOf6(type, code);
    const mtu = problem === "too-big" ? view.getUint32(at + INFO, true) : 0;
    return { problem, offender: this.#offender(at + EXTENDED_ERROR_BYTES), mtu };
  }

  /** The address of the struct sockaddr behind the error, SO_EE_OFFENDER; empty for AF_UNSPEC. */
  #offender(at: number): string {
    const { bytes, view } = this.#arena;
    const family = view.getUint16(at, true);
    if (family === AF_INET) return formatIp(bytes.slice(at + 4, at + 8));
    if (family === AF_INET6) return formatIp(bytes.slice(at + 8, at + 24));
    return "";
  }
}

/** The meaning of ICMP's type and code (RFC 792, RFC 1812). */
export function problemOf4(type: number, code: number): PathProblem {
  if (type === 11) return "time-exceeded";
  if (type !== 3) return "other";
  switch (code) {
    case 0:
    case 6:
    case 8:
    case 11:
      return "net-unreachable";
    case 1:
    case 7:
    case 12:
      return "host-unreachable";
    case 3:
      return "port-unreachable";
    case 4:
      return "too-big";
    case 9:
    case 10:
    case 13:
    case 14:
      return "prohibited";
    default:
      return "other";
  }
}

/** The meaning of ICMPv6's type and code (RFC 4443). */
export function problemOf6(type: number, code: number): PathProblem {
  if (type === 2) return "too-big";
  if (type === 3) return "time-exceeded";
  if (type !== 1) return "other";
  switch (code) {
    case 0:
    case 6:
      return "net-unreachable";
    case 1:
    case 5:
      return "prohibited";
    case 2:
    case 3:
      return "host-unreachable";
    case 4:
      return "port-unreachable";
    default:
      return "other";
  }
}
