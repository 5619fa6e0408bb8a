import assert from "node:assert/strict";
import { sessionIndex } from "../../lib/base/brands.ts";
import {
  consumeResponse,
  createInitiation,
  createResponse,
  identityOf,
  openInitiation,
  openTimestamp,
  wireguardStart,
} from "../../lib/noise/handshake.ts";
import { INITIATION, messageKind, readIndex, RESPONSE } from "../../lib/wire/messages.ts";
import type { Suite } from "../../lib/crypto/suite.ts";
import { keyOf } from "../device/harness.ts";
import { allSuites } from "./suites.ts";

const TIMESTAMP = Uint8Array.from({ length: 12 }, (_, i) => 0x40 + i);
const PSK = keyOf(99);

function setUp(suite: Suite) {
  const start = wireguardStart(suite);
  const a = identityOf(suite, keyOf(1));
  const b = identityOf(suite, keyOf(2));
  const shared = suite.sharedSecret(a.privateKey, b.publicKey)!;
  const made = createInitiation(
    suite,
    start,
    a,
    b.publicKey,
    shared,
    sessionIndex(0xdeadbeef),
    keyOf(3),
    TIMESTAMP,
  )!;
  return { start, a, b, shared, ...made };
}

function answer(suite: Suite, psk: Uint8Array = PSK) {
  const made = setUp(suite);
  const opened = openInitiation(suite, made.start, made.b, made.message)!;
  assert.deepEqual(openTimestamp(opened, made.shared, made.message), TIMESTAMP);
  const sender = sessionIndex(0x01020304);
  const receiver = readIndex(made.message, INITIATION.sender);
  return { ...made, response: createResponse(opened, psk, sender, receiver, keyOf(4))! };
}

for (const suite of allSuites()) {
  Deno.test(`initiation and response give crossed keys, with ${suite.name}`, () => {
    const { a, initiated, response } = answer(suite);
    assert.equal(readIndex(response.message, RESPONSE.sender), 0x01020304);
    assert.equal(readIndex(response.message, RESPONSE.receiver), 0xdeadbeef);
    const keys = consumeResponse(initiated, a, PSK, response.message)!;
    assert.deepEqual(keys.sendKey, response.keys.receiveKey);
    assert.deepEqual(keys.receiveKey, response.keys.sendKey);
  });

  Deno.test(`a response under another preshared key is refused and spoils nothing, with ${suite.name}`, () => {
    const { a, initiated, response } = answer(suite);
    assert.equal(consumeResponse(initiated, a, new Uint8Array(32), response.message), undefined);
    assert.notEqual(consumeResponse(initiated, a, PSK, response.message), undefined);
  });

  Deno.test(`every bit of the authenticated parts counts, with ${suite.name}`, () => {
    const { start, b, shared, message, a, initiated, response } = answer(suite);
    const flip = (bytes: Uint8Array, bit: number) => {
      const copy = bytes.slice();
      copy[bit >> 3] ^= 1 << (bit & 7);
      return copy;
    };
    // X25519 ignores the highest bit of a public key, but the hash does not.
    for (
      let bit = INITIATION.ephemeral * 8;
      bit < INITIATION.mac1 * 8;
      bit += suite.name === "noble" ? 37 : 1
    ) {
      const bad = flip(message, bit);
      const opened = openInitiation(suite, start, b, bad);
      if (opened !== undefined) {
        assert.equal(openTimestamp(opened, shared, bad), undefined, `initiation bit ${bit}`);
      } else assert.ok(bit < INITIATION.timestamp * 8, `initiation bit ${bit}`);
    }
    for (
      let bit = RESPONSE.ephemeral * 8;
      bit < RESPONSE.mac1 * 8;
      bit += suite.name === "noble" ? 37 : 1
    ) {
      const bad = flip(response.message, bit);
      assert.equal(consumeResponse(initiated, a, PSK, bad), undefined, `response bit ${bit}`);
    }
  });

  Deno.test(`points of small order are refused in every place, with ${suite.name}`, () => {
    // The points of order 1, 2, 4 and 8 and their non-canonical forms (RFC 7748 section 6.1,
    // Curve25519's page "Do I need to validate?").
    const points = [
      "00".repeat(32),
      "01" + "00".repeat(31),
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ].map((point) => Uint8Array.fromHex(point));
    const { start, a, b, shared, message, initiated, response } = answer(suite);
    for (const point of points) {
      assert.equal(suite.sharedSecret(a.privateKey, point), undefined);
      const made = createInitiation(
        suite,
        start,
        a,
        point,
        shared,
        sessionIndex(1),
        keyOf(3),
        TIMESTAMP,
      );
      assert.equal(made, undefined);
      const badInitiation = message.slice();
      badInitiation.set(point, INITIATION.ephemeral);
      assert.equal(openInitiation(suite, start, b, badInitiation), undefined);
      const badResponse = response.message.slice();
      badResponse.set(point, RESPONSE.ephemeral);
      assert.equal(consumeResponse(initiated, a, PSK, badResponse), undefined);
      const opened = openInitiation(suite, start, b, message)!;
      openTimestamp(opened, shared, message);
      const forged = { ...opened, initiatorEphemeral: point };
      assert.equal(
        createResponse(forged, PSK, sessionIndex(1), sessionIndex(2), keyOf(4)),
        undefined,
      );
    }
  });
}

Deno.test("both suites make the same bytes", () => {
  const made = allSuites().map((suite) => answer(suite));
  for (const other of made) {
    assert.deepEqual(other.message, made[0].message);
    assert.deepEqual(other.response, made[0].response);
    assert.equal(messageKind(other.message), 1);
    assert.equal(messageKind(other.response.message), 2);
  }
});
