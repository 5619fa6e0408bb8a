import assert from "node:assert/strict";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { Arena } from "../../lib/base/arena.ts";
import { noCipher, plainCommands } from "../../scripts/bench/plain_loop.ts";

Deno.test("the cipher that is none moves a message and changes nothing else", () => {
  const arena = new Arena(65536);
  const cipher = noCipher(arena);
  const [key, from, to] = [arena.allocate(32), arena.allocate(2048), arena.allocate(2048)];
  const message = crypto.getRandomValues(new Uint8Array(1420));
  arena.bytes.set(message, from);
  cipher.seal(key, 0, 0, from, message.length);
  assert.deepEqual(arena.bytes.slice(from, from + message.length), message);
  assert.equal(cipher.open(key, 0, 0, from, message.length, to), true);
  assert.deepEqual(arena.bytes.slice(to, to + message.length), message);
  assert.equal(arena.bytes[to + message.length], 0);
});

Deno.test("the plain loop's two ends know each other's session by hand", () => {
  const plan = (index: number, peerIndex: number) => ({
    interface: "wg1",
    index,
    peerIndex,
    port: 7111,
    peerAddress: "192.0.2.1",
    peerPort: 7111,
    peerInet: "10.77.0.1",
    peerInet6: "fd77::1",
  });
  const install = (index: number, peerIndex: number) =>
    plainCommands(plan(index, peerIndex), new HandshakeMemory().sessionKeys).find((command) =>
      command.type === "session-install"
    );
  const [left, right] = [install(1, 2), install(2, 1)];
  assert.equal(left?.localIndex, right?.remoteIndex);
  assert.equal(left?.remoteIndex, right?.localIndex);
  assert.throws(() =>
    plainCommands(
      { ...plan(1, 2), peerInet: "10.77.0" },
      new HandshakeMemory().sessionKeys,
    ), /no address/);
});
