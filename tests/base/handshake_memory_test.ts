/** The memory of handshake messages that the planes share: rings, awaited indices and keys. */
import assert from "node:assert/strict";
import {
  AWAITED_INDICES_BYTES,
  AwaitedIndices,
  AWAITS_COOKIE,
  AWAITS_RESPONSE,
} from "../../lib/base/awaited_indices.ts";
import { milliseconds, sessionIndex } from "../../lib/base/brands.ts";
import { COOKIE_KEYS_BYTES, CookieKeys, type CookieKeysCopy } from "../../lib/base/cookie_keys.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type LocalAddress,
  writeEndpointCell,
} from "../../lib/base/endpoint.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import {
  type HandshakeMessage,
  HandshakeRing,
  handshakeRingBytes,
} from "../../lib/base/handshake_ring.ts";
import { type Chance, property } from "../random.ts";

const SLOTS = 8;

function ring() {
  const buffer = new SharedArrayBuffer(64 + handshakeRingBytes(SLOTS));
  return {
    producer: new HandshakeRing(buffer, 64, SLOTS),
    consumer: new HandshakeRing(buffer, 64, SLOTS),
    buffer,
  };
}

function put(ring: HandshakeRing, { datagram, source, local }: HandshakeMessage): boolean {
  const bytes = new Uint8Array(1000).fill(0xee);
  writeEndpointCell(bytes, 100, source, local);
  bytes.set(datagram, 300);
  return ring.put(bytes, 300, datagram.length, 100);
}

function someMessage(chance: Chance): HandshakeMessage {
  const address = () => chance.bytes(chance.once(2) ? 4 : 16);
  const source: Endpoint = {
    address: address(),
    port: 1 + chance.int(65_535),
    scope: chance.int(5),
  };
  const local: LocalAddress | undefined = chance.once(2)
    ? undefined
    : { address: address(), interfaceIndex: chance.int(9) };
  return { datagram: chance.bytes([148, 92, 64][chance.int(3)]), source, local };
}

Deno.test("a ring returns messages in order, and refuses them when it is full", () => {
  property(1, (chance) => {
    const { producer, consumer } = ring();
    const list: HandshakeMessage[] = [];
    for (let step = 0; step < 2_000; step++) {
      if (chance.once(2)) {
        const message = someMessage(chance);
        assert.equal(producer.isFull, list.length === SLOTS);
        assert.equal(put(producer, message), list.length < SLOTS);
        if (list.length < SLOTS) list.push(message);
      } else assert.deepEqual(consumer.take(), list.shift());
      assert.deepEqual([producer.waiting, consumer.waiting], [list.length, list.length]);
    }
  });
});

Deno.test("a ring goes on when its counts pass 2^31 and 2^32", () => {
  property(1, (chance) => {
    for (const start of [2 ** 31 - 3, 2 ** 32 - 3]) {
      const { producer, consumer, buffer } = ring();
      const words = new Int32Array(buffer, 64);
      words[0] = words[16] = start | 0;
      for (let round = 0; round < 3 * SLOTS; round++) {
        const messages = Array.from({ length: SLOTS }, () => someMessage(chance));
        for (const message of messages) assert.ok(put(producer, message));
        assert.ok(producer.isFull && !put(producer, messages[0]));
        assert.deepEqual(messages.map(() => consumer.take()), messages);
        assert.equal(consumer.take(), undefined);
      }
    }
  });
});

Deno.test("a ring with random bytes in its slots returns messages of bounded length, or none", () => {
  property(1, (chance) => {
    const { producer, consumer, buffer } = ring();
    for (let round = 0; round < 200; round++) {
      while (put(producer, someMessage(chance)));
      const bytes = new Uint8Array(buffer, 64 + 128);
      for (let i = 0; i < 300; i++) bytes[chance.int(bytes.length)] = chance.int(256);
      for (let taken = 0; taken <= SLOTS; taken++) {
        const message = consumer.take();
        if (message === undefined) break;
        assert.ok(message.datagram.length <= 148 && taken < SLOTS);
        assert.ok([4, 16].includes(message.source.address.length));
      }
      assert.equal(consumer.waiting, 0);
    }
  });
});

Deno.test("a ring refuses a message that is longer than an initiation", () => {
  const { producer } = ring();
  assert.equal(producer.put(new Uint8Array(400), ENDPOINT_CELL_BYTES, 149, 0), false);
  assert.equal(producer.waiting, 0);
});

Deno.test("a ring between two threads loses, repeats and mixes no messages", async () => {
  const { producer, buffer } = ring();
  const total = 20_000;
  const worker = new Worker(
    `data:application/typescript,${
      encodeURIComponent(`
    import { HandshakeRing } from ${
        JSON.stringify(import.meta.resolve("../../lib/base/handshake_ring.ts"))
      };
    onmessage = ({ data: { buffer, total } }) => {
      const ring = new HandshakeRing(buffer, 64, ${SLOTS});
      for (let next = 0; next < total;) {
        const message = ring.take();
        if (message === undefined) continue;
        const { datagram, source } = message;
        const number = new DataView(datagram.buffer, datagram.byteOffset).getUint32(4);
        if (number !== next || source.port !== 1 + number % 60000) { postMessage("wrong at " + next); return; }
        if (datagram.subarray(8).some((byte) => byte !== (number & 255))) { postMessage("torn at " + next); return; }
        next++;
      }
      postMessage("all");
    };
    postMessage("ready");`)
    }`,
    { type: "module" },
  );
  const heard = Promise.withResolvers<string>();
  worker.onmessage = ({ data }) =>
    data === "ready" ? worker.postMessage({ buffer, total }) : heard.resolve(data);
  let sent = 0;
  const datagram = new Uint8Array(148);
  const view = new DataView(datagram.buffer);
  let over = false;
  heard.promise.then(() => over = true);
  while (sent < total && !over) {
    datagram.fill(sent & 255, 8);
    view.setUint32(4, sent);
    const source = { address: Uint8Array.of(10, 0, 0, 1), port: 1 + sent % 60_000, scope: 0 };
    if (put(producer, { datagram, source, local: undefined })) sent++;
    else await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(await heard.promise, "all");
  worker.terminate();
});

Deno.test("messages with a right mac2 come first, and the event is reported once", () => {
  const here = new HandshakeMemory();
  const there = new HandshakeMemory(here.buffer);
  const message = (mark: number): HandshakeMessage => ({
    datagram: new Uint8Array(148).fill(mark),
    source: { address: Uint8Array.of(10, 0, 0, 1), port: 7, scope: 0 },
    local: undefined,
  });
  put(there.others, message(1));
  put(there.others, message(2));
  put(there.proven, message(3));
  assert.deepEqual([there.tell(), there.tell(), here.waiting], [true, false, 3]);
  here.heard();
  assert.ok(there.tell());
  assert.deepEqual(
    [here.take(), here.take(), here.take(), here.take()].map((m) => m?.datagram[0]),
    [
      3,
      1,
      2,
      undefined,
    ],
  );
});

Deno.test("awaited indices agree with a map from slot to index", () => {
  property(1, (chance) => {
    const buffer = new SharedArrayBuffer(AWAITED_INDICES_BYTES);
    const [writer, reader] = [new AwaitedIndices(buffer, 0), new AwaitedIndices(buffer, 0)];
    const map = new Map<number, { index: number; what: number }>();
    // Few slots, so that several indices use the same slot.
    const some = () => (chance.int(2 ** 14) << 18 | chance.int(4)) >>> 0;
    for (let step = 0; step < 5_000; step++) {
      const index = some();
      const what = chance.int(4);
      writer.set(sessionIndex(index), what);
      map.set(index & 3, { index, what });
      const asked = chance.once(2) ? index : some();
      const entry = map.get(asked & 3);
      for (const bit of [AWAITS_RESPONSE, AWAITS_COOKIE]) {
        assert.equal(reader.awaits(asked, bit), entry?.index === asked && (entry.what & bit) !== 0);
      }
    }
  });
});

Deno.test("keys and secret are copied whole; without a private key there are none", () => {
  const buffer = new SharedArrayBuffer(COOKIE_KEYS_BYTES);
  const [writer, reader] = [new CookieKeys(buffer, 0), new CookieKeys(buffer, 0)];
  const copy: CookieKeysCopy = {
    hasKeys: true,
    mac1Key: new Uint8Array(32),
    cookieKey: new Uint8Array(32),
    secret: new Uint8Array(32),
    noncePrefix: new Uint8Array(16),
    madeAt: milliseconds(1),
  };
  assert.equal(reader.copyTo(copy), 0);
  assert.deepEqual([copy.hasKeys, copy.madeAt], [false, 0]);
  writer.setKeys({ mac1Key: new Uint8Array(32).fill(1), cookieKey: new Uint8Array(32).fill(2) });
  let next = 10;
  writer.renewSecret((into) => into.forEach((_, i) => into[i] = next++), milliseconds(5_000));
  assert.equal(reader.copyTo(copy), writer.version);
  assert.deepEqual([copy.hasKeys, copy.madeAt, copy.mac1Key[31], copy.cookieKey[31]], [
    true,
    5_000,
    1,
    2,
  ]);
  assert.deepEqual([copy.secret[0], copy.secret[31], copy.noncePrefix[0], copy.noncePrefix[15]], [
    10,
    41,
    42,
    57,
  ]);
  // The writer has not finished yet.
  Atomics.add(new Int32Array(buffer), 0, 1);
  assert.equal(reader.copyTo(copy), -1);
  Atomics.add(new Int32Array(buffer), 0, 1);
  writer.setKeys(undefined);
  assert.equal(reader.copyTo(copy), writer.version);
  assert.ok(!copy.hasKeys && copy.secret.every((byte) => byte === 0) && copy.madeAt === 0);
});
