/**
 * Reads and changes links, addresses and routes of one network namespace, by rtnetlink.
 * @module
 */
import { EBADMSG, EEXIST, ENODEV, ENOENT, EPERM, osError } from "../base/errno.ts";
import { OsError } from "../base/errors.ts";
import type { IpBytes } from "../base/endpoint.ts";
import { formatIp } from "../base/ip_text.ts";
import {
  type AddressRequest,
  decodeAddress,
  encodeAddressAdd,
  encodeAddressDelete,
  encodeAddressDump,
  familyNumber,
  type InterfaceAddress,
  RTM_NEWADDR,
} from "../netlink/address.ts";
import {
  decodeLink,
  encodeLinkDelete,
  encodeLinkDump,
  encodeLinkGet,
  encodeLinkSet,
  type Link,
  type LinkChange,
  RTM_NEWLINK,
} from "../netlink/link.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import {
  decodeNumber,
  encodeAskNumber,
  encodeNumberNamespace,
} from "../netlink/namespace_number.ts";
import {
  decodeRoute,
  encodeRouteAdd,
  encodeRouteDelete,
  encodeRouteDump,
  encodeRouteGet,
  type Route,
  type RouteFilter,
  type RouteLookup,
  type RouteRequest,
  RTM_F_CLONED,
  RTM_NEWROUTE,
} from "../netlink/route.ts";
import { NetlinkSocket } from "./netlink_socket.ts";

/** Something that runs a function in a network namespace, as NetNamespace does. */
interface Place {
  run<T>(fn: () => T): T;
}

/**
 * An rtnetlink socket. Every method is synchronous and throws an OsError, whose object is the
 * interface, address or route.
 *
 * @example
 * ```ts ignore
 * using routes = RouteSocket.open(NetNamespace.rdomain(1, { create: true }));
 * const link = routes.requireLink("wg1");
 * const address = Uint8Array.of(192, 168, 5, 1);
 * routes.addAddress({ address, prefix: 24, interfaceIndex: link.index });
 * routes.setLink(link.index, { up: true, mtu: 1420 });
 * ```
 */
export class RouteSocket {
  readonly #socket: NetlinkSocket;
  /** The number of another namespace, if links and addresses of that one are read. */
  readonly #elsewhere: number | undefined;

  private constructor(socket: NetlinkSocket, elsewhere?: number) {
    this.#socket = socket;
    this.#elsewhere = elsewhere;
  }

  /** Opens a socket in a namespace, by default the calling thread's. */
  static open(namespace?: Place): RouteSocket {
    return new RouteSocket(
      namespace === undefined ? new NetlinkSocket() : namespace.run(() => new NetlinkSocket()),
    );
  }

  /** A socket that another process opened, in its namespace. */
  static ofDescriptor(descriptor: number): RouteSocket {
    return new RouteSocket(new NetlinkSocket(0, undefined, descriptor));
  }

  /** The socket, for requests that this class does not have. */
  get socket(): NetlinkSocket {
    return this.#socket;
  }

  /**
   * Reads `link` and `addresses` of another namespace, which requires CAP_NET_ADMIN there and no
   * entering. The kernel changes nothing in other namespaces: other methods throw EPERM.
   * @param number of `numberNamespace`
   */
  elsewhere(number: number): RouteSocket {
    return new RouteSocket(this.#socket, number);
  }

  /** Closes the socket. Further calls do nothing. */
  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // --- links ---

  /** All links with their counters, by index. */
  links(): Link[] {
    return this.#socket.dump(encodeLinkDump, "RTM_GETLINK", "interfaces", decodedLink);
  }

  /** One link with its counters, by name or index; undefined when there is none. */
  link(nameOrIndex: string | number): Link | undefined {
    let found: Link | undefined;
    try {
      this.#socket.request(
        (n) => encodeLinkGet(n, nameOrIndex, this.#elsewhere),
        "RTM_GETLINK",
        nameOf(nameOrIndex),
        (message) => {
          found = decodedLink(message);
        },
      );
    } catch (error) {
      if (error instanceof OsError && error.errno === ENODEV) return undefined;
      throw error;
    }
    return found;
  }

  /** One link, as `link` returns it. @throws OsError ENODEV when there is none */
  requireLink(nameOrIndex: string | number): Link {
    const link = this.link(nameOrIndex);
    if (link === undefined) throw osError("RTM_GETLINK", nameOf(nameOrIndex), ENODEV);
    return link;
  }

  /** Changes a link. The change is applied whole or not at all. */
  setLink(index: number, change: LinkChange): void {
    this.#named(
      index,
      (object) =>
        this.#socket.request((n) => encodeLinkSet(n, index, change), "RTM_NEWLINK", object),
    );
  }

  /** Deletes a link, also a TUN device of another process. */
  deleteLink(index: number): void {
    this.#named(
      index,
      (object) => this.#socket.request((n) => encodeLinkDelete(n, index), "RTM_DELLINK", object),
    );
  }

  /**
   * Gives a namespace a number (nsid) in this one, if it has none. It does not keep it alive.
   * @returns the number; undefined when the kernel does not tell it
   */
  numberNamespace(descriptor: number): number | undefined {
    try {
      this.#socket.request(
        (n) => encodeNumberNamespace(n, descriptor),
        "RTM_NEWNSID",
        "network namespace",
      );
    } catch (error) {
      if (!(error instanceof OsError && error.errno === EEXIST)) throw error;
    }
    let number: number | undefined;
    this.#socket.request(
      (n) => encodeAskNumber(n, descriptor),
      "RTM_GETNSID",
      "network namespace",
      (message) => number = decodeNumber(message),
    );
    return number;
  }

  // --- addresses ---

  /** The addresses, IPv4 first, or those of one family or one interface. */
  addresses(
    filter: { readonly family?: 4 | 6; readonly interfaceIndex?: number } = {},
  ): InterfaceAddress[] {
    const families = filter.family === undefined ? [4, 6] as const : [filter.family];
    const index = filter.interfaceIndex;
    return families.flatMap((family) =>
      this.#socket.dump(
        (n) => encodeAddressDump(n, family, this.#elsewhere),
        "RTM_GETADDR",
        "addresses",
        (message) => {
          if (
            message.type !== RTM_NEWADDR || message.payload[0] !== familyNumber(family)
          ) return undefined;
          const address = decodeAddress(message);
          if (address === undefined) throw osError("RTM_GETADDR", "addresses", EBADMSG);
          return index === undefined || address.interfaceIndex === index ? address : undefined;
        },
      )
    );
  }

  /** Adds an address. @throws OsError EEXIST when it exists */
  addAddress(request: AddressRequest): void {
    this.#requireHere(addressText(request));
    this.#socket.request(
      (n) => encodeAddressAdd(n, request, false),
      "RTM_NEWADDR",
      addressText(request),
    );
  }

  /** Adds an address, or updates an existing one. */
  replaceAddress(request: AddressRequest): void {
    this.#requireHere(addressText(request));
    this.#socket.request(
      (n) => encodeAddressAdd(n, request, true),
      "RTM_NEWADDR",
      addressText(request),
    );
  }

  /** Deletes an address and its routes. @throws OsError EADDRNOTAVAIL when there is none */
  deleteAddress(request: AddressRequest): void {
    this.#requireHere(addressText(request));
    this.#socket.request(
      (n) => encodeAddressDelete(n, request),
      "RTM_DELADDR",
      addressText(request),
    );
  }

  // --- routes ---

  /** The routes of all tables that the filter selects, IPv4 first, without cached ones. */
  routes(filter: RouteFilter = {}): Route[] {
    const families = filter.family === undefined ? [4, 6] as const : [filter.family];
    return families.flatMap((family) => this.#routesOf(family, filter));
  }

  #routesOf(family: 4 | 6, filter: RouteFilter): Route[] {
    const { table, interfaceIndex } = filter;
    const encode = (n: number) => encodeRouteDump(n, { family, table, interfaceIndex });
    try {
      return this.#socket.dump(encode, "RTM_GETROUTE", "routes", (message) => {
        if (message.type !== RTM_NEWROUTE || message.payload[0] !== familyNumber(family)) {
          return undefined;
        }
        const route = decodedRoute(message);
        if ((route.flags & RTM_F_CLONED) !== 0 || (table !== undefined && route.table !== table)) {
          return undefined;
        }
        const hops = route.nextHops.some((hop) => hop.interfaceIndex === interfaceIndex);
        return interfaceIndex === undefined || route.interfaceIndex === interfaceIndex || hops
          ? route
          : undefined;
      });
    } catch (error) {
      // The kernel does not know a table that was never used.
      if (error instanceof OsError && error.errno === ENOENT && table !== undefined) return [];
      throw error;
    }
  }

  /** Adds a route. @throws OsError EEXIST when it exists */
  addRoute(route: RouteRequest): void {
    this.#requireHere(routeText(route));
    this.#socket.request((n) => encodeRouteAdd(n, route, "add"), "RTM_NEWROUTE", routeText(route));
  }

  /** Adds a route, or changes the one with the same destination and metric. */
  replaceRoute(route: RouteRequest): void {
    this.#requireHere(routeText(route));
    this.#socket.request(
      (n) => encodeRouteAdd(n, route, "replace"),
      "RTM_NEWROUTE",
      routeText(route),
    );
  }

  /** Changes the route with this destination and metric. @throws OsError ENOENT for none */
  changeRoute(route: RouteRequest): void {
    this.#requireHere(routeText(route));
    this.#socket.request(
      (n) => encodeRouteAdd(n, route, "change"),
      "RTM_NEWROUTE",
      routeText(route),
    );
  }

  /** Deletes the first route that matches the request. @throws OsError ESRCH for none */
  deleteRoute(route: RouteRequest): void {
    this.#requireHere(routeText(route));
    this.#socket.request((n) => encodeRouteDelete(n, route), "RTM_DELROUTE", routeText(route));
  }

  /** The route of packets to an address. @throws OsError ENETUNREACH or EHOSTUNREACH for none */
  getRoute(address: IpBytes, lookup: RouteLookup = {}): Route {
    let found: Route | undefined;
    const object = formatIp(address);
    this.#socket.request(
      (n) => encodeRouteGet(n, address, lookup),
      "RTM_GETROUTE",
      object,
      (message) => {
        if (message.type === RTM_NEWROUTE) found = decodedRoute(message);
      },
    );
    if (found === undefined) throw osError("RTM_GETROUTE", object, EBADMSG);
    return found;
  }

  #requireHere(object: string): void {
    if (this.#elsewhere === undefined) return;
    throw osError("rtnetlink", object, EPERM, "it is in another network namespace");
  }

  /** Runs `act`, and replaces the number of the interface in its error by the name. */
  #named(index: number, act: (object: string) => void): void {
    this.#requireHere(nameOf(index));
    try {
      act(nameOf(index));
    } catch (error) {
      const name = error instanceof OsError ? this.link(index)?.name : undefined;
      if (!(error instanceof OsError) || name === undefined) throw error;
      throw new OsError(error.call, name, error.code, error.errno, error.text);
    }
  }
}

const nameOf = (nameOrIndex: string | number): string =>
  typeof nameOrIndex === "string" ? nameOrIndex : `interface ${nameOrIndex}`;

function addressText(request: AddressRequest): string {
  return `${formatIp(request.address)}/${request.prefix}`;
}

function routeText(route: RouteRequest): string {
  return `route ${formatIp(route.destination)}/${route.prefix}`;
}

function decodedLink(message: NetlinkMessage): Link | undefined {
  if (message.type !== RTM_NEWLINK) return undefined;
  const link = decodeLink(message);
  if (link === undefined) throw osError("RTM_GETLINK", "interfaces", EBADMSG);
  return link;
}

function decodedRoute(message: NetlinkMessage): Route {
  const route = decodeRoute(message);
  if (route === undefined) throw osError("RTM_GETROUTE", "routes", EBADMSG);
  return route;
}
