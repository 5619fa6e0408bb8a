/**
 * libcrypto's ready-made ChaCha20-Poly1305: for versions that cannot be composed with (1.1.1), and to hold the composed one against.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import type { PacketCipher } from "../lib/crypto/suite.ts";
import { AEAD_GET_TAG, AEAD_SET_TAG, type Libcrypto, type LibcryptoSymbols } from "./libcrypto.ts";
import { ArenaAddresses } from "./libcrypto_memory.ts";

const TAG_BYTES = 16;
const NO_KEY = -1;

/** A packet cipher over the arena, or undefined when this libcrypto refuses ChaCha20-Poly1305. */
export function aeadCipher(arena: Arena, libcrypto: Libcrypto): PacketCipher | undefined {
  const s = libcrypto.symbols;
  const seals = s.EVP_CIPHER_CTX_new(), opens = s.EVP_CIPHER_CTX_new();
  const cipher = s.EVP_chacha20_poly1305();
  if (seals === null || opens === null || cipher === null) return undefined;
  if (s.EVP_EncryptInit_ex(seals, cipher, null, 0n, null) !== 1) return undefined;
  if (s.EVP_DecryptInit_ex(opens, cipher, null, 0n, null) !== 1) return undefined;
  return new AeadCipher(arena, s, seals, opens);
}

class AeadCipher implements PacketCipher {
  readonly name = "libcrypto aead";
  readonly #evp: LibcryptoSymbols;
  readonly #seals: Deno.PointerObject;
  readonly #opens: Deno.PointerObject;
  readonly #addresses: ArenaAddresses;
  readonly #u32: Uint32Array;
  /** Index of the nonce's first word: 0, counter low, counter high. */
  readonly #nonce: number;
  readonly #noncePointer: Deno.PointerObject;
  readonly #lengthPointer: Deno.PointerObject;
  readonly #finalPointer: Deno.PointerObject;
  readonly #zeroKeyAt: number;
  /** The keys that the two contexts hold. */
  #sealKeyAt = NO_KEY;
  #openKeyAt = NO_KEY;

  constructor(arena: Arena, evp: LibcryptoSymbols, seals: Deno.PointerObject, opens: Deno.PointerObject) {
    this.#evp = evp;
    this.#seals = seals;
    this.#opens = opens;
    this.#addresses = new ArenaAddresses(arena);
    this.#u32 = arena.u32;
    const nonceAt = arena.take(64), lengthAt = arena.take(64), finalAt = arena.take(64);
    this.#nonce = nonceAt >>> 2;
    this.#noncePointer = this.#addresses.pointer(nonceAt);
    this.#lengthPointer = this.#addresses.pointer(lengthAt);
    this.#finalPointer = this.#addresses.pointer(finalAt);
    this.#zeroKeyAt = arena.take(64);
  }

  seal(keyAt: number, counterLow: number, counterHigh: number, at: number, length: number): void {
    const evp = this.#evp, context = this.#seals, message = this.#addresses.pointer(at);
    this.#u32[this.#nonce + 1] = counterLow;
    this.#u32[this.#nonce + 2] = counterHigh;
    let key = 0n;
    if (keyAt !== this.#sealKeyAt) {
      key = this.#addresses.address(keyAt);
      this.#sealKeyAt = keyAt;
    }
    const ready = evp.EVP_EncryptInit_ex(context, null, null, key, this.#noncePointer);
    const done = length === 0 ? 1 : evp.EVP_EncryptUpdate(context, message, this.#lengthPointer, message, length);
    const ended = evp.EVP_EncryptFinal_ex(context, this.#finalPointer, this.#lengthPointer);
    const tagged = evp.EVP_CIPHER_CTX_ctrl(context, AEAD_GET_TAG, TAG_BYTES, this.#addresses.address(at + length));
    if ((ready & done & ended & tagged) !== 1) broken();
  }

  open(keyAt: number, counterLow: number, counterHigh: number, from: number, length: number, to: number): boolean {
    const evp = this.#evp, context = this.#opens, addresses = this.#addresses;
    this.#u32[this.#nonce + 1] = counterLow;
    this.#u32[this.#nonce + 2] = counterHigh;
    let key = 0n;
    if (keyAt !== this.#openKeyAt) {
      key = addresses.address(keyAt);
      this.#openKeyAt = keyAt;
    }
    const ready = evp.EVP_DecryptInit_ex(context, null, null, key, this.#noncePointer);
    const tagged = evp.EVP_CIPHER_CTX_ctrl(context, AEAD_SET_TAG, TAG_BYTES, addresses.address(from + length));
    const done = length === 0
      ? 1
      : evp.EVP_DecryptUpdate(context, addresses.pointer(to), this.#lengthPointer, addresses.address(from), length);
    if ((ready & tagged & done) !== 1) broken();
    // The only call that says whether the tag was right.
    return evp.EVP_DecryptFinal_ex(context, this.#finalPointer, this.#lengthPointer) === 1;
  }

  forget(): void {
    const zeroKey = this.#addresses.address(this.#zeroKeyAt);
    const sealing = this.#evp.EVP_EncryptInit_ex(this.#seals, null, null, zeroKey, this.#noncePointer);
    const opening = this.#evp.EVP_DecryptInit_ex(this.#opens, null, null, zeroKey, this.#noncePointer);
    if ((sealing & opening) !== 1) broken();
    this.#sealKeyAt = NO_KEY;
    this.#openKeyAt = NO_KEY;
  }
}

function broken(): never {
  throw new Error("libcrypto: an AEAD call failed");
}
