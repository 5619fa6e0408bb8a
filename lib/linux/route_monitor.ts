/**
 * Reports that routes may have changed: links, addresses, routes, next hops and rules of both
 * families.
 * @module
 */
import { NetlinkSocket } from "./netlink_socket.ts";

/** RTMGRP_* and RTNLGRP_* (include/uapi/linux/rtnetlink.h) as bits: group N is bit N - 1. */
const group = (n: number): number => 2 ** (n - 1);
const GROUPS = [
  1, // RTNLGRP_LINK
  5, // RTNLGRP_IPV4_IFADDR
  7, // RTNLGRP_IPV4_ROUTE
  8, // RTNLGRP_IPV4_RULE
  9, // RTNLGRP_IPV6_IFADDR
  11, // RTNLGRP_IPV6_ROUTE
  19, // RTNLGRP_IPV6_RULE
  32, // RTNLGRP_NEXTHOP
].reduce((sum, n) => sum + group(n), 0);

/** A subscription in one network namespace. */
export class RouteMonitor {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Subscribes in the namespace (default: the calling thread's). @throws OsError */
  static open(namespace?: { run<T>(fn: () => T): T }): RouteMonitor {
    const socket = () => new NetlinkSocket(GROUPS);
    return new RouteMonitor(namespace === undefined ? socket() : namespace.run(socket));
  }

  /** A subscription that another process opened. */
  static ofDescriptor(descriptor: number): RouteMonitor {
    return new RouteMonitor(new NetlinkSocket(GROUPS, undefined, descriptor));
  }

  /** The descriptor to poll. It is readable when something changed since the last `drain`. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** Reads and discards all waiting messages. The caller looks routes up again. @throws OsError */
  drain(): void {
    this.#socket.pending(() => {});
  }

  /** Ends the subscription. */
  close(): void {
    this.#socket.close();
  }
}
