/**
 * The packet cipher with libcrypto's ChaCha20-Poly1305. It is used with version 1.1.1, which lacks
 * the functions of the composed cipher. Tests compare the two.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import type { PacketCipher } from "../lib/crypto/suite.ts";
import { AEAD_GET_TAG, AEAD_SET_TAG, type Libcrypto } from "./libcrypto.ts";
import { ArenaAddresses } from "./memory.ts";

const TAG_BYTES = 16;
/** An offset that is not the offset of a key. */
const NO_KEY = -1;

/** Makes the packet cipher; undefined when this libcrypto refuses ChaCha20-Poly1305. */
export function aeadCipher(arena: Arena, libcrypto: Libcrypto): PacketCipher | undefined {
  const { EVP_CIPHER_CTX_new, EVP_CIPHER_CTX_ctrl, EVP_chacha20_poly1305 } = libcrypto.symbols;
  const { EVP_EncryptInit_ex, EVP_EncryptUpdate, EVP_EncryptFinal_ex } = libcrypto.symbols;
  const { EVP_DecryptInit_ex, EVP_DecryptUpdate, EVP_DecryptFinal_ex } = libcrypto.symbols;
  const seals = EVP_CIPHER_CTX_new(),
    opens = EVP_CIPHER_CTX_new(),
    cipher = EVP_chacha20_poly1305();
  if (seals === null || opens === null || cipher === null) return undefined;
  if (EVP_EncryptInit_ex(seals, cipher, null, 0n, null) !== 1) return undefined;
  if (EVP_DecryptInit_ex(opens, cipher, null, 0n, null) !== 1) return undefined;

  const addresses = new ArenaAddresses(arena), u32 = arena.u32;
  const nonceAt = arena.allocate(64),
    lengthAt = arena.allocate(64),
    finalAt = arena.allocate(64),
    zeroKeyAt = arena.allocate(64);
  const noncePointer = addresses.pointer(nonceAt), lengthPointer = addresses.pointer(lengthAt);
  const finalPointer = addresses.pointer(finalAt);
  // The nonce is 0, counter low, counter high.
  const nonceLow = (nonceAt >>> 2) + 1, nonceHigh = (nonceAt >>> 2) + 2;
  /** The offsets of the keys that the two contexts have. */
  let sealKeyAt = NO_KEY, openKeyAt = NO_KEY;

  return {
    name: "libcrypto aead",

    seal(keyAt, counterLow, counterHigh, at, length) {
      const message = addresses.pointer(at);
      u32[nonceLow] = counterLow;
      u32[nonceHigh] = counterHigh;
      let key = 0n;
      if (keyAt !== sealKeyAt) {
        key = addresses.address(keyAt);
        sealKeyAt = keyAt;
      }
      const ready = EVP_EncryptInit_ex(seals, null, null, key, noncePointer);
      const done = length === 0
        ? 1
        : EVP_EncryptUpdate(seals, message, lengthPointer, message, length);
      const ended = EVP_EncryptFinal_ex(seals, finalPointer, lengthPointer);
      const tagged = EVP_CIPHER_CTX_ctrl(
        seals,
        AEAD_GET_TAG,
        TAG_BYTES,
        addresses.address(at + length),
      );
      if ((ready & done & ended & tagged) !== 1) broken();
    },

    open(keyAt, counterLow, counterHigh, from, length, to) {
      u32[nonceLow] = counterLow;
      u32[nonceHigh] = counterHigh;
      let key = 0n;
      if (keyAt !== openKeyAt) {
        key = addresses.address(keyAt);
        openKeyAt = keyAt;
      }
      const ready = EVP_DecryptInit_ex(opens, null, null, key, noncePointer);
      const tagged = EVP_CIPHER_CTX_ctrl(
        opens,
        AEAD_SET_TAG,
        TAG_BYTES,
        addresses.address(from + length),
      );
      const done = length === 0 ? 1 : EVP_DecryptUpdate(
        opens,
        addresses.pointer(to),
        lengthPointer,
        addresses.address(from),
        length,
      );
      if ((ready & tagged & done) !== 1) broken();
      // This call alone tells whether the tag is right.
      return EVP_DecryptFinal_ex(opens, finalPointer, lengthPointer) === 1;
    },

    forget() {
      if (sealKeyAt === NO_KEY && openKeyAt === NO_KEY) return;
      const zeroKey = addresses.address(zeroKeyAt);
      const sealing = EVP_EncryptInit_ex(seals, null, null, zeroKey, noncePointer);
      const opening = EVP_DecryptInit_ex(opens, null, null, zeroKey, noncePointer);
      if ((sealing & opening) !== 1) broken();
      sealKeyAt = NO_KEY;
      openKeyAt = NO_KEY;
    },
  };
}

function broken(): never {
  throw new Error("libcrypto: an AEAD call failed");
}
