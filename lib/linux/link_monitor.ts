/**
 * Changes of links and their addresses as they happen, for a program that watches its interface.
 * @module
 */
import { decodeLink, type Link, RTM_DELLINK, RTM_NEWLINK } from "../netlink/link.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV6_IFADDR = 0x100;
const GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;

/** What happened to a link. After `overrun` some changes are lost: ask for the links anew. A link that moved to another namespace is `gone`. */
export type LinkEvent =
  | { readonly type: "changed"; readonly link: Link }
  | { readonly type: "gone"; readonly link: Link }
  | { readonly type: "overrun" };

/** A subscription in one network namespace, where it stays. Its descriptor is readable when there are events. */
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

  /** For a poll set: wait for POLLIN. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * Whether events of other namespaces come as well: of those that have a number in the monitor's own. They come
   * without saying which namespace they are of.
   * @returns false when the kernel refuses: that needs CAP_NET_BROADCAST
   */
  listenEverywhere(on: boolean): boolean {
    return this.#socket.listenEverywhere(on);
  }

  /**
   * All events of links that wait, oldest first (`overrun` last), without blocking. @throws OsError
   */
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
