import assert from "node:assert/strict";
import { milliseconds, peerSlot, sessionIndex } from "../../lib/base/brands.ts";
import { NEVER } from "../../lib/base/times.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";

const P0 = peerSlot(0);
const P1 = peerSlot(1);
const at = milliseconds;
const small = () => new PeerTable(new SharedArrayBuffer(4096));

Deno.test("sending and receiving write their own fields only, and nothing of another row", () => {
  const table = small();
  const bytes = () => new Uint8Array(table.buffer).slice();
  const changed = (before: Uint8Array) =>
    [...bytes().entries()].filter(([i, byte]) => byte !== before[i]).map(([i]) => i);
  table.clearActive(P1);
  assert.equal(table.sent(P1, 100, true, at(5)), true);
  assert.equal(table.received(P1, 200, true, at(6)), false, "said once");
  for (let i = 0; i < 3; i++) {
    let before = bytes();
    table.sent(P1, 0x0101_0101, true, at(7.1 + i));
    table.handshakeSent(P1);
    assert.ok(
      changed(before).every((place) => place >= 192 && place < 256),
      "the sending line of row 1",
    );
    before = bytes();
    table.received(P1, 0x0101_0101, true, at(8.1 + i));
    table.handshakeReceived(P1);
    assert.ok(
      changed(before).every((place) => place >= 256 && place < 320),
      "the receiving line of row 1",
    );
  }
});

Deno.test("unanswered data is found by the order of events, not by times", () => {
  const table = small();
  const since = () => [table.dataSentSince(P0), table.dataReceivedSince(P0)];
  assert.deepEqual(since(), [NEVER, NEVER]);
  table.sent(P0, 1, false, at(10));
  assert.deepEqual(since(), [NEVER, NEVER], "a keepalive waits for nothing");
  table.sent(P0, 1, true, at(10));
  table.sent(P0, 1, true, at(11));
  assert.deepEqual(since(), [10, NEVER], "the first since");
  table.received(P0, 1, false, at(11));
  assert.deepEqual(since(), [NEVER, NEVER], "a keepalive answers");
  table.received(P0, 1, true, at(11));
  table.received(P0, 1, true, at(12));
  assert.deepEqual(since(), [NEVER, 11]);
  // All events have the same time, so their order counts.
  table.sent(P0, 1, true, at(12));
  assert.deepEqual(since(), [12, NEVER]);
  table.received(P0, 1, true, at(12));
  assert.deepEqual(since(), [NEVER, 12]);
  table.handshakeSent(P0);
  assert.deepEqual(since(), [NEVER, NEVER], "a handshake answers too");
  table.sent(P0, 1, true, at(13));
  table.handshakeReceived(P0);
  assert.deepEqual(since(), [NEVER, NEVER]);
  assert.deepEqual([table.sentAt(P0), table.receivedAt(P0), table.dataReceivedAt(P0)], [
    13,
    12,
    12,
  ]);
  table.clear(P0);
  assert.deepEqual([...since(), table.sentAt(P0), table.txBytes(P0), table.rxBytes(P0)], [
    NEVER,
    NEVER,
    NEVER,
    0,
    0,
  ]);
});

Deno.test("the version shows that a copy of an endpoint is old", () => {
  const table = small();
  const local = { address: Uint8Array.of(10, 0, 0, 1), interfaceIndex: 3 };
  const endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 7111, scope: 0 };
  const copy = new Uint8Array(48);
  const version = table.copyEndpoint(P0, copy, 0);
  assert.equal(version, table.endpointVersion(P0));
  table.writeEndpoint(P0, endpoint, local);
  assert.notEqual(version, table.endpointVersion(P0));
  const next = table.copyEndpoint(P0, copy, 0);
  assert.deepEqual(table.readEndpoint(P0), { endpoint, local });
  table.clearLocal(P0);
  assert.notEqual(next, table.endpointVersion(P0));
  assert.deepEqual(table.readEndpoint(P0), { endpoint, local: undefined });
});

Deno.test("endpoints that several threads write are whole, and no write is lost", async () => {
  const table = small();
  const WRITERS = 2;
  const WRITES = 2_000;
  const workers = Array.from({ length: WRITERS }, (_, i) => {
    const worker = new Worker(new URL("./endpoint_writer.ts", import.meta.url), { type: "module" });
    const done = Promise.withResolvers<void>();
    worker.onmessage = () => done.resolve();
    worker.postMessage({ buffer: table.buffer, from: 1 + i * 100, writes: WRITES });
    return { worker, done: done.promise };
  });
  let over = false;
  let read = 0;
  const all = Promise.all(workers.map(({ done }) => done)).then(() => over = true);
  const seen = new Set<number>();
  while (!over) {
    for (let i = 0; i < 500; i++) {
      const { endpoint, local } = table.readEndpoint(P1);
      if (endpoint === undefined) continue;
      const mark = endpoint.scope;
      seen.add(mark);
      assert.ok(
        endpoint.port === mark && endpoint.address.every((byte) => byte === mark),
        "no torn endpoint",
      );
      assert.ok(
        local === undefined || local.interfaceIndex === mark && local.address[0] === mark,
        "no torn local address",
      );
      read++;
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await all;
  for (const { worker } of workers) worker.terminate();
  assert.ok(read > 0 && seen.size > 1, `${read} reads, ${seen.size} values`);
  assert.equal(table.endpointVersion(P1), WRITERS * WRITES * 4);
});

Deno.test("with keepSourcesBy only local addresses of one interface are stored", () => {
  const table = small();
  const endpoint = { address: Uint8Array.of(10, 0, 0, 2), port: 7, scope: 0 };
  const local = { address: Uint8Array.of(10, 0, 0, 1), interfaceIndex: 3 };
  table.writeEndpoint(P1, endpoint, local);
  table.keepSourcesBy(P1, 4);
  assert.deepEqual(table.readEndpoint(P1), { endpoint, local }, "what is there stays");
  assert.equal(table.hasLocal(P1), true);
  table.writeEndpoint(P1, endpoint, local);
  assert.deepEqual(table.readEndpoint(P1), { endpoint, local: undefined });
  assert.equal(table.hasLocal(P1), false);
  const other = { ...local, interfaceIndex: 4 };
  table.writeEndpoint(P1, endpoint, other);
  assert.deepEqual(table.readEndpoint(P1), { endpoint, local: other });
  assert.deepEqual([
    table.keepsSourceBy(P1, 3),
    table.keepsSourceBy(P1, 4),
    table.keepsSourceBy(P0, 3),
  ], [
    false,
    true,
    true,
  ]);
  table.keepSourcesBy(P1, 0);
  table.writeEndpoint(P1, endpoint, local);
  assert.deepEqual(table.readEndpoint(P1), { endpoint, local });
});

Deno.test("the sender index of a handshake message tells its peer", () => {
  const table = small();
  assert.equal(table.handshakeAddressee(0), undefined);
  table.handshakeLeaves(P0, sessionIndex(0));
  table.handshakeLeaves(P1, sessionIndex(0xffff_ff01));
  assert.equal(table.handshakeAddressee(0), P0);
  assert.equal(table.handshakeAddressee(0xffff_ff01), P1);
  assert.equal(table.handshakeAddressee(0xffff_fe01), undefined);
  assert.deepEqual(table.readEndpoint(P1), { endpoint: undefined, local: undefined });
});

Deno.test("several senders: what they write is added up, and each has a line of its own", () => {
  const buffer = new SharedArrayBuffer(1 << 15);
  const [one, two, three] = [0, 1, 2].map((sender) =>
    new PeerTable(buffer, { senders: 3, sender })
  );
  for (const peer of [P0, P1]) {
    one.received(peer, 10, true, at(1));
    two.sent(peer, 100, true, at(7));
    one.sent(peer, 50, false, at(5));
    three.sent(peer, 1, true, at(6));
    for (const table of [one, two, three]) {
      assert.equal(table.txBytes(peer), 151);
      assert.equal(table.sentAt(peer), 7);
      assert.equal(table.dataSentSince(peer), 6, "the first of all");
      assert.equal(table.dataReceivedSince(peer), NEVER, "all answer");
    }
    for (const table of [one, two, three]) assert.equal(table.dataSentFirst(peer), 6, "as since");
    two.received(peer, 10, true, at(8));
    assert.equal(three.dataSentSince(peer), NEVER);
    assert.equal(one.dataSentFirst(peer), 7, "the first sender has sent a keepalive only");
    assert.equal(three.dataReceivedSince(peer), 8);
    three.sent(peer, 1, false, at(9));
    assert.equal(one.dataReceivedSince(peer), NEVER, "a keepalive of any sender answers");
  }
  one.clear(P0);
  assert.deepEqual([two.txBytes(P0), two.sentAt(P0), two.txBytes(P1)], [0, NEVER, 152]);
});

Deno.test("several receivers: what they write is added up, and each has a line of its own", () => {
  const buffer = new SharedArrayBuffer(1 << 15);
  const planes = { senders: 2, receivers: 3 };
  const [one, two, three] = [0, 1, 2].map((receiver) =>
    new PeerTable(buffer, { ...planes, receiver })
  );
  const sender = new PeerTable(buffer, { ...planes, sender: 1 });
  for (const peer of [P0, P1]) {
    sender.sent(peer, 1, true, at(1));
    assert.equal(one.dataSentSince(peer), 1);
    two.received(peer, 100, false, at(5));
    assert.equal(one.dataSentSince(peer), NEVER, "a keepalive to any receiver answers");
    three.received(peer, 10, true, at(6));
    one.received(peer, 1, true, at(7));
    for (const table of [one, two, three, sender]) {
      assert.equal(table.rxBytes(peer), 111);
      assert.equal(table.receivedAt(peer), 7);
      assert.equal(table.dataReceivedAt(peer), 7);
      assert.equal(table.dataReceivedSince(peer), 6, "the first of all");
    }
    sender.sent(peer, 1, true, at(8));
    assert.equal(three.dataReceivedSince(peer), NEVER, "all are answered");
    assert.equal(three.dataSentSince(peer), 8);
    three.handshakeReceived(peer);
    assert.equal(one.dataSentSince(peer), NEVER);
    assert.equal(one.txBytes(peer), 2);
  }
  two.clear(P0);
  assert.deepEqual([one.rxBytes(P0), one.receivedAt(P0), one.rxBytes(P1)], [0, NEVER, 111]);
});
