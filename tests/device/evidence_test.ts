/**
 * The evidence of the control plane in virtual time: what is kept, what counts as sent, and what
 * the log is told without `debug`.
 * @module
 */
import assert from "node:assert/strict";
import { milliseconds, peerSlot, type PublicKey } from "../../lib/base/brands.ts";
import { ECONNREFUSED, ENETUNREACH } from "../../lib/base/errno.ts";
import { ALTERNATION_MS, type Evidence, type EvidenceKind } from "../../lib/base/evidence.ts";
import { COMPLAIN_EVERY_MS } from "../../lib/device/complaints.ts";
import { InterfaceEvidence, PeerEvidence, STRANGERS_MAX } from "../../lib/device/evidence.ts";
import { Bench, endpointOf, publicOf, shake } from "./harness.ts";

/** The last event of a kind, without its age. */
function evidence(bench: Bench, kind: EvidenceKind, slot = 0): Omit<Evidence, "kind"> | undefined {
  const status = bench.device.status(bench.now);
  const found = [...status.peers[slot].evidence ?? [], ...status.evidence ?? []]
    .findLast((one) => one.kind === kind);
  return found && { ageMs: found.ageMs, count: found.count, who: found.who, detail: found.detail };
}

function pair(): [Bench, Bench] {
  const a = new Bench(1).start([{
    publicKey: publicOf(2),
    endpoint: endpointOf(2),
    description: "office",
  }]);
  const b = new Bench(2).start([{ publicKey: publicOf(1) }]);
  a.device.configure({ debug: false }, a.now);
  b.device.configure({ debug: false }, b.now);
  return [a.collect().clear(), b.collect().clear()];
}

const later = (bench: Bench, ms: number) => {
  const end = bench.now + ms;
  for (let due = bench.device.nextDeadline(); due !== undefined && due <= end;) {
    bench.now = milliseconds(Math.max(bench.now, due));
    bench.device.tick(bench.now);
    bench.collect();
    due = bench.device.nextDeadline();
  }
  bench.now = milliseconds(end);
};

Deno.test("a handshake leaves its times on both sides, and none without evidence asked for", () => {
  const [a, b] = pair();
  shake(a, b);
  a.now = milliseconds(a.now + 7_000);
  assert.deepEqual(evidence(a, "handshake_completed"), {
    ageMs: 7_000,
    count: 1,
    who: "",
    detail: "initiator",
  });
  assert.equal(evidence(b, "handshake_initiation_accepted")?.who, "10.0.0.1:51820");
  assert.equal(a.device.status().peers[0].evidence, undefined);
  assert.deepEqual(a.told, []);
});

Deno.test("a cookie reply leaves its sender, which need not be the peer's endpoint", () => {
  const [a, b] = pair();
  a.want();
  a.receive(b.cookieReply(a.datagrams[0].bytes, endpointOf(1)), endpointOf(77));
  assert.deepEqual(evidence(a, "cookie_accepted"), {
    ageMs: 0,
    count: 1,
    who: "10.0.0.77:51820",
    detail: "",
  });
});

Deno.test("a message that could not be sent is not counted as sent, and the log says so by name", () => {
  const a = new Bench(1);
  a.device.configure({
    peers: [{ publicKey: publicOf(2), endpoint: endpointOf(2), description: "office" }],
  }, a.now);
  a.start();
  a.device.configure({ debug: false }, a.now);
  a.collect().clear();
  a.table.wantHandshake(peerSlot(0));
  a.device.handle({ type: "handshake-wanted", peer: peerSlot(0) }, a.now);
  const [datagram] = a.device.takeOutputs().datagrams;
  const before = a.device.status().peers[0];
  a.device.unsent(datagram, ENETUNREACH, a.now);
  a.collect();
  const { counters, txBytes } = a.device.status().peers[0];
  assert.equal(counters?.handshake_initiation_sent, undefined);
  assert.equal(counters?.handshake_send_failed, 1);
  assert.equal(txBytes, before.txBytes);
  assert.deepEqual(evidence(a, "handshake_send_failed"), {
    ageMs: 0,
    count: 1,
    who: "10.0.0.2:51820",
    detail: "ENETUNREACH",
  });
  assert.deepEqual(a.told, [
    "Unable to send to peer 1 (office) at 10.0.0.2:51820: Network is unreachable (ENETUNREACH)",
  ]);
  // Once a minute, whatever the reason.
  for (const [ms, lines] of [[1, 1], [COMPLAIN_EVERY_MS - 2, 1], [1, 2]] as const) {
    a.now = milliseconds(a.now + ms);
    a.device.unsent(datagram, ECONNREFUSED, a.now);
    a.collect();
    assert.equal(a.told.length, lines);
  }
});

Deno.test("a peer whose public key is of small order gets no initiation, and the log says why", () => {
  // 0 and 1 are the points of order 2 and 4 of Curve25519 (RFC 7748 section 6.1).
  for (const point of [0, 1]) {
    const publicKey = new Uint8Array(32) as PublicKey;
    publicKey[0] = point;
    const a = new Bench(1).start([{ publicKey, endpoint: endpointOf(2) }]).clear();
    a.want();
    assert.deepEqual(a.datagrams, []);
    assert.equal(a.peerCounts().handshake_weak_key, 1);
    assert.equal(evidence(a, "handshake_weak_key")?.who, "10.0.0.2:51820");
    assert.deepEqual(a.log, [
      "Unable to send handshake initiation to peer 1: its public key is of small order " +
      "(10.0.0.2:51820)",
    ]);
  }
});

Deno.test("the log tells once a minute that a peer does not answer", () => {
  const [a] = pair();
  a.want();
  // Three may be lost. The fourth says it, which is collected with the fifth.
  while (a.datagrams.length < 4) later(a, 1_000);
  assert.deepEqual(a.told, []);
  while (a.datagrams.length < 5) later(a, 1_000);
  const { length } = a.told;
  assert.deepEqual([length, a.told[0]], [
    1,
    "No answer from peer 1 (office) at 10.0.0.2:51820",
  ]);
  later(a, 30_000);
  assert.equal(a.told.length, 1);
  later(a, 60_000);
  assert.equal(a.told.length, 2);
  const { counters } = a.device.status().peers[0];
  assert.equal(evidence(a, "handshake_retried")?.count, counters?.handshake_retried);
  assert.equal(evidence(a, "handshake_given_up")?.count, 1);
});

Deno.test("counts begin anew with a handshake that completes", () => {
  const [a, b] = pair();
  a.want();
  later(a, 21_000);
  assert.ok((evidence(a, "handshake_retried")?.count ?? 0) >= 3);
  b.now = a.now;
  b.receive(a.datagrams.at(-1)!.bytes, endpointOf(1));
  a.receive(b.datagrams.at(-1)!.bytes, endpointOf(2));
  assert.equal(evidence(a, "handshake_retried")?.count, 0);
});

Deno.test("a peer that is reached only when it calls first leaves evidence of that", () => {
  const [a, b] = pair();
  a.want();
  later(a, 21_000);
  b.now = a.now;
  b.device.configure({ peers: [{ publicKey: publicOf(1), endpoint: endpointOf(1) }] }, b.now);
  b.want();
  a.receive(b.datagrams.at(-1)!.bytes, endpointOf(2, 4000));
  assert.deepEqual(evidence(a, "called_first"), {
    ageMs: 0,
    count: 1,
    who: "10.0.0.2:4000",
    detail: "10.0.0.2:51820",
  });
  assert.equal(evidence(a, "endpoint_moved")?.detail, "10.0.0.2:51820");
  assert.equal(evidence(b, "called_first"), undefined);
});

Deno.test("different preshared keys, an old clock and a stranger leave evidence and one line each", () => {
  const [a, b] = pair();
  b.device.configure({
    peers: [{ publicKey: publicOf(1), presharedKey: new Uint8Array(32).fill(7) as never }],
  }, b.now);
  a.want();
  b.receive(a.datagrams[0].bytes, endpointOf(1));
  a.receive(b.datagrams[0].bytes, endpointOf(2));
  assert.equal(evidence(a, "handshake_response_forged")?.who, "10.0.0.2:51820");
  assert.match(
    a.told.join(),
    /^Handshake with peer 1 \(office\) .* often the preshared keys differ$/,
  );

  // The same initiation again, an hour after a newer one.
  const old = a.datagrams[0].bytes;
  a.wallNs += 3_600_000_000_000n;
  later(a, 10_000);
  b.now = a.now;
  b.receive(a.datagrams[1].bytes, endpointOf(1)).receive(old, endpointOf(1));
  assert.equal(b.lastVerdict, "handshake_replayed");
  assert.match(evidence(b, "handshake_replayed")?.detail ?? "", /^36[0-9]{2}$/);
  assert.match(b.told.join(), /clock is behind/);

  const c = new Bench(3).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  c.want();
  b.clear().receive(c.datagrams[0].bytes, endpointOf(3));
  assert.equal(evidence(b, "handshake_unknown_peer")?.detail, publicOf(3).toBase64());
  assert.equal(
    b.told.join(),
    `Handshake refused: 10.0.0.3:51820 has the public key ${
      publicOf(3).toBase64()
    }, which is no peer's`,
  );
});

Deno.test("a peer that comes back to an endpoint again and again leaves evidence", () => {
  const book = new PeerEvidence();
  const move = (at: number, to: number, before: number) =>
    book.moved(milliseconds(at), endpointOf(to), endpointOf(before));
  const count = () => book.count("endpoint_alternated");
  // One that moves on does not.
  for (let i = 1; i < 9; i++) move(i * 1_000, i + 1, i);
  assert.equal(count(), 0);
  // Handshakes of both machines complete meanwhile.
  for (let i = 10; i < 20; i += 2) {
    move(i * 1_000, 8, 9);
    book.note("handshake_completed", milliseconds(i * 1_000 + 1));
    move((i + 1) * 1_000, 9, 8);
  }
  assert.equal(count(), 10);
  assert.equal(book.who("endpoint_alternated"), "10.0.0.9:51820");
  move(19_000 + ALTERNATION_MS + 1, 8, 9);
  assert.equal(count(), 1);
});

Deno.test("strangers get a bounded number of places", () => {
  const book = new InterfaceEvidence();
  for (let i = 0; i < 1_000; i++) {
    book.note("handshake_mac1_wrong", milliseconds(i + 1), endpointOf(i), "initiation");
  }
  book.note("handshake_mac1_wrong", milliseconds(2_000), endpointOf(999), "initiation");
  const list = book.list(milliseconds(2_000));
  assert.equal(list.length, STRANGERS_MAX);
  assert.equal(list.at(-1)?.count, 2);
});
