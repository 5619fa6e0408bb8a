/**
 * What the kernel is kept from doing with a WireGuard link by itself, as its own WireGuard has it:
 * an IPv6 link-local address, which makes an idle peer shake hands, and ICMP redirects, which a hub
 * would send to its spokes. And what it must do for a userspace one: take ICMP answers that come
 * from an address of the link.
 * @module
 */
import { OsError } from "../base/errors.ts";
import { isKernelLinkLocal } from "../netlink/address.ts";
import { IFF_UP } from "../netlink/flags.ts";
import type { Link, LinkChange } from "../netlink/link.ts";
import type { RouteSocket } from "./route_socket.ts";

/** The link's own say is not enough: the kernel sends redirects when either allows it. */
const ALL_SEND_REDIRECTS = "/proc/sys/net/ipv4/conf/all/send_redirects";

/**
 * Settles a link of the calling thread's network namespace. The kernel forgets all of it when the link moves, and the
 * IPv6 half when the MTU was below 1280: call it at the start, and after every move, up and growth of the MTU.
 * What is refused (no IPv6, /proc/sys that cannot be written) stays as it is.
 * @returns whether the kernel takes packets from the link that come from this machine's own IPv4 addresses (accept_local)
 */
export function settleLink(routes: RouteSocket, link: Link): boolean {
  attempt(routes, link, { linkLocal: false });
  attempt(routes, link, { sendRedirects: false });
  const acceptsLocal = attempt(routes, link, { acceptLocal: true });
  writeSetting(ALL_SEND_REDIRECTS, "0");
  if ((link.flags & IFF_UP) === 0) return acceptsLocal;
  // The kernel was quicker. An address that a person gave stays.
  for (const address of routes.addresses({ family: 6, interfaceIndex: link.index })) {
    if (isKernelLinkLocal(address)) refusable(() => routes.deleteAddress(address));
  }
  return acceptsLocal;
}

/**
 * Writes one of the kernel's settings in the calling thread's network namespace, unless it has the value already.
 * @returns the value before; undefined when it was not changed: it was so already, or it cannot be written
 */
export function writeSetting(path: string, value: string): string | undefined {
  try {
    const before = Deno.readTextFileSync(path).trim();
    if (before === value) return undefined;
    Deno.writeTextFileSync(path, value, { create: false });
    return before;
  } catch {
    // Containers often have /proc/sys for reading only.
    return undefined;
  }
}

function attempt(routes: RouteSocket, link: Link, change: LinkChange): boolean {
  return refusable(() => routes.setLink(link.index, change));
}

/** Returns whether it was done. */
function refusable(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    return false;
  }
}
