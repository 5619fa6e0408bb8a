import assert from "node:assert/strict";
import { type Milliseconds, milliseconds } from "../../lib/base/brands.ts";
import type { Endpoint } from "../../lib/base/endpoint.ts";
import { COOKIE_KEYS_BYTES, CookieKeys } from "../../lib/base/cookie_keys.ts";
import { CookieChecker, hasMac2 } from "../../lib/cookie/cookie_checker.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { CookieJar } from "../../lib/cookie/cookie_jar.ts";
import { cookieKey } from "../../lib/cookie/macs.ts";
import { COOKIE_REPLY, MESSAGE_NONE, messageKind } from "../../lib/wire/messages.ts";
import { endpointOf, publicOf } from "../device/harness.ts";
import { allSuites } from "../noise/suites.ts";
import { Chance, filler } from "../random.ts";
import { Checked } from "./checked.ts";

const SECRET_MAX_AGE = 120_000;
const at = (ms: number): Milliseconds => milliseconds(1_000_000 + ms);

for (const suite of allSuites()) {
  const setUp = () => {
    const random = filler(Chance.of(5));
    const checker = new Checked(suite, publicOf(2), random, SECRET_MAX_AGE);
    const jar = new CookieJar(suite, publicOf(2), SECRET_MAX_AGE);
    const message = (length = 148) => {
      const bytes = new Uint8Array(length);
      random(bytes);
      bytes.set([length === 148 ? 1 : 2, 0, 0, 0]);
      bytes.fill(0, length - 32);
      return bytes;
    };
    return { checker, jar, message };
  };
  const sealed = (jar: CookieJar, bytes: Uint8Array, now: Milliseconds) => {
    jar.seal(bytes, now);
    return bytes;
  };
  const source = endpointOf(7, 4000);

  Deno.test(`mac1 covers everything before it, with ${suite.name}`, () => {
    const { checker, jar, message } = setUp();
    for (const length of [148, 92]) {
      const bytes = sealed(jar, message(length), at(0));
      assert.ok(checker.checkMac1(bytes));
      assert.deepEqual(
        bytes.subarray(length - 16),
        new Uint8Array(16),
        "mac2 is zero without a cookie",
      );
      for (let bit = 0; bit < (length - 16) * 8; bit += 13) {
        const bad = bytes.slice();
        bad[bit >> 3] ^= 1 << (bit & 7);
        assert.equal(checker.checkMac1(bad), false, `bit ${bit}`);
      }
    }
    const other = new CookieJar(suite, publicOf(3), SECRET_MAX_AGE);
    assert.equal(
      checker.checkMac1(sealed(other, message(), at(0))),
      false,
      "made for another public key",
    );
  });

  Deno.test(`a cookie serves its address and port alone, until its secret ends, with ${suite.name}`, () => {
    const { checker, jar, message } = setUp();
    const first = sealed(jar, message(), at(0));
    assert.equal(checker.checkMac2(first, source, at(0)), false);
    const reply = checker.reply(first, source, at(0));
    assert.equal(messageKind(reply), 3);
    assert.deepEqual(
      reply.subarray(4, 8),
      first.subarray(4, 8),
      "the receiver is the message's sender",
    );
    assert.ok(jar.consume(reply, at(10)));
    assert.equal(jar.consume(reply, at(10)), false, "a reply is taken once");

    const second = sealed(jar, message(92), at(20));
    assert.ok(checker.checkMac1(second));
    assert.ok(checker.checkMac2(second, source, at(20)));
    const elsewhere: Endpoint[] = [
      { ...source, port: 4001 },
      { ...source, port: 4000 ^ 256 },
      endpointOf(8, 4000),
      { ...source, address: Uint8Array.of(...source.address, ...new Uint8Array(12)) },
    ];
    for (const other of elsewhere) assert.equal(checker.checkMac2(second, other, at(20)), false);
    const bad = second.slice();
    bad[91] ^= 1;
    assert.equal(checker.checkMac2(bad, source, at(20)), false);
    assert.ok(checker.checkMac2(second, source, at(120_000)));
    assert.equal(checker.checkMac2(second, source, at(120_001)), false, "the secret has ended");
  });

  Deno.test(`a cookie is a mac of address and port under the secret, with ${suite.name}`, () => {
    const { checker, message } = setUp();
    for (const address of [source.address, Uint8Array.from({ length: 16 }, (_, i) => 0x20 + i)]) {
      const from = { ...source, address, port: 0x1234 };
      const asked = sealed(new CookieJar(suite, publicOf(2), SECRET_MAX_AGE), message(), at(0));
      const reply = checker.reply(asked, from, at(0));
      const cookie = suite.xopen(
        cookieKey(suite, publicOf(2)),
        reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.cookie),
        reply.subarray(COOKIE_REPLY.cookie),
        asked.subarray(116, 132),
      );
      const copy = {
        hasKeys: false,
        mac1Key: new Uint8Array(32),
        cookieKey: new Uint8Array(32),
        secret: new Uint8Array(32),
        noncePrefix: new Uint8Array(16),
        madeAt: at(0),
      };
      checker.keys.copyTo(copy);
      const text = Uint8Array.of(...address, 0x12, 0x34);
      assert.deepEqual(cookie, suite.mac(copy.secret, text));
    }
  });

  Deno.test(`a wiped cookie is not used, and neither are zeros in its place, with ${suite.name}`, () => {
    const { checker, jar, message } = setUp();
    assert.ok(jar.consume(checker.reply(sealed(jar, message(), at(0)), source, at(0)), at(0)));
    assert.notDeepEqual(sealed(jar, message(), at(1)).subarray(132), new Uint8Array(16));
    jar.wipe();
    assert.deepEqual(sealed(jar, message(), at(2)).subarray(132), new Uint8Array(16));
  });

  Deno.test(`a wiped cookie is erased from memory, with ${suite.name}`, () => {
    const { checker, message } = setUp();
    const keys: Uint8Array[] = [];
    const watched = {
      ...suite,
      mac: (key: Uint8Array, ...parts: readonly Uint8Array[]) => {
        keys.push(key);
        return suite.mac(key, ...parts);
      },
    };
    const jar = new CookieJar(watched, publicOf(2), SECRET_MAX_AGE);
    const ask = () =>
      jar.consume(checker.reply(sealed(jar, message(), at(0)), source, at(0)), at(0));
    const cookieInUse = () => {
      sealed(jar, message(), at(1));
      return keys[keys.length - 1];
    };
    const gone = new Uint8Array(16);
    assert.ok(ask());
    const first = cookieInUse();
    assert.notDeepEqual(first, gone);
    assert.ok(ask());
    assert.deepEqual(first, gone, "another one is in its place");
    const second = cookieInUse();
    jar.wipe();
    assert.deepEqual(second, gone);
  });

  Deno.test(`a secret is replaced after 120 s, and a jar stops using a cookie before, with ${suite.name}`, () => {
    const { checker, jar, message } = setUp();
    assert.ok(jar.consume(checker.reply(sealed(jar, message(), at(0)), source, at(0)), at(0)));
    assert.ok(checker.checkMac2(sealed(jar, message(), at(114_999)), source, at(114_999)));
    assert.ok(checker.checkMac2(sealed(jar, message(), at(115_000)), source, at(115_000)));
    const late = sealed(jar, message(), at(115_001));
    assert.deepEqual(late.subarray(132), new Uint8Array(16), "too old to be used");
    const renewed = checker.reply(late, source, at(121_000));
    assert.ok(jar.consume(renewed, at(121_000)));
    assert.ok(checker.checkMac2(sealed(jar, message(), at(121_001)), source, at(121_001)));
  });

  Deno.test(`a cookie of a short secret is used for half of its time, with ${suite.name}`, () => {
    const { checker, message } = setUp();
    const jar = new CookieJar(suite, publicOf(2), 8_000);
    assert.ok(jar.consume(checker.reply(sealed(jar, message(), at(0)), source, at(0)), at(0)));
    const hasCookie = (ms: number) => hasMac2(sealed(jar, message(), at(ms)), 0, 148);
    assert.deepEqual([hasCookie(4_000), hasCookie(4_001)], [true, false]);
  });

  Deno.test(`the receiver erases each cookie that it computes, with ${suite.name}`, () => {
    const cookies: Uint8Array[] = [];
    const watched = {
      ...suite,
      macTo: (to: Uint8Array, key: Uint8Array, part: Uint8Array) => {
        suite.macTo(to, key, part);
        assert.ok(to.some((byte) => byte !== 0));
        // An address and a port.
        if ([6, 18].includes(part.length)) cookies.push(to);
      },
    };
    const { jar, message } = setUp();
    const checker = new Checked(watched, publicOf(2), filler(Chance.of(5)), SECRET_MAX_AGE);
    assert.ok(jar.consume(checker.reply(sealed(jar, message(), at(0)), source, at(0)), at(0)));
    assert.equal(cookies.length, 1);
    assert.deepEqual(cookies.pop(), new Uint8Array(16));
    assert.ok(checker.checkMac2(sealed(jar, message(), at(1)), source, at(1)));
    assert.equal(cookies.length, 1);
    assert.deepEqual(cookies.pop(), new Uint8Array(16));
  });

  Deno.test(`no nonce of a cookie reply comes twice, also not under a new secret, with ${suite.name}`, () => {
    const { checker, jar, message } = setUp();
    const seen = new Set<string>();
    for (let i = 0; i < 600; i++) {
      const now = at(i * 1_000);
      seen.add(
        checker.reply(sealed(jar, message(), now), source, now).slice(
          COOKIE_REPLY.nonce,
          COOKIE_REPLY.cookie,
        ).toHex(),
      );
    }
    assert.equal(seen.size, 600);
    // The last 8 bytes are a count, little-endian, with which the cookie is sealed.
    const asked = sealed(jar, message(), at(0));
    const fresh = new Checked(suite, publicOf(2), filler(Chance.of(6)), SECRET_MAX_AGE);
    const counts = Array.from({ length: 600 }, () => {
      const reply = fresh.reply(asked, source, at(0));
      assert.deepEqual(reply.subarray(0, 4), Uint8Array.of(3, 0, 0, 0));
      return new DataView(reply.buffer).getBigUint64(COOKIE_REPLY.nonce + 16, true);
    });
    assert.deepEqual(counts, Array.from({ length: 600 }, (_, i) => counts[0] + BigInt(i)));
    assert.ok(jar.consume(fresh.reply(asked, source, at(0)), at(0)), "also past 256 and 512");
  });

  Deno.test(`a cookie reply must answer the last message and be whole, with ${suite.name}`, () => {
    const { checker, jar, message } = setUp();
    const first = sealed(jar, message(), at(0));
    const reply = checker.reply(first, source, at(0));
    assert.equal(
      new CookieJar(suite, publicOf(2), SECRET_MAX_AGE).consume(reply, at(0)),
      false,
      "nothing was sent",
    );
    for (let bit = COOKIE_REPLY.nonce * 8; bit < 64 * 8; bit += 7) {
      const bad = reply.slice();
      bad[bit >> 3] ^= 1 << (bit & 7);
      assert.equal(jar.consume(bad, at(0)), false, `bit ${bit}`);
    }
    sealed(jar, message(), at(1));
    assert.equal(jar.consume(reply, at(2)), false, "another message was sent since");
    assert.notEqual(messageKind(reply), MESSAGE_NONE);
  });
}

Deno.test("there are keys only while there is a private key", () => {
  const { keys, checker } = new Checked(nobleSuite, publicOf(2), filler(Chance.of(1)), 1_000);
  assert.equal(checker.hasKeys, true);
  keys.setKeys(undefined);
  assert.equal(checker.hasKeys, false);
  const others = new CookieKeys(new SharedArrayBuffer(COOKIE_KEYS_BYTES), 0);
  assert.equal(new CookieChecker(nobleSuite, others, 1_000).hasKeys, false, "none was ever set");
});

Deno.test("there is a secret only after one was made, also in the first minutes of the clock", () => {
  const { keys, checker } = new Checked(nobleSuite, publicOf(2), filler(Chance.of(1)), 1_000);
  assert.equal(checker.hasKeys, true);
  assert.equal(checker.hasSecret(milliseconds(500)), false);
  keys.renewSecret(filler(Chance.of(2)), milliseconds(1));
  assert.equal(checker.hasKeys, true);
  assert.equal(checker.hasSecret(milliseconds(1)), true);
  assert.deepEqual([1_001, 1_002].map((ms) => checker.hasSecret(milliseconds(ms))), [true, false]);
});

Deno.test("a message has a mac2 when any of its 16 bytes is not zero", () => {
  for (const length of [148, 92]) {
    const bytes = new Uint8Array(16 + length + 16).fill(0xff);
    bytes.fill(0, 16 + length - 16, 16 + length);
    assert.equal(hasMac2(bytes, 16, length), false);
    for (let i = 0; i < 16; i++) {
      const one = bytes.slice();
      one[16 + length - 16 + i] = 1;
      assert.equal(hasMac2(one, 16, length), true, `byte ${i}`);
    }
  }
});
