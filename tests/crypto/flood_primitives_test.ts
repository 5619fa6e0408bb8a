/** The primitives that are used in a flood give the same results as @noble's. */
import assert from "node:assert/strict";
import { CookieSealer } from "../../lib/crypto/cookie_sealer.ts";
import { poly1305 } from "npm:@noble/ciphers@2.4.0/_poly1305.js";
import { Poly1305 } from "../../lib/crypto/poly1305.ts";
import { KeyedBlake2s } from "../../lib/crypto/keyed_blake2s.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { property } from "../random.ts";

Deno.test("keyed BLAKE2s equals @noble's at every length and with changing keys", () => {
  property(1, (chance) => {
    const blake = new KeyedBlake2s();
    for (let length = 1; length <= 300; length++) {
      const key = chance.bytes(chance.once(2) ? 16 : 32);
      const at = chance.int(40);
      const bytes = chance.bytes(at + length + 20);
      const out = new Uint8Array(20);
      blake.setKey(key);
      for (let twice = 0; twice < 2; twice++) {
        blake.mac(bytes, at, length, out, 3);
        assert.deepEqual(
          out.subarray(3, 19),
          nobleSuite.mac(key, bytes.subarray(at, at + length)),
          `${length}`,
        );
      }
      assert.deepEqual([out[0], out[1], out[2], out[19]], [0, 0, 0, 0]);
    }
  });
});

function check(
  sealer: CookieSealer,
  key: Uint8Array,
  nonce: Uint8Array,
  text: Uint8Array,
  associated: Uint8Array,
): void {
  const bytes = new Uint8Array(200);
  bytes.set(associated, 10);
  bytes.set(nonce, 33);
  sealer.seal(bytes, text, 10, 33 + 16, 100);
  assert.deepEqual(bytes.subarray(100, 132), nobleSuite.xseal(key, nonce, text, associated));
  assert.ok(bytes.subarray(132).every((byte) => byte === 0));
}

Deno.test("a sealed cookie equals @noble's XChaCha20-Poly1305", () => {
  property(1, (chance) => {
    const sealer = new CookieSealer();
    for (let round = 0; round < 200; round++) {
      const key = chance.bytes(32);
      const prefix = chance.bytes(16);
      sealer.setKey(key, prefix);
      for (let i = 0; i < 20; i++) {
        const nonce = new Uint8Array(24);
        nonce.set(prefix);
        nonce.set(chance.bytes(8), 16);
        const edge = (bytes: Uint8Array) =>
          chance.once(4) ? bytes.fill(chance.once(2) ? 255 : 0) : bytes;
        check(sealer, key, nonce, edge(chance.bytes(16)), edge(chance.bytes(16)));
      }
    }
  });
});

Deno.test("Poly1305 equals @noble's, also for sums just below, at and above the modulus", () => {
  const filled = (first: number, others: number) =>
    Uint8Array.of(first, ...new Array(15).fill(others));
  const r = (first: number) => Uint8Array.of(first, ...new Array(15).fill(0));
  const pads = [r(0), filled(255, 255)];
  // RFC 8439 appendix A.3, vectors 7 to 11, and their neighbours.
  const texts = [0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff].flatMap((first) => [
    [filled(first, 255)],
    [filled(255, 255), filled(first, 254), filled(1, 1)],
    [filled(255, 255), filled(first & 0xf0, 255), r(0x11)],
  ]);
  const check = (key: Uint8Array, text: Uint8Array) => {
    const poly = new Poly1305();
    const out = new Uint8Array(20);
    poly.setKey(key.slice());
    poly.tag(text, out, 2);
    assert.deepEqual(
      out,
      Uint8Array.of(0, 0, ...poly1305(text, key), 0, 0),
      `${key.toHex()} ${text.toHex()}`,
    );
  };
  for (const pad of pads) {
    for (const first of [0, 1, 2, 4]) {
      for (const blocks of texts) {
        check(Uint8Array.of(...r(first), ...pad), Uint8Array.of(...blocks.flatMap((b) => [...b])));
      }
    }
  }
  property(1, (chance) => {
    for (let i = 0; i < 500; i++) check(chance.bytes(32), chance.bytes(16 * (1 + chance.int(6))));
  });
});
