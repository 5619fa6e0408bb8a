/**
 * The name of one endpoint without a device: the exact times of its look-ups, and the order in
 * which its addresses are tried.
 */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { formatEndpoint, parseIp } from "../../lib/base/ip_text.ts";
import { NEVER, NOT_PENDING } from "../../lib/base/times.ts";
import type { Context } from "../../lib/device/context.ts";
import { EndpointName, usableAddresses } from "../../lib/device/endpoint_name.ts";
import { chanceOf } from "../../lib/device/name_look_ups.ts";

const NAMED = { host: "vpn.example.org", port: 7 };
const at = (ms: number) => milliseconds(ms);
const addresses = (...texts: string[]) =>
  texts.map((text) => ({ address: parseIp(text)!, scope: 0 }));
const endpointOf = (text: string, port = 7): Endpoint => ({
  address: parseIp(text)!,
  port,
  scope: 0,
});
const textOf = (endpoint: Endpoint | undefined) =>
  endpoint === undefined ? undefined : formatEndpoint(endpoint);

Deno.test("a look-up that failed is repeated after 1 s, doubled up to 60 s, less up to a quarter", () => {
  const name = new EndpointName(NAMED);
  let now = 5_000;
  for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    name.asked();
    assert.deepEqual([name.isAsked, name.dueAt], [true, NOT_PENDING]);
    assert.equal(name.mayAsk(at(1e9)), false);
    name.failed("no", at(now), 0);
    assert.equal(name.isAsked, false);
    assert.equal(name.dueAt, now + wait);
    now += wait;
    assert.deepEqual([name.mayAsk(at(now - 1)), name.mayAsk(at(now))], [false, true]);
  }
  name.failed("no", at(now), 0.5);
  assert.equal(name.dueAt, now + 52_500);
  name.forgetFailures();
  assert.ok(name.mayAsk(at(0)));
  name.failed("no", at(now), 1);
  assert.equal(name.dueAt, now + 750);
});

Deno.test("the random part of a time is made of two bytes, big-endian, from 0 to 1", () => {
  const chance = (...bytes: number[]) =>
    chanceOf({ random: (into: Uint8Array) => into.set(bytes) } as unknown as Context);
  assert.deepEqual([chance(0, 0), chance(255, 255)], [0, 1]);
  assert.deepEqual([chance(0, 1), chance(1, 0), chance(0x81, 0x18)], [
    1 / 65_535,
    256 / 65_535,
    0x8118 / 65_535,
  ]);
});

Deno.test("a hundred failures do not make the time longer or none", () => {
  const name = new EndpointName(NAMED);
  for (let i = 0; i < 2_000; i++) name.failed("no", at(0), 0);
  assert.equal(name.dueAt, 60_000);
});

Deno.test("an unanswered peer has its next look-up after 15 s, 30 s and 60 s, and 15 s once it has answered", () => {
  const name = new EndpointName(NAMED);
  const found = addresses("192.0.2.1");
  for (const wait of [15_000, 30_000, 60_000, 60_000]) {
    name.asked();
    name.answered(found, undefined, at(2_000), 0);
    assert.deepEqual([name.isAsked, name.dueAt], [false, NOT_PENDING]);
    assert.deepEqual([name.mayAsk(at(wait + 1_999)), name.mayAsk(at(wait + 2_000))], [false, true]);
  }
  name.silentAt = at(9);
  name.completed();
  assert.equal(name.silentAt, NEVER);
  name.answered(found, undefined, at(2_000), 1);
  assert.deepEqual([name.mayAsk(at(13_249)), name.mayAsk(at(13_250))], [false, true]);
});

Deno.test("an answer is old after 300 s, or at once when the look-up after it failed", () => {
  const name = new EndpointName(NAMED);
  assert.equal(name.isAged(at(0)), true, "there is none");
  name.answered(addresses("192.0.2.1"), undefined, at(1_000), 0);
  assert.deepEqual([name.isAged(at(300_999)), name.isAged(at(301_000))], [false, true]);
  name.asked();
  assert.equal(name.isAged(at(301_000)), false, "a look-up is under way");
  name.failed("no", at(301_000), 0);
  assert.equal(name.dueAt, NOT_PENDING, "the address is there");
  assert.deepEqual([name.isAged(at(301_999)), name.isAged(at(302_000))], [false, true]);
  name.answered(addresses("192.0.2.1"), undefined, at(302_000), 0);
  assert.equal(name.isAged(at(317_000)), false);
  // The failures before the answer do not count any more.
  name.failed("no", at(400_000), 0);
  assert.deepEqual([name.mayAsk(at(400_999)), name.mayAsk(at(401_000))], [false, true]);
});

Deno.test("it is told whether a problem is another one, and the status has the last one", () => {
  const name = new EndpointName(NAMED);
  assert.deepEqual(name.status, { ...NAMED, addresses: [], problem: "" });
  assert.equal(name.failed("one", at(0), 0), true);
  assert.equal(name.failed("one", at(0), 0), false);
  assert.equal(name.failed("two", at(0), 0), true);
  assert.equal(name.status.problem, "two");
  assert.equal(name.isUnknown, true);
  name.answered(addresses("192.0.2.1"), undefined, at(0), 0);
  assert.deepEqual([name.status.problem, name.isUnknown], ["", false]);
  assert.deepEqual(name.status.addresses, [parseIp("192.0.2.1")]);
});

Deno.test("an address that cannot be sent to is skipped once in a second", () => {
  const name = new EndpointName(NAMED);
  name.answered(addresses("192.0.2.1", "192.0.2.2", "192.0.2.3"), undefined, at(0), 0);
  const [one, two, three] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((text) => endpointOf(text));
  assert.deepEqual(name.unsent(one, at(5_000)), two);
  assert.deepEqual(name.unsent(two, at(5_000)), three);
  assert.equal(name.unsent(three, at(5_999)), undefined, "all have been tried");
  assert.equal(name.unsent(one, at(5_999)), undefined);
  assert.deepEqual(name.unsent(one, at(6_000)), two, "a second after the first");
  assert.deepEqual(name.unsent(two, at(6_999)), three);
  assert.equal(name.unsent(three, at(6_999)), undefined);
});

Deno.test("where a peer was heard is tried too, after its addresses, until they have it", () => {
  const name = new EndpointName(NAMED);
  assert.equal(name.unanswered(endpointOf("203.0.113.9")), undefined, "nothing is known yet");
  name.answered(addresses("192.0.2.1", "192.0.2.2"), undefined, at(0), 0);
  const heard = endpointOf("203.0.113.9", 9);
  assert.equal(textOf(name.unanswered(heard)), "192.0.2.1:7");
  assert.equal(textOf(name.unanswered(endpointOf("192.0.2.1"))), "192.0.2.2:7");
  assert.equal(textOf(name.unanswered(endpointOf("192.0.2.2"))), "203.0.113.9:9");
  assert.equal(textOf(name.unanswered(undefined)), "192.0.2.1:7");
  // A handshake has completed: where it was heard before does not matter any more.
  name.completed();
  assert.equal(textOf(name.unanswered(endpointOf("192.0.2.2"))), "192.0.2.1:7");
  // With one address there is nothing else to try.
  name.answered(addresses("192.0.2.1"), endpointOf("192.0.2.1"), at(0), 0);
  assert.equal(name.unanswered(endpointOf("192.0.2.1")), undefined);
});

Deno.test("an answer moves a peer from an address that it has lost, and leaves others", () => {
  const move = (before: readonly string[], now: readonly string[], current?: Endpoint) => {
    const name = new EndpointName(NAMED);
    if (before.length > 0) name.answered(addresses(...before), undefined, at(0), 0);
    const to = textOf(name.answered(addresses(...now), current, at(0), 0));
    return { to, next: textOf(name.unanswered(current)) };
  };
  const old = endpointOf("192.0.2.1"), roamed = endpointOf("203.0.113.9");
  assert.equal(move([], ["192.0.2.1", "192.0.2.2"]).to, "192.0.2.1:7");
  assert.equal(move([], ["192.0.2.2"], roamed).to, "192.0.2.2:7", "the first answer wins");
  assert.equal(move(["192.0.2.1"], ["192.0.2.2"], old).to, "192.0.2.2:7", "it was given up");
  assert.equal(move(["192.0.2.1"], ["192.0.2.1", "192.0.2.2"], old).to, undefined);
  const { to, next } = move(["192.0.2.1"], ["192.0.2.2"], roamed);
  assert.deepEqual([to, next], [undefined, "192.0.2.2:7"], "it stays where it was heard first");
});

Deno.test("where a peer was heard is forgotten when an answer has its address, and kept when it has not", () => {
  const heard = endpointOf("203.0.113.9", 9);
  const after = (now: readonly string[], current: Endpoint | undefined) => {
    const name = new EndpointName(NAMED);
    name.answered(addresses("192.0.2.1"), undefined, at(0), 0);
    name.unanswered(heard);
    name.answered(addresses(...now), current, at(0), 0);
    return textOf(name.unanswered(endpointOf(now.at(-1)!)));
  };
  const two = ["192.0.2.1", "192.0.2.2"];
  assert.equal(after(two, endpointOf("192.0.2.1")), "192.0.2.1:7");
  assert.equal(after(two, undefined), "192.0.2.1:7");
  assert.equal(after(two, heard), "203.0.113.9:9");
  assert.equal(after(["192.0.2.3", "192.0.2.4"], endpointOf("192.0.2.1")), "192.0.2.3:7");
});

Deno.test("addresses are tried by families in turn, beginning with the first one's", () => {
  const turns = (...texts: string[]) => {
    const name = new EndpointName(NAMED);
    name.answered(addresses(...texts), undefined, at(0), 0);
    return name.status.addresses.map((address) => address.length);
  };
  assert.deepEqual(turns("192.0.2.1", "192.0.2.2", "2001:db8::1"), [4, 16, 4]);
  assert.deepEqual(turns("2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3"), [16, 4, 4, 4]);
  assert.deepEqual(turns("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"), [
    16,
    4,
    16,
    16,
  ]);
});

Deno.test("sixteen addresses are used at most, and one only for each place", () => {
  const many = Array.from({ length: 40 }, (_, i) => `2001:db8::${(i + 1).toString(16)}`);
  assert.equal(usableAddresses(addresses(...many)).length, 16);
  const linkLocal = (scope: number) => ({ address: parseIp("fe80::1")!, scope });
  assert.deepEqual(usableAddresses([linkLocal(3), linkLocal(4), linkLocal(3)]), [
    linkLocal(3),
    linkLocal(4),
  ]);
  // A scope means something for link-local addresses only, which are fe80::/10.
  const scoped = (text: string) => usableAddresses([{ address: parseIp(text)!, scope: 5 }]);
  assert.equal(scoped("2001:db8::1")[0].scope, 0);
  assert.equal(scoped("febf::1")[0].scope, 5);
  assert.equal(scoped("fec0::1")[0].scope, 0);
  assert.equal(scoped("ff80::1").length, 0);
  assert.equal(scoped("fd80::1")[0].scope, 0);
  assert.deepEqual(usableAddresses(addresses("febf::1", "fec0::1")), addresses("fec0::1"));
  assert.deepEqual(usableAddresses(addresses("223.255.255.255", "224.0.0.0", "1.0.0.0")), [
    ...addresses("223.255.255.255", "1.0.0.0"),
  ]);
  assert.equal(usableAddresses(addresses("::ffff:10.0.0.1"))[0].address.length, 4);
  // Neither 4 nor 16 bytes.
  assert.deepEqual(usableAddresses([{ address: new Uint8Array(15).fill(1), scope: 0 }]), []);
});
