/**
 * What a link has that the kernel takes away when it goes down: IPv6 addresses and routes. OpenBSD keeps both, and a
 * wg interface does as well: they are read before and put back after.
 * @module
 */
import { EEXIST } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import { encodeAddressDump } from "../netlink/address.ts";
import type { Link } from "../netlink/link.ts";
import { addressReplay, encodeReplay, type Replay, routeReplay } from "../netlink/replay.ts";
import { encodeRouteDump } from "../netlink/route.ts";
import { writeSetting } from "./link_settings.ts";
import { NetlinkSocket } from "./netlink_socket.ts";
import type { RouteSocket } from "./route_socket.ts";

/** Addresses and routes of one link that are not the kernel's own making. */
export class LinkAddressing {
  readonly #entries: readonly Replay[];

  private constructor(entries: readonly Replay[]) {
    this.#entries = entries;
  }

  /** Those of a link of the calling thread's network namespace. @throws OsError */
  static read(interfaceIndex: number): LinkAddressing {
    using socket = new NetlinkSocket();
    const families = [4, 6] as const;
    const addresses = socket.dump(
      (n) => encodeAddressDump(n, undefined),
      "RTM_GETADDR",
      "addresses",
      (message) => addressReplay(message, interfaceIndex),
    );
    const routes = families.flatMap((family) =>
      socket.dump(
        (n) => encodeRouteDump(n, { family, interfaceIndex }),
        "RTM_GETROUTE",
        "routes",
        (message) => routeReplay(message, interfaceIndex),
      )
    );
    return new LinkAddressing([...addresses, ...routes]);
  }

  /** Those that another reading of the same link lacks. */
  without(other: LinkAddressing): LinkAddressing {
    const there = new Set(other.#entries.map(keyOf));
    return new LinkAddressing(this.#entries.filter((entry) => !there.has(keyOf(entry))));
  }

  /**
   * Puts them back, in the calling thread's network namespace, the link being up. What is there already stays.
   * @returns what could not be put back, each in words
   */
  restore(): string[] {
    let left = this.#entries;
    if (left.length === 0) return [];
    using socket = new NetlinkSocket();
    while (true) {
      const failures: { readonly entry: Replay; readonly reason: string }[] = [];
      for (const entry of left) {
        try {
          socket.request((n) => encodeReplay(n, entry), "RTM_NEWROUTE", entry.text);
        } catch (error) {
          if (!(error instanceof OsError)) throw error;
          if (error.errno !== EEXIST) failures.push({ entry, reason: error.message });
        }
      }
      // A gateway can be reached once the routes to it are there: as long as something comes of it, the rest is tried again.
      if (failures.length === 0 || failures.length === left.length) {
        return failures.map(({ reason }) => reason);
      }
      left = failures.map(({ entry }) => entry);
    }
  }
}

/**
 * Takes a link of the calling thread's network namespace down.
 * @returns what it lost by that
 * @throws OsError
 */
export function takeLinkDown(routes: RouteSocket, link: Link): LinkAddressing {
  const before = LinkAddressing.read(link.index);
  // Where that can be written the kernel itself keeps the addresses: one can see and remove them meanwhile.
  const setting = `/proc/sys/net/ipv6/conf/${link.name}/keep_addr_on_down`;
  const was = writeSetting(setting, "1");
  try {
    routes.setLink(link.index, { up: false });
  } finally {
    if (was !== undefined) writeSetting(setting, was);
  }
  return before.without(LinkAddressing.read(link.index));
}

const keyOf = ({ type, payload }: Replay): string => `${type} ${payload.toHex()}`;
