/** Requests against the bytes iproute2 sends for the same thing. */
import assert from "node:assert/strict";
import { parseIp } from "../../lib/base/ip_text.ts";
import * as address from "../../lib/netlink/address.ts";
import * as link from "../../lib/netlink/link.ts";
import * as route from "../../lib/netlink/route.ts";
import { NLM_F_ACK, readAttributes } from "../../lib/netlink/message.ts";
import { REQUESTS } from "./captured.ts";

const SEQUENCE = 0x01020304;
const ip = (text: string) => parseIp(text) ?? assert.fail(text);

/** `get` requests of ours ask for an acknowledgement as well; iproute2's do not. */
function same(command: string, ours: Uint8Array, { acknowledged = false } = {}): void {
  const theirs = Uint8Array.fromHex(REQUESTS[command] ?? assert.fail(command));
  new DataView(theirs.buffer).setUint32(8, SEQUENCE, true);
  if (acknowledged) theirs[6] |= NLM_F_ACK;
  assert.equal(ours.toHex(), theirs.toHex(), command);
}

Deno.test("link requests are iproute2's", () => {
  same("ip link set dev wgc up", link.encodeLinkSet(SEQUENCE, 2, { up: true }));
  same(
    "ip link set dev wgc mtu 1420 alias hello",
    link.encodeLinkSet(SEQUENCE, 2, { mtu: 1420, alias: "hello" }),
    {},
  );
  same("ip link set dev wgc group 3", link.encodeLinkSet(SEQUENCE, 2, { group: 3 }));
  same("ip link set dev wgc alias ", link.encodeLinkSet(SEQUENCE, 2, { alias: "" }));
  same(
    "ip link set dev wgc addrgenmode none",
    link.encodeLinkSet(SEQUENCE, 2, { linkLocal: false }),
  );
  same("ip link set dev wgc txqueuelen 900", link.encodeLinkSet(SEQUENCE, 2, { queueLength: 900 }));
  same("ip link del dev wgc", link.encodeLinkDelete(SEQUENCE, 2));
});

Deno.test("a link goes down by clearing its flag, and nothing else is touched", () => {
  const request = link.encodeLinkSet(SEQUENCE, 2, { up: false });
  assert.equal(request.length, 16 + link.IFINFOMSG_BYTES);
  assert.equal(request.subarray(24).toHex(), "0000000001000000");
  const moved = link.encodeLinkSet(SEQUENCE, 2, { namespaceFd: 7, name: "wg9" });
  assert.equal(
    moved.subarray(24).toHex(),
    "0000000000000000" + "0800030077673900" + "08001c0007000000",
  );
});

Deno.test("address requests are iproute2's", () => {
  const own = { address: ip("192.168.5.1"), prefix: 24, interfaceIndex: 2 };
  same(
    "ip addr add 192.168.5.1/24 broadcast 192.168.5.255 dev wgc",
    address.encodeAddressAdd(SEQUENCE, { ...own, broadcast: ip("192.168.5.255") }, false),
  );
  same(
    "ip addr add 10.1.1.1 peer 10.1.1.2/32 dev wgc",
    address.encodeAddressAdd(
      SEQUENCE,
      { address: ip("10.1.1.1"), prefix: 32, peer: ip("10.1.1.2"), interfaceIndex: 2 },
      false,
    ),
  );
  same(
    "ip addr add fd00::1/64 dev wgc nodad",
    address.encodeAddressAdd(
      SEQUENCE,
      { address: ip("fd00::1"), prefix: 64, interfaceIndex: 2 },
      false,
    ),
  );
  same("ip addr del 192.168.5.1/24 dev wgc", address.encodeAddressDelete(SEQUENCE, own));
});

Deno.test("route requests are iproute2's", () => {
  const ten = { destination: ip("10.9.0.0"), prefix: 16 };
  same(
    "ip route add 10.9.0.0/16 via 192.168.5.2 metric 7 mtu 1300 proto static",
    route.encodeRouteAdd(
      SEQUENCE,
      { ...ten, gateway: ip("192.168.5.2"), metric: 7, mtu: 1300 },
      "add",
    ),
  );
  same(
    "ip route add default dev wgc proto static",
    route.encodeRouteAdd(
      SEQUENCE,
      { destination: ip("0.0.0.0"), prefix: 0, interfaceIndex: 2 },
      "add",
    ),
  );
  same(
    "ip route change 10.9.0.0/16 via 192.168.5.3 metric 7 proto static",
    route.encodeRouteAdd(SEQUENCE, { ...ten, gateway: ip("192.168.5.3"), metric: 7 }, "change"),
  );
  same(
    "ip -6 route add 2001:db8::/32 via fd00::2 proto static",
    route.encodeRouteAdd(SEQUENCE, {
      destination: ip("2001:db8::"),
      prefix: 32,
      gateway: ip("fd00::2"),
    }, "add"),
  );
  same(
    "ip route add blackhole 10.10.0.0/16 table 1000 proto static",
    route.encodeRouteAdd(
      SEQUENCE,
      { destination: ip("10.10.0.0"), prefix: 16, type: "blackhole", table: 1000 },
      "add",
    ),
  );
  same("ip route get 10.9.3.3", route.encodeRouteGet(SEQUENCE, ip("10.9.3.3"), {}), {
    acknowledged: true,
  });
  same("ip route del 10.9.0.0/16", route.encodeRouteDelete(SEQUENCE, ten));
});

Deno.test("a route is asked for as the datagram is sent: from its source, with its ports and mark", () => {
  const asked = (address: string, source: string) =>
    route.encodeRouteGet(SEQUENCE, ip(address), {
      mark: 7,
      source: ip(source),
      udp: { sourcePort: 7111, destinationPort: 0x1234 },
    }).subarray(16);
  for (const [address, source] of [["10.9.3.3", "10.0.0.1"], ["fd09::3", "fd00::1"]]) {
    const payload = asked(address, source);
    const bits = ip(address).length * 8;
    assert.deepEqual([...payload.subarray(0, 4)], [bits === 32 ? 2 : 10, bits, bits, 0]);
    const attributes = readAttributes(payload, route.RTMSG_BYTES);
    assert.deepEqual(attributes?.get(1), ip(address));
    assert.deepEqual(attributes?.get(2), ip(source));
    assert.deepEqual(attributes?.get(16), Uint8Array.of(7, 0, 0, 0));
    assert.deepEqual(attributes?.get(27), Uint8Array.of(17));
    assert.deepEqual(attributes?.get(28), Uint8Array.of(0x1b, 0xc7));
    assert.deepEqual(attributes?.get(29), Uint8Array.of(0x12, 0x34));
  }
});

Deno.test("addresses of another length are a mistake in the program", () => {
  const bad = new Uint8Array(5);
  assert.throws(
    () => address.encodeAddressAdd(1, { address: bad, prefix: 1, interfaceIndex: 1 }, false),
    RangeError,
  );
  assert.throws(() => route.encodeRouteAdd(1, { destination: bad, prefix: 1 }, "add"), RangeError);
});

Deno.test("a message grows as far as it must", () => {
  const alias = "x".repeat(3000);
  const request = link.encodeLinkSet(SEQUENCE, 2, { alias, mtu: 1280 });
  assert.equal(new DataView(request.buffer).getUint32(0, true), request.length);
  assert.ok(new TextDecoder().decode(request).includes(alias));
});
