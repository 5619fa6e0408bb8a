/** The secrets of handshakes that a device tells while a capture records them. */
import assert from "node:assert/strict";
import type { PresharedKey } from "../../lib/base/brands.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { HandshakeSecrets } from "../../lib/device/device.ts";
import { Bench, endpointOf, publicOf } from "./harness.ts";

/** Offsets of the ephemeral public key in an initiation and in a response. */
const EPHEMERAL = { initiation: 8, response: 12 };
const presharedKey = new Uint8Array(32).fill(9) as PresharedKey;

/** What a device tells. The arrays are copied, because the device erases them. */
function secretsOf({ device }: Bench): HandshakeSecrets[] {
  const told: HandshakeSecrets[] = [];
  device.onHandshakeSecrets((secrets) => told.push(structuredClone(secrets)));
  return told;
}

Deno.test("a device tells its key at once, and the secrets of each handshake of its own", () => {
  const a = new Bench(1).start([{
    publicKey: publicOf(2),
    presharedKey,
    endpoint: endpointOf(2),
  }]);
  const b = new Bench(2).start([{ publicKey: publicOf(1), presharedKey }]);
  const ofA = secretsOf(a), ofB = secretsOf(b);
  for (const [told, own] of [[ofA, 1], [ofB, 2]] as const) {
    assert.equal(told.length, 1);
    assert.deepEqual(nobleSuite.publicKey(told[0].privateKey), publicOf(own));
    assert.equal(told[0].handshake === undefined, true);
  }
  a.want();
  b.receive(a.datagrams[0].bytes, endpointOf(1));
  a.receive(b.datagrams[0].bytes, endpointOf(2));
  for (
    const [told, own, other, datagram, at] of [
      [ofA, 1, 2, a.datagrams[0], EPHEMERAL.initiation],
      [ofB, 2, 1, b.datagrams[0], EPHEMERAL.response],
    ] as const
  ) {
    assert.equal(told.length, 2);
    const { privateKey, handshake } = told[1];
    assert.ok(handshake !== undefined);
    assert.deepEqual(nobleSuite.publicKey(privateKey), publicOf(own));
    assert.equal(handshake.peer, 0);
    assert.deepEqual(handshake.peerPublicKey, publicOf(other));
    assert.deepEqual(handshake.presharedKey, presharedKey);
    const ephemeral = nobleSuite.publicKey(handshake.ephemeralPrivate);
    assert.deepEqual(ephemeral, datagram.bytes.slice(at, at + 32));
  }
  a.device.onHandshakeSecrets(undefined);
  a.want();
  assert.equal(ofA.length, 2, "nobody asks any more");
});

Deno.test("a device without a key tells nothing", () => {
  assert.deepEqual(secretsOf(new Bench(3)), []);
});
