/**
 * ChaCha20-Poly1305 composed of libcrypto's ChaCha20 and POLY1305, as RFC 8439 section 2.8 defines it without associated data.
 * OpenSSL's ready-made AEAD makes the Poly1305 key and the last partial block with its one-block ChaCha20; here 64 bytes before the message
 * go through the cipher with it, so that the key falls out of the same vectorised call, and so does the end of the message.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import type { PacketCipher } from "../lib/crypto/suite.ts";
import { cString, type Libcrypto, type LibcryptoSymbols } from "./libcrypto.ts";
import { ArenaAddresses } from "./libcrypto_memory.ts";

/** Longest message; with the 64 bytes before it and the length block after it stays below 2^16. */
const MESSAGE_MAX = 65_520;
const ONE_TIME_KEY_BYTES = 32n;
const TAG_BYTES = 16n;
/** A value of `keyAt` that no key has. */
const NO_KEY = -1;

/** A packet cipher over the arena, or undefined when this libcrypto has no POLY1305 (before 3.0). */
export function composedCipher(arena: Arena, libcrypto: Libcrypto): PacketCipher | undefined {
  const s = libcrypto.symbols;
  if (s.EVP_CIPHER_fetch === null || s.EVP_MAC_fetch === null || s.EVP_MAC_CTX_new === null) return undefined;
  const cipher = s.EVP_CIPHER_fetch(null, cString("ChaCha20"), null);
  const mac = s.EVP_MAC_fetch(null, cString("POLY1305"), null);
  if (cipher === null || mac === null) return undefined;
  const cipherContext = s.EVP_CIPHER_CTX_new();
  const macContext = s.EVP_MAC_CTX_new(mac);
  if (cipherContext === null || macContext === null) return undefined;
  if (s.EVP_EncryptInit_ex(cipherContext, cipher, null, 0n, null) !== 1) return undefined;
  return new ComposedCipher(arena, s, cipherContext, macContext);
}

class ComposedCipher implements PacketCipher {
  readonly name = "libcrypto composed";
  readonly #evp: LibcryptoSymbols;
  readonly #initMac: NonNullable<LibcryptoSymbols["EVP_MAC_init"]>;
  readonly #updateMac: NonNullable<LibcryptoSymbols["EVP_MAC_update"]>;
  readonly #finalMac: NonNullable<LibcryptoSymbols["EVP_MAC_final"]>;
  readonly #cipherContext: Deno.PointerObject;
  readonly #macContext: Deno.PointerObject;
  readonly #addresses: ArenaAddresses;
  readonly #u32: Uint32Array;
  readonly #f64: Float64Array;
  readonly #view: DataView;
  /** Index of the IV's first word: block counter, 0, counter low, counter high (OpenSSL's layout of a ChaCha20 IV; the nonce is the last three). */
  readonly #iv: number;
  readonly #ivPointer: Deno.PointerObject;
  readonly #tag: number;
  readonly #tagPointer: Deno.PointerObject;
  readonly #lengthPointer: Deno.PointerObject;
  readonly #zeroKeyAt: number;
  /** Multiples of 16 as BigInts. */
  readonly #lengths: bigint[] = [];
  /** The key that the cipher context holds. */
  #keyAt = NO_KEY;

  constructor(arena: Arena, evp: LibcryptoSymbols, cipherContext: Deno.PointerObject, macContext: Deno.PointerObject) {
    this.#evp = evp;
    this.#initMac = evp.EVP_MAC_init!;
    this.#updateMac = evp.EVP_MAC_update!;
    this.#finalMac = evp.EVP_MAC_final!;
    this.#cipherContext = cipherContext;
    this.#macContext = macContext;
    this.#addresses = new ArenaAddresses(arena);
    this.#u32 = arena.u32;
    this.#f64 = new Float64Array(arena.memory.buffer);
    this.#view = arena.view;
    const ivAt = arena.take(64), tagAt = arena.take(64), lengthAt = arena.take(64);
    this.#iv = ivAt >>> 2;
    this.#ivPointer = this.#addresses.pointer(ivAt);
    this.#tag = tagAt >>> 2;
    this.#tagPointer = this.#addresses.pointer(tagAt);
    this.#lengthPointer = this.#addresses.pointer(lengthAt);
    this.#zeroKeyAt = arena.take(64);
    for (let length = 0; length <= MESSAGE_MAX + 32; length += 16) this.#lengths.push(BigInt(length));
  }

  seal(keyAt: number, counterLow: number, counterHigh: number, at: number, length: number): void {
    const start = this.#addresses.pointer(at - 64);
    const zeros = (at - 64) >>> 3, f64 = this.#f64;
    f64[zeros] = 0;
    f64[zeros + 1] = 0;
    f64[zeros + 2] = 0;
    f64[zeros + 3] = 0;
    this.#setNonce(keyAt, counterLow, counterHigh);
    const done = this.#evp.EVP_Cipher(this.#cipherContext, start, start, (length + 127) & ~63);

    const view = this.#view, end = at + length;
    const padded = (length + 15) & ~15;
    if (padded !== length) zero16(view, end);
    writeLengths(view, at + padded, length);
    this.#authenticate(start, this.#addresses.address(at), padded, done);

    const u32 = this.#u32, tag = this.#tag;
    view.setUint32(end, u32[tag], true);
    view.setUint32(end + 4, u32[tag + 1], true);
    view.setUint32(end + 8, u32[tag + 2], true);
    view.setUint32(end + 12, u32[tag + 3], true);
  }

  open(keyAt: number, counterLow: number, counterHigh: number, from: number, length: number, to: number): boolean {
    const view = this.#view;
    view.setFloat64(from - 64, 0);
    view.setFloat64(from - 56, 0);
    view.setFloat64(from - 48, 0);
    view.setFloat64(from - 40, 0);
    const start = this.#addresses.pointer(to - 64);
    this.#setNonce(keyAt, counterLow, counterHigh);
    const done = this.#evp.EVP_Cipher_from(
      this.#cipherContext,
      start,
      this.#addresses.address(from - 64),
      (length + 127) & ~63,
    );

    // The length block must follow the ciphertext: it goes over the tag, and for odd lengths over what is behind the tag, which is put back.
    const end = from + length, padded = (length + 15) & ~15;
    const tag0 = view.getInt32(end, true), tag1 = view.getInt32(end + 4, true);
    const tag2 = view.getInt32(end + 8, true), tag3 = view.getInt32(end + 12, true);
    if (padded === length) {
      writeLengths(view, end, length);
      this.#authenticate(start, this.#addresses.address(from), padded, done);
    } else {
      const next0 = view.getInt32(end + 16, true), next1 = view.getInt32(end + 20, true);
      const next2 = view.getInt32(end + 24, true), next3 = view.getInt32(end + 28, true);
      zero16(view, end);
      writeLengths(view, from + padded, length);
      this.#authenticate(start, this.#addresses.address(from), padded, done);
      view.setInt32(end + 16, next0, true);
      view.setInt32(end + 20, next1, true);
      view.setInt32(end + 24, next2, true);
      view.setInt32(end + 28, next3, true);
    }

    const u32 = this.#u32, tag = this.#tag;
    return ((u32[tag] ^ tag0) | (u32[tag + 1] ^ tag1) | (u32[tag + 2] ^ tag2) | (u32[tag + 3] ^ tag3)) === 0;
  }

  forget(): void {
    this.#setNonce(this.#zeroKeyAt, 0, 0);
    this.#keyAt = NO_KEY;
  }

  #setNonce(keyAt: number, counterLow: number, counterHigh: number): void {
    this.#u32[this.#iv + 2] = counterLow;
    this.#u32[this.#iv + 3] = counterHigh;
    let key = 0n;
    if (keyAt !== this.#keyAt) {
      key = this.#addresses.address(keyAt);
      this.#keyAt = keyAt;
    }
    if (this.#evp.EVP_EncryptInit_ex(this.#cipherContext, null, null, key, this.#ivPointer) !== 1) broken();
  }

  /** Poly1305, keyed by the first 32 bytes at `start`, over the padded ciphertext and the length block. */
  #authenticate(start: Deno.PointerObject, message: bigint, padded: number, ciphered: number): void {
    const context = this.#macContext;
    const ready = this.#initMac(context, start, ONE_TIME_KEY_BYTES, null);
    const taken = this.#updateMac(context, message, this.#lengths[(padded + 16) >>> 4]);
    const made = this.#finalMac(context, this.#tagPointer, this.#lengthPointer, TAG_BYTES);
    // A call that failed would leave plaintext or an old tag in place.
    if (ciphered <= 0 || (ready & taken & made) !== 1) broken();
  }
}

/** The last block of RFC 8439's construction: length of the associated data (0) and of the ciphertext, 64 bits each. */
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
