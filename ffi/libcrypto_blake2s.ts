/**
 * BLAKE2s, keyed BLAKE2s and HKDF with HMAC-BLAKE2s of libcrypto.
 * @module
 */
import { KEY_LENGTH, MAC_LENGTH } from "../lib/base/constants.ts";
import { expectLength, type Suite } from "../lib/crypto/suite.ts";
import { cString, expectOk, type Libcrypto } from "./libcrypto.ts";
import { OSSL_PARAM_UNSIGNED_INTEGER, OsslParams } from "./libcrypto_params.ts";
import { pinned } from "./memory.ts";

const HASH_LENGTH = 32;
/** Bytes of a block of BLAKE2s, and of the pads of HMAC. */
const BLOCK_LENGTH = 64;
/** What is added to the bytes of the pads of HMAC (RFC 2104). */
const INNER = 0x36;
const OUTER = 0x5c;
/** The most bytes of one update call. */
const INPUT_BYTES = 4096;
/** The lengths of update calls as BigInts, which would be slow to make. */
const LENGTHS: readonly bigint[] = Array.from({ length: INPUT_BYTES + 1 }, (_, i) => BigInt(i));
/** The last bytes of the inputs that give the outputs of HKDF. */
const COUNTS: readonly Uint8Array[] = Array.from({ length: 255 }, (_, i) => Uint8Array.of(i + 1));
const NO_KEY = new Uint8Array(KEY_LENGTH);

/** BLAKE2s-256 (RFC 7693), and HKDF with HMAC-BLAKE2s-256 (RFC 5869, RFC 2104). */
export function blake2s(libcrypto: Libcrypto): Pick<Suite, "hash" | "hashTo" | "kdf"> {
  const { EVP_DigestInit_ex, EVP_DigestUpdate, EVP_DigestFinal_ex, ...evp } = libcrypto.symbols;
  const context = evp.EVP_MD_CTX_new();
  const digest = evp.EVP_MD_fetch === null
    ? evp.EVP_blake2s256()
    : evp.EVP_MD_fetch(null, cString("BLAKE2s256"), null);
  expectOk(EVP_DigestInit_ex(context, digest, null), "EVP_DigestInit_ex");
  const input = pinned(INPUT_BYTES), output = pinned(HASH_LENGTH);

  const start = () => expectOk(EVP_DigestInit_ex(context, null, null), "EVP_DigestInit_ex");
  const update = (from: Deno.PointerObject, length: bigint) =>
    expectOk(EVP_DigestUpdate(context, from, length), "EVP_DigestUpdate");
  const finish = (to: Deno.PointerObject) =>
    expectOk(EVP_DigestFinal_ex(context, to, null), "EVP_DigestFinal_ex");

  /** Hashes the first `used` bytes of `input` and the parts. `input` is erased. */
  const absorb = (used: number, parts: readonly Uint8Array[]): void => {
    for (const part of parts) {
      for (let at = 0; at < part.length;) {
        const count = Math.min(part.length - at, INPUT_BYTES - used);
        input.bytes.set(count === part.length ? part : part.subarray(at, at + count), used);
        used += count;
        at += count;
        if (used < INPUT_BYTES) continue;
        update(input.pointer, LENGTHS[used]);
        used = 0;
      }
    }
    if (used > 0) update(input.pointer, LENGTHS[used]);
    input.bytes.fill(0, 0, used);
  };

  const hashTo = (to: Uint8Array, ...parts: readonly Uint8Array[]): void => {
    start();
    absorb(0, parts);
    finish(output.pointer);
    to.set(output.bytes);
  };

  // HMAC is the hash of the outer pad, and of the hash of the inner pad and the message. A pad is a
  // block: the key and zeros, each byte with a constant. The inner hash follows the outer pad.
  const innerPad = pinned(BLOCK_LENGTH).bytes.fill(INNER);
  const outer = pinned(BLOCK_LENGTH + HASH_LENGTH);
  const innerHash = Deno.UnsafePointer.create(outer.address + BigInt(BLOCK_LENGTH))!;
  outer.bytes.fill(OUTER, 0, BLOCK_LENGTH);
  const setKey = (key: Uint8Array): void => {
    for (let i = 0; i < KEY_LENGTH; i++) {
      innerPad[i] = key[i] ^ INNER;
      outer.bytes[i] = key[i] ^ OUTER;
    }
  };
  /** Writes the HMAC of the parts to `output`. */
  const hmac = (...parts: readonly Uint8Array[]): void => {
    start();
    input.bytes.set(innerPad);
    absorb(BLOCK_LENGTH, parts);
    finish(innerHash);
    start();
    update(outer.pointer, LENGTHS[BLOCK_LENGTH + HASH_LENGTH]);
    finish(output.pointer);
  };

  const kdf: Suite["kdf"] = (key, input, ...outputs) => {
    expectLength("key", key, KEY_LENGTH);
    setKey(key);
    hmac(input);
    setKey(output.bytes);
    for (let i = 0; i < outputs.length; i++) {
      if (i === 0) hmac(COUNTS[0]);
      else hmac(outputs[i - 1], COUNTS[i]);
      outputs[i].set(output.bytes);
    }
    setKey(NO_KEY);
    outer.bytes.fill(0, BLOCK_LENGTH);
    output.bytes.fill(0);
  };

  return {
    hash(...parts) {
      const made = new Uint8Array(HASH_LENGTH);
      hashTo(made, ...parts);
      return made;
    },
    hashTo,
    kdf,
  };
}

/** Keyed BLAKE2s-128; undefined with versions before 3.0. */
export function keyedBlake2s(libcrypto: Libcrypto): Pick<Suite, "mac" | "macTo"> | undefined {
  const {
    EVP_MAC_fetch,
    EVP_MAC_CTX_new,
    EVP_MAC_CTX_set_params,
    EVP_MAC_init,
    EVP_MAC_update,
    EVP_MAC_final,
  } = libcrypto.symbols;
  if (
    EVP_MAC_fetch === null || EVP_MAC_CTX_new === null || EVP_MAC_CTX_set_params === null ||
    EVP_MAC_init === null ||
    EVP_MAC_update === null || EVP_MAC_final === null
  ) return undefined;
  const algorithm = EVP_MAC_fetch(null, cString("BLAKE2SMAC"), null);
  const context = algorithm === null ? null : EVP_MAC_CTX_new(algorithm);
  if (context === null) return undefined;
  const size = new BigUint64Array([BigInt(MAC_LENGTH)]);
  const params = new OsslParams([{
    name: "size",
    type: OSSL_PARAM_UNSIGNED_INTEGER,
    data: new Uint8Array(size.buffer),
  }]);
  expectOk(EVP_MAC_CTX_set_params(context, params.pointer), "EVP_MAC_CTX_set_params");
  const secret = pinned(KEY_LENGTH),
    input = pinned(INPUT_BYTES),
    output = pinned(MAC_LENGTH),
    made = pinned(8);

  const start = (key: Uint8Array): void => {
    if (key.length < 1 || key.length > KEY_LENGTH) {
      throw new RangeError("blake2s: a key has 1 to 32 bytes");
    }
    secret.bytes.set(key);
    expectOk(EVP_MAC_init(context, secret.pointer, LENGTHS[key.length], null), "EVP_MAC_init");
  };
  const absorb = (part: Uint8Array): void => {
    for (let at = 0; at < part.length; at += INPUT_BYTES) {
      const count = Math.min(part.length - at, INPUT_BYTES);
      input.bytes.set(count === part.length ? part : part.subarray(at, at + count));
      expectOk(EVP_MAC_update(context, input.address, LENGTHS[count]), "EVP_MAC_update");
      input.bytes.fill(0, 0, count);
    }
  };
  const finish = (): void => {
    expectOk(
      EVP_MAC_final(context, output.pointer, made.pointer, LENGTHS[MAC_LENGTH]),
      "EVP_MAC_final",
    );
    secret.bytes.fill(0);
  };
  return {
    mac(key, ...parts) {
      start(key);
      for (const part of parts) absorb(part);
      finish();
      const tag = output.bytes.slice();
      output.bytes.fill(0);
      return tag;
    },
    macTo(to, key, part) {
      start(key);
      absorb(part);
      finish();
      to.set(output.bytes);
      output.bytes.fill(0);
    },
  };
}
