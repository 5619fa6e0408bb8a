/** mac1 and mac2 as section 5.4.4 of the whitepaper writes them, computed another way. */
import assert from "node:assert/strict";
import { blake2s } from "npm:@noble/hashes@2.4.0/blake2.js";
import { checkMac1, cookieKey, mac1Key, mac1Of, mac2Of } from "../../lib/cookie/macs.ts";
import { concat } from "../data/packets.ts";
import { publicOf } from "../device/harness.ts";
import { allSuites } from "../noise/suites.ts";

const label = (text: string) => new TextEncoder().encode(text);

for (const suite of allSuites()) {
  Deno.test(`the keys of mac1 and of cookies are hashes of a label and the public key, with ${suite.name}`, () => {
    const publicKey = publicOf(2);
    // LABEL-MAC1 and LABEL-COOKIE of section 5.4.
    assert.deepEqual(mac1Key(suite, publicKey), blake2s(concat(label("mac1----"), publicKey)));
    assert.deepEqual(cookieKey(suite, publicKey), blake2s(concat(label("cookie--"), publicKey)));
  });

  Deno.test(`mac1 is of all before it, mac2 of all before it with mac1, with ${suite.name}`, () => {
    for (const length of [148, 92]) {
      const message = Uint8Array.from({ length }, (_, i) => i * 7);
      const key = Uint8Array.from({ length: 32 }, (_, i) => i);
      const cookie = Uint8Array.from({ length: 16 }, (_, i) => 100 + i);
      const mac1 = blake2s(message.subarray(0, length - 32), { key, dkLen: 16 });
      assert.deepEqual(mac1Of(suite, key, message), mac1);
      const mac2 = blake2s(message.subarray(0, length - 16), { key: cookie, dkLen: 16 });
      assert.deepEqual(mac2Of(suite, cookie, message), mac2);
      assert.equal(checkMac1(suite, key, message), false);
      message.set(mac1, length - 32);
      assert.equal(checkMac1(suite, key, message), true);
      for (let i = 0; i < 16; i++) {
        const wrong = message.slice();
        wrong[length - 32 + i] ^= 1;
        assert.equal(checkMac1(suite, key, wrong), false, `byte ${i}`);
      }
    }
  });
}
