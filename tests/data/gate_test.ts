/**
 * The gate for handshake messages: which of them pass, to which queue, and which get a cookie
 * reply.
 */
import assert from "node:assert/strict";
import { AWAITS_COOKIE, AWAITS_RESPONSE } from "../../lib/base/awaited_indices.ts";
import { type Milliseconds, milliseconds, sessionIndex } from "../../lib/base/brands.ts";
import {
  HANDSHAKE_QUEUE_MAX,
  PROVEN_QUEUE_MAX,
  UNANSWERED_MAX,
  UNDER_LOAD_QUEUE,
} from "../../lib/base/constants.ts";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { INBOUND_RECEIVES_MAX } from "../../lib/data/inbound.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import { cookieKey, mac1Key, mac1Of } from "../../lib/cookie/macs.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { messageKind } from "../../lib/wire/messages.ts";
import { endpointOf, publicOf } from "../device/harness.ts";
import { RECORD } from "../../lib/base/capture_record.ts";
import { capture } from "./captured.ts";
import { makePacket, plainFrame } from "./packets.ts";
import { after, connectedSides, ENDPOINT_A, ENDPOINT_B, NOON, Side } from "./two_sides.ts";

const PUBLIC_KEY = publicOf(2);
const KEYS = {
  mac1Key: mac1Key(nobleSuite, PUBLIC_KEY),
  cookieKey: cookieKey(nobleSuite, PUBLIC_KEY),
};
const INDEX = 0xabcd_1234;

/** A message of a type and length, its sender's and receiver's index INDEX. */
function typed(type: number, length: number): Uint8Array {
  const message = new Uint8Array(length);
  message[0] = type;
  const view = new DataView(message.buffer);
  if (length >= 8) view.setUint32(4, INDEX, true);
  if (type === 2 && length >= 12) view.setUint32(8, INDEX, true);
  return message;
}

function withMac1(type: number, length: number, mark = 0): Uint8Array {
  const message = typed(type, length);
  message[40] = mark;
  message[41] = mark >>> 8;
  message.set(mac1Of(nobleSuite, KEYS.mac1Key, message), length - 32);
  return message;
}

class Door extends Side {
  constructor() {
    super(ENDPOINT_A);
    this.handshakes.keys.setKeys(KEYS);
  }

  /** Passes datagrams to the gate. Returns the number of messages that wait afterwards. */
  deliver(bytes: Uint8Array, from: Endpoint = ENDPOINT_B, now: Milliseconds = NOON): number {
    this.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from });
    this.turn(now);
    return this.handshakes.waiting;
  }

  /** Puts the gate under load: fills the queue up to UNDER_LOAD_QUEUE. */
  load(now: Milliseconds = NOON): this {
    for (let i = 0; i < UNDER_LOAD_QUEUE; i++) {
      this.udp.inbox.push({ bytes: withMac1(1, 148, i), segmentSize: 0, ecn: 0, from: ENDPOINT_B });
    }
    this.turn(now);
    return this;
  }

  /** Acts as the control plane after `handshakes-waiting`. */
  renewSecret(now: Milliseconds = NOON): void {
    let next = 0;
    this.handshakes.keys.renewSecret((into) => into.forEach((_, i) => into[i] = next++ * 7), now);
  }

  takeAll(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    for (let next = this.handshakes.take(); next !== undefined; next = this.handshakes.take()) {
      taken.push(next.datagram);
    }
    return taken;
  }
}

Deno.test("initiations pass with a right mac1, and a key to check it with", () => {
  const door = new Door();
  door.handshakes.keys.setKeys(undefined);
  assert.equal(door.deliver(withMac1(1, 148)), 0);
  assert.equal(door.dataplane.counts().handshake_no_private_key, 1);
  door.handshakes.keys.setKeys(KEYS);
  assert.equal(door.deliver(withMac1(1, 148)), 1);
  const wrong = withMac1(1, 148);
  for (let bit = 0; bit < 128; bit++) {
    const forged = wrong.slice();
    forged[116 + (bit >>> 3)] ^= 1 << (bit & 7);
    assert.equal(door.deliver(forged), 1);
  }
  assert.equal(door.dataplane.counts().handshake_mac1_wrong, 128);
  for (const length of [147, 149]) assert.equal(door.deliver(withMac1(1, length)), 1);
  for (const reserved of [1, 2, 3]) {
    const message = typed(1, 148);
    message[reserved] = 1;
    message.set(mac1Of(nobleSuite, KEYS.mac1Key, message), 116);
    assert.equal(door.deliver(message), 1, "the reserved bytes are zero");
  }
  assert.equal(door.dataplane.counts().rx_malformed, 5);
  assert.deepEqual(door.handshakes.take(), {
    datagram: withMac1(1, 148),
    source: ENDPOINT_B,
    local: undefined,
  });
  assert.equal(door.said("handshakes-waiting").length, 1, "said once until it was heard");
  door.handshakes.heard();
  door.deliver(withMac1(1, 148));
  assert.equal(door.said("handshakes-waiting").length, 2);
});

Deno.test("responses and cookie replies pass only for an index that waits for one", () => {
  const door = new Door();
  const { awaited } = door.handshakes;
  assert.equal(door.deliver(withMac1(2, 92)), 0);
  assert.equal(door.deliver(typed(3, 64)), 0);
  awaited.set(sessionIndex(INDEX), AWAITS_COOKIE);
  assert.equal(door.deliver(withMac1(2, 92)), 0);
  assert.equal(door.deliver(typed(3, 64)), 1);
  awaited.set(sessionIndex(INDEX), AWAITS_RESPONSE);
  assert.equal(door.deliver(withMac1(2, 92)), 2);
  assert.equal(door.deliver(typed(2, 92)), 2);
  assert.equal(door.deliver(typed(3, 64)), 2);
  awaited.set(sessionIndex(INDEX ^ 1 << 31), AWAITS_RESPONSE | AWAITS_COOKIE);
  assert.equal(door.deliver(typed(3, 64)), 2, "another index in the same place");
  const { handshake_unknown_index, cookie_unknown_index, handshake_mac1_wrong } = door.dataplane
    .counts();
  assert.deepEqual([handshake_unknown_index, cookie_unknown_index, handshake_mac1_wrong], [
    2,
    3,
    1,
  ]);
});

Deno.test("messages of one turn wait as they came, each with its source", () => {
  const door = new Door();
  door.handshakes.awaited.set(sessionIndex(INDEX), AWAITS_RESPONSE | AWAITS_COOKIE);
  const messages = [typed(3, 64), withMac1(2, 92), withMac1(1, 148), typed(3, 64)]
    .map((bytes, i) => ({ bytes, from: endpointOf(i + 1, 1_000 + i) }));
  for (const message of messages) door.udp.inbox.push({ ...message, segmentSize: 0, ecn: 0 });
  door.turn(NOON);
  for (const { bytes, from } of messages) {
    const expected = { datagram: bytes, source: from, local: undefined };
    assert.deepEqual(door.handshakes.take(), expected);
  }
  assert.equal(door.handshakes.waiting, 0);
});

Deno.test("dropped messages are reported in debug mode, a few per second", () => {
  const door = new Door();
  door.apply({ type: "debug", on: true });
  for (let i = 0; i < 20; i++) {
    for (const message of [typed(1, 148), typed(3, 64), typed(2, 92)]) door.deliver(message);
  }
  const said = door.said("notice").map(({ notice }) => notice);
  for (const notice of ["invalid-initiation-mac", "unknown-cookie-reply", "unknown-response"]) {
    assert.equal(said.filter((one) => one === notice).length, 5, notice);
  }
});

Deno.test("under load: a cookie reply first, then with its cookie into the queue of its own, then the limiter", () => {
  const door = new Door().load();
  assert.equal(door.handshakes.others.waiting, UNDER_LOAD_QUEUE);
  const jar = new CookieJar(nobleSuite, PUBLIC_KEY, 120_000);
  const source = endpointOf(7, 4_000);
  const ask = (from: Endpoint, now: Milliseconds, mark = 0) => {
    const message = typed(1, 148);
    message[40] = mark;
    jar.seal(message, now);
    door.deliver(message, from, now);
    return door.udp.sent.splice(0);
  };
  assert.deepEqual(ask(source, NOON), [], "there is no secret yet");
  door.renewSecret();
  const [reply] = ask(source, NOON);
  assert.equal(messageKind(reply.bytes), 3);
  assert.deepEqual([reply.to, reply.ecn], [source, 0x88]);
  assert.ok(jar.consume(reply.bytes, NOON));
  assert.equal(door.handshakes.proven.waiting, 0);
  assert.equal(ask(endpointOf(7, 4_001), NOON).length, 1, "the cookie is another port's");
  assert.equal(ask(source, NOON).length, 0);
  assert.deepEqual([door.handshakes.proven.waiting, door.handshakes.others.waiting], [
    1,
    UNDER_LOAD_QUEUE,
  ]);
  for (let i = 0; i < 10; i++) assert.equal(ask(source, after(1), i).length, 0);
  assert.equal(door.handshakes.proven.waiting, 5, "five at once");
  ask(source, after(60));
  assert.equal(door.handshakes.proven.waiting, 6, "then twenty a second");
  const counts = door.dataplane.counts();
  assert.deepEqual([counts.handshake_under_load, counts.handshake_mac2_wrong, counts.cookie_sent], [
    15,
    3,
    2,
  ]);
  assert.equal(counts.handshake_rate_limited, 6);
  assert.equal(counts.handshake_queue_full, 0);
});

Deno.test("a capture records cookie replies, and none when it is not of handshakes", () => {
  const door = new Door().load();
  door.renewSecret();
  for (const handshakes of [true, false]) {
    const records = capture(door, { handshakes });
    door.deliver(withMac1(1, 148), endpointOf(7, 4_000));
    const [reply] = door.udp.sent.splice(0);
    const replies = records().filter(({ sent }) => sent).map((record) => ({ ...record, time: 0 }));
    const { bytes } = reply;
    const record = { kind: RECORD.outer, sent: true, time: 0, peer: -1, original: 64, bytes };
    assert.deepEqual(replies, handshakes ? [{ ...record, tos: 0x88, port: 4_000 }] : []);
  }
});

Deno.test("the time under load is that of the load and a second more, each moment once", () => {
  const door = new Door().load();
  const loadedMs = () => door.dataplane.counts().handshake_under_load_ms;
  equalAt(0, 1_000, "the second after the first");
  equalAt(0.4, 1_000, "the same millisecond");
  equalAt(600.9, 1_600, "still under load");
  equalAt(900, 1_900, "and again");
  door.takeAll();
  equalAt(1_000, 1_900, "what waits is no load");
  door.load(after(5_000));
  equalAt(5_000, 2_900, "a load that begins later");
  function equalAt(ms: number, total: number, what: string) {
    door.deliver(withMac1(1, 148, ms), endpointOf(9), milliseconds(NOON + ms));
    assert.equal(loadedMs(), total, what);
  }
});

Deno.test("a flood without cookies reaches neither the queue nor those who have one", () => {
  const door = new Door().load();
  door.renewSecret();
  const jar = new CookieJar(nobleSuite, PUBLIC_KEY, 120_000);
  const right = (mark: number) => {
    const message = typed(1, 148);
    message[40] = mark;
    jar.seal(message, NOON);
    return message;
  };
  door.deliver(right(1), endpointOf(9));
  assert.ok(jar.consume(door.udp.sent.splice(0)[0].bytes, NOON));
  for (let i = 0; i < 300; i++) {
    door.udp.inbox.push({
      bytes: withMac1(1, 148, i),
      segmentSize: 0,
      ecn: 0,
      from: endpointOf(i + 100),
    });
  }
  door.udp.inbox.splice(150, 0, { bytes: right(2), segmentSize: 0, ecn: 0, from: endpointOf(9) });
  door.turn();
  assert.equal(door.udp.sent.length, 300, "a cookie reply to each");
  assert.deepEqual(
    door.udp.queuedSends.filter((count) => count > 32),
    [],
    "and so many at once as a queue takes",
  );
  assert.ok(door.udp.queuedSends.length < 20, `${door.udp.queuedSends}`);
  assert.deepEqual([door.handshakes.proven.waiting, door.handshakes.others.waiting], [
    1,
    UNDER_LOAD_QUEUE,
  ]);
  assert.equal(door.takeAll()[0][40], 2, "the one with the cookie is taken first");
});

Deno.test("a turn that reads all makes 32 cookie replies, one that catches up 24, one that is behind 8", () => {
  const door = new Door().load();
  door.renewSecret();
  const TURNS = 10;
  for (let i = 0; i < TURNS * INBOUND_RECEIVES_MAX + 10; i++) {
    door.udp.inbox.push({
      bytes: withMac1(1, 148, i),
      segmentSize: 0,
      ecn: 0,
      from: endpointOf(i + 100),
    });
  }
  const repliesOfTurns: number[] = [];
  const turn = () => {
    const isMore = door.dataplane.turn(NOON);
    repliesOfTurns.push(door.udp.sent.splice(0).length);
    return isMore;
  };
  while (turn());
  const total = TURNS * INBOUND_RECEIVES_MAX + 10;
  const left = total - 8 * 24 - 2 * 8;
  assert.deepEqual(repliesOfTurns, [
    ...Array(8).fill(24),
    8,
    8,
    ...Array(Math.floor(left / 32)).fill(32),
    left % 32,
  ]);
  // The next time it catches up again, and one that waits alone is not forgotten.
  for (const [count, replies] of [[65, [24, 32, 9]], [89, [24, 32, 32, 1]]] as const) {
    repliesOfTurns.length = 0;
    for (let i = 0; i < count; i++) {
      const from = endpointOf(i + 1_000 * count);
      door.udp.inbox.push({ bytes: withMac1(1, 148, i), segmentSize: 0, ecn: 0, from });
    }
    while (turn());
    assert.deepEqual(repliesOfTurns, replies);
  }
});

Deno.test("a new source gets its cookie reply before sources that just asked, and when these fill their queue", () => {
  const door = new Door().load();
  door.renewSecret();
  door.turn();
  door.udp.sent.length = 0;
  const flood = (from: Endpoint, mark: number) =>
    door.udp.inbox.push({ bytes: withMac1(1, 148, mark), segmentSize: 0, ecn: 0, from });
  // More than can be read in a turn, so that it makes few replies.
  const messages = 2 * UNANSWERED_MAX + 5 * INBOUND_RECEIVES_MAX;
  for (let i = 0; i < messages; i++) flood(endpointOf(i % 8), i);
  const newcomer = endpointOf(999);
  for (let turns = 0; door.udp.inbox.length > 2 * INBOUND_RECEIVES_MAX; turns++) {
    door.dataplane.turn(NOON);
    assert.ok(turns < 100);
  }
  assert.ok(door.dataplane.counts().cookie_withheld > 0, "the queue is full");
  door.udp.sent.length = 0;
  door.udp.inbox.unshift({ bytes: withMac1(1, 148), segmentSize: 0, ecn: 0, from: newcomer });
  door.dataplane.turn(NOON);
  assert.deepEqual(door.udp.sent[0].to, newcomer);
  assert.ok(door.udp.inbox.length > 0);
});

Deno.test("a message that would get no cookie reply is dropped before its mac1 is computed", () => {
  const door = new Door().load();
  door.renewSecret();
  const jar = new CookieJar(nobleSuite, PUBLIC_KEY, 120_000);
  const sealed = (now: Milliseconds) => {
    const message = typed(1, 148);
    jar.seal(message, now);
    return message;
  };
  door.deliver(sealed(NOON), endpointOf(9));
  assert.ok(jar.consume(door.udp.sent.splice(0).at(-1)!.bytes, NOON));
  const push = (bytes: Uint8Array, from: Endpoint) =>
    door.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from });
  while (door.dataplane.counts().cookie_withheld === 0) {
    for (let i = 0; i < 2 * INBOUND_RECEIVES_MAX; i++) push(withMac1(1, 148, i), ENDPOINT_B);
    door.dataplane.turn(NOON);
  }
  door.udp.inbox.length = 0;
  const before = door.dataplane.counts();
  const FILLING = 40;
  for (let i = 0; i < FILLING; i++) push(withMac1(1, 148, i), ENDPOINT_B);
  const wrong = typed(1, 148);
  push(wrong, ENDPOINT_B);
  const wrongMacs = typed(1, 148);
  wrongMacs[147] = 1;
  push(wrongMacs, ENDPOINT_B);
  push(wrong, endpointOf(998));
  push(sealed(NOON), endpointOf(9));
  door.dataplane.turn(NOON);
  const counts = door.dataplane.counts();
  const more = (name: "handshake_mac1_wrong" | "handshake_mac2_wrong" | "cookie_withheld") =>
    counts[name] - before[name];
  assert.ok(more("cookie_withheld") > 0, "the queue of its source is full");
  assert.equal(more("handshake_mac2_wrong"), FILLING + 1, "which counts as one without mac2");
  assert.equal(more("handshake_mac1_wrong"), 2, "a mac2 is checked, and so is a new source");
  assert.equal(door.handshakes.proven.waiting, 1);
});

Deno.test("load ends a second after many messages last waited", () => {
  const door = new Door().load();
  door.renewSecret();
  door.deliver(withMac1(1, 148), ENDPOINT_B, NOON);
  door.takeAll();
  door.udp.sent.length = 0;
  assert.equal(door.deliver(withMac1(1, 148), ENDPOINT_B, after(999)), 0);
  assert.equal(door.udp.sent.splice(0).length, 1);
  assert.equal(door.deliver(withMac1(1, 148), ENDPOINT_B, after(1_000)), 1);
  assert.equal(door.udp.sent.length, 0);
});

Deno.test("a new secret is requested when it is too old, and no reply is sent until then", () => {
  const door = new Door().load();
  door.renewSecret();
  door.turn();
  const late = after(120_001);
  door.load(late);
  door.udp.sent.length = 0;
  door.handshakes.heard();
  const said = door.said("handshakes-waiting").length;
  door.deliver(withMac1(1, 148), ENDPOINT_B, late);
  assert.deepEqual([door.said("handshakes-waiting").length - said, door.udp.sent.length], [1, 0]);
  door.renewSecret(late);
  door.deliver(withMac1(1, 148), ENDPOINT_B, late);
  assert.equal(door.udp.sent.length, 1);
});

Deno.test("no more messages wait than each queue has room for", () => {
  const door = new Door();
  door.handshakes.awaited.set(sessionIndex(INDEX), AWAITS_COOKIE);
  for (let i = 0; i < HANDSHAKE_QUEUE_MAX + 50; i++) {
    door.udp.inbox.push({ bytes: typed(3, 64), segmentSize: 0, ecn: 0, from: ENDPOINT_B });
  }
  door.turn();
  assert.equal(door.handshakes.waiting, HANDSHAKE_QUEUE_MAX);
  assert.equal(door.dataplane.counts().handshake_queue_full, 50);

  door.renewSecret();
  let accepted = 0;
  for (let i = 0; i < PROVEN_QUEUE_MAX + 20; i++) {
    const jar = new CookieJar(nobleSuite, PUBLIC_KEY, 120_000);
    const source = endpointOf(i);
    for (let tries = 0; tries < 2; tries++) {
      const message = typed(1, 148);
      jar.seal(message, NOON);
      door.deliver(message, source);
      const [reply] = door.udp.sent.splice(0);
      if (reply !== undefined && jar.consume(reply.bytes, NOON)) accepted++;
    }
  }
  assert.equal(accepted, PROVEN_QUEUE_MAX);
  assert.equal(door.handshakes.proven.waiting, PROVEN_QUEUE_MAX);
  assert.equal(
    door.dataplane.counts().handshake_queue_full,
    50 + 40,
    "asked before anything else is done",
  );
});

Deno.test("in a flood packets of the tunnel are written in the turn that they come in", () => {
  const { a, b } = connectedSides();
  const spec = {
    v6: false,
    udp: false,
    source: 1,
    destination: 2,
    sourcePort: 1,
    destinationPort: 2,
  };
  a.tun.push(plainFrame(makePacket({ ...spec, payload: new Uint8Array(100) })));
  a.dataplane.turn(NOON);
  b.udp.inbox.push(...a.udp.sent.splice(0));
  for (let i = 0; i < 500; i++) {
    b.udp.inbox.push({ bytes: typed(3, 64), segmentSize: 0, ecn: 0, from: ENDPOINT_A });
  }
  b.dataplane.turn(milliseconds(NOON + 1));
  assert.ok(b.udp.inbox.length > 0);
  assert.equal(b.tun.takePackets().length, 1);
});

Deno.test("the queue is short while a flood of handshake messages is never read to its end", () => {
  const door = new Door().load();
  door.renewSecret();
  const { udp, dataplane } = door;
  const put = (bytes: Uint8Array, count: number) => {
    for (let i = 0; i < count; i++) {
      udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: endpointOf(i) });
    }
  };
  const initiation = withMac1(1, 148);
  /** Takes turns that leave something to read, and returns after which one the queue was short. */
  const turns = (count: number, now = NOON): number => {
    let shortAfter = 0;
    for (let turn = 1; turn <= count; turn++) {
      dataplane.turn(now);
      if (udp.hasShortQueue && shortAfter === 0) shortAfter = turn;
    }
    assert.ok(udp.inbox.length > 0);
    udp.inbox.length = 0;
    return shortAfter;
  };
  // A burst that is read in fewer turns, twice.
  for (let burst = 0; burst < 2; burst++) {
    put(initiation, 287 * INBOUND_RECEIVES_MAX);
    door.turn();
    assert.equal(udp.hasShortQueue, false);
  }
  // Other messages, which exceed the processor while the load lasts, with few initiations.
  for (let i = 0; i < 300; i++) {
    put(typed(4, 128), INBOUND_RECEIVES_MAX - 15);
    put(initiation, 15);
  }
  assert.equal(turns(299), 0);
  door.turn();
  // One initiation more among the others, and turns without any.
  for (let i = 0; i < 300; i++) {
    put(typed(4, 128), INBOUND_RECEIVES_MAX - 16);
    put(initiation, 16);
    if (i === 100) put(typed(4, 128), 5 * INBOUND_RECEIVES_MAX);
  }
  assert.equal(turns(293), 288 + 5);
  // It stays short when all is read, and for so long only, also when other messages exceed the
  // processor then.
  door.turn(after(1));
  put(initiation, 100 * INBOUND_RECEIVES_MAX);
  door.turn(after(500));
  put(typed(4, 128), 600 * INBOUND_RECEIVES_MAX);
  for (let turn = 0; turn < 300; turn++) dataplane.turn(after(3_999));
  assert.equal(udp.hasShortQueue, true);
  dataplane.turn(after(4_000));
  assert.equal(udp.hasShortQueue, false);
});

Deno.test("the queue stays long without load, however much comes", () => {
  const door = new Door();
  const { udp, dataplane } = door;
  for (const bytes of [typed(4, 128), typed(1, 148), withMac1(2, 92)]) {
    for (let i = 0; i < 300 * INBOUND_RECEIVES_MAX; i++) {
      udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: endpointOf(i) });
    }
    while (dataplane.turn(NOON)) assert.equal(udp.hasShortQueue, false);
  }
});
