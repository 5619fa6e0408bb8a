import assert from "node:assert/strict";
import { sessionIndex } from "../../lib/base/brands.ts";
import {
  assertLayouts,
  mac1Offset,
  MESSAGE_NONE,
  messageKind,
  readIndex,
  RESPONSE,
  writeIndex,
} from "../../lib/wire/messages.ts";

Deno.test("the offsets add up to the lengths of the whitepaper", () => assertLayouts());

Deno.test("a message is one by its first word and its length, and by nothing else", () => {
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
