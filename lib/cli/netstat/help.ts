/**
 * The help of netstat.
 * @module
 */
import type { Manual } from "../manual.ts";

/** The manual of `netstat`, for netstat(1) and the help. */
export const NETSTAT_MANUAL: Manual = {
  name: "netstat",
  usage: [
    "[-aln] [-f inet | inet6] [-p tcp | udp] [-T rdomain] [--json]",
    "-r [-n] [-f inet | inet6] [-T rdomain] [--json]",
    "-i | -I interface [-n] [-f inet | inet6] [-T rdomain] [--json]",
  ],
  about: ["Shows the TCP and UDP sockets, the routes or the interfaces of a network namespace."],
  lists: [{
    heading: "Options",
    rows: [
      ["-l", "Show listening TCP sockets and unconnected UDP sockets."],
      ["-a", "Show all sockets. Without -l and -a netstat shows the connected ones."],
      ["-r", "Show the routes."],
      ["-i", "Show the interfaces, their addresses and counters."],
      ["-I interface", "Show the same for one interface."],
      ["-f family", "Show this address family only."],
      ["-p protocol", "Show this protocol only."],
      ["-T rdomain", "Show the routing domain N, which is the network namespace rdomainN."],
      ["-n", "Show numbers instead of names. This is always so."],
      ["--json", "Print values for programs."],
    ],
  }, {
    heading: "Flags of routes",
    rows: [
      ["U", "The route is in use."],
      ["G", "The route leads through a gateway."],
      ["H", "The route leads to one host."],
      ["R", "Packets are dropped and answered with an unreachable message."],
      ["B", "Packets are dropped without an answer."],
      ["D", "A redirect, a router advertisement or DHCP added the route."],
      ["C", "The route leads to the network of an interface. n is set too."],
      ["n", "An address of the interface added the route."],
      ["S", "A user or a program added the route."],
      ["l", "The destination is an address of this host."],
      ["b", "The destination is a broadcast address."],
      ["P", "The route has several gateways."],
    ],
  }],
  notes: [],
  literals: ["inet", "inet6", "tcp", "udp", ..."UGHRBDCnSlbP"],
};
