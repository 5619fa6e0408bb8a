/** Session indices: all of their bits are random, and their slots are unique. */
import assert from "node:assert/strict";
import { sessionIndex } from "../../lib/base/brands.ts";
import { SESSION_SLOTS } from "../../lib/base/constants.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { AWAITS_COOKIE, AWAITS_NOTHING, AWAITS_RESPONSE } from "../../lib/base/awaited_indices.ts";
import { IndexTable } from "../../lib/device/index_table.ts";

/** A table whose random words are these, each as often as it is told; the last for ever. */
function tableOf(...words: (readonly number[])[]) {
  const { awaited } = new HandshakeMemory();
  let drawn = 0;
  const table = new IndexTable<string>((into) => {
    assert.equal(into.length, 4);
    into.set(words[Math.min(drawn++, words.length - 1)]);
  }, awaited);
  return { table, awaited, drawn: () => drawn };
}

Deno.test("an index is 32 random bits, little-endian", () => {
  const { table } = tableOf([1, 2, 3, 4], [0xff, 0xff, 0xff, 0xff]);
  assert.equal(table.allocate("a"), sessionIndex(0x0403_0201));
  assert.equal(table.allocate("b"), sessionIndex(0xffff_ffff));
  assert.deepEqual([table.find(sessionIndex(0x0403_0201)), table.size], ["a", 2]);
  assert.equal(table.find(sessionIndex(0x0003_0201)), undefined, "the same slot, another index");
});

Deno.test("an index whose slot is in use is drawn again, 64 times at most", () => {
  const { table, drawn } = tableOf([1, 0, 0, 0], [1, 0, 0, 9], [1, 0, 4, 0], [2, 0, 0, 0]);
  table.allocate("a");
  // 18 bits are the slot, so 0x040001 has the slot 1, too.
  assert.equal(table.allocate("b"), sessionIndex(2));
  assert.equal(drawn(), 4);
  assert.equal(table.allocate("c"), undefined);
  assert.equal(drawn(), 4 + 64);
  table.release(sessionIndex(2));
  assert.equal(table.allocate("c"), sessionIndex(2));
});

Deno.test("half of the slots are in use at most", () => {
  const { awaited } = new HandshakeMemory();
  let next = 0;
  const table = new IndexTable<number>((into) => {
    new DataView(into.buffer).setUint32(0, next++, true);
  }, awaited);
  for (let i = 0; i < SESSION_SLOTS / 2; i++) assert.notEqual(table.allocate(i), undefined);
  assert.equal(table.size, SESSION_SLOTS / 2);
  assert.equal(table.allocate(-1), undefined);
  table.release(sessionIndex(7));
  assert.notEqual(table.allocate(-1), undefined);
});

Deno.test("a released index is known no more, waits for nothing, and another one of its slot stays", () => {
  const { table, awaited } = tableOf([5, 0, 0, 1], [5, 0, 0, 2]);
  const first = sessionIndex(0x0100_0005);
  const second = sessionIndex(0x0200_0005);
  table.allocate("a");
  table.awaits(first, AWAITS_RESPONSE | AWAITS_COOKIE);
  assert.ok(awaited.awaits(first, AWAITS_RESPONSE));
  table.release(first);
  assert.deepEqual([table.find(first), table.size], [undefined, 0]);
  assert.ok(!awaited.awaits(first, AWAITS_RESPONSE) && !awaited.awaits(first, AWAITS_COOKIE));
  table.allocate("b");
  table.awaits(second, AWAITS_COOKIE);
  table.release(first);
  assert.deepEqual([table.find(second), table.size], ["b", 1]);
  assert.ok(awaited.awaits(second, AWAITS_COOKIE), "not touched");
  assert.equal(AWAITS_NOTHING, 0);
});
