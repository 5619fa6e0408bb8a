/**
 * The rings of a capture: order, wrapping, dropping, damage.
 * @module
 */
import assert from "node:assert/strict";
import { isInRange } from "../../lib/base/capture_filter.ts";
import {
  RECORD,
  RECORD_CAPTURED,
  RECORD_HEAD_BYTES,
  RECORD_KIND,
  RECORD_ORIGINAL,
  recordBytes,
} from "../../lib/base/capture_record.ts";
import {
  captureMemoryBytes,
  CaptureRing,
  captureRingOf,
  CONTROL_RING,
} from "../../lib/base/capture_ring.ts";
import { ENDPOINT_CELL_BYTES } from "../../lib/base/endpoint.ts";
import { maskAddress } from "../../lib/base/ip_text.ts";
import { trial } from "../random.ts";

const memory = () => new SharedArrayBuffer(captureMemoryBytes(2));
const NO_CELL = new Uint8Array(ENDPOINT_CELL_BYTES);

function put(ring: CaptureRing, time: number, packet: Uint8Array, kind: number = RECORD.inner) {
  return ring.put(kind, 1, 0, time, 3, packet, 0, packet.length, NO_CELL, 0);
}

/** The packet of a record. */
function packetOf(record: Uint8Array): Uint8Array {
  const cell = record[RECORD_KIND] === RECORD.outer ? ENDPOINT_CELL_BYTES : 0;
  const at = RECORD_HEAD_BYTES + cell;
  const view = new DataView(record.buffer, record.byteOffset);
  return record.slice(at, at + view.getUint32(RECORD_CAPTURED, true));
}

Deno.test("what is put comes out as it was, in order, round and round", () => {
  trial((chance) => {
    const ring = new CaptureRing(memory(), CONTROL_RING);
    const into = new Uint8Array(80_000);
    const waiting: Uint8Array[] = [];
    let bytes = 0;
    let dropped = 0;
    while (bytes < 5 << 20) {
      for (let i = chance.int(30); i > 0; i--) {
        const packet = new Uint8Array(chance.int(4000)).map(() => chance.int(256));
        const kind = chance.int(2) === 0 ? RECORD.inner : RECORD.outer;
        if (put(ring, 1, packet, kind)) waiting.push(packet);
        else dropped++;
        bytes += recordBytes(kind, packet.length);
      }
      for (let i = chance.int(32); i > 0 && waiting.length > 0; i--) {
        const length = ring.takeTo(into, 0);
        assert.deepEqual(packetOf(into.subarray(0, length)), waiting.shift());
      }
    }
    for (const packet of waiting) {
      assert.deepEqual(packetOf(into.subarray(0, ring.takeTo(into, 0))), packet);
    }
    assert.equal(ring.takeTo(into, 0), 0);
    assert.equal(ring.dropped, dropped);
  });
});

Deno.test("of a packet so many bytes are recorded as the ring was told, of secrets all", () => {
  const into = new Uint8Array(256);
  for (
    const [kind, bytes, recorded] of [
      [RECORD.inner, 63, 63],
      [RECORD.inner, 64, 64],
      [RECORD.outer, 65, 64],
      [RECORD.inner, 128, 64],
      [RECORD.secrets, 128, 128],
    ]
  ) {
    const ring = new CaptureRing(memory(), CONTROL_RING, 64);
    const packet = new Uint8Array(bytes).map((_, i) => i);
    put(ring, 1, packet, kind);
    const length = ring.takeTo(into, 0);
    assert.equal(length, recordBytes(kind, recorded));
    assert.deepEqual(packetOf(into.subarray(0, length)), packet.subarray(0, recorded));
    const view = new DataView(into.buffer);
    assert.equal(view.getUint32(RECORD_ORIGINAL, true), bytes);
  }
});

Deno.test("every data plane has a ring of its own", () => {
  for (const senders of [1, 2, 16]) {
    for (const receivers of [senders, senders - 1].filter((count) => count > 0)) {
      const shared = new SharedArrayBuffer(captureMemoryBytes(senders + receivers));
      const numbers = [
        CONTROL_RING,
        ...Array.from({ length: senders }, (_, i) => captureRingOf("outbound", i, senders)),
        ...Array.from({ length: receivers }, (_, i) => captureRingOf("inbound", i, senders)),
      ];
      const rings = numbers.map((number) => new CaptureRing(shared, number));
      rings.forEach((ring, i) => put(ring, i + 1, new Uint8Array(8).fill(i)));
      const into = new Uint8Array(64);
      rings.forEach((ring, i) => {
        assert.deepEqual(
          [ring.nextTime, packetOf(into.subarray(0, ring.takeTo(into, 0)))],
          [i + 1, new Uint8Array(8).fill(i)],
        );
      });
    }
  }
});

Deno.test("a full ring drops and counts, and goes on when it was read", () => {
  const ring = new CaptureRing(memory(), CONTROL_RING);
  const packet = new Uint8Array(60_000);
  let fitted = 0;
  while (put(ring, 1, packet)) fitted++;
  assert.equal(fitted, Math.floor((1 << 20) / recordBytes(RECORD.inner, 60_000)));
  assert.equal(ring.dropped, 1);
  assert.ok(!put(ring, 1, packet));
  assert.equal(ring.dropped, 2);
  assert.ok(ring.takeTo(new Uint8Array(70_000), 0) > 0);
  assert.ok(put(ring, 1, packet));
});

Deno.test("a record that does not fit into the reader's memory stays", () => {
  const ring = new CaptureRing(memory(), 2);
  put(ring, 1, new Uint8Array(100));
  assert.equal(ring.takeTo(new Uint8Array(100), 0), 0);
  assert.equal(ring.takeTo(new Uint8Array(136), 0), 136);
});

Deno.test("a record that follows from another is later, by less than a microsecond", () => {
  const shared = memory();
  const control = new CaptureRing(shared, CONTROL_RING);
  const inbound = new CaptureRing(shared, 2);
  put(control, 2000, new Uint8Array(1));
  // The turn of the data plane began before.
  put(inbound, 1999, new Uint8Array(1));
  assert.ok(inbound.nextTime > control.nextTime && inbound.nextTime < 2000.001);
  put(inbound, 2001, new Uint8Array(1));
  inbound.takeTo(new Uint8Array(64), 0);
  assert.equal(inbound.nextTime, 2001);
});

Deno.test("what could not be sent is taken back, also where the ring begins again", () => {
  const ring = new CaptureRing(memory(), CONTROL_RING);
  const into = new Uint8Array(80_000);
  for (let i = 0; i < 100; i++) {
    const mark = ring.mark;
    put(ring, 1, new Uint8Array(60_000).fill(1));
    ring.withdraw(mark);
    put(ring, 1, new Uint8Array(50_000).fill(2));
    assert.equal(packetOf(into.subarray(0, ring.takeTo(into, 0)))[49_999], 2);
    assert.equal(ring.takeTo(into, 0), 0);
  }
});

Deno.test("secrets are erased in the ring when they are read", () => {
  const shared = memory();
  const ring = new CaptureRing(shared, CONTROL_RING);
  put(ring, 1, new Uint8Array(128).fill(0xa5), RECORD.secrets);
  assert.ok(new Uint8Array(shared).includes(0xa5));
  ring.takeTo(new Uint8Array(256), 0);
  assert.ok(!new Uint8Array(shared).includes(0xa5));
});

Deno.test("a damaged ring is emptied and works again", () => {
  const shared = memory();
  const ring = new CaptureRing(shared, CONTROL_RING);
  put(ring, 1, new Uint8Array(8));
  new DataView(shared).setUint32(128, 0xffff_fff0, true);
  assert.equal(ring.nextTime, Infinity);
  assert.equal(ring.takeTo(new Uint8Array(100), 0), 0);
  put(ring, 5, new Uint8Array(8));
  assert.equal(ring.nextTime, 5);
});

Deno.test("an address is in a range when it has the range's bits", () => {
  trial((chance) => {
    for (let i = 0; i < 500; i++) {
      const size = chance.int(2) === 0 ? 4 : 16;
      const prefix = chance.int(size * 8 + 1);
      const address = new Uint8Array(size).map(() => chance.int(256));
      const range = { address: maskAddress(address, prefix), prefix };
      const other = address.slice();
      const bit = chance.int(size * 8);
      other[bit >>> 3] ^= 0x80 >>> (bit & 7);
      assert.ok(isInRange(address, 0, range));
      assert.equal(isInRange(other, 0, range), bit >= prefix, `${bit} of ${prefix}`);
    }
  });
});
