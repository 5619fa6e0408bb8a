/** The two queues of a TUN device: who waits for whom, and where answers are written to. */
import assert from "node:assert/strict";
import { BulkFlows, QUEUE_BULK, QUEUE_MAIN } from "../../lib/data/bulk_flows.ts";
import { after, carry, connectedSides, NOON, type Side } from "./two_sides.ts";
import { frameBytes, makePacket, offload, type PacketSpec, plainFrame } from "./packets.ts";

const STREAM = {
  v6: false,
  udp: false,
  source: 1,
  destination: 2,
  sourcePort: 4000,
  destinationPort: 80,
};
const SMALL = {
  v6: false,
  udp: true,
  source: 1,
  destination: 2,
  sourcePort: 53,
  destinationPort: 9,
};
const packet = (spec: Omit<PacketSpec, "payload">, bytes: number) =>
  makePacket({ ...spec, payload: new Uint8Array(bytes) });
const superPacket = (spec = STREAM, bytes = 60_000) =>
  frameBytes(offload(packet(spec, bytes), 1300));
const reversed = (spec: typeof STREAM) => ({
  ...spec,
  source: spec.destination,
  destination: spec.source,
  sourcePort: spec.destinationPort,
  destinationPort: spec.sourcePort,
});

/** Sizes of the datagrams that one turn sent, run by run. */
function turn(side: Side, now = NOON): number[][] {
  side.dataplane.turn(now);
  return side.udp.sent.splice(0).map((run) => {
    const whole = Math.floor(run.bytes.length / run.segmentSize);
    const sizes = Array<number>(whole).fill(run.segmentSize);
    return run.bytes.length % run.segmentSize === 0
      ? sizes
      : [...sizes, run.bytes.length % run.segmentSize];
  });
}

Deno.test("super-packets of the bulk queue share a run when nothing comes between them", () => {
  const { a } = connectedSides();
  a.tun.queues = 2;
  for (let i = 0; i < 3; i++) a.tun.bulkQueue.push(superPacket(STREAM, 3 * 1300));
  assert.deepEqual(turn(a).map((run) => run.length), [9]);
});

Deno.test("a packet of the main queue waits for one packet of the bulk queue at most", () => {
  const { a } = connectedSides();
  a.tun.queues = 2;
  for (let i = 0; i < 10; i++) a.tun.bulkQueue.push(superPacket());
  a.tun.push(plainFrame(packet(SMALL, 20)));
  const [first, ...others] = turn(a);
  assert.deepEqual(first, [80], "the small one went first, and alone");
  assert.ok(others.flat().length > 40, "then the stream had its turn");
  a.tun.push(plainFrame(packet(SMALL, 20)));
  const runs = turn(a);
  assert.equal(a.tun.queue.length, 0);
  assert.ok(
    runs.findIndex((run) => run.includes(80)) <= 1,
    "behind no more than the run that was open",
  );
});

Deno.test("packets of the bulk queue that follow each other leave together, and after those before them", () => {
  const { a } = connectedSides();
  a.tun.queues = 2;
  for (let i = 0; i < 10; i++) a.tun.bulkQueue.push(frameBytes(plainFrame(packet(STREAM, 500))));
  assert.deepEqual(turn(a), [new Array(10).fill(576)]);
  a.tun.push(plainFrame(packet(STREAM, 500)));
  for (let i = 0; i < 3; i++) a.tun.bulkQueue.push(frameBytes(plainFrame(packet(STREAM, 500))));
  assert.deepEqual(turn(a), [[576], [576, 576, 576]]);
});

Deno.test("the bulk queue is not read when it is known to be empty", () => {
  const { a } = connectedSides();
  a.tun.queues = 2;
  a.tun.push(plainFrame(packet(SMALL, 20)));
  a.tun.bulkQueue.push(superPacket());
  a.dataplane.turn(NOON, true, false, false);
  assert.deepEqual([a.tun.queue.length, a.tun.bulkQueue.length], [0, 1]);
  a.dataplane.turn(NOON, true, false, true);
  assert.equal(a.tun.bulkQueue.length, 0);
});

Deno.test("a flood in the main queue does not stop the bulk queue", () => {
  const { a } = connectedSides();
  a.tun.queues = 2;
  for (let i = 0; i < 4; i++) a.tun.bulkQueue.push(superPacket());
  for (let turns = 0; a.tun.bulkQueue.length > 0; turns++) {
    assert.ok(turns < 4, "one of the bulk queue a turn, at the least");
    while (a.tun.queue.length < 1000) a.tun.push(plainFrame(packet(SMALL, 20)));
    a.dataplane.turn(NOON);
  }
});

Deno.test("streams in the main queue, which nobody answers, share the rate with the bulk queue", () => {
  const { a } = connectedSides();
  a.tun.queues = 2;
  for (let i = 0; i < 20; i++) {
    a.tun.queue.push(superPacket());
    a.tun.bulkQueue.push(superPacket());
  }
  while (a.tun.queue.length > 0) {
    a.dataplane.turn(NOON);
    const ahead = a.tun.bulkQueue.length - a.tun.queue.length;
    assert.ok(ahead >= 0 && ahead <= 1, `${ahead} packets more of the main queue`);
  }
});

Deno.test("all packets of both queues are sent, and turns end", () => {
  const { a, b } = connectedSides();
  a.tun.queues = 2;
  for (let i = 0; i < 20; i++) {
    a.tun.bulkQueue.push(superPacket());
    for (let k = 0; k < 30; k++) a.tun.push(plainFrame(packet(SMALL, k)));
  }
  carry(a, b);
  const got = b.tun.takePackets();
  assert.equal(got.filter((p) => p[9] === 17).length, 600);
  assert.equal(
    got.filter((p) => p[9] === 6).reduce((sum, p) => sum + p.length - 40, 0),
    20 * 60_000,
  );
});

for (const v6 of [false, true]) {
  Deno.test(`what comes in for a flow with a lot to send is written to the bulk queue, IPv${v6 ? 6 : 4}`, () => {
    const { a, b } = connectedSides();
    a.tun.queues = 2;
    const stream = { ...STREAM, v6 };
    const answerTo = (spec: typeof STREAM, now = NOON) => {
      b.tun.push(plainFrame(packet(reversed(spec), 1)));
      carry(a, b, now);
      return a.tun.writtenTo.at(-1);
    };
    assert.equal(answerTo(stream), QUEUE_MAIN, "nothing is known of it yet");
    a.tun.queue.push(superPacket(stream));
    carry(a, b);
    assert.equal(answerTo(stream), QUEUE_BULK);
    assert.equal(answerTo({ ...SMALL, v6 }), QUEUE_MAIN, "others are others");
    assert.equal(answerTo({ ...stream, destinationPort: 81 }), QUEUE_MAIN);
    assert.equal(answerTo(stream, after(5000)), QUEUE_MAIN, "it had nothing to send for seconds");
  });
}

Deno.test("a mark lasts about a second, also when the clock exceeds 32 bits", () => {
  const u32 = new Uint32Array(
    makePacket({ ...STREAM, payload: new Uint8Array(4) }).slice(0, 40).buffer,
  );
  for (const start of [NOON, after(2 ** 31 * 256), after(2 ** 32 * 256 - 300)]) {
    const flows = new BulkFlows();
    const at = (ms: number) => after(start - NOON + ms);
    const queueAt = (ms: number) => flows.queueFor(u32, 0, 2, at(ms));
    assert.equal(queueAt(0), QUEUE_MAIN);
    flows.mark(u32, 0, at(0));
    assert.deepEqual([0, 500, 3000, 60_000].map(queueAt), [
      QUEUE_BULK,
      QUEUE_BULK,
      QUEUE_MAIN,
      QUEUE_MAIN,
    ]);
  }
});
