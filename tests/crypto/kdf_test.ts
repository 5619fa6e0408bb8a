import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { subkeyOfBlock } from "../../lib/crypto/xchacha.ts";
import { counterNonce, writeCounterNonce } from "../../lib/crypto/nonce.ts";
import { SUITES } from "./implementations.ts";
import { Chance, SEED } from "../random.ts";

/** HKDF (RFC 5869, empty info) with node:crypto's HMAC-BLAKE2s. */
function expand(key: Uint8Array, input: Uint8Array, count: number): Uint8Array[] {
  const hmac = (under: Uint8Array, ...parts: Uint8Array[]): Uint8Array => {
    const state = createHmac("blake2s256", under);
    for (const part of parts) state.update(part);
    return new Uint8Array(state.digest());
  };
  const secret = hmac(key, input), keys: Uint8Array[] = [];
  for (let i = 1; i <= count; i++) {
    keys.push(hmac(secret, keys.at(-1) ?? new Uint8Array(0), Uint8Array.of(i)));
  }
  return keys;
}

for (const suite of SUITES) {
  Deno.test(`${suite.name}: KDF1, KDF2 and KDF3 are HKDF`, () => {
    const random = Chance.of(SEED + 20);
    for (const length of [0, 1, 32, 63, 64, 65, 100, 4031, 4032, 4033, 4096, 10_000]) {
      const key = random.bytes(32),
        input = random.bytes(length),
        what = `${length} bytes, seed ${SEED}`;
      for (const count of [1, 2, 3]) {
        const around = new Uint8Array(32 * count + 2).fill(0xa5), before = key.slice();
        const outputs = Array.from(
          { length: count },
          (_, i) => around.subarray(1 + 32 * i, 33 + 32 * i),
        );
        suite.kdf(key, input, ...outputs);
        assert.deepEqual(outputs, expand(key, input, count), what);
        assert.deepEqual([key, around[0], around.at(-1)], [before, 0xa5, 0xa5], what);
      }
    }
  });

  Deno.test(`${suite.name}: the first output of KDF may be its key`, () => {
    const random = Chance.of(SEED + 21), input = random.bytes(32), other = new Uint8Array(32);
    const key = random.bytes(32), expected = expand(key, input, 2);
    suite.kdf(key, input, key, other);
    assert.deepEqual([key, other], expected, `seed ${SEED}`);
    assert.throws(() => suite.kdf(key.subarray(1), input, other), RangeError);
  });
}

Deno.test("the nonce is 32 zero bits and the counter", () => {
  assert.equal(counterNonce(0x0102_0304_0506_0708n).toHex(), "000000000807060504030201");
  assert.equal(counterNonce((1n << 64n) - 1n).toHex(), "00000000ffffffffffffffff");
  const nonce = new Uint8Array(12).fill(0xa5);
  for (const counter of [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 0x1234_5678_9abc, 7]) {
    writeCounterNonce(nonce, counter);
    assert.deepEqual(nonce, counterNonce(BigInt(counter)), `${counter}`);
  }
});

// RFC 8439 section 2.3.2 gives both the state after 20 rounds and the block, for one key, counter
// and nonce.
Deno.test("a subkey is the first and last row after the rounds", () => {
  const block = Uint8Array.fromHex(
    "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
  );
  const counterAndNonce = Uint8Array.fromHex("01000000000000090000004a00000000");
  const subkey = new DataView(subkeyOfBlock(block, counterAndNonce).buffer);
  const words = Array.from({ length: 8 }, (_, i) => subkey.getUint32(i * 4, true));
  const first = [0x837778ab, 0xe238d763, 0xa67ae21e, 0x5950bb2f];
  const last = [0xd19c12b4, 0xb04e16de, 0x9e83d0cb, 0x4e3c50a2];
  assert.deepEqual(words, [...first, ...last]);
});
