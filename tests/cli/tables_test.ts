import { deepEqual, equal } from "node:assert/strict";
import { formatInterfaces } from "../../lib/cli/netstat/interface_table.ts";
import {
  destinationText,
  formatRouteGet,
  formatRoutes,
  routeFlags,
  routesAsJson,
} from "../../lib/cli/route/table.ts";
import { formatSockets, selectSockets, socketsAsJson } from "../../lib/cli/netstat/socket_table.ts";
import { maskAddress, parseIp } from "../../lib/base/ip_text.ts";
import { type InetSocket, parseSockets } from "../../lib/linux/sockets.ts";
import type { Route } from "../../lib/netlink/route.ts";

/**
 * As the kernel writes it: a wg interface on 7111, a name server on the loopback, a connected
 * socket, a mail server, a session.
 */
const UDP =
  `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  123: 00000000:1BC7 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 5001 2 0000000000000000 0
  124: 0100007F:0035 00000000:0000 07 00000000:00000240 00:00000000 00000000     0        0 5002 2 0000000000000000 0
  125: 0500A8C0:8000 0600A8C0:1BC7 01 00000000:00000000 00:00000000 00000000     0        0 5003 2 0000000000000000 0
`;
const UDP6 =
  `  sl  local_address                         remote_address                        st tx_queue rx_queue tr
  123: 00000000000000000000000000000000:1BC7 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 5004 2 0000000000000000 0
`;
const TCP =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5005 1 0000000000000000 100 0 0 10 0
   1: 0500A8C0:0016 0900A8C0:C001 01 00000024:00000000 01:00000014 00000000     0        0 5006 4 0000000000000000 20 4 31 10 -1
`;
const SOCKETS: readonly InetSocket[] = [
  ...parseSockets(TCP, "tcp", 4),
  ...parseSockets(UDP6, "udp", 6),
  ...parseSockets(UDP, "udp", 4),
];

Deno.test("netstat -ln: servers in BSD's columns", () => {
  equal(
    formatSockets(selectSockets(SOCKETS, "listening"), "listening"),
    `Active Internet connections (only servers)
Proto   Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp          0      0  127.0.0.1.25           *.*                    LISTEN
udp        576      0  127.0.0.1.53           *.*
udp          0      0  *.7111                 *.*
udp6         0      0  *.7111                 *.*`,
  );
});

Deno.test("netstat, netstat -an: connected sockets, and all", () => {
  equal(
    formatSockets(selectSockets(SOCKETS, "connected"), "connected"),
    `Active Internet connections
Proto   Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp          0     36  192.168.0.5.22         192.168.0.9.49153      ESTABLISHED
udp          0      0  192.168.0.5.32768      192.168.0.6.7111`,
  );
  equal(selectSockets(SOCKETS, "all").length, 6);
});

Deno.test("netstat --json: a socket of a wg interface says which", () => {
  const [, , first] = socketsAsJson(selectSockets(SOCKETS, "listening"), new Map([[7111, "wg1"]]));
  deepEqual(first, {
    protocol: "udp",
    local: { address: "0.0.0.0", port: 7111 },
    foreign: { address: "0.0.0.0", port: 0 },
    receiveQueue: 0,
    sendQueue: 0,
    wg: "wg1",
  });
});

function route(destination: string, more: Partial<Route> = {}): Route {
  const [text, prefix] = destination.split("/");
  const address = parseIp(text) ?? new Uint8Array(4);
  return {
    family: address.length === 4 ? 4 : 6,
    destination: address,
    prefix: Number(prefix),
    type: "unicast",
    table: 254,
    metric: 0,
    protocol: 2,
    scope: 0,
    flags: 0,
    gateway: undefined,
    interfaceIndex: 3,
    preferredSource: undefined,
    mtu: 0,
    nextHops: [],
    ...more,
  };
}

const NAMES = new Map([[1, "lo"], [3, "wg1"], [4, "wg2"]]);
const GATEWAY = Uint8Array.of(192, 168, 5, 2);

const ROUTES: readonly Route[] = [
  route("192.168.5.0/24", { preferredSource: Uint8Array.of(192, 168, 5, 1) }),
  route("0.0.0.0/0", { gateway: GATEWAY, protocol: 4, metric: 5 }),
  route("192.168.5.1/32", {
    type: "local",
    table: 255,
    preferredSource: Uint8Array.of(192, 168, 5, 1),
  }),
  route("10.0.0.0/8", { gateway: GATEWAY, protocol: 4, mtu: 1300 }),
  route("10.7.0.0/16", { type: "blackhole", protocol: 4, interfaceIndex: 0 }),
  route("172.16.0.0/12", {
    gateway: GATEWAY,
    nextHops: [{ gateway: GATEWAY, interfaceIndex: 3, flags: 0 }, {
      gateway: undefined,
      interfaceIndex: 4,
      flags: 0,
    }],
    protocol: 4,
  }),
  route("fd00::/64", { metric: 256 }),
];

Deno.test("route show: OpenBSD's columns, short networks, a line for each way", () => {
  equal(
    formatRoutes(ROUTES, NAMES),
    `Routing tables

Internet:
Destination        Gateway            Flags   Refs      Use   Mtu  Prio Iface
default            192.168.5.2        UGS        -        -     -     5 wg1
10/8               192.168.5.2        UGS        -        -  1300     0 wg1
10.7/16            -                  UBS        -        -     -     0
172.16/12          192.168.5.2        UGSP       -        -     -     0 wg1
172.16/12          wg2                UGSP       -        -     -     0 wg2
192.168.5/24       192.168.5.1        UCn        -        -     -     0 wg1
192.168.5.1        192.168.5.1        UHl        -        -     -     0 wg1

Internet6:
Destination                                Gateway                                    Flags   Refs      Use   Mtu  Prio Iface
fd00::/64                                  wg1                                        UCn        -        -     -   256 wg1`,
  );
});

Deno.test("route: short networks and flags", () => {
  equal(destinationText(Uint8Array.of(10, 0, 0, 0), 8, "wg1"), "10/8");
  equal(destinationText(Uint8Array.of(128, 0, 0, 0), 1, "wg1"), "128/1");
  equal(destinationText(Uint8Array.of(10, 0, 0, 128), 25, "wg1"), "10.0.0.128/25");
  equal(destinationText(Uint8Array.of(10, 0, 0, 1), 32, "wg1"), "10.0.0.1");
  equal(destinationText(new Uint8Array(16), 0, "wg1"), "default");
  const linkLocal = Uint8Array.fromHex("fe80".padEnd(31, "0") + "1");
  equal(destinationText(linkLocal, 128, "wg1"), "fe80::1%wg1");
  equal(destinationText(linkLocal, 128, ""), "fe80::1");
  equal(destinationText(maskAddress(linkLocal, 64), 64, "wg1"), "fe80::%wg1/64");
  equal(routeFlags(route("10.0.0.1/32", { gateway: GATEWAY, protocol: 16 })), "UGHD");
  equal(routeFlags(route("10.0.0.0/8", { type: "unreachable", protocol: 4 })), "URS");
});

Deno.test("route show --json", () => {
  deepEqual(routesAsJson([ROUTES[3], ROUTES[4]], NAMES), [
    {
      destination: "10.0.0.0/8",
      gateway: "192.168.5.2",
      interface: "wg1",
      type: "unicast",
      flags: "UGS",
      metric: 0,
      mtu: 1300,
    },
    { destination: "10.7.0.0/16", type: "blackhole", flags: "UBS", metric: 0 },
  ]);
});

Deno.test("route get: the way and the entry behind it", () => {
  const way = route("10.1.2.3/32", {
    gateway: GATEWAY,
    preferredSource: Uint8Array.of(192, 168, 5, 1),
  });
  equal(
    formatRouteGet({ address: Uint8Array.of(10, 1, 2, 3), prefix: 32 }, way, ROUTES[3], NAMES),
    `   route to: 10.1.2.3
destination: 10.0.0.0
       mask: 255.0.0.0
    gateway: 192.168.5.2
  interface: wg1
 if address: 192.168.5.1
   priority: 0
      flags: <UP,GATEWAY,DONE,STATIC>`,
  );
});

Deno.test("netstat -i: a row for the link and one for each address, counters, an asterisk when down", () => {
  const link = {
    index: 3,
    name: "wg1",
    flags: 0,
    mtu: 1420,
    type: 0xfffe,
    kind: "tun",
    alias: "",
    group: 0,
    operState: 2,
    queueLength: 500,
    master: 0,
    acceptsLocal: false,
    hasLinkLocal: false,
    address: new Uint8Array(0),
    stats: {
      rxPackets: 12,
      txPackets: 34,
      rxBytes: 1000,
      txBytes: 2000,
      rxErrors: 1,
      txErrors: 0,
      rxDropped: 2,
      txDropped: 5,
      multicast: 0,
      collisions: 0,
    },
  };
  const address = {
    address: Uint8Array.of(192, 168, 5, 1),
    prefix: 24,
    interfaceIndex: 3,
    peer: undefined,
    broadcast: undefined,
    label: "wg1",
    scope: 0,
    flags: 0,
    metric: 0,
    protocol: 0,
  };
  equal(
    formatInterfaces([link], [address, { ...address, interfaceIndex: 4 }]),
    `Name    Mtu   Network      Address              Ipkts Ifail    Opkts Ofail Colls
wg1*    1420  <Link>                               12     3       34     5     0
wg1*    1420  192.168.5/24 192.168.5.1             12     3       34     5     0`,
  );
});
