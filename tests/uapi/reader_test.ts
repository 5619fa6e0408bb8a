import assert from "node:assert/strict";
import type { UapiBroken, UapiRequest } from "../../lib/uapi/reader.ts";
import { UapiReader } from "../../lib/uapi/reader.ts";
import { WG_REMOVE, WG_SET, WG_SETCONF, WG_SHOW } from "./wg8_text.ts";
import { property } from "../random.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function drain(reader: UapiReader): (UapiRequest | UapiBroken)[] {
  const all: (UapiRequest | UapiBroken)[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    all.push(next);
    if (next.type === "broken") break;
  }
  return all;
}

Deno.test("several operations of one connection, in pieces of any size", () => {
  const text = WG_SHOW + WG_SET + WG_SHOW + WG_REMOVE + WG_SETCONF + WG_SHOW;
  const reader = new UapiReader();
  reader.push(bytes(text));
  const whole = drain(reader);
  assert.deepEqual(whole.map((one) => one.type === "request" && one.operation), [
    "get",
    "set",
    "get",
    "set",
    "set",
    "get",
  ]);
  property(100, (chance) => {
    const pieceMax = chance.oneOf([4, 300]);
    const pieces = new UapiReader();
    const got: unknown[] = [];
    const all = bytes(text);
    for (let at = 0; at < all.length;) {
      const size = 1 + chance.int(pieceMax);
      pieces.push(all.subarray(at, at + size));
      at += size;
      got.push(...drain(pieces));
    }
    assert.deepEqual(got, whole);
    assert.equal(pieces.partial, false);
  });
});

Deno.test("an operation that has begun is seen", () => {
  const reader = new UapiReader();
  assert.equal(reader.partial, false);
  reader.push(bytes("set=1\nlisten_port=1\n"));
  assert.equal(reader.next(), undefined);
  assert.equal(reader.partial, true);
  reader.push(bytes("\n"));
  assert.deepEqual(reader.next(), {
    type: "request",
    operation: "set",
    value: "1",
    lines: ["listen_port=1"],
  });
});

Deno.test("empty lines between operations are passed over", () => {
  const reader = new UapiReader();
  reader.push(bytes("\n\nget=1\n\n\nget=2\n\n"));
  assert.deepEqual(drain(reader).map((one) => one.type === "request" && one.value), ["1", "2"]);
});

for (
  const [name, limits, text] of [
    ["a line that is too long", { lineMax: 20 }, `set=1\n${"x".repeat(21)}`],
    ["a first line that is too long", { lineMax: 20 }, "x".repeat(21)],
    ["a message that is too long", { messageMax: 50 }, `set=1\n${"a=1\n".repeat(20)}`],
    ["no equals sign", {}, "quit\n\n"],
    ["an operation without a name", {}, "=1\n\n"],
  ] as const
) {
  Deno.test(`${name} breaks the connection for good`, () => {
    const reader = new UapiReader(limits);
    reader.push(bytes(text));
    assert.equal(reader.next()?.type, "broken");
    reader.push(bytes("get=1\n\n"));
    assert.equal(reader.next()?.type, "broken");
    assert.equal(reader.partial, false);
  });
}

Deno.test("bytes that are not UTF-8 break it", () => {
  const reader = new UapiReader();
  reader.push(Uint8Array.of(...bytes("set=1\ndescription="), 0xff, 10, 10));
  assert.equal(reader.next()?.type, "broken");
});

Deno.test("a line as long as the limit passes", () => {
  const reader = new UapiReader({ lineMax: 20 });
  reader.push(bytes(`set=1\n${"x".repeat(20)}\n\n`));
  assert.equal(reader.next()?.type, "request");
});

Deno.test("random bytes never throw", () => {
  property(2000, (chance) => {
    const reader = new UapiReader({ lineMax: 30, messageMax: 200 });
    for (let k = 0; k < 3; k++) {
      reader.push(
        Uint8Array.from(
          { length: chance.int(60) },
          () => chance.int(3) === 0 ? 10 : chance.int(256),
        ),
      );
      drain(reader);
    }
  });
});
