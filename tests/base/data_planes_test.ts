import assert from "node:assert/strict";
import {
  dataPlanesOf,
  parseWorkers,
  receiverByte,
  receiverOf,
  WORKERS_MAX,
} from "../../lib/base/data_planes.ts";

Deno.test("every number of Workers has at least one that sends and one that receives", () => {
  assert.deepEqual(dataPlanesOf(1), { senders: 1, receivers: 1 });
  for (let workers = 2; workers <= WORKERS_MAX; workers++) {
    const { senders, receivers } = dataPlanesOf(workers);
    assert.equal(senders + receivers, workers);
    assert.ok(senders - receivers === 0 || senders - receivers === 1);
  }
});

Deno.test("a number of Workers is read as a whole, from 1 to 32", () => {
  for (const [text, workers] of [["1", 1], ["32", 32], ["9", 9]] as const) {
    assert.equal(parseWorkers(text), workers);
  }
  for (const text of ["", "0", "33", "100", "-1", "1.5", "01", "2 ", "x"]) {
    assert.equal(parseWorkers(text), undefined, text);
  }
});

Deno.test("the last byte of an index names the receiver, and every byte is used", () => {
  for (let receivers = 1; receivers <= 16; receivers++) {
    for (let receiver = 0; receiver < receivers; receiver++) {
      const bytes = new Set<number>();
      for (let random = 0; random < 256; random++) {
        const byte = receiverByte(random, receiver, receivers);
        assert.ok(byte >= 0 && byte < 256);
        assert.equal(receiverOf((byte << 24 | 0x00ff_ffff) >>> 0, receivers), receiver);
        bytes.add(byte);
      }
      assert.ok(bytes.size >= Math.floor(256 / receivers));
    }
  }
});
