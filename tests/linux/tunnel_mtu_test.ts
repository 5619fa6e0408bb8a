/** The MTU and the table that wg-quick would choose, with links and routes of all kinds. */
import assert from "node:assert/strict";
import { freeTable } from "../../lib/linux/route_tables.ts";
import { RouteSocket } from "../../lib/linux/route_socket.ts";
import { mtuByRoutes, tunnelMtu } from "../../lib/linux/tunnel_mtu.ts";
import { freshNamespace, ip, isRoot, runIn } from "./lab.ts";

Deno.test("the widest way counts, then the default route, then 1500", () => {
  assert.equal(tunnelMtu([1500, 9000, undefined], 1400), 8920);
  assert.equal(tunnelMtu([undefined], 1400), 1320);
  assert.equal(tunnelMtu([], undefined), 1420);
});

Deno.test({
  name: "the MTU follows the routes to the endpoints, and the table is the first without routes",
  ignore: !isRoot,
  fn: () => {
    using namespace = freshNamespace();
    const run = (line: string) => runIn(namespace, "ip", ...line.split(" "));
    using routes = RouteSocket.open(namespace);
    const mtu = (endpoints: string[], mark = 0) => mtuByRoutes(routes, endpoints.map(ip), mark);
    assert.equal(mtu([]), 1420);
    assert.equal(mtu(["192.0.2.1", "2001:db8::1"]), 1420);
    run("link set lo up");
    run("link add wide mtu 9000 type veth peer name wider mtu 9000");
    run("link add narrow mtu 1400 type veth peer name narrower mtu 1400");
    for (const name of ["wide", "wider", "narrow", "narrower"]) run(`link set ${name} up`);
    run("address add 192.0.2.2/24 dev wide");
    run("address add 198.51.100.2/24 dev narrow");
    run("address add 2001:db8::2/64 dev narrow nodad");
    assert.equal(mtu(["192.0.2.1"]), 8920);
    assert.equal(mtu(["198.51.100.1"]), 1320);
    assert.equal(mtu(["2001:db8::1"]), 1320);
    assert.equal(mtu(["198.51.100.1", "192.0.2.1"]), 8920);
    assert.equal(mtu(["203.0.113.1"]), 1420);
    run("route add default via 198.51.100.1");
    assert.equal(mtu([]), 1320);
    run("route add default dev wide metric 5");
    assert.equal(mtu([]), 1320);
    run("route add 203.0.113.0/24 via 192.0.2.1 mtu 1350");
    assert.equal(mtu(["203.0.113.1"]), 1270);
    run("route add 203.0.113.0/24 via 192.0.2.1 table 7 mtu 1250");
    run("rule add fwmark 9 table 7");
    assert.equal(mtu(["203.0.113.1"], 9), 1170);

    assert.equal(freeTable(routes), 51820);
    run("route add default dev wide table 51820");
    run("-6 route add default dev wide table 51821");
    assert.equal(freeTable(routes), 51822);
    assert.equal(freeTable(routes, 7), 8);
  },
});
