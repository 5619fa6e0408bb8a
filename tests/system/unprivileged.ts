/** What unprivileged_test.ts runs as somebody else. Prints `ok`. */
import assert from "node:assert/strict";
import { NetNamespace, removeRdomainIfEmpty } from "../../lib/linux/namespace.ts";
import { NETNS_DIRECTORY, rdomainOf } from "../../lib/linux/rdomain.ts";
import { RouteSocket } from "../../lib/linux/route_socket.ts";
import { listeningSockets } from "../../lib/linux/sockets.ts";
import { closeTun, openTun, tunNamespaceFd } from "../../lib/ports/open_tun.ts";
import { closeUdp, openUdp } from "../../lib/ports/open_udp.ts";
import { ip, osErrorOf } from "../linux/lab.ts";

const RDOMAIN = 99;

function without(): void {
  using namespace = NetNamespace.current();
  using routes = RouteSocket.open(namespace);
  const interfaceIndex = routes.requireLink("lo").index;
  assert.ok(routes.addresses().length > 0, "looking is free");
  const address = { address: ip("192.168.5.1"), prefix: 24, interfaceIndex };
  assert.match(
    osErrorOf("EPERM", () => routes.addAddress(address)),
    /^192\.168\.5\.1\/24: RTM_NEWADDR: /,
  );
  assert.match(
    osErrorOf("EPERM", () => routes.setLink(interfaceIndex, { mtu: 1400 })),
    /^lo: RTM_NEWLINK: /,
  );
  osErrorOf("EPERM", () => routes.deleteLink(interfaceIndex));
  osErrorOf(
    "EPERM",
    () => routes.addRoute({ destination: ip("10.0.0.0"), prefix: 8, interfaceIndex }),
  );
  // A host may keep /dev/net/tun itself from its users.
  assert.throws(
    () => openTun("wgtest5"),
    /^OsError: (wgtest5: TUNSETIFF: .*EPERM|\/dev\/net\/tun: open: .*EACCES)/,
  );
  assert.match(osErrorOf("EPERM", () => openUdp({ port: 0, fwmark: 7 })), /^fwmark 7: SO_MARK: /);
  const udp = openUdp({ port: 0 });
  assert.ok(listeningSockets().some((s) => s.localPort === udp.port));
  closeUdp(udp);
  assert.throws(
    () => NetNamespace.rdomain(RDOMAIN, { create: true }),
    /^OsError: .*(EACCES|EPERM)/,
  );
  osErrorOf("EACCES", () => NetNamespace.atPath("/proc/1/ns/net"));
}

function within(): void {
  using namespace = NetNamespace.rdomain(RDOMAIN, { create: true });
  const tun = namespace.run(() => openTun("wgtest5"));
  using routes = RouteSocket.open(namespace);
  const interfaceIndex = routes.requireLink("wgtest5").index;
  routes.setLink(interfaceIndex, { up: true, mtu: 1420 });
  routes.addAddress({ address: ip("192.168.5.1"), prefix: 24, interfaceIndex });
  routes.addAddress({ address: ip("fd00::1"), prefix: 64, interfaceIndex });
  assert.equal(routes.getRoute(ip("fd00::2")).interfaceIndex, interfaceIndex);
  using there = NetNamespace.ofDescriptor(tunNamespaceFd(tun.fd) ?? assert.fail());
  assert.equal(rdomainOf(there.identity), RDOMAIN);
  const udp = namespace.run(() => openUdp({ port: 7111, fwmark: 7 }));
  assert.equal(listeningSockets(namespace).length, 2);
  assert.deepEqual(listeningSockets(), []);
  closeUdp(udp);
  closeTun(tun);
  assert.ok(removeRdomainIfEmpty(RDOMAIN));
}

function noRun(): void {
  const message = osErrorOf("EACCES", () => NetNamespace.rdomain(RDOMAIN, { create: true }));
  // Where only root may enter the folder, it is the name in it that cannot be opened.
  assert.ok(
    message.startsWith(NETNS_DIRECTORY) || message.startsWith(`rdomain ${RDOMAIN}: open: `),
    message,
  );
}

switch (Deno.args[0]) {
  case "without":
    without();
    break;
  case "within":
    within();
    break;
  case "no-run":
    noRun();
    break;
  default:
    assert.fail("no such mode");
}
console.log("ok");
