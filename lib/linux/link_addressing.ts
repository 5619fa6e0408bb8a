/**
 * Preserves the IPv6 addresses and routes of a link, which Linux removes when the link goes down.
 * OpenBSD keeps both. They are read before and added again afterwards.
 * @module
 */
import { EEXIST } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import { encodeAddressDump, RTM_NEWADDR } from "../netlink/address.ts";
import type { Link } from "../netlink/link.ts";
import { addressReplay, encodeReplay, type Replay, routeReplay } from "../netlink/replay.ts";
import { encodeRouteDump } from "../netlink/route.ts";
import { writeSetting } from "./link_settings.ts";
import type { RouteSocket } from "./route_socket.ts";

/** The addresses and routes of a link, without those that the kernel adds itself. */
export class LinkAddressing {
  readonly #entries: readonly Replay[];

  private constructor(entries: readonly Replay[]) {
    this.#entries = entries;
  }

  /** Reads those of a link in the namespace of the socket. @throws OsError */
  static read(interfaceIndex: number, { socket }: RouteSocket): LinkAddressing {
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

  /** The entries of both. */
  with(other: LinkAddressing): LinkAddressing {
    return new LinkAddressing([...this.#entries, ...other.without(this).#entries]);
  }

  /** The entries that are not in `other`. */
  without(other: LinkAddressing): LinkAddressing {
    const there = new Set(other.#entries.map(keyOf));
    return new LinkAddressing(this.#entries.filter((entry) => !there.has(keyOf(entry))));
  }

  /**
   * Adds the entries again, in the namespace of the socket. The link must be up. Entries that exist
   * are left as they are.
   * @returns the entries that could not be added, and an error message for each of them
   */
  restore(
    { socket }: RouteSocket,
  ): { readonly left: LinkAddressing; readonly reasons: readonly string[] } {
    let left = this.#entries;
    if (left.length === 0) return { left: this, reasons: [] };
    while (true) {
      const failures: { readonly entry: Replay; readonly reason: string }[] = [];
      for (const entry of left) {
        try {
          const call = entry.type === RTM_NEWADDR ? "RTM_NEWADDR" : "RTM_NEWROUTE";
          socket.request((n) => encodeReplay(n, entry), call, entry.text);
        } catch (error) {
          if (!(error instanceof OsError)) throw error;
          if (error.errno !== EEXIST) failures.push({ entry, reason: error.message });
        }
      }
      // A route can be added only after the route to its gateway. Try the rest again as long as
      // this adds at least one.
      if (failures.length === 0 || failures.length === left.length) {
        return {
          left: new LinkAddressing(failures.map(({ entry }) => entry)),
          reasons: failures.map(({ reason }) => reason),
        };
      }
      left = failures.map(({ entry }) => entry);
    }
  }
}

/**
 * Sets whether the kernel keeps the IPv6 addresses of a link of the calling thread's network
 * namespace when it goes down. Returns the value before, as `writeSetting`.
 */
export const keepAddresses = (name: string, value: string): string | undefined =>
  writeSetting(`/proc/sys/net/ipv6/conf/${name}/keep_addr_on_down`, value);

/**
 * Sets a link down.
 * @param isHere whether the link is in the calling thread's network namespace; otherwise the
 *   setting of `keepAddresses` is not changed
 * @returns the addresses and routes that the kernel removed
 * @throws OsError
 */
export function setLinkDown(routes: RouteSocket, link: Link, isHere = true): LinkAddressing {
  const before = LinkAddressing.read(link.index, routes);
  // With this setting the kernel keeps the addresses, and they can be seen and removed meanwhile.
  const was = isHere ? keepAddresses(link.name, "1") : undefined;
  try {
    routes.setLink(link.index, { up: false });
  } finally {
    if (was !== undefined) keepAddresses(link.name, was);
  }
  return before.without(LinkAddressing.read(link.index, routes));
}

const keyOf = ({ type, payload }: Replay): string => `${type} ${payload.toHex()}`;
