import assert from "node:assert/strict";
import { secretBytes, secretCopy, secretMoved } from "../../lib/base/secret_bytes.ts";
import {
  SESSION_KEY_SLOTS,
  SESSION_KEYS_AREA_BYTES,
  SessionKeySlots,
} from "../../lib/base/session_keys.ts";

const key = (seed: number) => new Uint8Array(32).fill(seed);

Deno.test("keys go through a slot once, and the reader leaves zeros", () => {
  const buffer = new SharedArrayBuffer(SESSION_KEYS_AREA_BYTES);
  const here = new SessionKeySlots(buffer, 0), there = new SessionKeySlots(buffer, 0);
  const slot = here.put(key(1), key(2));
  const taken = new Uint8Array(128);
  there.takeSendKey(slot, taken, 0);
  there.takeReceiveKey(slot, taken, 64);
  assert.deepEqual(taken.subarray(0, 32), key(1));
  assert.deepEqual(taken.subarray(64, 96), key(2));
  assert.ok(new Uint8Array(buffer).every((byte) => byte === 0), "nothing is left");
  assert.throws(() => there.takeSendKey(slot, taken, 0), /the slot is empty/);
});

Deno.test("each of two readers takes its own key, and the slot is free after both", () => {
  const slots = new SessionKeySlots(new SharedArrayBuffer(SESSION_KEYS_AREA_BYTES), 0);
  const taken = new Uint8Array(32);
  const used: number[] = [];
  for (let i = 0; i < SESSION_KEY_SLOTS; i++) used.push(slots.put(key(i), key(i + 1)));
  assert.equal(new Set(used).size, SESSION_KEY_SLOTS);
  assert.equal(slots.hasRoom, false);
  assert.throws(() => slots.put(key(1), key(2)), /no slot is free/);
  slots.takeSendKey(used[5], taken, 0);
  assert.equal(slots.hasRoom, false, "the receive key still waits");
  slots.discard(used[5], true, false);
  assert.equal(slots.hasRoom, false);
  slots.takeReceiveKey(used[5], taken, 0);
  assert.equal(taken[0], 6);
  assert.equal(slots.put(key(8), key(9)), used[5]);
  slots.discard(used[5], true, true);
  assert.ok(slots.hasRoom);
});

Deno.test("secrets do not share bytes, and lie outside of small arrays", () => {
  const all = Array.from({ length: 100 }, (_, i) => secretBytes(1 + i % 40).fill(i));
  all.forEach((bytes, i) => assert.ok(bytes.length === 1 + i % 40 && bytes.every((b) => b === i)));
  for (const bytes of all) assert.ok(bytes.buffer.byteLength > 64);
  assert.equal(secretBytes(5000).length, 5000);
  const original = key(7), copy = secretCopy(original), moved = secretMoved(original, "lasting");
  assert.deepEqual([copy[31], moved[31], original[31]], [7, 7, 0]);
});

Deno.test("each of several who send takes the key, and the last one erases it", () => {
  const buffer = new SharedArrayBuffer(SESSION_KEYS_AREA_BYTES);
  const slots = new SessionKeySlots(buffer, 0, 3);
  const slot = slots.put(key(1), key(2));
  const taken = new Uint8Array(32);
  slots.takeReceiveKey(slot, taken, 0);
  for (let sender = 0; sender < 2; sender++) {
    slots.takeSendKey(slot, taken.fill(0), 0);
    assert.deepEqual(taken, key(1));
    assert.ok(new Uint8Array(buffer).includes(1, 8192), "others need it");
  }
  slots.discard(slot, true, false);
  assert.ok(new Uint8Array(buffer).every((byte) => byte === 0), "nothing is left");
  assert.throws(() => slots.takeSendKey(slot, taken, 0), /the slot is empty/);
});
