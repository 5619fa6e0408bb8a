/**
 * Names of endpoints in virtual time: when they are looked up, and where initiations go.
 * @module
 */
import assert from "node:assert/strict";
import { peerSlot, type PublicKey } from "../../lib/base/brands.ts";
import type { PeerChange } from "../../lib/base/config.ts";
import { ENETUNREACH } from "../../lib/base/errno.ts";
import { formatEndpoint, parseIp } from "../../lib/base/ip_text.ts";
import {
  AGAIN_MAX_MS,
  NAME_ADDRESSES_MAX,
  usableAddresses,
} from "../../lib/device/endpoint_name.ts";
import type { NameAnswer } from "../../lib/device/device.ts";
import { Chance } from "../random.ts";
import { Bench, endpointOf, publicOf, shake } from "./harness.ts";

const HOST = "vpn.example.org";
const NO_NAME: NameAnswer = { problem: "Name or service not known" };
const named = (seed: number, host = HOST, more: Partial<PeerChange> = {}): PeerChange => ({
  publicKey: publicOf(seed) as PublicKey,
  endpointName: { host, port: 51820 },
  ...more,
});

const found = (...addresses: string[]): NameAnswer => ({
  addresses: addresses.map((text) => ({ address: parseIp(text)!, scope: 0 })),
});

/** Answers the look-up of a host. */
function answer(bench: Bench, reply: NameAnswer, host = HOST): void {
  bench.device.lookedUp(host, reply, bench.now);
  bench.collect();
}

const endpointNow = (bench: Bench, slot = 0): string => {
  const { endpoint } = bench.table.readEndpoint(peerSlot(slot));
  return endpoint === undefined ? "none" : formatEndpoint(endpoint);
};

const destinations = (bench: Bench) =>
  bench.datagrams.map(({ endpoint }) => formatEndpoint(endpoint));

/** Device 1 whose peer 2 has a name that resolved to 10.0.0.2, and device 2, with a session. */
function connected() {
  const a = new Bench(1).start([named(2)]);
  answer(a, found("10.0.0.2"));
  const b = new Bench(2).start([{ publicKey: publicOf(1), endpoint: endpointOf(1) }]);
  const { initiator } = shake(a, b);
  a.clear();
  b.clear();
  return { a, b, initiator };
}

Deno.test("a name that does not resolve is looked up again after 1, 2, 4 s and so on to 60 s", () => {
  const a = new Bench(1).start([named(2)]);
  assert.deepEqual(a.lookUps, [HOST]);
  const gaps: number[] = [];
  for (let i = 0; i < 12; i++) {
    answer(a, NO_NAME);
    const from = a.now;
    const before = a.lookUps.length;
    while (a.lookUps.length === before) {
      a.pass(10);
      assert.ok(a.now - from <= AGAIN_MAX_MS + 10);
    }
    gaps.push(a.now - from);
  }
  const wanted = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60].map((seconds) => seconds * 1_000);
  gaps.forEach((gap, i) => {
    assert.ok(gap >= wanted[i] * 0.75 && gap <= wanted[i] + 10, `${i}: ${gap}`);
  });
  assert.ok(new Set(gaps.slice(6)).size > 1, "names do not come all at the same time");
  assert.equal(a.told.length, 1, "it is told once");
  assert.equal(
    a.told[0],
    `The endpoint of peer 1, ${HOST}, does not resolve: Name or service not known; it is tried again`,
  );
  answer(a, { problem: "Temporary failure in name resolution" });
  assert.equal(a.told.length, 2, "and when the reason changes");
  a.pass(AGAIN_MAX_MS);
  answer(a, found("10.0.0.2"));
  assert.equal(a.told[2], `The endpoint of peer 1, ${HOST}, is now 10.0.0.2:51820`);
  const looked = a.lookUps.length;
  a.pass(3_600_000);
  assert.equal(a.lookUps.length, looked, "an idle peer with an address is left alone");
});

Deno.test("a peer whose name is unknown waits while the others are up", () => {
  const a = new Bench(1).start([named(2), named(3, "other.example.org")]);
  answer(a, found("10.0.0.3"), "other.example.org");
  a.want(0);
  a.want(1);
  assert.deepEqual(destinations(a), ["10.0.0.3:51820"]);
  answer(a, NO_NAME);
  a.pass(3_000);
  a.clear();
  // What waits for the name is sent as soon as the name resolves.
  answer(a, found("10.0.0.2"));
  assert.deepEqual(destinations(a), ["10.0.0.2:51820"]);
});

Deno.test("the first look-up does not wait for the link, later ones do", () => {
  const a = new Bench(1);
  a.device.configure({ peers: [named(2)] }, a.now);
  a.collect();
  assert.deepEqual(a.lookUps, [HOST]);
  answer(a, NO_NAME);
  a.pass(600_000);
  assert.equal(a.lookUps.length, 1, "an interface that is down is quiet");
  assert.equal(a.device.nextDeadline(), undefined);
  a.device.link(true, 1420, a.now);
  a.collect();
  assert.equal(a.lookUps.length, 2);
});

Deno.test("peers with the same host share its look-up, and each has its own port", () => {
  const other = named(3, "VPN.example.org", { endpointName: { host: "VPN.example.org", port: 7 } });
  const a = new Bench(1).start([named(2), other]);
  assert.deepEqual(a.lookUps, [HOST]);
  answer(a, found("10.0.0.9"));
  assert.equal(endpointNow(a, 0), "10.0.0.9:51820");
  assert.equal(endpointNow(a, 1), "10.0.0.9:7");
});

Deno.test("IPv6 and IPv4 are tried in turn, each address once before the first again", () => {
  const a = new Bench(1).start([named(2)]);
  answer(a, found("2001:db8::1", "2001:db8::2", "192.0.2.1"));
  a.clear().want();
  for (let i = 0; i < 40 && a.datagrams.length < 4; i++) a.pass(500);
  assert.deepEqual(destinations(a).slice(0, 4), [
    "[2001:db8::1]:51820",
    "192.0.2.1:51820",
    "[2001:db8::2]:51820",
    "[2001:db8::1]:51820",
  ]);
});

Deno.test("an IPv6 address that is dead costs one attempt of 5 s", () => {
  const a = new Bench(1).start([named(2)]);
  answer(a, found("2001:db8::1", "10.0.0.2"));
  const b = new Bench(2).start([{ publicKey: publicOf(1) }]);
  a.clear().want();
  const from = a.now;
  while (a.datagrams.length < 2) a.pass(10);
  assert.ok(a.now - from <= 5_350, `${a.now - from}`);
  b.receive(a.datagrams[1].bytes, endpointOf(1));
  a.receive(b.datagrams.at(-1)!.bytes, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_response_accepted");
  assert.equal(endpointNow(a), "10.0.0.2:51820");
});

Deno.test("an address to which nothing can be sent is skipped at once, each one once", () => {
  const a = new Bench(1).start([named(2)]);
  answer(a, found("2001:db8::1", "192.0.2.1", "2001:db8::2"));
  a.clear().want();
  const from = a.now;
  a.device.unsent(a.datagrams[0], ENETUNREACH, a.now);
  a.collect();
  assert.deepEqual(destinations(a), ["[2001:db8::1]:51820", "192.0.2.1:51820"]);
  assert.equal(a.now, from);
  // Where nothing can be sent at all, the next try is when it would be.
  for (let tried = 1; tried < a.datagrams.length; tried++) {
    a.device.unsent(a.datagrams[tried], ENETUNREACH, a.now);
    a.collect();
  }
  assert.equal(a.datagrams.length, 3);
  a.pass(4_900);
  assert.equal(a.datagrams.length, 3);
  a.pass(500);
  assert.equal(a.datagrams.length, 4);
  // A peer without a name has nothing else to try.
  const b = new Bench(3).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  b.clear().want();
  b.device.unsent(b.datagrams[0], ENETUNREACH, b.now);
  assert.equal(b.collect().datagrams.length, 1);
});

Deno.test("a session that works is not touched, whatever becomes of the name", () => {
  const { a, b } = connected();
  for (let i = 0; i < 110; i++) {
    a.sent(true);
    a.received(true);
    a.pass(1_000);
  }
  assert.deepEqual(a.lookUps, [], "no look-up while packets come back");
  // The peer roams by an authenticated packet, and a lost initiation does not bring it back.
  a.table.writeEndpoint(peerSlot(0), endpointOf(77), undefined);
  a.pass(15_000);
  a.received(true);
  a.want();
  for (let i = 0; i < 6; i++) {
    a.sent(true);
    a.received(true);
    a.pass(2_000);
  }
  assert.ok(a.datagrams.length >= 2, "the renewal was repeated");
  assert.ok(destinations(a).every((to) => to === "10.0.0.77:51820"), destinations(a).join());
  assert.deepEqual(a.lookUps, []);
  assert.equal(endpointNow(a), "10.0.0.77:51820");
  assert.equal(b.lookUps.length, 0);
});

Deno.test("a peer that moved is found by its name after 15 s of silence", () => {
  const { a } = connected();
  a.pass(5_000);
  a.sent(true);
  const from = a.now;
  while (a.lookUps.length === 0) a.pass(100);
  assert.ok(a.now - from >= 15_000 && a.now - from <= 15_500, `${a.now - from}`);
  assert.deepEqual(destinations(a), ["10.0.0.2:51820"], "meanwhile the old address is asked");
  answer(a, found("10.0.0.3"));
  assert.deepEqual(destinations(a), ["10.0.0.2:51820", "10.0.0.3:51820"], "at once");
  assert.deepEqual(a.told, [`The endpoint of peer 1, ${HOST}, is now 10.0.0.3:51820`]);
});

Deno.test("a peer without a session is reached until 15 s after it was heard", () => {
  const { a } = connected();
  a.pass(300_000);
  a.received(false);
  for (const [ms, lookUps] of [[14_999, []], [1, [HOST]]] as const) {
    a.pass(ms);
    a.device.configure({ peers: [named(2)] }, a.now);
    assert.deepEqual(a.collect().lookUps, lookUps);
  }
});

Deno.test("a peer that roamed and falls silent is tried there and at its name in turn", () => {
  const { a } = connected();
  a.table.writeEndpoint(peerSlot(0), endpointOf(77), undefined);
  a.pass(5_000);
  a.sent(true);
  while (a.lookUps.length === 0) a.pass(100);
  answer(a, found("10.0.0.3"));
  assert.equal(endpointNow(a), "10.0.0.77:51820", "the first attempt goes where it was heard");
  while (a.datagrams.length < 4) a.pass(100);
  assert.deepEqual(destinations(a), [
    "10.0.0.77:51820",
    "10.0.0.3:51820",
    "10.0.0.77:51820",
    "10.0.0.3:51820",
  ]);
});

Deno.test("an unanswered peer has its name looked up after 15 s, 30 s, then every 60 s", () => {
  const a = new Bench(1).start([named(2, HOST, { persistentKeepalive: 5 })]);
  answer(a, found("10.0.0.2"));
  const gaps: number[] = [];
  for (let last: number = a.now; gaps.length < 6;) {
    const before = a.lookUps.length;
    while (a.lookUps.length === before) a.pass(100);
    gaps.push(a.now - last);
    last = a.now;
    answer(a, found("10.0.0.2"));
  }
  const wanted = [15_000, 30_000, 60_000, 60_000, 60_000, 60_000];
  gaps.forEach((gap, i) => {
    // A look-up comes with the next initiation, at most 5.4 s after it may come, or 10 s when an
    // attempt ends and the next keepalive begins a new one.
    assert.ok(gap >= wanted[i] * 0.75 && gap <= wanted[i] + 10_500, `${i}: ${gap}`);
  });
  const ofName = a.told.filter((line) => line.startsWith("The endpoint"));
  assert.deepEqual(ofName, [`The endpoint of peer 1, ${HOST}, is now 10.0.0.2:51820`]);
});

Deno.test("an answer older than 5 minutes is renewed when a handshake begins", () => {
  for (const [age, looked] of [[299_000, 0], [300_000, 1]]) {
    const a = new Bench(1).start([named(2)]);
    answer(a, found("10.0.0.2"));
    a.clear().pass(age);
    a.want();
    assert.equal(a.lookUps.length, looked, `${age}`);
    assert.deepEqual(destinations(a), ["10.0.0.2:51820"], "the initiation does not wait for it");
    if (looked === 0) continue;
    answer(a, found("10.0.0.3"));
    assert.deepEqual(destinations(a), ["10.0.0.2:51820", "10.0.0.3:51820"]);
  }
});

Deno.test("a look-up that fails leaves the last addresses in use, and is told", () => {
  const a = new Bench(1).start([named(2)]);
  answer(a, found("10.0.0.2"));
  a.clear().pass(301_000);
  a.want();
  answer(a, NO_NAME);
  assert.equal(
    a.told[0],
    `The endpoint of peer 1, ${HOST}, does not resolve: Name or service not known; ` +
      "its last addresses are used",
  );
  assert.equal(endpointNow(a), "10.0.0.2:51820");
  const [{ endpointName }] = a.device.status().peers;
  assert.equal(endpointName?.problem, "Name or service not known");
  assert.equal(endpointName?.addresses.length, 1);
});

Deno.test("the name of a change moves a peer, as an address does, also with a session", () => {
  const { a } = connected();
  a.device.configure({ peers: [named(2, "new.example.org")] }, a.now);
  a.collect();
  assert.deepEqual(a.lookUps, ["new.example.org"]);
  assert.equal(endpointNow(a), "10.0.0.2:51820", "until the answer it stays");
  answer(a, found("10.0.0.9"), "new.example.org");
  assert.equal(endpointNow(a), "10.0.0.9:51820");
  // The same name again changes nothing, not even after the peer has roamed.
  a.table.writeEndpoint(peerSlot(0), endpointOf(77), undefined);
  a.clear();
  a.device.configure({ peers: [named(2, "New.example.org")] }, a.now);
  a.collect();
  assert.deepEqual(a.lookUps, []);
  assert.equal(endpointNow(a), "10.0.0.77:51820");
});

Deno.test("a name that resolves late does not move a session that works meanwhile", () => {
  const { a } = connected();
  a.device.configure({ peers: [named(2, "new.example.org")] }, a.now);
  a.collect();
  answer(a, NO_NAME, "new.example.org");
  a.pass(1_000);
  a.received(true);
  answer(a, found("10.0.0.9"), "new.example.org");
  assert.equal(endpointNow(a), "10.0.0.2:51820");
});

Deno.test("an address given later takes the name away, one given with the name is a start", () => {
  const a = new Bench(1).start([named(2, HOST, { endpoint: endpointOf(5) })]);
  assert.equal(endpointNow(a), "10.0.0.5:51820");
  a.want();
  assert.deepEqual(destinations(a), ["10.0.0.5:51820"]);
  answer(a, found("10.0.0.2"));
  assert.deepEqual(destinations(a), ["10.0.0.5:51820", "10.0.0.2:51820"]);
  a.device.configure({ peers: [{ publicKey: publicOf(2), endpoint: endpointOf(6) }] }, a.now);
  assert.equal(a.device.status().peers[0].endpointName, undefined);
  a.clear();
  for (let i = 0; i < 60; i++) a.pass(1_000);
  assert.ok(a.datagrams.length > 5);
  assert.ok(destinations(a).every((to) => to === "10.0.0.6:51820"));
  assert.deepEqual(a.lookUps, []);
});

Deno.test("answers that nobody waits for any more do nothing", () => {
  const a = new Bench(1).start([named(2), named(3, "b.example")]);
  a.device.configure({ peers: [{ publicKey: publicOf(2), remove: true }] }, a.now);
  answer(a, found("10.0.0.2"));
  answer(a, found("10.0.0.2"), "never.asked.example");
  a.device.configure({ peers: [named(3, "c.example")] }, a.now);
  a.collect();
  answer(a, found("10.0.0.4"), "b.example");
  assert.equal(endpointNow(a, 1), "none");
  answer(a, found("10.0.0.5"), "c.example");
  assert.equal(endpointNow(a, 1), "10.0.0.5:51820");
});

Deno.test("a moved socket has unknown names looked up at once", () => {
  const a = new Bench(1).start([named(2)]);
  answer(a, NO_NAME);
  a.pass(60_000);
  answer(a, NO_NAME);
  a.clear();
  a.device.configure({ rtable: 3 }, a.now);
  a.collect();
  assert.deepEqual(a.lookUps, [HOST]);
});

Deno.test("addresses of groups, of no host and of a link without its number are not used", () => {
  const refused = ["0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "255.255.255.255"]
    .concat(["240.0.0.1", "::", "ff02::1", "ff0e::5", "fe80::1", "::ffff:224.0.0.1"]);
  const used = ["127.0.0.1", "192.0.2.1", "223.255.255.255", "::1", "2001:db8::1", "fd00::1"];
  const answerOf = (texts: string[]) =>
    texts.map((text) => ({ address: parseIp(text)!, scope: 0 }));
  assert.deepEqual(usableAddresses(answerOf(refused)), []);
  assert.equal(usableAddresses(answerOf(used)).length, used.length);
  const [mapped] = usableAddresses(answerOf(["::ffff:192.0.2.7", "192.0.2.7"]));
  assert.deepEqual([...mapped.address], [192, 0, 2, 7]);
  assert.equal(usableAddresses(answerOf(["::ffff:192.0.2.7", "192.0.2.7"])).length, 1);
  assert.equal(usableAddresses([{ address: parseIp("fe80::1")!, scope: 4 }]).length, 1);
  const many = Array.from({ length: 200 }, (_, i) => `10.9.0.${i + 1}`);
  assert.equal(usableAddresses(answerOf(many)).length, NAME_ADDRESSES_MAX);
  const a = new Bench(1).start([named(2)]);
  answer(a, found(...refused));
  assert.equal(endpointNow(a), "none");
  assert.match(a.told[0], /no usable address in the answer/);
});

Deno.test("changes, answers, packets and time in any order keep the rules", () => {
  const chance = Chance.of(Number(Deno.env.get("WG_TEST_SEED") ?? 20_261_127));
  for (let run = 0; run < 8; run++) {
    const a = new Bench(1).start([named(2)]);
    const hosts = [HOST, "b.example", "c.example"];
    const open = () => hosts.filter((host) => a.lookUps.includes(host));
    for (let step = 0; step < 120; step++) {
      const before = endpointNow(a);
      const quiet = a.now;
      switch (chance.int(7)) {
        case 0:
          a.device.configure({ peers: [named(2, hosts[chance.int(3)])] }, a.now);
          a.collect();
          break;
        case 1:
          for (const host of open()) {
            const texts = ["10.0.0.2", "2001:db8::9", "10.0.0.3", "224.0.0.1"];
            const reply = chance.int(3) === 0
              ? NO_NAME
              : found(...texts.filter(() => chance.int(2) === 0));
            a.lookUps.splice(0, a.lookUps.length, ...a.lookUps.filter((one) => one !== host));
            answer(a, reply, host);
          }
          break;
        case 2:
          a.want();
          break;
        case 3:
          a.sent(true);
          break;
        case 4:
          a.device.link(chance.int(2) === 0, 1420, a.now);
          a.collect();
          break;
        default:
          a.pass(chance.int(20_000));
      }
      // Each host has at most one look-up under way.
      assert.equal(new Set(a.lookUps).size, a.lookUps.length, `${run}/${step}`);
      const to = endpointNow(a);
      assert.ok(!to.startsWith("224."), to);
      assert.ok(before === "none" || to !== "none", "an address is never lost");
      assert.ok(a.now >= quiet);
    }
    assert.ok(destinations(a).every((to) => !to.startsWith("224.")));
  }
});
