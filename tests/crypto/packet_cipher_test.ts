import assert from "node:assert/strict";
import { hchacha } from "npm:@noble/ciphers@2.4.0/chacha.js";
import { Arena } from "../../lib/base/arena.ts";
import { TAG_LENGTH } from "../../lib/base/constants.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import { readVectors } from "../vectors/read.ts";
import { CIPHERS } from "./implementations.ts";
import { Chance, SEED } from "../random.ts";

const EMPTY = new Uint8Array(0);
const LENGTH_MAX = 2048;
/** Bytes before and after a message that a cipher may overwrite. */
const BEFORE = 64;
const AFTER = 80;
/** Bytes around these that must not change. */
const GUARD = 96;
const ROOM = GUARD + BEFORE + LENGTH_MAX + AFTER + GUARD;

const counterOf = (low: number, high: number): bigint => BigInt(high) << 32n | BigInt(low);

/** Memory for a message, with the bytes around it. It is filled with random bytes first. */
class Place {
  readonly #before: Uint8Array;

  /** @param at offset of the message */
  constructor(
    readonly arena: Arena,
    readonly at: number,
    readonly length: number,
    random: Chance,
    readonly behind = AFTER,
  ) {
    arena.bytes.set(random.bytes(BEFORE + GUARD + length + AFTER + GUARD), at - BEFORE - GUARD);
    this.#before = arena.bytes.slice(at - BEFORE - GUARD, at + length + AFTER + GUARD);
  }

  put(bytes: Uint8Array): void {
    this.arena.bytes.set(bytes, this.at);
  }

  get(length = this.length): Uint8Array {
    return this.arena.bytes.slice(this.at, this.at + length);
  }

  /** Asserts that no other bytes have changed. */
  unharmed(what: string): void {
    const now = this.arena.bytes.subarray(
      this.at - BEFORE - GUARD,
      this.at + this.length + AFTER + GUARD,
    );
    assert.deepEqual(
      now.slice(0, GUARD),
      this.#before.slice(0, GUARD),
      `${what}: before the message`,
    );
    const end = GUARD + BEFORE + this.length + this.behind;
    assert.deepEqual(now.slice(end), this.#before.slice(end), `${what}: behind the message`);
  }
}

for (const { name, make } of CIPHERS) {
  const test = (what: string, body: () => void) => Deno.test(`${name}: ${what}`, body);

  test("every length to 2048 sealed and opened, with four keys in turn, as @noble's suite has it", () => {
    const arena = new Arena(1 << 20), cipher = make(arena), random = Chance.of(SEED + 10);
    const keys = Array.from(
      { length: 4 },
      (_, i) => ({ at: arena.allocate(64) + i * 7, bytes: random.bytes(32) }),
    );
    for (const key of keys) arena.bytes.set(key.bytes, key.at);
    cipher.forget();
    const slots = Array.from(
      { length: 8 },
      () => arena.allocate(ROOM + 64) + GUARD + BEFORE + 64 & ~63,
    );
    const input = arena.allocate(2 * ROOM);
    for (let length = 0; length <= LENGTH_MAX; length++) {
      const what = `${length} bytes, seed ${SEED}`;
      const key = keys[random.int(keys.length)], text = random.bytes(length);
      const low = random.u32(),
        high = length % 3 === 0 ? random.u32() : length % 3 === 1 ? 0xffff_ffff : 0;
      const expected = nobleSuite.seal(key.bytes, counterOf(low, high), text, EMPTY);

      const sealing = new Place(arena, slots[random.int(4)], length, random);
      sealing.put(text);
      cipher.seal(key.at, low, high, sealing.at, length);
      assert.deepEqual(sealing.get(length + TAG_LENGTH), expected, what);
      sealing.unharmed(what);

      // The bytes after the tag must not change, because the next datagram is there.
      const from = new Place(
        arena,
        input + GUARD + BEFORE + random.int(ROOM),
        length,
        random,
        TAG_LENGTH,
      );
      from.put(expected);
      const to = new Place(arena, slots[4 + random.int(4)], length, random);
      assert.ok(cipher.open(key.at, low, high, from.at, length, to.at), what);
      assert.deepEqual(to.get(), text, what);
      from.unharmed(what);
      to.unharmed(what);

      from.put(expected);
      assert.equal(
        cipher.open(key.at, (low + 1) >>> 0, high, from.at, length, to.at),
        false,
        `${what}, counter`,
      );
      from.put(expected);
      assert.equal(
        cipher.open(key.at, low, high ^ 0x8000_0000, from.at, length, to.at),
        false,
        `${what}, counter`,
      );
      from.put(expected);
      const other = keys[(keys.indexOf(key) + 1) % keys.length];
      assert.equal(cipher.open(other.at, low, high, from.at, length, to.at), false, `${what}, key`);
    }
  });

  test("a tag that is wrong in any of its 128 bits, or a message in any byte, is refused", () => {
    const arena = new Arena(1 << 20), cipher = make(arena), random = Chance.of(SEED + 11);
    const keyAt = arena.allocate(64), key = random.bytes(32);
    arena.bytes.set(key, keyAt);
    cipher.forget();
    const fromRoom = arena.allocate(ROOM + 64), to = arena.allocate(ROOM) + BEFORE;
    for (const length of [0, 1, 15, 16, 64, 100, 1419, 1424]) {
      const sealed = nobleSuite.seal(key, 5n, random.bytes(length), EMPTY);
      const from = fromRoom + BEFORE + random.int(64);
      const tryWith = (at: number, bit: number): boolean => {
        arena.bytes.set(sealed, from);
        arena.bytes[from + at] ^= bit;
        return cipher.open(keyAt, 5, 0, from, length, to);
      };
      assert.ok(tryWith(0, 0));
      for (let bit = 0; bit < TAG_LENGTH * 8; bit++) {
        assert.equal(
          tryWith(length + (bit >>> 3), 1 << (bit & 7)),
          false,
          `bit ${bit} of the tag, ${length} bytes`,
        );
      }
      for (let at = 0; at < length; at++) {
        assert.equal(
          tryWith(at, 1 << random.int(8)),
          false,
          `byte ${at} of ${length}, seed ${SEED}`,
        );
      }
      assert.ok(tryWith(0, 0));
    }
  });

  test("a run of datagrams in one receive buffer is opened in order", () => {
    const arena = new Arena(1 << 20), cipher = make(arena), random = Chance.of(SEED + 12);
    const keyAt = arena.allocate(64), key = random.bytes(32);
    arena.bytes.set(key, keyAt);
    cipher.forget();
    for (const length of [0, 16, 33, 1420, 1424]) {
      const buffer = arena.allocate(65_536) + BEFORE, to = arena.allocate(ROOM) + BEFORE;
      const count = Math.min(40, Math.floor(65_000 / (length + 32)));
      const texts = Array.from({ length: count }, () => random.bytes(length));
      texts.forEach((text, i) => {
        const at = buffer + i * (length + 32);
        arena.view.setUint32(at, 4, true);
        arena.view.setUint32(at + 8, i, true);
        arena.bytes.set(nobleSuite.seal(key, BigInt(i), text, EMPTY), at + 16);
      });
      texts.forEach((text, i) => {
        const at = buffer + i * (length + 32);
        assert.equal(arena.view.getUint32(at, true), 4, `header ${i}, ${length} bytes`);
        assert.ok(
          cipher.open(keyAt, arena.view.getUint32(at + 8, true), 0, at + 16, length, to),
          `datagram ${i}`,
        );
        assert.deepEqual(arena.bytes.slice(to, to + length), text, `datagram ${i}, seed ${SEED}`);
      });
    }
  });

  test("jumbo messages and the longest", () => {
    const arena = new Arena(1 << 20), cipher = make(arena), random = Chance.of(SEED + 13);
    const keyAt = arena.allocate(64), key = random.bytes(32);
    arena.bytes.set(key, keyAt);
    cipher.forget();
    const at = arena.allocate(66_000) + BEFORE,
      from = arena.allocate(66_000) + BEFORE + 3,
      to = arena.allocate(66_000) + BEFORE;
    for (const length of [4096, 8968, 8972, 65_504, 65_519, 65_520]) {
      const text = random.bytes(length);
      arena.bytes.set(text, at);
      cipher.seal(keyAt, 1, 2, at, length);
      const sealed = arena.bytes.slice(at, at + length + TAG_LENGTH);
      assert.deepEqual(
        sealed,
        nobleSuite.seal(key, counterOf(1, 2), text, EMPTY),
        `${length} bytes, seed ${SEED}`,
      );
      arena.bytes.set(sealed, from);
      assert.ok(cipher.open(keyAt, 1, 2, from, length, to));
      assert.deepEqual(arena.bytes.slice(to, to + length), text);
    }
  });

  test("after forget() the key that now stands in a place is used", () => {
    const arena = new Arena(1 << 17), cipher = make(arena), random = Chance.of(SEED + 14);
    const keyAt = arena.allocate(64),
      at = arena.allocate(512) + BEFORE,
      from = arena.allocate(512) + BEFORE;
    const to = arena.allocate(512) + BEFORE;
    for (let round = 0; round < 5; round++) {
      const key = random.bytes(32), text = random.bytes(80);
      arena.bytes.set(key, keyAt);
      cipher.forget();
      arena.bytes.set(text, at);
      cipher.seal(keyAt, round, 0, at, 80);
      const expected = nobleSuite.seal(key, BigInt(round), text, EMPTY);
      assert.deepEqual(arena.bytes.slice(at, at + 96), expected, `round ${round}, seed ${SEED}`);
      arena.bytes.set(expected, from);
      assert.ok(cipher.open(keyAt, round, 0, from, 80, to));
      arena.bytes.fill(0, keyAt, keyAt + 32);
      cipher.forget();
      arena.bytes.set(expected, from);
      assert.equal(cipher.open(keyAt, round, 0, from, 80, to), false, "a wiped key opens nothing");
    }
  });

  test("Wycheproof's XChaCha20-Poly1305 without associated data, by its subkey and inner nonce", () => {
    const arena = new Arena(1 << 17), cipher = make(arena);
    const keyAt = arena.allocate(64),
      at = arena.allocate(1024) + BEFORE,
      from = arena.allocate(1024) + BEFORE + 1;
    const to = arena.allocate(1024) + BEFORE;
    let cases = 0;
    for (
      const [id, key, nonce, associated, text, sealed, tag, result] of readVectors(
        "xchacha20_poly1305_wycheproof.tsv",
      )
    ) {
      if (associated !== "") continue;
      cases++;
      arena.bytes.set(subkeyOf(Uint8Array.fromHex(key), Uint8Array.fromHex(nonce)), keyAt);
      cipher.forget();
      const counter = new DataView(Uint8Array.fromHex(nonce).buffer, 16);
      const low = counter.getUint32(0, true), high = counter.getUint32(4, true);
      const length = text.length / 2;
      if (result === "valid") {
        arena.bytes.set(Uint8Array.fromHex(text), at);
        cipher.seal(keyAt, low, high, at, length);
        assert.equal(
          arena.bytes.slice(at, at + length + TAG_LENGTH).toHex(),
          sealed + tag,
          `case ${id}`,
        );
      }
      arena.bytes.set(Uint8Array.fromHex(sealed + tag), from);
      assert.equal(
        cipher.open(keyAt, low, high, from, length, to),
        result === "valid",
        `case ${id}`,
      );
      if (result === "valid") {
        assert.equal(arena.bytes.slice(to, to + length).toHex(), text, `case ${id}`);
      }
    }
    assert.ok(cases >= 40);
  });
}

/** HChaCha20 of @noble, with arrays of words. */
function subkeyOf(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const constants = new Uint32Array(new TextEncoder().encode("expand 32-byte k").buffer);
  const out = new Uint32Array(8);
  hchacha(
    constants,
    new Uint32Array(key.slice().buffer),
    new Uint32Array(nonce.slice(0, 16).buffer),
    out,
  );
  return new Uint8Array(out.buffer);
}
