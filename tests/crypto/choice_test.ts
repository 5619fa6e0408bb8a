import assert from "node:assert/strict";
import { openIpsecMb } from "../../ffi/ipsec_mb.ts";
import { openLibcrypto } from "../../ffi/libcrypto.ts";
import { Arena } from "../../lib/base/arena.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { cipherPasses, suitePasses } from "../../lib/crypto/self_test.ts";
import type { PacketCipher, Suite } from "../../lib/crypto/suite.ts";
import { choosePacketCipher, chooseSuite } from "../../lib/runtime/crypto.ts";
import { CIPHERS, SUITES } from "./implementations.ts";

Deno.test("every implementation passes the self-test", () => {
  for (const suite of SUITES) assert.ok(suitePasses(suite), suite.name);
  for (const { name, make } of CIPHERS) {
    const arena = new Arena(65_536);
    assert.ok(cipherPasses(arena, 4096, make(arena)), name);
  }
});

Deno.test("the self-test refuses a suite with one wrong function", () => {
  const flip = (bytes: Uint8Array): Uint8Array => {
    bytes[0] ^= 1;
    return bytes;
  };
  const flipTag = (bytes: Uint8Array): Uint8Array => {
    bytes[bytes.length - 1] ^= 1;
    return bytes;
  };
  const right = nobleSuite;
  const wrong: Partial<Suite>[] = [
    { hash: (...parts) => flip(right.hash(...parts)) },
    { mac: (key, ...parts) => flip(right.mac(key, ...parts)) },
    { macTo: (to, key, part) => right.macTo(to, key, part.subarray(1)) },
    { macTo: () => {} },
    { sealTo: (to, key, counter, ...of) => right.sealTo(to, key, counter % 2 ** 32, ...of) },
    { sealTo: () => {} },
    { hashTo: (to, ...parts) => right.hashTo(to, ...parts.slice(1)) },
    { hashTo: () => {} },
    { kdf: (key, _input, ...outputs) => right.kdf(key, key, ...outputs) },
    { kdf: (key, input, ...outputs) => outputs.forEach((output) => right.kdf(key, input, output)) },
    { kdf: () => {} },
    { publicKey: (key) => flip(right.publicKey(key)) },
    { sharedSecret: () => undefined },
    { sharedSecret: (key, other) => right.sharedSecret(key, other) ?? new Uint8Array(32) },
    { products: (key, ...points) => right.products(key, ...points).reverse() },
    { products: (key, ...points) => points.map((point) => right.products(key, point)[0] ?? point) },
    { products: (key, ...points) => points.map(() => right.products(key, points[0])[0]) },
    { seal: (...of) => flipTag(right.seal(...of)) },
    { seal: (key, counter, ...of) => right.seal(key, counter & 0xffff_ffffn, ...of) },
    { open: () => undefined },
    { open: (_key, _counter, sealed) => sealed.slice(0, -16) },
    { open: (...of) => right.open(...of) ?? new Uint8Array(0) },
    { openTo: () => true },
    { openTo: () => false },
    { openTo: (to, key, counter, ...of) => right.openTo(to, key, counter, ...of) || true },
    { xseal: (...of) => flipTag(right.xseal(...of)) },
    { xopen: () => undefined },
    { xopen: (...of) => right.xopen(...of) ?? new Uint8Array(0) },
  ];
  wrong.forEach((part, i) =>
    assert.equal(suitePasses({ ...right, ...part }), false, `mistake ${i}`)
  );
});

Deno.test("the self-test refuses a packet cipher that is wrong", () => {
  const wrong: ((right: PacketCipher, arena: Arena) => Partial<PacketCipher>)[] = [
    () => ({ open: () => true }),
    () => ({ open: () => false }),
    () => ({ seal: () => {} }),
    (right) => ({ seal: (key, low, _high, at, length) => right.seal(key, low, 0, at, length) }),
    (right, arena) => ({
      seal(key, low, high, at, length) {
        right.seal(key, low, high, at, length);
        arena.bytes[at + length + 15] ^= 1;
      },
    }),
    (right) => ({
      // Compares only the first byte of the tag.
      open: (key, low, high, from, length, to) =>
        right.open(key, low, high, from, length, to) || length > 1000,
    }),
  ];
  wrong.forEach((mistake, i) => {
    const arena = new Arena(65_536), right = nobleCipher(arena);
    const cipher: PacketCipher = {
      name: "wrong",
      seal: right.seal,
      open: right.open,
      forget: right.forget,
      ...mistake(right, arena),
    };
    assert.equal(cipherPasses(arena, 4096, cipher), false, `mistake ${i}`);
  });
});

Deno.test(
  "the fastest library is chosen where it is, and any choice can be forced",
  { ignore: Deno.build.os !== "linux" },
  () => {
    const version = openLibcrypto()?.version;
    assert.match(version ?? "", /^\d+\.\d+\.\d+/);
    assert.equal(chooseSuite().name, `libcrypto ${version}`);
    assert.equal(chooseSuite("libcrypto").name, `libcrypto ${version}`);
    assert.equal(chooseSuite("noble").name, "noble");
    const arena = new Arena(65_536);
    const ipsecMb = openIpsecMb();
    const best = ipsecMb?.fast ? `ipsec-mb ${ipsecMb.version}` : "libcrypto composed";
    assert.equal(choosePacketCipher(arena).name, best);
    assert.equal(choosePacketCipher(arena, "composed").name, "libcrypto composed");
    assert.equal(choosePacketCipher(arena, "aead").name, "libcrypto aead");
    assert.equal(choosePacketCipher(arena, "noble").name, "noble");
  },
);

Deno.test("a missing libcrypto is skipped", () => {
  assert.equal(openLibcrypto(["libcrypto.so.of-nowhere"]), undefined);
  assert.equal(
    openLibcrypto(["libcrypto.so.of-nowhere", "libcrypto.so.3"])?.file,
    "libcrypto.so.3",
  );
});

Deno.test(
  "without the permission ffi @noble is used, and the user is not prompted",
  { permissions: { ffi: false } },
  () => {
    const arena = new Arena(65_536);
    // openLibcrypto remembers the files that earlier tests opened, so this test uses another name.
    assert.equal(
      openLibcrypto(["/lib/x86_64-linux-gnu/../x86_64-linux-gnu/libcrypto.so.3"]),
      undefined,
    );
    assert.equal(choosePacketCipher(arena, "noble").name, "noble");
  },
);
