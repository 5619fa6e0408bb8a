/**
 * The memory that the two planes share, damaged: whoever reads it neither throws, nor reads past a
 * slot, nor goes on for ever.
 * @module
 */
import assert from "node:assert/strict";
import { AWAITED_INDICES_BYTES, AwaitedIndices } from "../../../lib/base/awaited_indices.ts";
import { COOKIE_KEYS_BYTES, CookieKeys } from "../../../lib/base/cookie_keys.ts";
import { INITIATION_LENGTH, KEY_LENGTH } from "../../../lib/base/constants.ts";
import {
  ENDPOINT_CELL_BYTES,
  readEndpointCell,
  readLocalCell,
  writeEndpointCell,
} from "../../../lib/base/endpoint.ts";
import { HandshakeRing, handshakeRingBytes } from "../../../lib/base/handshake_ring.ts";
import { milliseconds } from "../../../lib/base/brands.ts";
import type { Target } from "../target.ts";

const SLOTS = 8;
const BYTES = handshakeRingBytes(SLOTS);

/** The bytes of a ring of 8 slots. */
export const ring: Target = {
  name: "ring",
  covers: ["lib/base/handshake_ring.ts", "lib/base/endpoint.ts", "lib/base/cookie_keys.ts"],
  bytesMax: BYTES,
  make(chance) {
    const buffer = new SharedArrayBuffer(BYTES);
    const ring = new HandshakeRing(buffer, 0, SLOTS);
    const bytes = new Uint8Array(ENDPOINT_CELL_BYTES + INITIATION_LENGTH);
    for (let left = chance.int(3 * SLOTS); left > 0; left--) {
      const address = chance.bytes(chance.oneOf([4, 16]));
      const local = { address: chance.bytes(address.length), interfaceIndex: chance.int(9) };
      const source = { address, port: chance.int(65_536), scope: 0 };
      writeEndpointCell(bytes, 0, source, chance.once(2) ? local : undefined);
      bytes.set(chance.bytes(INITIATION_LENGTH), ENDPOINT_CELL_BYTES);
      ring.put(bytes, ENDPOINT_CELL_BYTES, chance.oneOf([64, 92, 148]), 0);
      if (chance.once(2)) ring.take();
    }
    return new Uint8Array(buffer).slice();
  },
  open: () => (input) => {
    const buffer = new SharedArrayBuffer(BYTES);
    const memory = new Uint8Array(buffer);
    memory.set(input);
    const ring = new HandshakeRing(buffer, 0, SLOTS);
    const waiting = ring.waiting;
    assert.ok(waiting <= 2 ** 31);
    let taken = 0;
    // Whoever takes messages takes some at a time.
    while (taken < SLOTS + 1) {
      const message = ring.take();
      if (message === undefined) break;
      taken++;
      assert.ok(message.datagram.length <= INITIATION_LENGTH);
      assert.ok([4, 16].includes(message.source.address.length));
      assert.ok(message.local === undefined || [4, 16].includes(message.local.address.length));
    }
    assert.ok(taken <= SLOTS, "more messages were taken than the ring has slots");
    const into = new Uint8Array(ENDPOINT_CELL_BYTES + INITIATION_LENGTH + 8).fill(7);
    const length = ring.takeTo(into, ENDPOINT_CELL_BYTES, 0);
    assert.ok(length <= INITIATION_LENGTH && into.subarray(-8).every((byte) => byte === 7));
    assertUsable(ring);
    readOthers(input);
    return waiting === 0 ? "empty" : taken === waiting ? "all taken" : "damaged";
  },
};

/** Fails unless a message still goes through the ring. */
function assertUsable(ring: HandshakeRing): void {
  while (ring.takeTo(new Uint8Array(400), 0, 200) > 0 || ring.waiting > 0);
  const bytes = new Uint8Array(ENDPOINT_CELL_BYTES + INITIATION_LENGTH);
  const source = { address: Uint8Array.of(192, 0, 2, 1), port: 9, scope: 0 };
  writeEndpointCell(bytes, 0, source, undefined);
  assert.ok(ring.put(bytes, ENDPOINT_CELL_BYTES, 64, 0), "the ring takes nothing any more");
  assert.equal(ring.take()?.datagram.length, 64, "the ring loses what it takes");
}

/** Other shared memory of the same bytes: cells, keys of cookies, awaited indices. */
function readOthers(input: Uint8Array): void {
  const cell = new Uint8Array(ENDPOINT_CELL_BYTES);
  cell.set(input.subarray(0, ENDPOINT_CELL_BYTES));
  const endpoint = readEndpointCell(cell, 0);
  assert.ok(endpoint === undefined || [4, 16].includes(endpoint.address.length));
  const local = readLocalCell(cell, 0);
  assert.ok(local === undefined || [4, 16].includes(local.address.length));
  const buffer = new SharedArrayBuffer(Math.ceil(COOKIE_KEYS_BYTES / 8) * 8);
  new Uint8Array(buffer).set(input.subarray(0, COOKIE_KEYS_BYTES));
  const keys = new CookieKeys(buffer, 0);
  const key = () => new Uint8Array(KEY_LENGTH);
  const version = keys.copyTo({
    hasKeys: false,
    mac1Key: key(),
    cookieKey: key(),
    secret: key(),
    noncePrefix: new Uint8Array(16),
    madeAt: milliseconds(0),
  });
  assert.ok(version === -1 || version === keys.version);
  const awaited = new AwaitedIndices(AWAITED, 0);
  new Uint8Array(AWAITED).set(input.subarray(0, 64));
  for (let i = 0; i < 40; i++) awaited.awaits(i * 0x1000_0001 >>> 0, 1 + i % 2);
}

const AWAITED = new SharedArrayBuffer(AWAITED_INDICES_BYTES);
