/**
 * The help of route.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What route(8) and the help say. */
export const ROUTE_MANUAL: Manual = {
  name: "route",
  usage: ["[-nq] [-T rdomain] [--json] command [argument ...]"],
  about: [
    "Shows and changes the routes of the main table, and runs commands in routing domains. The options may follow " +
    "the command as well, but for exec. The name of a host may stand where an address may.",
  ],
  lists: [
    {
      heading: "Commands",
      rows: [
        [
          "exec command [argument ...]",
          "Run a command in the routing domain: route -T 1 exec ping 192.168.5.2",
        ],
        [
          "show [-inet | -inet6] [-gateway [address]] [-priority number]",
          "Show the routes and this host's own addresses.",
        ],
        [
          "get [-inet | -inet6] destination",
          "Show the way that packets to an address take, or the route to a network.",
        ],
        [
          "add [-inet | -inet6] [-net | -host] destination gateway [mask] [modifier ...]",
          "Add a route. A destination is default, an address, or a network as 10.0.0.0/8, 10/8 or 10.52, which is " +
          "10.52.0.0/16: the prefix of its class that covers the parts. A gateway is an address, that of a " +
          "link-local one with its interface (fe80::1%wg1), or with -iface an interface.",
        ],
        [
          "change [-inet | -inet6] destination [gateway] [modifier ...]",
          "Change a route; what is not named stays.",
        ],
        ["delete [-inet | -inet6] destination [gateway] [modifier ...]", "Delete a route."],
        [
          "flush [-inet | -inet6] [-iface interface] [-priority number]",
          "Delete the routes that were added, not those of the interfaces' own networks.",
        ],
      ],
    },
    {
      heading: "Modifiers",
      rows: [
        ["-iface", "The gateway is the name of an interface."],
        ["-ifp interface", "The route leaves by this interface."],
        ["-ifa address", "Packets of this host that take the route get this source address."],
        ["-netmask mask", "The mask of the destination, as 255.255.255.0."],
        ["-prefixlen number", "The prefix length of the destination."],
        [
          "-priority metric",
          "The metric of Linux: the lowest is used. A route without one has 0, or 1024 with IPv6.",
        ],
        ["-mtu number", "The largest packet in bytes that the route takes."],
        ["-blackhole", "Drop the packets."],
        ["-reject", "Drop the packets and tell their senders that the destination is unreachable."],
      ],
    },
    {
      heading: "Options",
      rows: [
        ["-T rdomain", "Act in this routing domain: the network namespace rdomainN."],
        ["-q", "Print nothing."],
        ["-n", "Numbers only, as always here."],
        ["--json", "With show and get: print values for programs."],
      ],
    },
  ],
  notes: [],
  literals: ["exec", "show", "get", "add", "change", "delete", "flush"],
};
