/**
 * The help of route.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `route`, for route(8) and the help. */
export const ROUTE_MANUAL: Manual = {
  name: "route",
  usage: ["[-nq] [-T rdomain] [--json] command [argument ...]"],
  about: [
    "Shows and changes routes and rules of routing, and runs commands in routing domains. " +
    "The options may also follow the command, except for exec. A host's name may be given in " +
    "place of an address.",
  ],
  lists: [
    {
      heading: "Commands",
      rows: [
        [
          "exec command [argument ...]",
          "Run a command in the routing domain, as in route -T 1 exec ping 192.168.5.2",
        ],
        [
          "show [-inet | -inet6] [-gateway [address]] [-priority number] [-table id]",
          "Show the routes of the main table and this host's own addresses, or those of a table.",
        ],
        [
          "get [-inet | -inet6] destination",
          "Show the route that packets to an address take, or the route to a network.",
        ],
        [
          "add [-inet | -inet6] [-net | -host] destination gateway [mask] [modifier ...]",
          "Add a route. The destination is default, an address, or a network as 10.0.0.0/8, 10/8 " +
          "or 10.52. A network without a prefix has that of its class, or a longer one that " +
          "covers all given parts: 10.52 is 10.52.0.0/16. The gateway is an address, or with " +
          "-iface an interface. A link-local gateway requires its interface: fe80::1%wg1.",
        ],
        [
          "change [-inet | -inet6] destination [gateway] [modifier ...]",
          "Change a route. What is not given stays as it is.",
        ],
        ["delete [-inet | -inet6] destination [gateway] [modifier ...]", "Delete a route."],
        [
          "flush [-inet | -inet6] [-iface interface] [-priority number] [-table id]",
          "Delete the routes that users and programs added. The routes of the interfaces' networks stay.",
        ],
        [
          "rule add [-inet | -inet6] [not] [selector ...] table id [suppress length]",
          "Add a rule: packets that the selectors describe are routed by this table; with not, all " +
          "other packets are. Without a route in the table the next rule is asked. suppress 0 leaves " +
          "the default routes of the table out. In place of the table may stand blackhole, " +
          "unreachable or prohibit.",
        ],
        [
          "rule delete [-inet | -inet6] word ...",
          "Delete the rule that add with the same words has added. The priority may be left out.",
        ],
        ["rule show [-inet | -inet6]", "Show the rules in the order in which they are asked."],
      ],
    },
    {
      heading: "Modifiers",
      rows: [
        ["-iface", "The gateway is the name of an interface."],
        ["-ifp interface", "Packets leave through this interface."],
        ["-ifa address", "The source address of packets that this host sends by the route."],
        ["-netmask mask", "The mask of the destination, as 255.255.255.0."],
        ["-prefixlen number", "The prefix length of the destination."],
        [
          "-priority metric",
          "The metric of the route. Linux uses the route with the lowest one. The default is 0, for IPv6 1024.",
        ],
        ["-mtu number", "The largest packet that the route takes, in bytes."],
        [
          "-table id",
          "The table of the route, by number or by its name in /etc/iproute2/rt_tables. " +
          "The default is main.",
        ],
        ["-blackhole", "Drop the packets."],
        ["-reject", "Drop the packets and tell their senders that the destination is unreachable."],
      ],
    },
    {
      heading: "Selectors of rules",
      rows: [
        [
          "fwmark mark",
          "Packets with this mark. ifconfig's word wgfwmark marks the datagrams of a tunnel. " +
          "0x1/0xf compares only the bits of 0xf.",
        ],
        ["from network", "Packets from this network or address."],
        ["to network", "Packets to this network or address."],
        ["iif interface", "Packets that came in by this interface; lo for those of this host."],
        ["oif interface", "Packets of sockets that are bound to this interface."],
        ["priority number", "The place of the rule. The lowest number is asked first."],
      ],
    },
    {
      heading: "Options",
      rows: [
        ["-T rdomain", "Use the routing domain N, which is the network namespace rdomainN."],
        ["-q", "Print nothing."],
        ["-n", "Show numbers instead of names. This is always so."],
        ["--json", "With show and get: print values for programs."],
      ],
    },
  ],
  notes: [],
  literals: [
    "exec",
    "show",
    "get",
    "add",
    "change",
    "delete",
    "flush",
    "rule",
    "not",
    "table",
    "suppress",
    "fwmark",
    "from",
    "to",
    "iif",
    "oif",
    "priority",
  ],
};
