/**
 * Kernel settings of a WireGuard link. As Linux's WireGuard does, two features are switched off:
 * the IPv6 link-local address, whose packets make idle peers begin handshakes, and ICMP redirects,
 * which a hub would send to its spokes. A userspace link also needs accept_local, so that the
 * kernel accepts ICMP answers from an address of the link.
 * @module
 */
import { OsError } from "../base/errors.ts";
import { isKernelLinkLocal } from "../netlink/address.ts";
import { IFF_UP } from "../netlink/flags.ts";
import type { Link, LinkChange } from "../netlink/link.ts";
import type { RouteSocket } from "./route_socket.ts";

/** The kernel sends redirects when the setting of the link or this one allows it. */
const ALL_SEND_REDIRECTS = "/proc/sys/net/ipv4/conf/all/send_redirects";

/**
 * Applies the settings to a link. The kernel resets them
 * when the link moves, and those of IPv6 when the MTU was below 1280. So call it at the start, and
 * after the link moved, went up or got a larger MTU. Settings that cannot be changed are left as
 * they are.
 * @param isHere whether the link is in the calling thread's network namespace; otherwise the
 *   setting for all links there is left as it is
 * @returns whether the kernel accepts packets with local IPv4 sources from the link (accept_local)
 */
export function settleLink(routes: RouteSocket, link: Link, isHere = true): boolean {
  trySetLink(routes, link, { linkLocal: false });
  trySetLink(routes, link, { sendRedirects: false });
  const acceptsLocal = trySetLink(routes, link, { acceptLocal: true });
  if (isHere) writeSetting(ALL_SEND_REDIRECTS, "0");
  if ((link.flags & IFF_UP) === 0) return acceptsLocal;
  // Remove the address that the kernel has added already. An address of a user stays.
  for (const address of routes.addresses({ family: 6, interfaceIndex: link.index })) {
    if (isKernelLinkLocal(address)) succeeds(() => routes.deleteAddress(address));
  }
  return acceptsLocal;
}

/**
 * Writes a setting of the kernel in the calling thread's network namespace.
 * @returns the value before; undefined when the setting has the value already, or is not writable
 */
export function writeSetting(path: string, value: string): string | undefined {
  try {
    const before = Deno.readTextFileSync(path).trim();
    if (before === value) return undefined;
    Deno.writeTextFileSync(path, value, { create: false });
    return before;
  } catch {
    // In containers /proc/sys is often read-only.
    return undefined;
  }
}

function trySetLink(routes: RouteSocket, link: Link, change: LinkChange): boolean {
  return succeeds(() => routes.setLink(link.index, change));
}

/** Runs `act`. Returns false when it throws an OsError. */
function succeeds(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    return false;
  }
}
