/**
 * What a handshake computes is filled with zeros after its last use: ephemeral keys, results of
 * X25519, chaining keys. tests/system/memory_test.ts looks for copies of them.
 */
import assert from "node:assert/strict";
import { milliseconds, type PresharedKey } from "../../lib/base/brands.ts";
import { KEY_LENGTH } from "../../lib/base/constants.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { BASE_POINT, type Suite } from "../../lib/crypto/suite.ts";
import { Bench, endpointOf, publicOf } from "./harness.ts";

const PSK = new Uint8Array(KEY_LENGTH).fill(9) as PresharedKey;

/** A device whose secrets are watched. */
function watched(seed: number, peer: number) {
  const secrets: Uint8Array[] = [];
  const keep = (made: readonly (Uint8Array | undefined)[]) =>
    secrets.push(...made.filter((secret) => secret !== undefined));
  const suite: Suite = {
    ...nobleSuite,
    kdf: (key, input, ...outputs) => {
      nobleSuite.kdf(key, input, ...outputs);
      keep(outputs);
    },
    products: (privateKey, ...points) => {
      const made = nobleSuite.products(privateKey, ...points);
      keep(made.filter((_, i) => points[i] !== BASE_POINT));
      return made;
    },
    sharedSecret: (privateKey, point) => {
      const made = nobleSuite.sharedSecret(privateKey, point);
      keep([made]);
      return made;
    },
  };
  const bench = new Bench(seed, STANDARD_TIMES, suite);
  bench.start([{ publicKey: publicOf(peer), endpoint: endpointOf(peer), presharedKey: PSK }]);
  const left = () => ({
    secrets: secrets.filter((secret) => secret.some((byte) => byte !== 0)).length,
    ephemerals:
      bench.drawn.filter((bytes) => bytes.length === KEY_LENGTH && bytes.some((byte) => byte !== 0))
        .length,
  });
  return { bench, secrets, left };
}

const NOTHING = { secrets: 0, ephemerals: 0 };

Deno.test("after a handshake nothing of it is left on either side", () => {
  const a = watched(1, 2);
  const b = watched(2, 1);
  a.bench.want();
  assert.equal(a.left().ephemerals, 1, "the response will need it");
  b.bench.receive(a.bench.datagrams[0].bytes, endpointOf(1));
  assert.equal(b.bench.lastVerdict, "handshake_initiation_accepted");
  assert.deepEqual(b.left(), NOTHING);
  a.bench.receive(b.bench.datagrams[0].bytes, endpointOf(2));
  assert.equal(a.bench.lastVerdict, "handshake_response_accepted");
  assert.deepEqual(a.left(), NOTHING);
  assert.ok(a.secrets.length >= 10 && b.secrets.length >= 10);
});

Deno.test("of an initiation that is refused nothing is left, whatever the reason", () => {
  const { bench, secrets, left } = watched(2, 1);
  const a = new Bench(1).start([{
    publicKey: publicOf(2),
    endpoint: endpointOf(2),
    presharedKey: PSK,
  }]);
  const stranger = new Bench(3).start([{ publicKey: publicOf(2), endpoint: endpointOf(2) }]);
  a.want();
  stranger.want();
  const [{ bytes: good }] = a.datagrams;
  const refused = (initiation: Uint8Array, verdict: string) => {
    const before = secrets.length;
    bench.receive(initiation, endpointOf(1));
    assert.equal(bench.lastVerdict, verdict);
    assert.ok(secrets.length > before, "something was computed");
    assert.deepEqual(left(), NOTHING, verdict);
  };
  refused(stranger.datagrams[0].bytes, "handshake_unknown_peer");
  bench.receive(good, endpointOf(1));
  assert.equal(bench.lastVerdict, "handshake_initiation_accepted");
  refused(good, "handshake_replayed");
  a.clear().now = milliseconds(a.now + 5_400);
  a.wallNs += 5_400_000_000n;
  a.device.tick(a.now);
  refused(a.collect().datagrams[0].bytes, "handshake_too_often");
});

Deno.test("an initiation that is given up, and one whose peer is removed, leave nothing", () => {
  for (const end of ["time", "removal"]) {
    const { bench, left } = watched(1, 2);
    bench.want();
    assert.equal(left().ephemerals, 1);
    if (end === "time") {
      bench.pass(STANDARD_TIMES.rekeyAttempt + STANDARD_TIMES.zeroKeysAfter + 60_000);
    } else {
      bench.device.configure(
        { peers: [{ publicKey: publicOf(2), remove: true }] },
        bench.now,
      );
    }
    assert.deepEqual(left(), NOTHING, end);
  }
});
