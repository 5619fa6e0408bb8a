/** What operations may have in them. */
import assert from "node:assert/strict";
import { ConfigError } from "../../lib/base/errors.ts";
import { checkOperation } from "../../lib/uapi/operations.ts";
import { UapiReader } from "../../lib/uapi/reader.ts";

function request(text: string) {
  const reader = new UapiReader();
  reader.push(new TextEncoder().encode(text));
  const next = reader.next();
  assert.ok(next?.type === "request", text);
  return next;
}

Deno.test("known operations pass", () => {
  for (
    const text of [
      "get=1",
      "get=2",
      "set=1",
      "set=1\na=b",
      "set=2\na=b",
      "stats=1",
      "dmesg=1\nsince=3",
      "netns=1",
      "link=up",
      "destroy=1",
    ]
  ) {
    checkOperation(request(`${text}\n\n`));
  }
});

Deno.test("other versions, other operations and lines where none may be are refused", () => {
  const wrong = [
    "get=0",
    "get=",
    "get=3",
    "get=01",
    "get=1 ",
    "get=1\nlisten_port=1",
    "get=2\nx",
    "set=",
    "set=0",
    "set=9",
    "set=9\na=b",
    "link=1",
    "destroy=2",
    "destroy=1\nx=y",
    "GET=1",
    "toString=1",
  ];
  for (const text of wrong) {
    assert.throws(() => checkOperation(request(`${text}\n\n`)), ConfigError, text);
  }
});
