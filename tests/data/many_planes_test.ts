/** Several data planes for one interface: who sends what, who receives, and whose counters. */
import assert from "node:assert/strict";
import { Arena } from "../../lib/base/arena.ts";
import { peerSlot, type SessionIndex, sessionIndex } from "../../lib/base/brands.ts";
import { UNDER_LOAD_QUEUE } from "../../lib/base/constants.ts";
import { dataPlanesOf } from "../../lib/base/data_planes.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import type { DataCommand, DataEvent } from "../../lib/base/messages.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { cookieKey, mac1Key, mac1Of } from "../../lib/cookie/macs.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { BulkFlows } from "../../lib/data/bulk_flows.ts";
import type { Dataplane } from "../../lib/data/dataplane.ts";
import { SHARED_COUNTER_END } from "../../lib/data/sessions.ts";
import { COOKIE_REPLY } from "../../lib/wire/messages.ts";
import { publicOf } from "../device/harness.ts";
import { Chance, filler } from "../random.ts";
import { counterOf, dataMessage } from "./data_message.ts";
import { makePacket, plainFrame } from "./packets.ts";
import {
  after,
  datagramsOf,
  ENDPOINT_B,
  EVERYTHING,
  KEY_AB,
  KEY_BA,
  MemoryTun,
  MemoryUdp,
  NOON,
  P0,
} from "./two_sides.ts";
import { nodeArenaBytes, planesOf } from "./worker_forms.ts";

const P1 = peerSlot(1);
const FORM = dataPlanesOf(4);
/** Indices whose last byte is even, and odd. */
const INDEX_0 = sessionIndex(0x1000_0001);
const INDEX_1 = sessionIndex(0x1100_0002);

/** Two data planes that send and two that receive, with peer 0. */
class Four {
  readonly arena = new Arena(nodeArenaBytes(4));
  readonly table = new PeerTable(new SharedArrayBuffer(1 << 17), FORM);
  readonly handshakes = new HandshakeMemory(undefined, FORM.senders);
  readonly tun = new MemoryTun(this.arena, true, true);
  readonly udp = new MemoryUdp(this.arena, ENDPOINT_B, true);
  readonly planes: readonly Dataplane[];
  readonly events: DataEvent[] = [];

  constructor() {
    this.planes = planesOf({
      arena: this.arena,
      cipher: nobleCipher(this.arena),
      suite: nobleSuite,
      table: this.table,
      handshakes: this.handshakes,
      tun: this.tun,
      udp: this.udp,
      emit: (event) => this.events.push(event),
    }, 4);
    this.apply({ type: "link", up: true, mtu: 1420 });
    for (const peer of [P0, P1]) {
      this.apply({ type: "peer-add", peer });
      this.table.writeEndpoint(peer, ENDPOINT_B, undefined);
    }
    this.apply({ type: "allowed-ips", peer: P0, replace: true, remove: [], add: EVERYTHING });
  }

  apply(command: DataCommand): void {
    for (const plane of this.planes) plane.apply(command, NOON);
  }
  install(
    peer = P0,
    localIndex = INDEX_0,
    counter = new SharedArrayBuffer(4),
    initiator = true,
  ): void {
    this.apply({
      type: "session-install",
      peer,
      initiator,
      localIndex,
      remoteIndex: sessionIndex(7),
      keySlot: this.handshakes.sessionKeys.put(KEY_AB, KEY_BA),
      counter,
      createdAt: NOON,
    });
  }
  turn(now = NOON): void {
    while (this.planes.map((plane) => plane.turn(now)).includes(true));
  }
  /** Sends packets of a flow each, and takes the counters of what went out. */
  counters(flows: number): number[] {
    for (let flow = 0; flow < flows; flow++) this.tun.push(plainFrame(packetOf(flow)));
    this.turn();
    return this.udp.sent.splice(0).flatMap(datagramsOf).map((bytes) => Number(counterOf(bytes)));
  }
  sealedBy(): number[] {
    return this.planes.slice(-FORM.senders).map((plane) => plane.counts().tx_sealed);
  }
}

const packetOf = (flow: number) =>
  makePacket({
    v6: false,
    udp: true,
    source: 1,
    destination: 2,
    sourcePort: 1000 + flow,
    destinationPort: 9,
    payload: new Uint8Array(100),
  });

Deno.test("all that send take their counters from one word, and one of them sends the keepalive", () => {
  const four = new Four();
  four.install();
  assert.deepEqual(four.udp.sent.splice(0).map(({ bytes }) => bytes.length), [32]);
  const counters = four.counters(64);
  assert.deepEqual(counters.sort((a, b) => a - b), Array.from({ length: 64 }, (_, i) => i + 1));
  const [first, second] = four.sealedBy();
  assert.equal(first + second, 65);
  assert.ok(first > 10 && second > 10, `${first} and ${second} messages`);
  assert.equal(four.table.txBytes(P0), 32 + 64 * 160);
  assert.ok(new Uint8Array(four.handshakes.buffer).every((byte) => byte !== 1), "the key is left");
});

Deno.test("a session ends before its shared counter begins again", () => {
  const four = new Four();
  const counter = new SharedArrayBuffer(4);
  four.install(P0, INDEX_0, counter);
  four.udp.sent.length = 0;
  new Uint32Array(counter)[0] = SHARED_COUNTER_END - 3;
  const sent = four.counters(40).length;
  assert.equal(sent, 3);
  assert.equal(four.counters(40).length, 0);
  assert.ok(new Uint32Array(counter)[0] < 0xffff_0000);
});

Deno.test("a session's messages are opened by its own receiver, and nobody else has the key", () => {
  const four = new Four();
  four.install();
  four.install(P1, INDEX_1);
  four.udp.sent.length = 0;
  const packet = packetOf(1);
  for (const [i, index] of [INDEX_0, INDEX_1, INDEX_0].entries()) {
    const bytes = dataMessage(index, BigInt(i), KEY_BA, packet);
    four.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
  }
  four.turn();
  const [zero, one] = four.planes.map((plane) => plane.counts());
  assert.equal(zero.rx_opened, 2);
  assert.equal(one.rx_opened, 1);
  assert.equal(zero.rx_no_session + one.rx_no_session, 0);
  assert.equal(four.table.receivedAt(P0), NOON);
  assert.equal(four.tun.takePackets().length, 2, "peer 1 has no allowed IPs");
});

Deno.test("a peer's next session may have another receiver, and what both receive adds up", () => {
  const four = new Four();
  const wanted = () => four.events.filter(({ type }) => type === "handshake-wanted").length;
  const receive = (index: SessionIndex, counter: number, now = NOON) => {
    const bytes = dataMessage(index, BigInt(counter), KEY_BA, packetOf(1));
    four.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
    four.turn(now);
  };
  four.install(P0, INDEX_0);
  receive(INDEX_0, 0);
  four.install(P0, INDEX_1);
  receive(INDEX_0, 1);
  receive(INDEX_1, 0);
  const opened = () => four.planes.map((plane) => plane.counts().rx_opened);
  assert.deepEqual(opened(), [2, 1, 0, 0]);
  const datagram = dataMessage(INDEX_0, 0n, KEY_BA, packetOf(1)).length;
  assert.equal(four.table.rxBytes(P0), 3 * datagram);
  assert.equal(four.tun.takePackets().length, 3);

  const late = after(STANDARD_TIMES.rejectAfter - 1_000);
  receive(INDEX_0, 2, late);
  assert.equal(wanted(), 0, "there is a newer session at the other receiver");
  receive(INDEX_1, 1, late);
  assert.equal(wanted(), 1, "it is late for the current session");
  assert.deepEqual(opened(), [3, 2, 0, 0]);
});

Deno.test("a responder's session is confirmed at another receiver, and replaces the older one", () => {
  const four = new Four();
  four.install(P0, INDEX_0);
  four.install(P0, INDEX_1, undefined, false);
  four.udp.sent.length = 0;
  const bytes = dataMessage(INDEX_1, 0n, KEY_BA, packetOf(1));
  four.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
  four.turn();
  assert.deepEqual(
    four.events.map(({ type }) => type).filter((type) => type.startsWith("session")),
    [
      "session-confirmed",
    ],
  );
  four.apply({ type: "session-promote", peer: P0, localIndex: INDEX_1 });
  const late = after(STANDARD_TIMES.rejectAfter - 1_000);
  const old = dataMessage(INDEX_0, 0n, KEY_BA, packetOf(1));
  four.udp.inbox.push({ bytes: old, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
  four.turn(late);
  assert.equal(four.planes[0].counts().rx_opened, 1);
  assert.ok(
    !four.events.some(({ type }) => type === "handshake-wanted"),
    "it is no longer current",
  );
});

Deno.test("a responder's session that another one has replaced is not confirmed any more", () => {
  const four = new Four();
  four.install(P0, INDEX_0, undefined, false);
  four.install(P0, INDEX_1, undefined, false);
  const bytes = dataMessage(INDEX_0, 0n, KEY_BA, packetOf(1));
  four.udp.inbox.push({ bytes, segmentSize: 0, ecn: 0, from: ENDPOINT_B });
  four.turn();
  assert.equal(four.planes[0].counts().rx_opened, 1);
  assert.ok(!four.events.some(({ type }) => type === "session-confirmed"));
});

Deno.test("an answer is written to the queue from which its flow is read, bulk or not", () => {
  const flows = new BulkFlows();
  const queues = new Set<number>();
  for (let flow = 0; flow < 50; flow++) {
    const packet = packetOf(flow);
    const back = makePacket({
      v6: false,
      udp: true,
      source: 2,
      destination: 1,
      sourcePort: 9,
      destinationPort: 1000 + flow,
      payload: new Uint8Array(4),
    });
    const words = (bytes: Uint8Array) => new Uint32Array(bytes.slice(0, 40).buffer);
    const queue = flows.queueFor(words(packet), 0, 8, NOON);
    assert.equal(queue % 2, 0);
    assert.equal(flows.queueFor(words(back), 0, 8, NOON), queue, "both directions");
    flows.mark(words(packet), 0, NOON);
    assert.equal(flows.queueFor(words(back), 0, 8, after(100)), queue + 1, "its bulk queue");
    queues.add(queue);
    flows.mark(words(packet), 0, after(-100_000));
  }
  assert.deepEqual([...queues].sort(), [0, 2, 4, 6]);
});

Deno.test("flows of neighbouring ports use all queues, and none much more than another", () => {
  const chance = Chance.of(5);
  const words = new Uint32Array(10);
  const flows = new BulkFlows();
  for (const senders of [2, 3, 4, 8]) {
    for (const step of [1, 2]) {
      let busiest = 0;
      const TRIALS = 200;
      for (let trial = 0; trial < TRIALS; trial++) {
        const first = 32_768 + chance.int(20_000);
        const loads = new Array<number>(senders).fill(0);
        for (let flow = 0; flow < 4 * senders; flow++) {
          words.set(new Uint32Array(packetOf(first - 1000 + flow * step).slice(0, 40).buffer));
          loads[flows.queueFor(words, 0, 2 * senders, NOON) / 2]++;
        }
        assert.ok(Math.min(...loads) > 0, `${senders} senders, from ${first} by ${step}: ${loads}`);
        busiest += Math.max(...loads) / 4 / TRIALS;
      }
      assert.ok(busiest < 1.4, `${senders} senders, step ${step}: ${busiest} of the mean`);
    }
  }
});

Deno.test("cookie replies of several receivers have different nonces", () => {
  const four = new Four();
  const publicKey = publicOf(2);
  const keys = {
    mac1Key: mac1Key(nobleSuite, publicKey),
    cookieKey: cookieKey(nobleSuite, publicKey),
  };
  four.handshakes.keys.setKeys(keys);
  four.handshakes.keys.renewSecret(filler(Chance.of(1)), NOON);
  const initiation = new Uint8Array(148);
  initiation[0] = 1;
  initiation.set(mac1Of(nobleSuite, keys.mac1Key, initiation), 116);
  const run = (...datagrams: Uint8Array[]) =>
    four.udp.inbox.push({
      bytes: Uint8Array.from(datagrams.flatMap((bytes) => [...bytes])),
      segmentSize: datagrams.length > 1 ? 148 : 0,
      ecn: 0,
      from: ENDPOINT_B,
    });
  for (let i = 0; i < UNDER_LOAD_QUEUE; i++) run(initiation);
  four.turn();
  // The kernel chooses a receiver by the first datagram of a run.
  for (const receiver of [0, 1, 0, 1]) {
    const data = new Uint8Array(148);
    data[0] = 4;
    data[7] = receiver;
    run(data, initiation);
  }
  four.turn();
  const counts = four.planes.map((plane) => plane.counts().cookie_sent);
  assert.deepEqual(counts, [2, 2, 0, 0]);
  const nonces = four.udp.sent.map(({ bytes }) =>
    bytes.slice(COOKIE_REPLY.nonce, COOKIE_REPLY.cookie).toHex()
  );
  assert.equal(new Set(nonces).size, 4, nonces.join(" "));
});
