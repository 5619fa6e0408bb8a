/**
 * The packet cipher composed of libcrypto's ChaCha20 and POLY1305: ChaCha20-Poly1305 without
 * associated data (RFC 8439 section 2.8).
 *
 * OpenSSL's own AEAD computes the Poly1305 key and the last partial block one block at a time. Here
 * one call encrypts the 64 bytes before the message, the message, and the rest of its last block.
 * The first 32 bytes of the result are the Poly1305 key.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import type { PacketCipher } from "../lib/crypto/suite.ts";
import { cString, type Libcrypto } from "./libcrypto.ts";
import { ArenaAddresses } from "./memory.ts";

/** Bytes of the longest message. With the 64 bytes before it and the lengths it is below 2^16. */
const MESSAGE_MAX = 65_520;
const ONE_TIME_KEY_BYTES = 32n;
const TAG_BYTES = 16n;
/** An offset that is not the offset of a key. */
const NO_KEY = -1;

/**
 * Makes the packet cipher; undefined when this libcrypto has no POLY1305 (before 3.0). Its
 * functions close over constants, so that the compiler calls libcrypto directly. This saves 40 ns
 * per message, as long as a process makes one cipher only.
 */
export function composedCipher(arena: Arena, libcrypto: Libcrypto): PacketCipher | undefined {
  const { EVP_CIPHER_fetch, EVP_MAC_fetch, EVP_MAC_CTX_new, EVP_CIPHER_CTX_new } =
    libcrypto.symbols;
  const { EVP_EncryptInit_ex, EVP_Cipher, EVP_Cipher_from } = libcrypto.symbols;
  const { EVP_MAC_init, EVP_MAC_update, EVP_MAC_final } = libcrypto.symbols;
  if (
    EVP_CIPHER_fetch === null || EVP_MAC_fetch === null || EVP_MAC_CTX_new === null ||
    EVP_MAC_init === null ||
    EVP_MAC_update === null || EVP_MAC_final === null
  ) return undefined;
  const cipher = EVP_CIPHER_fetch(null, cString("ChaCha20"), null);
  const mac = EVP_MAC_fetch(null, cString("POLY1305"), null);
  if (cipher === null || mac === null) return undefined;
  const cipherContext = EVP_CIPHER_CTX_new(), macContext = EVP_MAC_CTX_new(mac);
  if (cipherContext === null || macContext === null) return undefined;
  if (EVP_EncryptInit_ex(cipherContext, cipher, null, 0n, null) !== 1) return undefined;

  const addresses = new ArenaAddresses(arena);
  const u32 = arena.u32, view = arena.view, f64 = new Float64Array(arena.memory.buffer);
  const ivAt = arena.allocate(64),
    tagAt = arena.allocate(64),
    lengthAt = arena.allocate(64),
    zeroKeyAt = arena.allocate(64);
  const ivPointer = addresses.pointer(ivAt), tagPointer = addresses.pointer(tagAt);
  const lengthPointer = addresses.pointer(lengthAt);
  // OpenSSL's IV of ChaCha20 is the block counter and the nonce: 0, counter low, counter high.
  const ivLow = (ivAt >>> 2) + 2, ivHigh = (ivAt >>> 2) + 3, tag = tagAt >>> 2;
  /** Multiples of 16 as BigInts. */
  const lengths = Array.from({ length: (MESSAGE_MAX >>> 4) + 2 }, (_, i) => BigInt(i * 16));
  /** The offset of the key that the cipher's context has. */
  let loadedKeyAt = NO_KEY;

  const setNonce = (keyAt: number, counterLow: number, counterHigh: number): void => {
    u32[ivLow] = counterLow;
    u32[ivHigh] = counterHigh;
    let key = 0n;
    if (keyAt !== loadedKeyAt) {
      key = addresses.address(keyAt);
      loadedKeyAt = keyAt;
    }
    if (EVP_EncryptInit_ex(cipherContext, null, null, key, ivPointer) !== 1) broken();
  };

  /** Computes the tag of the padded ciphertext and the lengths, with the 32-byte key at `start`. */
  const authenticate = (
    start: Deno.PointerObject,
    message: bigint,
    padded: number,
    ciphered: number,
  ): void => {
    const ready = EVP_MAC_init(macContext, start, ONE_TIME_KEY_BYTES, null);
    const updated = EVP_MAC_update(macContext, message, lengths[(padded + 16) >>> 4]);
    const made = EVP_MAC_final(macContext, tagPointer, lengthPointer, TAG_BYTES);
    // After a failed call, plaintext or an old tag would be left in memory.
    if (ciphered <= 0 || (ready & updated & made) !== 1) broken();
  };

  return {
    name: "libcrypto composed",

    seal(keyAt, counterLow, counterHigh, at, length) {
      // The first 32 of the 64 bytes before the message become the one-time key. The others are
      // not used.
      const start = addresses.pointer(at - 64), zeros = (at - 64) >>> 3;
      f64[zeros] = 0;
      f64[zeros + 1] = 0;
      f64[zeros + 2] = 0;
      f64[zeros + 3] = 0;
      setNonce(keyAt, counterLow, counterHigh);
      const ciphered = EVP_Cipher(cipherContext, start, start, (length + 127) & ~63);

      const end = at + length, padded = (length + 15) & ~15;
      if (padded !== length) zero16(view, end);
      writeLengths(view, at + padded, length);
      authenticate(start, addresses.address(at), padded, ciphered);
      view.setUint32(end, u32[tag], true);
      view.setUint32(end + 4, u32[tag + 1], true);
      view.setUint32(end + 8, u32[tag + 2], true);
      view.setUint32(end + 12, u32[tag + 3], true);
    },

    open(keyAt, counterLow, counterHigh, from, length, to) {
      view.setFloat64(from - 64, 0);
      view.setFloat64(from - 56, 0);
      view.setFloat64(from - 48, 0);
      view.setFloat64(from - 40, 0);
      const start = addresses.pointer(to - 64);
      setNonce(keyAt, counterLow, counterHigh);
      // One call makes the key and decrypts the message. Checking the tag before decryption would
      // cost 110 ns for a second call.
      const ciphered = EVP_Cipher_from(
        cipherContext,
        start,
        addresses.address(from - 64),
        (length + 127) & ~63,
      );

      // The lengths must follow the padded ciphertext. They overwrite the tag, and if there is
      // padding also bytes after the tag, which are restored.
      const end = from + length, padded = (length + 15) & ~15;
      const tag0 = view.getInt32(end, true), tag1 = view.getInt32(end + 4, true);
      const tag2 = view.getInt32(end + 8, true), tag3 = view.getInt32(end + 12, true);
      if (padded === length) {
        writeLengths(view, end, length);
        authenticate(start, addresses.address(from), padded, ciphered);
      } else {
        const next0 = view.getInt32(end + 16, true), next1 = view.getInt32(end + 20, true);
        const next2 = view.getInt32(end + 24, true), next3 = view.getInt32(end + 28, true);
        zero16(view, end);
        writeLengths(view, from + padded, length);
        authenticate(start, addresses.address(from), padded, ciphered);
        view.setInt32(end + 16, next0, true);
        view.setInt32(end + 20, next1, true);
        view.setInt32(end + 24, next2, true);
        view.setInt32(end + 28, next3, true);
      }
      return ((u32[tag] ^ tag0) | (u32[tag + 1] ^ tag1) | (u32[tag + 2] ^ tag2) |
        (u32[tag + 3] ^ tag3)) === 0;
    },

    forget() {
      if (loadedKeyAt === NO_KEY) return;
      loadedKeyAt = NO_KEY;
      setNonce(zeroKeyAt, 0, 0);
      loadedKeyAt = NO_KEY;
    },
  };
}

/** Writes the lengths of RFC 8439: of the associated data (0) and the ciphertext, 64 bits each. */
function writeLengths(view: DataView, at: number, length: number): void {
  view.setUint32(at, 0);
  view.setUint32(at + 4, 0);
  view.setUint32(at + 8, length, true);
  view.setUint32(at + 12, 0);
}

function zero16(view: DataView, at: number): void {
  view.setFloat64(at, 0);
  view.setFloat64(at + 8, 0);
}

function broken(): never {
  throw new Error("libcrypto: a cipher call failed");
}
