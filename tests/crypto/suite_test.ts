import assert from "node:assert/strict";
import { chacha20Poly1305 } from "../../ffi/libcrypto_suite.ts";
import { openLibcrypto } from "../../ffi/libcrypto.ts";
import { readVectors } from "../vectors/read.ts";
import { BASE_POINT } from "../../lib/crypto/suite.ts";
import { LIBCRYPTOS, SUITES } from "./implementations.ts";
import { Chance, SEED } from "../random.ts";

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const EMPTY = new Uint8Array(0);
/** Rounds of the long iteration in RFC 7748; @noble takes a millisecond for each. */
const ITERATIONS = 1000;

Deno.test("a libcrypto is found on this machine", { ignore: Deno.build.os !== "linux" }, () => {
  assert.notEqual(openLibcrypto(), undefined, "install libssl3, or the tests cover @noble only");
});

for (const suite of SUITES) {
  const test = (what: string, body: () => void) => Deno.test(`${suite.name}: ${what}`, body);

  // RFC 7748 section 5.2, the two vectors.
  test("X25519 of RFC 7748 section 5.2", () => {
    const cases = [
      [
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
      ],
      [
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
      ],
    ];
    for (const [scalar, point, product] of cases) {
      assert.equal(suite.sharedSecret(hex(scalar), hex(point))?.toHex(), product);
    }
  });

  // RFC 7748 section 5.2, the iteration: k becomes X25519(k, u), u becomes the old k.
  test("X25519 iterated 1 and 1000 times", () => {
    let k = hex("0900000000000000000000000000000000000000000000000000000000000000"), u = k;
    for (let i = 1; i <= ITERATIONS; i++) {
      const product = suite.sharedSecret(k, u);
      assert.ok(product);
      [k, u] = [product, k];
      if (i === 1) {
        assert.equal(k.toHex(), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
      }
    }
    assert.equal(k.toHex(), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  });

  // RFC 7748 section 6.1.
  test("Diffie-Hellman of RFC 7748 section 6.1", () => {
    const alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    const alicePublic = suite.publicKey(alice), bobPublic = suite.publicKey(bob);
    assert.equal(
      alicePublic.toHex(),
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    );
    assert.equal(
      bobPublic.toHex(),
      "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    );
    const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    assert.equal(suite.sharedSecret(alice, bobPublic)?.toHex(), shared);
    assert.equal(suite.sharedSecret(bob, alicePublic)?.toHex(), shared);
  });

  test("X25519 of Wycheproof, where a result of zeros is no result", () => {
    let zeros = 0;
    for (const [id, publicKey, privateKey, shared] of readVectors("x25519_wycheproof.tsv")) {
      const expected = /^0+$/.test(shared) ? undefined : shared;
      if (expected === undefined) zeros++;
      assert.equal(
        suite.sharedSecret(hex(privateKey), hex(publicKey))?.toHex(),
        expected,
        `case ${id}`,
      );
    }
    assert.equal(zeros, 31);
  });

  test("products of one key are the shared secrets and the public key, in their order", () => {
    const random = Chance.of(SEED + 9), key = random.bytes(32), zeros = new Uint8Array(32);
    const [a, b] = [random.bytes(32), random.bytes(32)];
    assert.deepEqual(suite.products(key, a, zeros, BASE_POINT, b, a), [
      suite.sharedSecret(key, a),
      undefined,
      suite.publicKey(key),
      suite.sharedSecret(key, b),
      suite.sharedSecret(key, a),
    ], `seed ${SEED}`);
    assert.deepEqual(suite.products(key, a), SUITES[0].products(key, a));
    assert.throws(() => suite.products(key, a, a.subarray(1)), RangeError);
    assert.throws(() => suite.products(key.subarray(1), a), RangeError);
  });

  test("keys that are handed in stay as they are, and results are not shared", () => {
    const random = Chance.of(SEED + 1), key = random.bytes(32), before = key.slice();
    const first = suite.publicKey(key), second = suite.publicKey(random.bytes(32));
    assert.notDeepEqual(first, second);
    const hash = suite.hash(key), kept = hash.slice();
    suite.hash(first);
    assert.deepEqual(hash, kept);
    assert.deepEqual(key, before);
  });

  // RFC 7693 appendix B, for BLAKE2s.
  test("BLAKE2s of RFC 7693", () => {
    const expected = "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982";
    assert.equal(suite.hash(ascii("abc")).toHex(), expected);
    assert.equal(suite.hash(ascii("a"), EMPTY, ascii("bc")).toHex(), expected);
  });

  test("BLAKE2s and keyed BLAKE2s as Python has them, whole and in parts", () => {
    const random = Chance.of(SEED + 2);
    for (const [length, macKey, hash, mac] of readVectors("blake2s_hashlib.tsv")) {
      const n = Number(length), cut = random.int(n + 1);
      const message = Uint8Array.from({ length: n }, (_, i) => 7 * i + n);
      for (const parts of [[message], [message.subarray(0, cut), EMPTY, message.subarray(cut)]]) {
        assert.equal(suite.hash(...parts).toHex(), hash, `${n} bytes, seed ${SEED}`);
        assert.equal(suite.mac(hex(macKey), ...parts).toHex(), mac, `${n} bytes, seed ${SEED}`);
        const to = new Uint8Array(34).fill(0xa5);
        suite.hashTo(to.subarray(1, 33), ...parts);
        assert.equal(to.toHex(), `a5${hash}a5`, `${n} bytes, seed ${SEED}`);
      }
    }
  });

  // RFC 8439 appendix A.5: key, nonce without its first 32 bits, which are zero.
  test("ChaCha20-Poly1305 of RFC 8439 appendix A.5", () => {
    const key = hex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
    const associated = hex("f33388860000000000004e91");
    const text = ascii(
      "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted by other documents at any time. " +
        "It is inappropriate to use Internet-Drafts as reference material or to cite them other than as /\u201cwork in progress./\u201d",
    );
    const sealed = suite.seal(key, 0x0807_0605_0403_0201n, text, associated);
    assert.equal(sealed.subarray(text.length).toHex(), "eead9d67890cbb22392336fea1851f38");
    assert.equal(sealed.subarray(0, 16).toHex(), "64a0861575861af460f062c79be643bd");
    assert.deepEqual(suite.open(key, 0x0807_0605_0403_0201n, sealed, associated), text);
  });

  test("XChaCha20-Poly1305 of the draft, appendix A.3.1", () => {
    const key = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    const nonce = hex("404142434445464748494a4b4c4d4e4f5051525354555657");
    const associated = hex("50515253c0c1c2c3c4c5c6c7");
    const text = ascii(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    );
    const sealed = suite.xseal(key, nonce, text, associated);
    assert.equal(sealed.subarray(0, 16).toHex(), "bd6d179d3e83d43b9576579493c0e939");
    assert.equal(sealed.subarray(text.length).toHex(), "c0875924c1c7987947deafd8780acf49");
    assert.deepEqual(suite.xopen(key, nonce, sealed, associated), text);
  });

  test("XChaCha20-Poly1305 of Wycheproof", () => {
    for (
      const [id, key, nonce, associated, text, sealed, tag, result] of readVectors(
        "xchacha20_poly1305_wycheproof.tsv",
      )
    ) {
      const whole = hex(sealed + tag);
      const opened = suite.xopen(hex(key), hex(nonce), whole, hex(associated));
      if (result === "valid") {
        assert.equal(
          suite.xseal(hex(key), hex(nonce), hex(text), hex(associated)).toHex(),
          whole.toHex(),
          `case ${id}`,
        );
        assert.equal(opened?.toHex(), text, `case ${id}`);
      } else assert.equal(opened, undefined, `case ${id}`);
    }
  });

  test("ChaCha20-Poly1305 of Wycheproof, where the nonce begins with zeros", () => {
    let fit = 0;
    for (
      const [id, key, nonce, associated, text, sealed, tag, result] of readVectors(
        "chacha20_poly1305_wycheproof.tsv",
      )
    ) {
      if (!nonce.startsWith("00000000")) continue;
      fit++;
      const counter = new DataView(hex(nonce).buffer).getBigUint64(4, true),
        whole = hex(sealed + tag);
      const opened = suite.open(hex(key), counter, whole, hex(associated));
      assert.equal(opened?.toHex(), result === "valid" ? text : undefined, `case ${id}`);
    }
    assert.ok(fit > 0);
  });

  test("every length to 300, and long ones, with and without associated data", () => {
    const random = Chance.of(SEED + 3), other = SUITES[0];
    const lengths = [...Array(301).keys(), 4079, 4080, 4081, 4096, 10_000];
    for (const length of lengths) {
      const key = random.bytes(32), nonce = random.bytes(24), text = random.bytes(length);
      const associated = random.bytes(length > 4000 ? length : random.int(64));
      const counter = BigInt(random.u32()) << 32n | BigInt(random.u32());
      const sealed = suite.seal(key, counter, text, associated);
      assert.deepEqual(
        sealed,
        other.seal(key, counter, text, associated),
        `${length} bytes, seed ${SEED}`,
      );
      assert.deepEqual(
        suite.open(key, counter, sealed, associated),
        text,
        `${length} bytes, seed ${SEED}`,
      );
      const xsealed = suite.xseal(key, nonce, text, associated);
      assert.deepEqual(
        xsealed,
        other.xseal(key, nonce, text, associated),
        `${length} bytes, seed ${SEED}`,
      );
      assert.deepEqual(
        suite.xopen(key, nonce, xsealed, associated),
        text,
        `${length} bytes, seed ${SEED}`,
      );
    }
  });

  test("hashTo writes to one of its parts", () => {
    const hash = Uint8Array.from({ length: 32 }, (_, i) => i), before = hash.slice();
    suite.hashTo(hash, hash, ascii("abc"));
    assert.deepEqual(hash, suite.hash(before, ascii("abc")));
  });

  test("openTo writes what open returns, and nothing when the tag is wrong", () => {
    const random = Chance.of(SEED + 10);
    for (const length of [0, 1, 12, 32, 64, 65, 4080, 4096, 10_000]) {
      const key = random.bytes(32), text = random.bytes(length), associated = random.bytes(32);
      const counter = random.u32() * 0x20_0000 + random.int(0x20_0000);
      const sealed = suite.seal(key, BigInt(counter), text, associated);
      const around = new Uint8Array(length + 2).fill(0xa5), to = around.subarray(1, 1 + length);
      sealed[random.int(sealed.length)] ^= 1;
      assert.equal(suite.openTo(to, key, counter, sealed, associated), false);
      assert.ok(around.every((byte) => byte === 0xa5), `${length} bytes, seed ${SEED}`);
      const whole = suite.seal(key, BigInt(counter), text, associated);
      assert.equal(suite.openTo(to, key, counter, whole, associated), true);
      assert.deepEqual(to, text, `${length} bytes, seed ${SEED}`);
      assert.deepEqual([around[0], around.at(-1)], [0xa5, 0xa5]);
    }
  });

  test("macTo and sealTo write what mac and seal return, and nothing beside it", () => {
    const random = Chance.of(SEED + 8), other = SUITES[0];
    for (const length of [0, 1, 6, 16, 18, 63, 64, 65, 116, 148, 4095, 4096, 4097, 10_000]) {
      const key = random.bytes(32), part = random.bytes(length), associated = random.bytes(16);
      const around = new Uint8Array(length + 80).fill(0xa5);
      suite.macTo(around.subarray(20, 36), key, part);
      const mac = other.mac(key, part);
      assert.deepEqual(around.subarray(20, 36), mac, `${length} bytes, seed ${SEED}`);
      const counter = random.u32() * 0x20_0000 + random.int(0x20_0000);
      suite.sealTo(around.subarray(40, 56 + length), key, counter, part, associated);
      assert.deepEqual(
        around.subarray(40, 56 + length),
        other.seal(key, BigInt(counter), part, associated),
        `${length} bytes, seed ${SEED}`,
      );
      around.fill(0xa5, 20, 36).fill(0xa5, 40, 56 + length);
      assert.ok(around.every((byte) => byte === 0xa5));
    }
    const same = random.bytes(64), before = same.slice();
    suite.macTo(same.subarray(0, 16), same.subarray(16, 48), same);
    assert.deepEqual(same.subarray(0, 16), other.mac(before.subarray(16, 48), before));
    assert.deepEqual(same.subarray(16), before.subarray(16));
    for (const length of [0, 33]) {
      assert.throws(() => suite.macTo(same, new Uint8Array(length), before), RangeError);
    }
    const short = new Uint8Array(31);
    assert.throws(() => suite.sealTo(same, short, 1, before.subarray(0, 48), before), RangeError);
  });

  test("a change of any byte, of the nonce or of the associated data is refused", () => {
    const random = Chance.of(SEED + 4),
      key = random.bytes(32),
      nonce = random.bytes(24),
      associated = random.bytes(13);
    const text = random.bytes(37), sealed = suite.seal(key, 7n, text, associated);
    const xsealed = suite.xseal(key, nonce, text, associated);
    for (let i = 0; i < sealed.length; i++) {
      const bit = 1 << random.int(8);
      sealed[i] ^= bit;
      xsealed[i] ^= bit;
      assert.equal(suite.open(key, 7n, sealed, associated), undefined, `byte ${i}, seed ${SEED}`);
      assert.equal(
        suite.xopen(key, nonce, xsealed, associated),
        undefined,
        `byte ${i}, seed ${SEED}`,
      );
      sealed[i] ^= bit;
      xsealed[i] ^= bit;
    }
    assert.deepEqual(suite.open(key, 7n, sealed, associated), text);
    assert.deepEqual(suite.xopen(key, nonce, xsealed, associated), text);
    assert.equal(suite.open(key, 8n, sealed, associated), undefined);
    assert.equal(suite.open(key, 7n | 1n << 32n, sealed, associated), undefined);
    assert.equal(suite.open(key, 7n, sealed, associated.subarray(1)), undefined);
    for (const at of [0, 15, 16, 23]) {
      const wrong = nonce.slice();
      wrong[at] ^= 1;
      assert.equal(suite.xopen(key, wrong, xsealed, associated), undefined, `nonce byte ${at}`);
    }
  });

  test("wrong lengths throw, and texts shorter than a tag are refused", () => {
    const short = new Uint8Array(31), key = new Uint8Array(32), nonce = new Uint8Array(24);
    assert.throws(() => suite.publicKey(short), RangeError);
    assert.throws(() => suite.sharedSecret(short, key), RangeError);
    assert.throws(() => suite.sharedSecret(key, short), RangeError);
    assert.throws(() => suite.seal(short, 0n, EMPTY, EMPTY), RangeError);
    assert.throws(() => suite.open(short, 0n, key, EMPTY), RangeError);
    assert.throws(() => suite.openTo(EMPTY, short, 0, key.subarray(16), EMPTY), RangeError);
    assert.throws(() => suite.xseal(short, nonce, EMPTY, EMPTY), RangeError);
    assert.throws(() => suite.xopen(key, nonce.subarray(1), key, EMPTY), RangeError);
    assert.throws(() => suite.mac(EMPTY, EMPTY), RangeError);
    assert.throws(() => suite.mac(new Uint8Array(33), EMPTY), RangeError);
    for (let length = 0; length < 16; length++) {
      assert.equal(suite.open(key, 0n, new Uint8Array(length), EMPTY), undefined);
      assert.equal(suite.openTo(EMPTY, key, 0, new Uint8Array(length), EMPTY), false);
      assert.equal(suite.xopen(key, nonce, new Uint8Array(length), EMPTY), undefined);
    }
  });
}

for (const libcrypto of LIBCRYPTOS) {
  Deno.test(`libcrypto ${libcrypto.version}: ChaCha20-Poly1305 of Wycheproof, with nonces of any kind`, () => {
    const aead = chacha20Poly1305(libcrypto);
    for (
      const [id, key, nonce, associated, text, sealed, tag, result] of readVectors(
        "chacha20_poly1305_wycheproof.tsv",
      )
    ) {
      const whole = hex(sealed + tag);
      const opened = aead.open(hex(key), hex(nonce), whole, hex(associated));
      if (result === "valid") {
        assert.equal(
          aead.seal(hex(key), hex(nonce), hex(text), hex(associated)).toHex(),
          whole.toHex(),
          `case ${id}`,
        );
        assert.equal(opened?.toHex(), text, `case ${id}`);
      } else assert.equal(opened, undefined, `case ${id}`);
    }
  });
}
