import assert from "node:assert/strict";
import * as C from "../../lib/base/constants.ts";
import { sessionIndex } from "../../lib/base/brands.ts";
import {
  COOKIE_REPLY,
  DATA,
  INITIATION,
  mac1Offset,
  MESSAGE_NONE,
  messageKind,
  readIndex,
  RESPONSE,
  writeIndex,
} from "../../lib/wire/messages.ts";

const KEY = C.KEY_LENGTH;
const TAG = C.TAG_LENGTH;
const MAC = C.MAC_LENGTH;

Deno.test("the offsets add up to the lengths of the whitepaper", () => {
  const sums: readonly (readonly [string, number, number])[] = [
    ["initiation static", INITIATION.static, INITIATION.ephemeral + KEY],
    ["initiation timestamp", INITIATION.timestamp, INITIATION.static + KEY + TAG],
    ["initiation mac1", INITIATION.mac1, INITIATION.timestamp + C.TIMESTAMP_LENGTH + TAG],
    ["initiation mac2", INITIATION.mac2, INITIATION.mac1 + MAC],
    ["initiation", C.INITIATION_LENGTH, INITIATION.mac2 + MAC],
    ["initiation length", INITIATION.length, C.INITIATION_LENGTH],
    ["response empty", RESPONSE.empty, RESPONSE.ephemeral + KEY],
    ["response mac1", RESPONSE.mac1, RESPONSE.empty + TAG],
    ["response mac2", RESPONSE.mac2, RESPONSE.mac1 + MAC],
    ["response", C.RESPONSE_LENGTH, RESPONSE.mac2 + MAC],
    ["response length", RESPONSE.length, C.RESPONSE_LENGTH],
    ["cookie reply cookie", COOKIE_REPLY.cookie, COOKIE_REPLY.nonce + 24],
    ["cookie reply", C.COOKIE_REPLY_LENGTH, COOKIE_REPLY.cookie + C.COOKIE_LENGTH + TAG],
    ["cookie reply length", COOKIE_REPLY.length, C.COOKIE_REPLY_LENGTH],
    ["data packet", DATA.packet, DATA.counter + 8],
    ["data", C.DATA_LENGTH_MIN, DATA.packet + TAG],
    ["data length", DATA.lengthMin, C.DATA_LENGTH_MIN],
  ];
  for (const [name, is, expected] of sums) {
    assert.equal(is, expected, name);
  }
});

Deno.test("the offsets of fields are those of the whitepaper", () => {
  const { sender, ephemeral } = INITIATION;
  assert.deepEqual([sender, ephemeral], [4, 8]);
  assert.deepEqual([RESPONSE.sender, RESPONSE.receiver, RESPONSE.ephemeral], [4, 8, 12]);
  assert.deepEqual([COOKIE_REPLY.receiver, COOKIE_REPLY.nonce], [4, 8]);
  assert.deepEqual([DATA.receiver, DATA.counter], [4, 8]);
});

Deno.test("the kind of a message depends on its first word and its length only", () => {
  const right = new Map([[1, 148], [2, 92], [3, 64]]);
  for (let kind = 0; kind < 256; kind++) {
    for (let length = 0; length <= 300; length++) {
      const bytes = new Uint8Array(length);
      if (length > 0) bytes[0] = kind;
      const expected = right.get(kind) === length || kind === 4 && length >= 32
        ? kind
        : MESSAGE_NONE;
      assert.equal(messageKind(bytes), expected, `kind ${kind}, length ${length}`);
    }
  }
  assert.equal(MESSAGE_NONE, 0);
  // One that begins at byte 10 and ends with the array, or is told its length.
  const within = new Uint8Array(158);
  within[10] = 1;
  assert.deepEqual([messageKind(within, 10), messageKind(within, 10, 92)], [1, MESSAGE_NONE]);
  for (const reserved of [1, 2, 3]) {
    const bytes = new Uint8Array(148);
    bytes[0] = 1;
    bytes[reserved] = 1;
    assert.equal(messageKind(bytes), MESSAGE_NONE);
  }
});

Deno.test("indices are little-endian and unsigned", () => {
  const bytes = new Uint8Array(12);
  writeIndex(bytes, 4, sessionIndex(0xfedcba98));
  assert.equal(bytes.toHex(), "0000000098badcfe00000000");
  assert.equal(readIndex(bytes, 4), 0xfedcba98);
});

Deno.test("the macs are the last 32 bytes", () => {
  assert.equal(mac1Offset(148), 116);
  assert.equal(mac1Offset(92), RESPONSE.mac1);
});
