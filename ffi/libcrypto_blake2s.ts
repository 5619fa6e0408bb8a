/**
 * BLAKE2s, keyed BLAKE2s and HMAC-BLAKE2s with libcrypto.
 * @module
 */
import { KEY_LENGTH, MAC_LENGTH } from "../lib/base/constants.ts";
import { secretMoved } from "../lib/base/secret_bytes.ts";
import type { Suite } from "../lib/crypto/suite.ts";
import { cString, expectOk, type Libcrypto } from "./libcrypto.ts";
import { OSSL_PARAM_UNSIGNED_INTEGER, OsslParams } from "./libcrypto_params.ts";
import { pinned } from "./memory.ts";

const HASH_LENGTH = 32;
/** Bytes of a block of BLAKE2s, and of the pads of HMAC. */
const BLOCK_LENGTH = 64;
/** The most bytes of one update call. */
const INPUT_BYTES = 4096;

/** BLAKE2s-256 (RFC 7693) and HMAC-BLAKE2s-256 (RFC 2104). */
export function blake2s(libcrypto: Libcrypto): Pick<Suite, "hash" | "hmac"> {
  const { EVP_DigestInit_ex, EVP_DigestUpdate, EVP_DigestFinal_ex, ...evp } = libcrypto.symbols;
  const context = evp.EVP_MD_CTX_new();
  const digest = evp.EVP_MD_fetch === null
    ? evp.EVP_blake2s256()
    : evp.EVP_MD_fetch(null, cString("BLAKE2s256"), null);
  expectOk(EVP_DigestInit_ex(context, digest, null), "EVP_DigestInit_ex");
  const input = pinned(INPUT_BYTES),
    output = pinned(HASH_LENGTH),
    pad = pinned(BLOCK_LENGTH + HASH_LENGTH);

  const absorb = (parts: readonly Uint8Array[]): void => {
    let used = 0;
    for (const part of parts) {
      for (let at = 0; at < part.length;) {
        const count = Math.min(part.length - at, INPUT_BYTES - used);
        input.bytes.set(count === part.length ? part : part.subarray(at, at + count), used);
        used += count;
        at += count;
        if (used < INPUT_BYTES) continue;
        expectOk(EVP_DigestUpdate(context, input.pointer, BigInt(used)), "EVP_DigestUpdate");
        used = 0;
      }
    }
    if (used > 0) {
      expectOk(EVP_DigestUpdate(context, input.pointer, BigInt(used)), "EVP_DigestUpdate");
    }
    input.bytes.fill(0, 0, used);
  };
  const start = () => expectOk(EVP_DigestInit_ex(context, null, null), "EVP_DigestInit_ex");
  const finish = () =>
    expectOk(EVP_DigestFinal_ex(context, output.pointer, null), "EVP_DigestFinal_ex");

  const hash = (...parts: readonly Uint8Array[]): Uint8Array => {
    start();
    absorb(parts);
    finish();
    return output.bytes.slice();
  };

  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
    const blockKey = key.length > BLOCK_LENGTH ? hash(key) : key;
    for (let i = 0; i < BLOCK_LENGTH; i++) {
      pad.bytes[i] = (i < blockKey.length ? blockKey[i] : 0) ^ 0x36;
    }
    start();
    expectOk(EVP_DigestUpdate(context, pad.pointer, BigInt(BLOCK_LENGTH)), "EVP_DigestUpdate");
    absorb(parts);
    finish();
    for (let i = 0; i < BLOCK_LENGTH; i++) pad.bytes[i] ^= 0x36 ^ 0x5c;
    pad.bytes.set(output.bytes, BLOCK_LENGTH);
    start();
    expectOk(
      EVP_DigestUpdate(context, pad.pointer, BigInt(BLOCK_LENGTH + HASH_LENGTH)),
      "EVP_DigestUpdate",
    );
    finish();
    pad.bytes.fill(0);
    return secretMoved(output.bytes);
  };
  return { hash, hmac };
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
    expectOk(EVP_MAC_init(context, secret.pointer, BigInt(key.length), null), "EVP_MAC_init");
  };
  const absorb = (part: Uint8Array): void => {
    for (let at = 0; at < part.length; at += INPUT_BYTES) {
      const count = Math.min(part.length - at, INPUT_BYTES);
      input.bytes.set(count === part.length ? part : part.subarray(at, at + count));
      expectOk(EVP_MAC_update(context, input.address, BigInt(count)), "EVP_MAC_update");
      input.bytes.fill(0, 0, count);
    }
  };
  const finish = (): void => {
    expectOk(
      EVP_MAC_final(context, output.pointer, made.pointer, BigInt(MAC_LENGTH)),
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
