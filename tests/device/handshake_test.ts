import assert from "node:assert/strict";
import { AWAITS_COOKIE, AWAITS_RESPONSE } from "../../lib/base/awaited_indices.ts";
import { milliseconds, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import type { DeviceChange } from "../../lib/base/config.ts";
import type { Notice } from "../../lib/base/messages.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import { INITIATION, readIndex, RESPONSE, writeIndex } from "../../lib/wire/messages.ts";
import { Bench, endpointOf, keyOf, pair, publicOf, shake } from "./harness.ts";

const SLOT = peerSlot(0);

/** The initiation of `a` and the response of `b`. */
function exchange(a: Bench, b: Bench) {
  a.clear();
  b.clear();
  a.want();
  const initiation = a.datagrams[0].bytes;
  b.receive(initiation, endpointOf(1));
  return { initiation, response: b.datagrams[0].bytes };
}

Deno.test("an initiation is answered 20 ms after the last one, and none before", () => {
  const { a, b } = pair();
  a.want();
  a.pass(12_000);
  const initiations = a.datagrams.map(({ bytes }) => bytes);
  const { now } = b;
  for (
    const [ms, verdict] of [
      [0, "handshake_initiation_accepted"],
      [19.99, "handshake_too_often"],
      [20, "handshake_initiation_accepted"],
    ] as const
  ) {
    b.now = milliseconds(now + ms);
    b.receive(initiations.shift()!, endpointOf(1));
    assert.equal(b.lastVerdict, verdict, `${ms}`);
  }
});

Deno.test("a handshake gives both sides the same keys, crossed", () => {
  const { a, b } = pair();
  const { initiator, responder } = shake(a, b);
  assert.deepEqual(initiator.sendKey, responder.receiveKey);
  assert.deepEqual(initiator.receiveKey, responder.sendKey);
  assert.notDeepEqual(initiator.sendKey, initiator.receiveKey);
  assert.equal(initiator.localIndex, responder.remoteIndex);
  assert.equal(initiator.remoteIndex, responder.localIndex);
  assert.equal(initiator.initiator, true);
  assert.equal(responder.initiator, false);
  assert.deepEqual(a.log, [
    "Sending handshake initiation to peer 1 (10.0.0.2:51820)",
    "Receiving handshake response from peer 1 (10.0.0.2:51820)",
  ]);
  assert.deepEqual(b.log, [
    "Receiving handshake initiation from peer 1 (10.0.0.1:51820)",
    "Sending handshake response to peer 1 (10.0.0.1:51820)",
  ]);
  for (const { device, wallNs } of [a, b]) {
    const [peer] = device.status().peers;
    assert.equal(peer.lastHandshakeUnixMs, Number(wallNs / 1_000_000n));
  }
  assert.equal(a.device.status().peers[0].txBytes, 148);
  assert.equal(a.device.status().peers[0].rxBytes, 92);
  assert.equal(b.device.status().peers[0].txBytes, 92);
  assert.equal(b.device.status().peers[0].rxBytes, 148);
});

Deno.test("with a preshared key on both sides; a wrong one is an invalid response", () => {
  const { a, b } = pair();
  a.device.configure(
    { peers: [{ publicKey: publicOf(2), presharedKey: keyOf(77) as never }] },
    a.now,
  );
  const { response } = exchange(a, b);
  a.receive(response, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_response_forged");
  assert.ok(a.log.some((line) => line.startsWith("Invalid handshake response")));
  assert.equal(a.of("session-install").length, 0);

  b.device.configure(
    { peers: [{ publicKey: publicOf(1), presharedKey: keyOf(77) as never }] },
    b.now,
  );
  a.pass(5_400);
  b.pass(5_400);
  b.receive(a.datagrams.at(-1)!.bytes, endpointOf(1));
  a.receive(b.datagrams.at(-1)!.bytes, endpointOf(2));
  assert.equal(a.of("session-install").length, 1);
  assert.deepEqual(a.of("session-install")[0].sendKey, b.of("session-install").at(-1)!.receiveKey);
});

Deno.test("a peer that is replaced, or made again with its timestamp, refuses old initiations", () => {
  const { a, b } = pair();
  const { initiation } = exchange(a, b);
  const [{ publicKey, endpoint, lastTimestamp }] = b.device.status().peers;
  assert.equal(lastTimestamp?.length, 12);
  const peers = [{ publicKey, ...(endpoint && { endpoint }) }];
  const replay = (change: DeviceChange) => {
    b.device.configure(change, b.now);
    b.pass(100);
    b.clear().receive(initiation, endpointOf(9));
    assert.deepEqual(b.device.status().peers[0]?.endpoint, endpoint);
    assert.equal(b.lastVerdict, "handshake_replayed");
    assert.deepEqual(b.datagrams, []);
  };
  replay({ replacePeers: true, peers });
  replay({ replacePeers: true, peers });
  b.device.configure({ peers: [{ publicKey, remove: true }] }, b.now);
  replay({ peers: [{ ...peers[0], lastTimestamp }] });
  // An older one makes nothing new again.
  replay({ peers: [{ ...peers[0], lastTimestamp: new Uint8Array(12) }] });
  assert.deepEqual(b.device.status().peers[0].lastTimestamp, lastTimestamp);
  assert.throws(
    () => b.device.configure({ peers: [{ publicKey, lastTimestamp: new Uint8Array(11) }] }, b.now),
    /last_timestamp: 11 bytes; 12 bytes are required/,
  );
  // Who removes a peer by hand may wish it, as for a peer whose clock was set back.
  b.device.configure({ peers: [{ publicKey, remove: true }] }, b.now);
  b.device.configure({ peers }, b.now);
  b.pass(100);
  b.clear().receive(initiation, endpointOf(9));
  assert.equal(b.lastVerdict, "handshake_initiation_accepted");
});

Deno.test("a replayed initiation, an older one and one of a stranger are ignored", () => {
  const { a, b } = pair();
  const { initiation } = exchange(a, b);
  b.pass(100);
  b.clear().receive(initiation, endpointOf(9));
  assert.equal(b.lastVerdict, "handshake_replayed");
  assert.deepEqual(b.commands, []);
  assert.deepEqual(b.datagrams, []);
  assert.match(
    b.log[0],
    /^Invalid handshake initiation from peer 1: .*clock is behind \(10\.0\.0\.9:51820\)$/,
  );

  const stranger = new Bench(3).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  stranger.want();
  b.clear().receive(stranger.datagrams[0].bytes, endpointOf(3));
  assert.equal(b.lastVerdict, "handshake_unknown_peer");
  assert.deepEqual(b.commands, []);
  assert.match(b.log[0], /^Invalid handshake initiation/);
});

Deno.test("at most fifty initiations of a peer are answered per second", () => {
  const { a, b } = pair();
  const initiations: Uint8Array[] = [];
  for (let i = 0; i < 30; i++) {
    a.now = milliseconds(a.now + 5_400);
    a.wallNs += 5_400_000_000n;
    a.clear();
    if (!a.want()) a.device.tick(a.now), a.collect();
    initiations.push(a.datagrams[0].bytes);
  }
  const acceptedEvery = (ms: number, those: readonly Uint8Array[]) => {
    b.now = milliseconds(b.now + 1_000);
    return those.filter((initiation) => {
      b.receive(initiation, endpointOf(1));
      b.now = milliseconds(b.now + ms);
      return b.lastVerdict === "handshake_initiation_accepted";
    }).length;
  };
  assert.equal(acceptedEvery(10, initiations.slice(0, 20)), 10);
  assert.equal(acceptedEvery(19.99, initiations.slice(20, 26)), 3);
  assert.equal(acceptedEvery(20, initiations.slice(26)), 4);
});

Deno.test("a response is accepted once, for the pending initiation that it answers", () => {
  const { a, b } = pair();
  const { response } = exchange(a, b);
  const elsewhere = response.slice();
  elsewhere[RESPONSE.receiver] ^= 1;
  new CookieJar(nobleSuite, publicOf(1), 120_000).seal(elsewhere, a.now);
  a.clear().receive(elsewhere, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_unknown_index");
  assert.match(a.log[0], /^Unknown handshake response/);
  a.receive(response, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_response_accepted");
  a.receive(response, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_unknown_index", "the index is a session's now");
});

Deno.test("a response to an earlier initiation is refused after a newer one was sent", () => {
  const { a, b } = pair();
  const { initiation, response } = exchange(a, b);
  a.pass(5_400);
  assert.equal(a.datagrams.length, 2);
  a.receive(response, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_unknown_index");
  const cookie = new Uint8Array(64);
  cookie[0] = 3;
  cookie.set(initiation.subarray(4, 8), 4);
  a.receive(cookie, endpointOf(2));
  assert.equal(a.lastVerdict, "cookie_unknown_index", "its index is free again");
  b.pass(5_400);
  b.receive(a.datagrams[1].bytes, endpointOf(1));
  a.receive(b.datagrams[1].bytes, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_response_accepted");
});

Deno.test("a response to the index of a session is refused", () => {
  const { a, b } = pair();
  const { initiator } = shake(a, b);
  a.pass(121_000);
  b.pass(121_000);
  const { response } = exchange(a, b);
  const turned = response.slice();
  // Only mac1 covers the receiver index, and anybody can make a mac1.
  writeIndex(turned, RESPONSE.receiver, initiator.localIndex);
  new CookieJar(nobleSuite, publicOf(1), 120_000).seal(turned, a.now);
  a.receive(turned, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_unknown_index");
  a.receive(response, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_response_accepted");
});

Deno.test("both sides initiate at once: both responses are accepted, and each side can decrypt", () => {
  const { a, b } = pair();
  b.device.configure({ peers: [{ publicKey: publicOf(1), endpoint: endpointOf(1) }] }, b.now);
  b.collect();
  a.want();
  b.want();
  const [fromA] = a.datagrams;
  const [fromB] = b.datagrams;
  b.receive(fromA.bytes, endpointOf(1));
  a.receive(fromB.bytes, endpointOf(2));
  a.receive(b.datagrams[1].bytes, endpointOf(2));
  b.receive(a.datagrams[1].bytes, endpointOf(1));
  for (const [self, other] of [[a, b], [b, a]]) {
    const sending = self.of("session-install").find((install) => install.initiator)!;
    const receiving = other.of("session-install").find((install) =>
      install.localIndex === sending.remoteIndex
    )!;
    assert.deepEqual(receiving.receiveKey, sending.sendKey);
    assert.ok(
      !other.of("session-retire").some((retire) => retire.localIndex === receiving.localIndex),
    );
  }
});

Deno.test("an endpoint follows every authenticated handshake message, and nothing else", () => {
  const { a, b } = pair();
  const { response } = exchange(a, b);
  assert.deepEqual(b.device.status().peers[0].endpoint, endpointOf(1));
  const bad = response.slice();
  bad[RESPONSE.empty] ^= 1;
  new CookieJar(nobleSuite, publicOf(1), 120_000).seal(bad, a.now);
  a.receive(bad, endpointOf(66));
  assert.equal(a.lastVerdict, "handshake_response_forged");
  assert.deepEqual(a.device.status().peers[0].endpoint, endpointOf(2));
  a.receive(response, endpointOf(3, 9));
  assert.deepEqual(a.device.status().peers[0].endpoint, endpointOf(3, 9));
  const v6 = { address: Uint8Array.from({ length: 16 }, (_, i) => i), port: 1, scope: 3 };
  a.table.writeEndpoint(SLOT, v6, undefined);
  assert.deepEqual(a.device.status().peers[0].endpoint, v6, "a data packet moved it");
});

Deno.test("an endpoint is shown and used before the data plane knows the peer", () => {
  const a = new Bench(1);
  a.device.configure({
    privateKey: keyOf(1),
    peers: [{ publicKey: publicOf(2), endpoint: endpointOf(2) }],
  }, a.now);
  assert.deepEqual(a.device.status().peers[0].endpoint, endpointOf(2));
  a.device.link(true, 1420, a.now);
  a.device.handle({ type: "handshake-wanted", peer: SLOT }, a.now);
  assert.deepEqual(a.device.takeOutputs().datagrams[0].endpoint, endpointOf(2));
});

Deno.test("key rotation retires replaced sessions after a moment", () => {
  const { a, b } = pair();
  const live = [new Set<number>(), new Set<number>()];
  const apply = () => {
    for (const [bench, set] of [[a, live[0]], [b, live[1]]] as const) {
      for (const command of bench.commands) {
        if (command.type === "session-install") set.add(command.localIndex);
        if (command.type === "session-retire") {
          assert.ok(set.delete(command.localIndex), "retires only what is there");
        }
      }
    }
  };
  for (let i = 0; i < 6; i++) {
    shake(a, b);
    a.pass(6_000);
    b.pass(6_000);
    a.table.clearWanted(SLOT);
    apply();
    assert.deepEqual(live.map((set) => set.size), i === 0 ? [1, 1] : [2, 2], `round ${i}`);
  }
});

Deno.test("a session that is not confirmed is replaced by the next one, and the previous one is retired", () => {
  const { a, b } = pair();
  shake(a, b);
  const first = b.of("session-install")[0].localIndex;
  a.pass(6_000);
  b.pass(6_000);
  exchange(a, b);
  const second = b.of("session-install")[0].localIndex;
  a.pass(6_000);
  b.pass(6_000);
  assert.deepEqual(b.of("session-retire"), [], "current stays until the new one is confirmed");
  b.clear();
  b.receive(a.datagrams.at(-1)!.bytes, endpointOf(1));
  b.handle({ type: "session-confirmed", peer: SLOT, localIndex: second });
  assert.deepEqual(
    b.of("session-retire"),
    [],
    "confirmed too late: it was replaced, and receives for another moment",
  );
  b.pass(5_000);
  assert.deepEqual(b.of("session-retire").map((retire) => retire.localIndex), [second]);
  assert.notEqual(first, second);
});

Deno.test("a session that is replaced shortly before its time is over ends in time", () => {
  const { a, b } = pair();
  const { initiator: { localIndex } } = shake(a, b);
  for (const wait of [170_000, 8_000]) {
    a.pass(wait);
    b.pass(wait);
    shake(a, b);
    assert.deepEqual(a.of("session-retire"), []);
  }
  a.pass(1_999);
  assert.deepEqual(a.of("session-retire"), [], "it still receives");
  a.pass(1);
  assert.deepEqual(a.of("session-retire"), [{ type: "session-retire", localIndex }]);
});

Deno.test("a session that is never confirmed ends at 180 s", () => {
  const { a, b } = pair();
  a.want();
  b.receive(a.datagrams[0].bytes, endpointOf(1));
  const { localIndex } = b.of("session-install")[0];
  b.pass(179_999);
  assert.deepEqual(b.of("session-retire"), []);
  b.pass(1);
  assert.deepEqual(b.of("session-retire"), [{ type: "session-retire", localIndex }]);
});

Deno.test("replaced sessions do not pile up", () => {
  const { a, b } = pair();
  a.want();
  a.pass(60_000);
  const initiations = a.datagrams.map(({ bytes }) => bytes);
  assert.ok(initiations.length > 10);
  for (const initiation of initiations) {
    b.receive(initiation, endpointOf(1));
    assert.equal(b.lastVerdict, "handshake_initiation_accepted");
    b.now = milliseconds(b.now + 20);
  }
  assert.equal(b.of("session-install").length - b.of("session-retire").length, 4);
  b.device.link(false, 1420, b.now);
  b.collect();
  assert.equal(b.of("session-install").length, b.of("session-retire").length);
});

Deno.test("the cookie of a reply is used in the next initiation, and the endpoint stays", () => {
  const { a, b } = pair();
  a.want();
  a.receive(b.cookieReply(a.datagrams[0].bytes, endpointOf(1)), endpointOf(77));
  assert.equal(a.lastVerdict, "cookie_accepted");
  assert.deepEqual(a.device.status().peers[0].endpoint, endpointOf(2));
  a.pass(5_400);
  assert.notDeepEqual(a.datagrams.at(-1)!.bytes.subarray(INITIATION.mac2), new Uint8Array(16));
});

Deno.test("a cookie reply to a response is accepted too", () => {
  const { a, b } = pair();
  const { response } = exchange(a, b);
  b.receive(a.cookieReply(response, endpointOf(2)), endpointOf(1));
  assert.equal(b.lastVerdict, "cookie_accepted", "found by the session's index");
});

Deno.test("an index waits for a response and a cookie reply, each until it came or the index is free", () => {
  const { a, b } = pair();
  const awaits = (bench: Bench, index: number) =>
    [AWAITS_RESPONSE, AWAITS_COOKIE].map((what) => bench.handshakes.awaited.awaits(index, what));
  const { initiation, response } = exchange(a, b);
  const ours = readIndex(initiation, INITIATION.sender) >>> 0;
  const theirs = readIndex(response, RESPONSE.sender) >>> 0;
  assert.deepEqual([awaits(a, ours), awaits(b, theirs)], [[true, true], [false, true]]);
  a.receive(b.cookieReply(initiation, endpointOf(1)), endpointOf(2));
  assert.deepEqual(awaits(a, ours), [true, false]);
  a.receive(response, endpointOf(2));
  assert.deepEqual(awaits(a, ours), [false, false]);
  b.handle({ type: "session-confirmed", peer: peerSlot(0), localIndex: sessionIndex(theirs) });
  assert.deepEqual(awaits(b, theirs), [false, false]);

  a.pass(121_000);
  a.want();
  const again = readIndex(a.datagrams.at(-1)!.bytes, INITIATION.sender) >>> 0;
  assert.deepEqual(awaits(a, again), [true, true]);
  a.device.link(false, 1420, a.now);
  assert.deepEqual(awaits(a, again), [false, false]);
});

Deno.test("the cookies' secret is made when messages wait, kept for 120 s, and ends with the private key", () => {
  const { a } = pair();
  const { keys } = a.handshakes;
  assert.equal(keys.madeAt, 0);
  const first = a.now;
  a.handle({ type: "handshakes-waiting" });
  assert.equal(keys.madeAt, first);
  a.pass(119_999);
  a.handle({ type: "handshakes-waiting" });
  assert.equal(keys.madeAt, first);
  a.pass(1);
  a.handle({ type: "handshakes-waiting" });
  assert.equal(keys.madeAt, first + 120_000);
  a.device.configure({ privateKey: keyOf(9) }, a.now);
  assert.equal(keys.madeAt, 0);
});

Deno.test("wrong macs, unknown cookies and a missing key have their counters and messages", () => {
  const { a, b } = pair();
  const { initiation, response } = exchange(a, b);
  const wrong = initiation.slice();
  wrong[INITIATION.mac1] ^= 1;
  b.clear().receive(wrong, endpointOf(1));
  assert.deepEqual(b.log, ["Invalid initiation MAC (10.0.0.1:51820)"]);
  const wrongResponse = response.slice();
  wrongResponse[RESPONSE.mac1] ^= 1;
  a.clear().receive(wrongResponse, endpointOf(2));
  assert.deepEqual(a.log, ["Invalid response MAC (10.0.0.2:51820)"]);
  const cookie = new Uint8Array(64);
  cookie[0] = 3;
  a.clear().receive(cookie, endpointOf(2));
  assert.deepEqual(a.log, ["Unknown cookie response (10.0.0.2:51820)"]);
  cookie.set(initiation.subarray(4, 8), 4);
  a.clear().receive(cookie, endpointOf(2));
  assert.deepEqual(a.log, ["Could not decrypt cookie response (10.0.0.2:51820)"]);
  b.device.configure({ privateKey: new Uint8Array(32) as never }, b.now);
  b.receive(initiation, endpointOf(1));
  assert.equal(b.lastVerdict, "handshake_no_private_key");
  assert.equal(b.device.status().privateKey, undefined);
});

Deno.test("notices of the data plane become OpenBSD's messages", () => {
  const { a } = pair();
  const words = {
    "invalid-initiation-mac": "Invalid initiation MAC (10.0.0.7:51820)",
    "invalid-response-mac": "Invalid response MAC (10.0.0.7:51820)",
    "unknown-response": "Unknown handshake response (10.0.0.7:51820)",
    "unknown-cookie-reply": "Unknown cookie response (10.0.0.7:51820)",
    "cookie-sent": "Sending cookie response (10.0.0.7:51820)",
    "keepalive-received": "Receiving keepalive packet from peer 1 (10.0.0.2:51820)",
    "keepalive-sent": "Sending keepalive packet to peer 1 (10.0.0.2:51820)",
    "unallowed-source": "Packet has unallowed src IP from peer 1 (10.0.0.2:51820)",
    "not-ip": "Packet is neither ipv4 nor ipv6 from peer 1 (10.0.0.2:51820)",
    "own-source": "Packet has our own src IP from peer 1 (10.0.0.2:51820)",
    "send-failed": "Unable to send to peer 1 (10.0.0.2:51820)",
    "rate-limited": "Too many handshake messages (10.0.0.7:51820)",
    "path-error": "Receiving ICMP error (10.0.0.7:51820)",
    "no-peer": "No range of allowed IPs has the destination of a packet",
    "no-endpoint": "No valid endpoint has been configured or discovered for peer 1",
  } satisfies Record<Notice, string>;
  for (const [notice, line] of Object.entries(words) as [Notice, string][]) {
    const ofPeer = line.includes("peer");
    a.clear().handle({
      type: "notice",
      notice,
      peer: ofPeer ? SLOT : undefined,
      source: ofPeer ? undefined : endpointOf(7),
    });
    assert.ok(a.log.length === 1 && a.log[0].startsWith(line), a.log[0]);
  }
  a.device.configure({ debug: false }, a.now);
  a.clear().handle({ type: "notice", notice: "not-ip", peer: SLOT, source: undefined });
  assert.deepEqual(a.log, []);
});

Deno.test("events of a removed peer are ignored", () => {
  const { a, b } = pair();
  const { response } = exchange(a, b);
  a.device.configure({ peers: [{ publicKey: publicOf(2), remove: true }] }, a.now);
  a.collect().clear();
  a.receive(response, endpointOf(2));
  assert.equal(a.lastVerdict, "handshake_unknown_index");
  a.handle({ type: "handshake-wanted", peer: SLOT });
  a.handle({ type: "peer-active", peer: SLOT });
  a.handle({
    type: "session-confirmed",
    peer: SLOT,
    localIndex: readIndex(response, RESPONSE.receiver),
  });
  a.handle({ type: "notice", notice: "keepalive-received", peer: SLOT, source: undefined });
  assert.deepEqual([a.commands, a.datagrams], [[], []]);
  assert.equal(a.device.nextDeadline(), undefined);
  a.device.configure({ peers: [{ publicKey: publicOf(2), endpoint: endpointOf(2) }] }, a.now);
  assert.notEqual(a.collect().of("peer-add")[0].peer, SLOT, "the slot rests");
});
