/**
 * The help of netstat.
 * @module
 */
import type { Manual } from "../manual.ts";

/** What netstat(1) and the help say. */
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
      ["-l", "The sockets that wait for somebody: TCP listeners and unconnected UDP."],
      ["-a", "All sockets; without -l and -a the connected ones."],
      ["-r", "The routes."],
      ["-i", "The interfaces, their addresses and counters."],
      ["-I interface", "The same of one interface."],
      ["-f family", "Only this address family."],
      ["-p protocol", "Only this protocol."],
      ["-T rdomain", "Of this routing domain: the network namespace rdomainN."],
      ["-n", "Numbers only, as always here."],
      ["--json", "Print values for programs."],
    ],
  }, {
    heading: "Flags of routes",
    rows: [
      ["U", "The route is in use."],
      ["G", "It leads through a gateway."],
      ["H", "To one host."],
      ["R", "Packets are answered as unreachable."],
      ["B", "Packets are dropped."],
      ["D", "A redirect, a router or DHCP made it."],
      ["C", "To a network that an interface is connected to; n stands beside it."],
      ["n", "An address of the interface made it."],
      ["S", "Somebody added it."],
      ["l", "An address of this host."],
      ["b", "A broadcast address."],
      ["P", "It has several gateways."],
    ],
  }],
  notes: [],
  literals: ["inet", "inet6", "tcp", "udp", ..."UGHRBDCnSlbP"],
};
