/**
 * Reports changes of links and their addresses, by rtnetlink's multicast groups.
 * @module
 */
import { decodeLink, type Link, RTM_DELLINK, RTM_NEWLINK } from "../netlink/link.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
const GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;

/**
 * A change of a link. A link that moved to another namespace is `gone`. After `overrun` some
 * changes are lost, so read the links again.
 */
export type LinkEvent =
  | { readonly type: "changed"; readonly link: Link }
  | { readonly type: "gone"; readonly link: Link }
  | { readonly type: "overrun" };

/** A subscription in one network namespace. Its descriptor is readable when there are events. */
export class LinkMonitor {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Subscribes in the namespace (default: the calling thread's). @throws OsError */
  static open(namespace?: { run<T>(fn: () => T): T }): LinkMonitor {
    const socket = () => new NetlinkSocket(GROUPS);
    return new LinkMonitor(namespace === undefined ? socket() : namespace.run(socket));
  }

  /** A subscription that another process opened. */
  static ofDescriptor(descriptor: number): LinkMonitor {
    return new LinkMonitor(new NetlinkSocket(GROUPS, undefined, descriptor));
  }

  /** The descriptor to poll for POLLIN. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * Also subscribes to the other namespaces that have a number (nsid) in the monitor's own. Events
   * do not tell their namespace.
   * @returns false when the kernel refuses, because CAP_NET_BROADCAST is required
   */
  listenEverywhere(on: boolean): boolean {
    return this.#socket.listenEverywhere(on);
  }

  /** Reads all waiting events, the oldest first, without blocking. @throws OsError */
  read(): LinkEvent[] {
    const events: LinkEvent[] = [];
    const whole = this.#socket.pending((message) => {
      const { type } = message;
      if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return;
      const link = decodeLink(message);
      if (link !== undefined) {
        events.push({ type: type === RTM_NEWLINK ? "changed" : "gone", link });
      }
    });
    if (!whole) events.push({ type: "overrun" });
    return events;
  }

  /** Ends the subscription. */
  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
