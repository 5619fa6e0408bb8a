import assert from "node:assert/strict";
import { pair, shake } from "./harness.ts";

Deno.test("a handshake gives both sides the same keys, crossed", () => {
  const { a, b } = pair();
  const { initiator, responder } = shake(a, b);
  assert.deepEqual(initiator.sendKey, responder.receiveKey);
  assert.deepEqual(initiator.receiveKey, responder.sendKey);
  assert.notDeepEqual(initiator.sendKey, initiator.receiveKey);
  assert.equal(initiator.localIndex, responder.remoteIndex);
  assert.equal(initiator.remoteIndex, responder.localIndex);
  assert.equal(initiator.initiator, true);
  assert.equal(responder.initiator, false);
});
