/**
 * The events of a device: when a peer counts as connected, what is told of refused messages, and
 * how many.
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { type Milliseconds, milliseconds, peerSlot } from "../../lib/base/brands.ts";
import type { DataEvent } from "../../lib/base/messages.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { EventReporter } from "../../lib/data/event_reporter.ts";
import { REFUSALS_PER_SECOND } from "../../lib/device/refusal_limit.ts";
import { Bench, endpointOf, keyOf, pair, publicOf, shake } from "./harness.ts";

const kinds = (bench: Bench): string[] => bench.events.map(({ kind }) => kind);
const B = { publicKey: publicOf(2), description: "" };

Deno.test("the first handshake connects both sides; a renewal is a handshake only", () => {
  const { a, b } = pair();
  shake(a, b);
  const about = { peer: B, endpoint: endpointOf(2) };
  deepEqual(a.events, [
    { kind: "connected", ...about },
    { kind: "handshake", ...about, initiator: true },
  ]);
  deepEqual(kinds(b), ["connected", "handshake"], "the responder by the first data");
  a.pass(STANDARD_TIMES.rekeyAfter);
  b.pass(STANDARD_TIMES.rekeyAfter);
  shake(a, b);
  deepEqual([kinds(a), kinds(b)], [["handshake"], ["handshake"]]);
});

Deno.test("a response that no data confirms connects nobody", () => {
  const { a, b } = pair();
  a.want();
  b.receive(a.datagrams.at(-1)!.bytes, endpointOf(1));
  b.pass(STANDARD_TIMES.rejectAfter);
  deepEqual(kinds(b), []);
});

Deno.test("a session that is not renewed expires after 180 s, and its peer is disconnected once", () => {
  const { a, b } = pair();
  shake(a, b);
  a.clear();
  a.pass(STANDARD_TIMES.rejectAfter - 1_000);
  deepEqual(kinds(a), []);
  a.pass(2_000);
  deepEqual(a.events, [
    { kind: "key-expired", peer: B },
    { kind: "disconnected", peer: B, why: "expired" },
  ]);
  a.clear();
  a.pass(STANDARD_TIMES.zeroKeysAfter);
  deepEqual(kinds(a), []);
  b.pass(a.now - b.now);
  shake(a, b);
  deepEqual(kinds(a), ["connected", "handshake"]);
});

Deno.test("a peer that does not answer is told once, and is not disconnected twice", () => {
  const { a } = pair();
  a.want();
  a.pass(STANDARD_TIMES.rekeyAttempt + 20_000);
  deepEqual(a.events, [{ kind: "unanswered", peer: B, endpoint: endpointOf(2) }]);
});

Deno.test("down, a removed peer, another private key and a clone disconnect, with the reason", () => {
  const ends: readonly (readonly [string, (a: Bench) => void])[] = [
    ["down", (a) => a.device.link(false, 1420, a.now)],
    [
      "removed",
      (a) => a.device.configure({ peers: [{ publicKey: B.publicKey, remove: true }] }, a.now),
    ],
    ["key-changed", (a) => a.device.configure({ privateKey: keyOf(9) }, a.now)],
    ["cloned", (a) => a.device.renewSessions(a.now)],
  ];
  for (const [why, end] of ends) {
    const { a, b } = pair();
    shake(a, b);
    a.clear();
    end(a);
    a.collect();
    const told = a.events.filter(({ kind }) => kind !== "down");
    deepEqual(told, [{ kind: "disconnected", peer: B, why }]);
    equal(kinds(a)[0] === "down", why === "down");
  }
});

Deno.test("up and down are told when they change, and names are those of the present", () => {
  const a = new Bench(1).start([{ publicKey: B.publicKey, description: "anna" }]);
  a.device.link(true, 1300, a.now);
  a.device.link(false, 1300, a.now);
  a.device.link(false, 1300, a.now);
  deepEqual(a.collect().events, [{ kind: "up" }, { kind: "down" }]);
  equal(a.device.descriptionOf(B.publicKey), "anna");
  equal(a.device.descriptionOf(publicOf(3)), undefined);
});

Deno.test("an endpoint that data or a handshake moves is told; one that is configured is not", () => {
  const { a, b } = pair();
  shake(a, b);
  a.clear();
  b.clear();
  a.device.configure({ peers: [{ publicKey: B.publicKey, endpoint: endpointOf(3) }] }, a.now);
  deepEqual(a.collect().events, []);
  // The data plane has moved it, twice.
  const slot = peerSlot(0);
  a.table.writeEndpoint(slot, endpointOf(5), undefined);
  ok(a.table.roamed(slot));
  ok(!a.table.roamed(slot));
  a.handle({ type: "endpoint-moved", peer: slot, before: endpointOf(3) });
  deepEqual(a.events, [
    { kind: "roamed", peer: B, before: endpointOf(3), endpoint: endpointOf(5) },
  ]);
  ok(a.table.roamed(slot), "it may be reported again");
  // It has come back meanwhile.
  a.clear().handle({ type: "endpoint-moved", peer: slot, before: endpointOf(5) });
  deepEqual(a.events, []);
  a.pass(STANDARD_TIMES.rekeyAfter);
  b.pass(a.now - b.now);
  b.clear();
  a.want();
  b.receive(a.datagrams.at(-1)!.bytes, endpointOf(77));
  const peer = { publicKey: publicOf(1), description: "" };
  deepEqual(b.events, [
    { kind: "roamed", peer, before: endpointOf(1), endpoint: endpointOf(77) },
  ]);
});

Deno.test("refused messages are told with their sender, as far as it is known", () => {
  const { a, b } = pair();
  a.want();
  const { bytes } = a.datagrams.at(-1)!;
  b.receive(bytes, endpointOf(1));
  b.clear().receive(bytes, endpointOf(6));
  const endpoint = endpointOf(6);
  deepEqual(b.events, [{
    kind: "refused",
    why: "handshake_replayed",
    peer: { publicKey: publicOf(1), description: "" },
    endpoint,
    leftOut: 0,
  }]);
  const stranger = new Bench(5).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  stranger.want();
  b.clear().receive(stranger.datagrams.at(-1)!.bytes, endpoint);
  deepEqual(b.events, [{
    kind: "refused",
    why: "handshake_unknown_peer",
    peer: { publicKey: publicOf(5), description: "" },
    endpoint,
    leftOut: 0,
  }]);
  const wrong = bytes.slice();
  wrong[120] ^= 1;
  b.clear().receive(wrong, endpoint);
  deepEqual(b.events, [
    { kind: "refused", why: "handshake_mac1_wrong", peer: undefined, endpoint, leftOut: 0 },
  ]);
  b.clear().handle({
    type: "notice",
    notice: "invalid-initiation-mac",
    peer: undefined,
    source: endpoint,
  });
  deepEqual(kinds(b), ["refused"], "those that the data plane drops too");
  b.clear().handle({ type: "notice", notice: "not-ip", peer: peerSlot(0), source: undefined });
  deepEqual(kinds(b), []);
});

Deno.test("of many refusals ten a second are told; strangers leave room for peers", () => {
  const { b } = pair();
  const at = (ms: number): Milliseconds => milliseconds(b.now + ms);
  const refuse = (ms: number, times: number, peer?: number) => {
    for (let i = 0; i < times; i++) {
      b.device.handle({
        type: "notice",
        notice: peer === undefined ? "invalid-initiation-mac" : "unallowed-source",
        peer: peer === undefined ? undefined : peerSlot(peer),
        source: endpointOf(9),
      }, at(ms));
    }
    return b.clear().collect().events.map((event) => event.kind === "refused" ? event.leftOut : -1);
  };
  const nones = (count: number) => new Array<number>(count).fill(0);
  deepEqual(refuse(0, 100), nones(REFUSALS_PER_SECOND));
  deepEqual(refuse(1, 3, 0), nones(3));
  deepEqual(refuse(999, 5), []);
  deepEqual(refuse(1_000, 3), [100 + 5 - REFUSALS_PER_SECOND, 0, 0]);
});

Deno.test("of three bursts that a data plane reports, every message is told or counted", () => {
  const { b } = pair();
  const source = endpointOf(9);
  const reported: DataEvent[] = [];
  const reporter = new EventReporter(b.table, b.handshakes, (event) => reported.push(event));
  const bursts = [0, 2_000, 4_000].map((ms) => {
    const now = milliseconds(b.now + ms);
    for (let i = 0; i < 200; i++) {
      if (!reporter.wants("invalid-initiation-mac", now)) continue;
      reporter.notice("invalid-initiation-mac", undefined, source);
    }
    for (const event of reported.splice(0)) b.device.handle(event, now);
    return b.clear().collect().events.flatMap((event) =>
      event.kind === "refused" ? [event.leftOut] : []
    );
  });
  const told = bursts[0].length;
  ok(told > 0 && told < 20);
  deepEqual(bursts.map(([first]) => first), [0, 200 - told, 200 - told]);
  deepEqual(bursts.flat().filter((count) => count > 0).length, 2);
});
