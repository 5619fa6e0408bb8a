/**
 * What a handshake computes is filled with zeros after its last use: ephemeral keys, results of
 * X25519, chaining keys. tests/system/memory_test.ts looks for copies of them.
 */
import assert from "node:assert/strict";
import { milliseconds, type PresharedKey, type PrivateKey } from "../../lib/base/brands.ts";
import { KEY_LENGTH } from "../../lib/base/constants.ts";
import { STANDARD_TIMES } from "../../lib/base/times.ts";
import { holdSecretMemory, secretBytes } from "../../lib/base/secret_bytes.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { BASE_POINT, type Suite } from "../../lib/crypto/suite.ts";
import { Bench, endpointOf, keyOf, publicOf } from "./harness.ts";

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

/** Keeps all memory of secrets that is used from now on, except that of `aside`. */
function secretMemory() {
  const blocks: Uint8Array[] = [];
  holdSecretMemory((memory) => blocks.push(memory));
  /** What follows is in other blocks. */
  const turnPage = () => {
    for (const life of ["passing", "lasting"] as const) secretBytes(4_096, life);
  };
  turnPage();
  blocks.length = 0;
  return {
    aside<T>(fn: () => T): T {
      turnPage();
      const { length } = blocks;
      const result = fn();
      turnPage();
      blocks.length = length;
      return result;
    },
    /** How many bytes are no zeros. The memory that isolates share has times and versions too. */
    left: () =>
      blocks.filter(({ buffer }) => buffer instanceof ArrayBuffer)
        .reduce((sum, block) => sum + block.filter((byte) => byte !== 0).length, 0),
    [Symbol.dispose]: () => holdSecretMemory(() => {}),
  };
}

Deno.test("when peers and the private key are removed, no secret of a long life is left", () => {
  using memory = secretMemory();
  // The public keys of ephemerals are made like secrets.
  const publicKeys: Uint8Array[] = [];
  const suite: Suite = {
    ...nobleSuite,
    products: (privateKey, ...points) => {
      const made = nobleSuite.products(privateKey, ...points);
      made.forEach((one, i) => points[i] === BASE_POINT && publicKeys.push(one!));
      return made;
    },
  };
  const [a, b] = [1, 2].map((seed) =>
    new Bench(seed, STANDARD_TIMES, suite).start([
      { publicKey: publicOf(3 - seed), endpoint: endpointOf(3 - seed), presharedKey: PSK },
      { publicKey: publicOf(9), endpoint: endpointOf(9), presharedKey: PSK },
    ])
  );
  const setBoth = (privateKeys: readonly number[]) =>
    [a, b].forEach((bench, i) => {
      bench.device.configure({ privateKey: keyOf(privateKeys[i]) }, bench.now);
      bench.collect().clear();
    });
  const shake = () => {
    a.want();
    b.receive(a.datagrams.at(-1)!.bytes, endpointOf(1));
    assert.equal(b.lastVerdict, "handshake_initiation_accepted");
    a.receive(b.datagrams.at(-1)!.bytes, endpointOf(2));
    assert.equal(a.lastVerdict, "handshake_response_accepted");
  };
  shake();
  assert.ok(memory.left() > 6 * 30, "private keys, preshared keys, results of X25519");
  setBoth([1, 2]);
  // A cookie, and another one in its place.
  for (let i = 0; i < 2; i++) {
    a.pass(6_000);
    a.want();
    const initiation = a.datagrams.at(-1)!.bytes;
    a.receive(memory.aside(() => b.cookieReply(initiation, endpointOf(1))), endpointOf(2));
    assert.equal(a.lastVerdict, "cookie_accepted");
  }
  // Other keys in the place of these.
  setBoth([7, 2]);
  b.device.configure({
    peers: [{ publicKey: publicOf(7), endpoint: endpointOf(1), presharedKey: PSK }],
  }, b.now);
  for (const [bench, other] of [[a, 2], [b, 7]] as const) {
    const presharedKey = PSK.map((byte) => byte + 1) as PresharedKey;
    bench.device.configure({ peers: [{ publicKey: publicOf(other), presharedKey }] }, bench.now);
    bench.pass(6_000);
  }
  shake();
  a.pass(6_000);
  a.want();
  const none = new Uint8Array(KEY_LENGTH) as PresharedKey;
  for (const bench of [a, b]) {
    const publicKey = publicOf(9);
    bench.device.configure({ peers: [{ publicKey, presharedKey: none }] }, bench.now);
    bench.device.configure({ replacePeers: true }, bench.now);
  }
  assert.ok(memory.left() > 2 * 30, "the private keys");
  for (const bench of [a, b]) {
    bench.device.configure({ privateKey: new Uint8Array(KEY_LENGTH) as PrivateKey }, bench.now);
  }
  for (const publicKey of publicKeys) publicKey.fill(0);
  assert.equal(memory.left(), 0);
});
