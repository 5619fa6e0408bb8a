/** What a handshake computes is zeroed at its last use, also where a message is refused. */
import assert from "node:assert/strict";
import { sessionIndex } from "../../lib/base/brands.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { BASE_POINT, type Suite } from "../../lib/crypto/suite.ts";
import {
  consumeResponse,
  createInitiation,
  createResponse,
  identityOf,
  openInitiation,
  openTimestamp,
  wipeInitiated,
  wipeOpened,
  wireguardStart,
} from "../../lib/noise/handshake.ts";
import { INITIATION, RESPONSE } from "../../lib/wire/messages.ts";
import { keyOf } from "../device/harness.ts";

const PSK = keyOf(99);
const TIMESTAMP = new Uint8Array(12).fill(0x40);
const SMALL_ORDER = new Uint8Array(32);

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

/** A side of a handshake, and what it has computed. */
function watched() {
  const secrets: Uint8Array[] = [];
  const hashes: Uint8Array[] = [];
  const keep = (made: readonly (Uint8Array | undefined)[]) => {
    for (const secret of made) {
      if (secret !== undefined && !secrets.includes(secret)) secrets.push(secret);
    }
  };
  const suite: Suite = {
    ...nobleSuite,
    kdf: (key, input, ...outputs) => {
      keep(outputs);
      nobleSuite.kdf(key, input, ...outputs);
    },
    products: (privateKey, ...points) => {
      const made = nobleSuite.products(privateKey, ...points);
      keep(made.filter((_, i) => points[i] !== BASE_POINT));
      return made;
    },
    sharedSecret: (...args) => {
      const made = nobleSuite.sharedSecret(...args);
      keep([made]);
      return made;
    },
    hashTo: (to, ...parts) => {
      hashes.push(to);
      nobleSuite.hashTo(to, ...parts);
    },
  };
  return { suite, start: wireguardStart(suite), secrets, hashes };
}

type Watched = ReturnType<typeof watched>;

/** Everything is zero but the secrets that are left to the caller, and the last hash is too. */
function assertErased({ secrets, hashes }: Watched, left: readonly Uint8Array[] = []): void {
  const found = secrets.filter((secret) => !isZero(secret));
  assert.deepEqual(found, left);
  assert.ok(secrets.length > 0 && hashes.length > 0);
  assert.ok(isZero(hashes.at(-1)!), "the hash is left");
}

const IDENTITIES = [identityOf(nobleSuite, keyOf(1)), identityOf(nobleSuite, keyOf(2))] as const;
const SHARED = nobleSuite.sharedSecret(IDENTITIES[0].privateKey, IDENTITIES[1].publicKey)!;

function initiate(side: Watched) {
  const [a, b] = IDENTITIES;
  return createInitiation(
    side.suite,
    side.start,
    a,
    b.publicKey,
    SHARED,
    sessionIndex(1),
    keyOf(3).slice(),
    TIMESTAMP,
  )!;
}

function open(side: Watched, message: Uint8Array) {
  return openInitiation(side.suite, side.start, IDENTITIES[1], message);
}

const respond = (opened: NonNullable<ReturnType<typeof open>>) =>
  createResponse(opened, PSK, sessionIndex(2), sessionIndex(1), keyOf(4));

/** Changes a bit of a message. */
function damaged(message: Uint8Array, at: number): Uint8Array {
  const copy = message.slice();
  copy[at] ^= 1;
  return copy;
}

Deno.test("a handshake leaves the keys of the session only", () => {
  const a = watched(), b = watched();
  const { message, initiated } = initiate(a);
  const opened = open(b, message)!;
  openTimestamp(opened, SHARED, message);
  const { message: response, keys } = respond(opened)!;
  assert.ok(isZero(opened.initiatorStatic), "the initiator's public key is left");
  assertErased(b, [keys.receiveKey, keys.sendKey]);

  const own = consumeResponse(initiated, IDENTITIES[0], PSK, response)!;
  assert.ok(isZero(a.hashes.at(-1)!), "the hash is left");
  assert.ok(!isZero(initiated.ephemeralPrivate), "it is the caller's");
  // The chaining key of the initiation, for a response that may still come, and the keys.
  assert.equal(a.secrets.filter((secret) => !isZero(secret)).length, 3);
  wipeInitiated(initiated);
  assert.ok(isZero(initiated.ephemeralPrivate));
  assertErased(a, [own.sendKey, own.receiveKey]);
});

Deno.test("an initiation that is given up leaves nothing", () => {
  const side = watched();
  const { initiated } = initiate(side);
  assert.equal(side.secrets.filter((secret) => !isZero(secret)).length, 1);
  wipeInitiated(initiated);
  assertErased(side);
});

Deno.test("an initiation that is refused leaves nothing", () => {
  const { message } = initiate(watched());
  const forged = watched();
  assert.equal(open(forged, damaged(message, INITIATION.static)), undefined);
  assertErased(forged);

  const refused = watched();
  const opened = open(refused, message)!;
  assert.ok(!isZero(opened.initiatorStatic));
  wipeOpened(opened);
  assert.ok(isZero(opened.initiatorStatic));
  assertErased(refused);

  const late = watched();
  const other = open(late, message)!;
  assert.equal(openTimestamp(other, SHARED, damaged(message, INITIATION.timestamp)), undefined);
  wipeOpened(other);
  assertErased(late);
});

Deno.test("a response that cannot be made leaves nothing, whichever key is of small order", () => {
  const { message } = initiate(watched());
  for (const which of ["initiatorEphemeral", "initiatorStatic"] as const) {
    const side = watched();
    const opened = open(side, message)!;
    openTimestamp(opened, SHARED, message);
    assert.equal(respond({ ...opened, [which]: SMALL_ORDER.slice() }), undefined);
    assertErased(side);
  }
});

Deno.test("a response that is refused leaves what waits for the true one", () => {
  const b = watched();
  const { message } = initiate(watched());
  const opened = open(b, message)!;
  openTimestamp(opened, SHARED, message);
  const { message: response } = respond(opened)!;
  for (const at of [RESPONSE.ephemeral, RESPONSE.empty]) {
    const a = watched();
    const { initiated } = initiate(a);
    const chainingKey = a.secrets.filter((secret) => !isZero(secret));
    const [identity] = IDENTITIES;
    assert.equal(consumeResponse(initiated, identity, PSK, damaged(response, at)), undefined);
    assertErased(a, chainingKey);
    const small = response.slice();
    small.fill(0, RESPONSE.ephemeral, RESPONSE.ephemeral + 32);
    assert.equal(consumeResponse(initiated, identity, PSK, small), undefined);
    assert.deepEqual(a.secrets.filter((secret) => !isZero(secret)), chainingKey);
    assert.ok(consumeResponse(initiated, identity, PSK, response) !== undefined);
  }
});
