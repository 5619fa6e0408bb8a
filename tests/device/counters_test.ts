/** The counters of the control plane, of the interface and of peers. */
import assert from "node:assert/strict";
import { PEER_COUNTERS } from "../../lib/base/counters.ts";
import { ENETUNREACH } from "../../lib/base/errno.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { RESPONSE } from "../../lib/wire/messages.ts";
import { Bench, endpointOf, keyOf, pair, publicOf, shake } from "./harness.ts";

Deno.test("a handshake is counted on each side: sent, accepted, completed", () => {
  const { a, b } = pair();
  shake(a, b);
  assert.deepEqual(a.peerCounts(), {
    handshake_initiation_sent: 1,
    handshake_response_accepted: 1,
    handshake_completed: 1,
  });
  assert.deepEqual(b.peerCounts(), {
    handshake_response_sent: 1,
    handshake_initiation_accepted: 1,
    handshake_completed: 1,
  });
  assert.deepEqual(b.device.status().peers[0].counters, b.peerCounts());
  for (const name of PEER_COUNTERS) {
    assert.equal(
      b.device.counters.counts()[name],
      b.peerCounts()[name] ?? 0,
      "the only peer's are the interface's",
    );
  }
});

Deno.test("a peer that never answers: tries, retries and the end are counted", () => {
  const { a } = pair();
  a.want();
  a.pass(120_000);
  assert.deepEqual(a.peerCounts(), {
    handshake_initiation_sent: 19 + 1,
    handshake_retried: 19,
    handshake_given_up: 1,
  });
  const lost = new Bench(3).start([{ publicKey: publicOf(2) }]);
  lost.want();
  assert.deepEqual(lost.peerCounts(), { handshake_no_endpoint: 1 });
});

Deno.test("a message counts although its peer was removed before it was sent, or not", () => {
  const { a } = pair();
  a.want();
  const [datagram] = a.datagrams;
  a.device.configure({ peers: [{ publicKey: publicOf(2), remove: true }] }, a.now);
  const before = a.device.counters.counts();
  a.device.sent(datagram, a.now);
  a.device.unsent(datagram, ENETUNREACH, a.now);
  const after = a.device.counters.counts();
  assert.equal(after.handshake_initiation_sent, before.handshake_initiation_sent + 1);
  assert.equal(after.handshake_send_failed, before.handshake_send_failed + 1);
});

Deno.test("data without an answer begins a counted handshake", () => {
  const { a, b } = pair();
  shake(a, b);
  a.sent(true);
  a.pass(16_000);
  assert.deepEqual(
    [a.peerCounts().handshake_unanswered, a.peerCounts().handshake_initiation_sent],
    [1, 2],
  );
});

Deno.test("hostile messages are counted for the peer that they name, if they name one", () => {
  const { a, b } = pair();
  a.want();
  const initiation = a.datagrams[0].bytes;
  b.receive(initiation, endpointOf(1));
  const accepted = b.peerCounts();
  b.receive(initiation, endpointOf(9)).receive(initiation, endpointOf(9));
  assert.deepEqual(b.peerCounts(), { ...accepted, handshake_replayed: 2 });

  const stranger = new Bench(3).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  stranger.want();
  b.receive(stranger.datagrams[0].bytes, endpointOf(3));
  assert.deepEqual(b.peerCounts(), { ...accepted, handshake_replayed: 2 });
  assert.equal(b.device.counters.counts().handshake_unknown_peer, 1);

  const forged = b.datagrams[0].bytes.slice();
  forged[RESPONSE.empty] ^= 1;
  new CookieJar(nobleSuite, publicOf(1), 120_000).seal(forged, a.now);
  a.receive(forged, endpointOf(2));
  assert.equal(a.peerCounts().handshake_response_forged, 1);
});

Deno.test("an accepted cookie is counted for its peer", () => {
  const { a, b } = pair();
  a.want();
  const cookie = b.cookieReply(a.datagrams[0].bytes, endpointOf(1));
  a.receive(cookie, endpointOf(2)).receive(cookie, endpointOf(2));
  assert.deepEqual(
    [a.peerCounts().cookie_accepted, a.peerCounts().cookie_forged],
    [1, 1],
    "once a message",
  );
});

Deno.test("a peer that is made anew begins at 0, the interface does not", () => {
  const { a, b } = pair();
  shake(a, b);
  const peers = [{ publicKey: publicOf(1), presharedKey: keyOf(5) as never }];
  b.device.configure({ replacePeers: true, peers }, b.now);
  b.collect();
  assert.deepEqual(b.device.status().peers[0].counters, {});
  assert.equal(b.device.counters.counts().handshake_completed, 1);
});
