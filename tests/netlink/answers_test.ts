/** Answers that Linux gave iproute2, and answers nobody should give. */
import assert from "node:assert/strict";
import { formatIp } from "../../lib/base/ip_text.ts";
import { decodeAddress } from "../../lib/netlink/address.ts";
import { decodeLink } from "../../lib/netlink/link.ts";
import { addressReplay, encodeReplay, routeReplay } from "../../lib/netlink/replay.ts";
import { decodeRoute, type Route } from "../../lib/netlink/route.ts";
import {
  type NetlinkMessage,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAttributes,
  readMessages,
  readVerdict,
} from "../../lib/netlink/message.ts";
import { ANSWERS } from "./captured.ts";
import { trial } from "../random.ts";

function messages(command: string, type: number): NetlinkMessage[] {
  return (ANSWERS[command] ?? assert.fail(command))
    .flatMap((hex) => readMessages(Uint8Array.fromHex(hex)) ?? assert.fail(command))
    .filter((message) => message.type === type);
}

const text = (bytes: Uint8Array | undefined) => bytes === undefined ? undefined : formatIp(bytes);

Deno.test("links as Linux describes them", () => {
  const [lo, tun] = messages("ip link show", 16).map((message) =>
    decodeLink(message) ?? assert.fail()
  );
  assert.deepEqual([lo.index, lo.name, lo.flags, lo.mtu, lo.type, lo.kind], [
    1,
    "lo",
    0x10049,
    65536,
    772,
    "",
  ]);
  assert.deepEqual(
    [
      tun.index,
      tun.name,
      tun.flags,
      tun.mtu,
      tun.type,
      tun.kind,
      tun.group,
      tun.queueLength,
      tun.operState,
    ],
    [2, "wgc", 0x1091, 1420, 0xfffe, "tun", 3, 900, 2],
  );
  assert.equal(lo.address.length, 6);
  assert.equal(tun.address.length, 0);
  assert.equal(tun.alias, "");
  assert.deepEqual(tun.stats?.txBytes, 0);
});

Deno.test("addresses as Linux describes them", () => {
  const found = [...messages("ip -4 addr show", 20), ...messages("ip -6 addr show", 20)]
    .map((message) => decodeAddress(message) ?? assert.fail())
    .map((
      a,
    ) => [
      text(a.address),
      a.prefix,
      a.interfaceIndex,
      text(a.peer),
      text(a.broadcast),
      a.label,
      a.scope,
      a.flags,
    ]);
  assert.deepEqual(found, [
    ["127.0.0.1", 8, 1, undefined, undefined, "lo", 254, 0x80],
    ["192.168.5.1", 24, 2, undefined, "192.168.5.255", "wgc", 0, 0x80],
    ["10.1.1.1", 32, 2, "10.1.1.2", undefined, "wgc", 0, 0x80],
    ["::1", 128, 1, undefined, undefined, "", 254, 0x80],
    ["fd00::1", 64, 2, undefined, undefined, "", 0, 0x82],
  ]);
});

Deno.test("routes as Linux describes them", () => {
  const commands = ["ip -4 route show", "ip -4 route show table 1000", "ip -6 route show"];
  const show = (r: Route) => [
    `${r.family} ${r.type} ${
      text(r.destination)
    }/${r.prefix} table ${r.table} metric ${r.metric} proto ${r.protocol}`,
    text(r.gateway),
    r.interfaceIndex,
    text(r.preferredSource),
    r.nextHops.map((hop) => text(hop.gateway)).join(" "),
  ];
  const found = commands.flatMap((command) => messages(command, 24)).map((m) =>
    show(decodeRoute(m) ?? assert.fail())
  );
  assert.deepEqual(found, [
    ["4 unicast 0.0.0.0/0 table 254 metric 0 proto 4", undefined, 2, undefined, ""],
    ["4 unicast 10.1.1.2/32 table 254 metric 0 proto 2", undefined, 2, "10.1.1.1", ""],
    ["4 unicast 10.9.0.0/16 table 254 metric 7 proto 4", "192.168.5.3", 2, undefined, ""],
    [
      "4 unicast 10.11.0.0/16 table 254 metric 0 proto 4",
      "192.168.5.4",
      2,
      undefined,
      "192.168.5.4 192.168.5.5",
    ],
    ["4 unicast 10.12.0.0/16 table 254 metric 0 proto 3", "fd00::7", 2, undefined, ""],
    ["4 unicast 192.168.5.0/24 table 254 metric 0 proto 2", undefined, 2, "192.168.5.1", ""],
    ["4 blackhole 10.10.0.0/16 table 1000 metric 0 proto 4", undefined, 0, undefined, ""],
    ["6 unicast 2001:db8::/32 table 254 metric 1024 proto 4", "fd00::2", 2, undefined, ""],
    ["6 unicast fd00::/64 table 254 metric 256 proto 2", undefined, 2, undefined, ""],
  ]);
});

Deno.test("errors carry the kernel's sentence where it gives one", () => {
  const verdict = (command: string) => readVerdict(messages(command, NLMSG_ERROR)[0]);
  assert.deepEqual(verdict("ip route add 10.9.0.0/16 via 192.168.5.3 metric 7"), {
    errno: 17,
    detail: "",
  });
  assert.deepEqual(verdict("ip link set dev wgc mtu 7"), {
    errno: 22,
    detail: "mtu less than device minimum",
  });
});

Deno.test("verdicts that are cut short or lie are refused", () => {
  const message = (type: number, flags: number, hex: string): NetlinkMessage => ({
    type,
    flags,
    sequence: 0,
    portId: 0,
    payload: Uint8Array.fromHex(hex),
  });
  assert.equal(readVerdict(message(NLMSG_ERROR, 0, "")), undefined);
  assert.equal(readVerdict(message(NLMSG_ERROR, 0, "efffff")), undefined);
  assert.equal(readVerdict(message(NLMSG_ERROR, 0, "11000000")), undefined, "a positive code");
  assert.deepEqual(readVerdict(message(NLMSG_DONE, 0, "")), { errno: 0, detail: "" });
  assert.deepEqual(readVerdict(message(NLMSG_DONE, 0, "ffffffff")), { errno: 1, detail: "" });
  assert.equal(
    readVerdict(message(NLMSG_ERROR, NLM_F_ACK_TLVS, "ffffffff")),
    undefined,
    "no request in it",
  );
  const request = "ffffffff" + "ffffffff" + "00".repeat(12);
  assert.deepEqual(readVerdict(message(NLMSG_ERROR, NLM_F_ACK_TLVS, request)), {
    errno: 1,
    detail: "",
  });
  const capped = request + "0700" + "0100" + "6869" + "ff";
  assert.deepEqual(readVerdict(message(NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, capped)), {
    errno: 1,
    detail: "hi\ufffd",
  });
});

Deno.test("lengths are never believed", () => {
  assert.deepEqual(readMessages(new Uint8Array(0)), []);
  for (
    const hex of ["00", "10000000", "0f000000" + "00".repeat(12), "11000000" + "00".repeat(12)]
  ) {
    assert.equal(readMessages(Uint8Array.fromHex(hex)), undefined, hex);
  }
  // The last message of a datagram needs no padding.
  assert.equal(readMessages(Uint8Array.fromHex("11000000" + "00".repeat(13)))?.length, 1);
  for (const hex of ["01", "0300", "03000100", "05000100", "ffff0100"]) {
    assert.equal(readAttributes(Uint8Array.fromHex(hex), 0), undefined, hex);
  }
  assert.equal(readAttributes(new Uint8Array(3), 4), undefined);
  assert.equal(
    readAttributes(Uint8Array.fromHex("05000180ff"), 0)?.get(1)?.length,
    1,
    "flags of a type are masked",
  );
});

Deno.test("what a link is given back is what it had, and nothing of the kernel's own making", () => {
  const again = (message: NetlinkMessage, payload: Uint8Array): NetlinkMessage => {
    const [request] = readMessages(encodeReplay(9, { type: 20, text: "", payload, how: 0 })) ??
      assert.fail();
    return { ...message, payload: request.payload };
  };
  const addresses = [...messages("ip -4 addr show", 20), ...messages("ip -6 addr show", 20)];
  const kept = addresses.flatMap((message) => {
    const replay = addressReplay(message, 2);
    if (replay === undefined) return [];
    const had = decodeAddress(message) ?? assert.fail();
    // IFA_F_PERMANENT is the kernel's.
    assert.deepEqual(decodeAddress(again(message, replay.payload)), {
      ...had,
      flags: had.flags & ~0x80,
    });
    return [replay.text];
  });
  assert.deepEqual(kept, ["192.168.5.1/24", "10.1.1.1/32", "fd00::1/64"]);

  const routes = ["ip -4 route show", "ip -4 route show table 1000", "ip -6 route show"]
    .flatMap((command) => messages(command, 24));
  let replayed = 0;
  for (const message of routes) {
    const had = decodeRoute(message) ?? assert.fail();
    const replay = routeReplay(message, 2);
    assert.equal(
      replay !== undefined,
      had.protocol !== 2 && had.interfaceIndex === 2,
      JSON.stringify(had),
    );
    if (replay === undefined) continue;
    replayed++;
    // RTNH_F_ONLINK is asked for, the other flags are what the kernel noted.
    const nextHops = had.nextHops.map((hop) => ({ ...hop, flags: hop.flags & 4 }));
    assert.deepEqual(decodeRoute(again(message, replay.payload)), {
      ...had,
      flags: had.flags & 4,
      nextHops,
    });
  }
  assert.ok(replayed > 3, `${replayed}`);
});

const DECODERS: readonly ((message: NetlinkMessage) => unknown)[] = [
  decodeLink,
  decodeAddress,
  decodeRoute,
  readVerdict,
  (message) => addressReplay(message, 2),
  (message) => routeReplay(message, 2),
];

Deno.test("answers cut off anywhere, or with any byte changed, give a verdict and no exception", () => {
  const decodeAll = (bytes: Uint8Array) => {
    for (const message of readMessages(bytes) ?? []) {
      for (const decode of DECODERS) decode(message);
    }
  };
  trial((chance) => {
    for (const hex of Object.values(ANSWERS).flat()) {
      const bytes = Uint8Array.fromHex(hex);
      for (let length = 0; length < bytes.length; length += 1 + chance.int(8)) {
        decodeAll(bytes.subarray(0, length));
      }
      for (let round = 0; round < 500; round++) {
        const wrong = bytes.slice();
        for (let i = chance.int(4); i >= 0; i--) wrong[chance.int(wrong.length)] = chance.int(256);
        decodeAll(wrong);
      }
      // Payloads cut inside a message whose own length is right.
      for (const message of readMessages(bytes) ?? []) {
        for (let length = 0; length < message.payload.length; length++) {
          const cut = { ...message, payload: message.payload.subarray(0, length) };
          for (const decode of DECODERS) decode(cut);
        }
      }
    }
  });
});

Deno.test("attributes of a wrong size are not taken for values", () => {
  // ifaddrmsg of IPv4 with IFA_LOCAL of 16 bytes; rtmsg of IPv4 with a prefix of 33.
  const address = "02180000" + "02000000" + "14000200" + "00".repeat(16);
  const route = "022100000000000000000000" + "08000100" + "0a090000";
  const as = (hex: string): NetlinkMessage => ({
    type: 20,
    flags: 0,
    sequence: 0,
    portId: 0,
    payload: Uint8Array.fromHex(hex),
  });
  assert.equal(decodeAddress(as(address)), undefined);
  assert.equal(decodeRoute(as(route)), undefined);
  assert.equal(decodeLink(as("00".repeat(16))), undefined, "a link without a name");
  // A next hop that says it is longer than its attribute, and one shorter than its own header.
  const multipath = (length: string) =>
    "0210000000000000" + "00000000" + "0c000900" + length + "000002000000";
  assert.equal(decodeRoute(as(multipath("0900"))), undefined);
  assert.equal(decodeRoute(as(multipath("0700"))), undefined);
  assert.equal(decodeRoute(as(multipath("0800")))?.nextHops.length, 1);
});
