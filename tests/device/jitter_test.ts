/** The random part of the time until an initiation is repeated, from the bytes that are drawn. */
import assert from "node:assert/strict";
import { milliseconds } from "../../lib/base/brands.ts";
import { HandshakeMemory } from "../../lib/base/handshake_memory.ts";
import { PeerTable } from "../../lib/base/peer_table.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { Device } from "../../lib/device/device.ts";
import { endpointOf, keyOf, publicOf } from "./harness.ts";

const NOW = milliseconds(1_000_000);

/** When the first initiation of a device is repeated, after it, with such four random bytes. */
function repeatedAfter(bytes: readonly number[]): number {
  const device = new Device({
    suite: nobleSuite,
    random: (into) => into.set(into.length === 4 ? bytes : new Uint8Array(into.length).fill(7)),
    wallClock: () => 1_700_000_000_000_000_000n,
    table: new PeerTable(),
    handshakes: new HandshakeMemory(),
  });
  const peer = { publicKey: publicOf(2), endpoint: endpointOf(2), persistentKeepalive: 5_000 };
  device.configure({ privateKey: keyOf(1), peers: [peer] }, NOW);
  device.link(true, 1420, NOW);
  device.tick(NOW);
  assert.equal(device.takeOutputs().datagrams.length, 1);
  return device.nextDeadline()! - NOW;
}

Deno.test("the jitter is 0 to 333 ms, by all 32 bits in little-endian order", () => {
  assert.equal(repeatedAfter([0, 0, 0, 0]), 5_000);
  assert.equal(repeatedAfter([255, 255, 255, 255]), 5_333);
  assert.equal(repeatedAfter([0, 0, 0, 0x80]), 5_167);
  assert.equal(repeatedAfter([0, 0, 0, 0x40]), 5_083);
  assert.equal(repeatedAfter([0, 0, 0x80, 0]), 5_000);
  assert.equal(repeatedAfter([0, 0, 0x80, 0x01]), 5_001);
  assert.equal(repeatedAfter([255, 255, 255, 0]), 5_001);
  assert.equal(repeatedAfter([255, 255, 255, 0x7f]), 5_166);
  // The first number from a 334th of 2^32 on, and two before it.
  assert.equal(repeatedAfter([0x30, 0x37, 0xc4, 0]), 5_001);
  assert.equal(repeatedAfter([0x2f, 0x37, 0xc4, 0]), 5_000);
  assert.equal(repeatedAfter([0x30, 0x36, 0xc4, 0]), 5_000);
});
