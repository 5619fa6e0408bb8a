/**
 * What the kernel answers over rtnetlink: links, addresses, routes, acknowledgements, and what is
 * made of them again.
 * @module
 */
import assert from "node:assert/strict";
import * as Address from "../../../lib/netlink/address.ts";
import * as Link from "../../../lib/netlink/link.ts";
import {
  type NetlinkMessage,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAttributes,
  readMessages,
  readVerdict,
} from "../../../lib/netlink/message.ts";
import { encodeNumberNamespace } from "../../../lib/netlink/namespace_number.ts";
import {
  addressReplay,
  encodeReplay,
  type Replay,
  routeReplay,
} from "../../../lib/netlink/replay.ts";
import * as Route from "../../../lib/netlink/route.ts";
import { tellsOfClone } from "../../../lib/netlink/uevent.ts";
import { ANSWERS, REQUESTS } from "../../netlink/captured.ts";
import type { Chance } from "../../random.ts";
import type { Target } from "../target.ts";

const CAPTURED = [...Object.values(ANSWERS).flat(), ...Object.values(REQUESTS)]
  .map((hex) => Uint8Array.fromHex(hex));
/** The index of the links in the captured answers. */
const INTERFACE = 2;

/** A message of ours, which has the form of what the kernel tells. */
function request(chance: Chance): Uint8Array {
  const size = chance.oneOf([4, 16]);
  const some = () => chance.bytes(size);
  const interfaceIndex = chance.oneOf([INTERFACE, chance.u32()]);
  switch (chance.int(5)) {
    case 0:
      return Address.encodeAddressAdd(7, {
        address: some(),
        prefix: chance.int(size * 8 + 1),
        interfaceIndex,
        label: chance.oneOf(["wg1", "wg1:x"]),
        ...(chance.once(2) && { peer: some() }),
      }, false);
    case 1:
      return Route.encodeRouteAdd(7, {
        destination: some(),
        prefix: chance.int(size * 8 + 1),
        interfaceIndex,
        ...(chance.once(2) && { gateway: chance.bytes(chance.oneOf([4, 16])) }),
        ...(chance.once(2) && { metric: chance.u32() }),
      }, chance.once(2) ? "add" as never : "replace" as never);
    case 2:
      return Link.encodeLinkSet(7, interfaceIndex, {
        name: "wg7",
        alias: chance.oneOf(["", "office", "Zoë"]),
        mtu: chance.int(70_000),
        linkLocal: chance.once(2),
        sendRedirects: chance.once(2),
      });
    case 3:
      return encodeNumberNamespace(7, chance.u32());
    default:
      return chance.oneOf(CAPTURED);
  }
}

/** A datagram of a netlink socket. */
export const netlink: Target = {
  name: "netlink",
  covers: ["lib/netlink/"],
  bytesMax: 16_384,
  words: [
    "NEW_VMGENID=1\0",
    Uint8Array.of(0x10, 0, 0, 0),
    Uint8Array.of(0x14, 0, 0, 0, NLMSG_DONE, 0, 2, 0),
    Uint8Array.of(0x24, 0, 0, 0, NLMSG_ERROR, 0, 0, 3),
    Uint8Array.of(8, 0, 1, 0),
    Uint8Array.of(4, 0, 9, 0x80),
  ],
  make: (chance) => {
    const messages = Array.from({ length: 1 + chance.int(2) }, () => request(chance));
    return Uint8Array.from(messages.flatMap((message) => [...message]));
  },
  open: () => (input) => {
    const text = new TextDecoder("latin1").decode(input);
    assert.equal(tellsOfClone(input), text.split("\0").includes("NEW_VMGENID=1"));
    const messages = readMessages(input);
    if (messages === undefined) return "malformed";
    return messages.map(readMessage).at(-1) ?? "empty";
  },
};

function readMessage(message: NetlinkMessage): string {
  const verdict = readVerdict(message);
  if (verdict !== undefined) assert.ok(Number.isInteger(verdict.errno) && verdict.errno >= 0);
  readAttributes(message.payload, 0);
  // Whatever its type says: the decoders do not look at it.
  const link = Link.decodeLink(message);
  if (link !== undefined) {
    assert.ok(link.name !== "" && !link.name.includes("\0"), "a link without a name");
  }
  const address = Address.decodeAddress(message);
  if (address !== undefined) assertAddress(address);
  const route = Route.decodeRoute(message);
  if (route !== undefined) {
    assert.equal(route.destination.length, route.family === 4 ? 4 : 16);
    assert.ok(route.prefix <= route.destination.length * 8);
  }
  const asAddress = { ...message, type: Address.RTM_NEWADDR };
  const asRoute = { ...message, type: Route.RTM_NEWROUTE };
  const replays = [
    address && addressReplay(asAddress, address.interfaceIndex),
    route && routeReplay(asRoute, route.interfaceIndex),
  ].filter((replay) => replay !== undefined);
  for (const replay of replays) assertReplay(replay, message);
  if (link !== undefined) return "link";
  return replays.length > 0 ? "replayed" : address ?? route ? "decoded" : "of no form";
}

/** An address that was decoded is the same after it was added again. */
function assertAddress(address: Address.InterfaceAddress): void {
  const { label, ...given } = address;
  const bytes = Address.encodeAddressAdd(1, { ...given, ...(label !== "" && { label }) }, true);
  const [message] = readMessages(bytes)!;
  const again = Address.decodeAddress(message)!;
  const { address: ip, prefix, interfaceIndex, peer, broadcast, scope, flags, metric } = address;
  assert.deepEqual(
    { ...again, label: "", protocol: 0 },
    {
      address: ip,
      prefix,
      interfaceIndex,
      peer,
      broadcast,
      scope,
      flags,
      metric,
      label: "",
      protocol: 0,
    },
  );
}

/** The request that adds something again is well-formed, and tells the same. */
function assertReplay(replay: Replay, message: NetlinkMessage): void {
  const [request, ...more] = readMessages(encodeReplay(5, replay))!;
  assert.equal(more.length, 0);
  if (replay.type === Address.RTM_NEWADDR) {
    const was = Address.decodeAddress(message)!;
    const is = Address.decodeAddress(request)!;
    assert.deepEqual([is.address, is.prefix, is.peer], [was.address, was.prefix, was.peer]);
  } else {
    const was = Route.decodeRoute(message)!;
    const is = Route.decodeRoute(request)!;
    assert.deepEqual([is.destination, is.prefix, is.gateway, is.interfaceIndex, is.metric], [
      was.destination,
      was.prefix,
      was.gateway,
      was.interfaceIndex,
      was.metric,
    ]);
  }
}
