/**
 * The suite of libcrypto: X25519, BLAKE2s and the AEADs for handshakes and cookies. Arguments are
 * copied to buffers of this module, whose pointers are made once. Making the pointer of a small new
 * array takes longer than hashing it.
 * @module
 */
import { KEY_LENGTH, TAG_LENGTH } from "../lib/base/constants.ts";
import { secretCopy, secretMoved } from "../lib/base/secret_bytes.ts";
import {
  counterNonce,
  NONCE_LENGTH,
  writeCounterNonce,
  XNONCE_LENGTH,
} from "../lib/crypto/nonce.ts";
import { expectLength, type Suite } from "../lib/crypto/suite.ts";
import { HCHACHA_NONCE_LENGTH, innerNonce, subkeyOfBlock } from "../lib/crypto/xchacha.ts";
import { AEAD_GET_TAG, AEAD_SET_TAG, expectOk, type Libcrypto } from "./libcrypto.ts";
import { blake2s, keyedBlake2s } from "./libcrypto_blake2s.ts";
import { type Pinned, pinned } from "./memory.ts";
import { x25519 } from "./libcrypto_x25519.ts";

/** Bytes of one ChaCha20 block. */
const BLOCK_LENGTH = 64;
/** Bytes of the buffers that are kept. A longer message gets a buffer of its own. */
const KEPT_BYTES = 4096;

/**
 * Makes the suite of libcrypto.
 * @param keyed the suite whose keyed BLAKE2s is used with versions before 3.0, which have none
 * @throws Error when the build or the policy of this libcrypto lacks an algorithm
 */
export function libcryptoSuite(libcrypto: Libcrypto, keyed?: Suite): Suite {
  const hashes = blake2s(libcrypto);
  const macs = keyedBlake2s(libcrypto) ?? keyed;
  if (macs === undefined) throw new Error("this libcrypto has no keyed BLAKE2s");
  const aead = chacha20Poly1305(libcrypto);
  const block = chachaBlock(libcrypto);
  const curve = x25519(libcrypto);
  const kept = new Uint8Array(NONCE_LENGTH);

  const subkey = (key: Uint8Array, nonce: Uint8Array): Uint8Array => {
    expectLength("key", key, KEY_LENGTH);
    expectLength("nonce", nonce, XNONCE_LENGTH);
    const stream = block(key, nonce);
    const made = subkeyOfBlock(stream, nonce);
    stream.fill(0);
    return made;
  };

  return {
    name: `libcrypto ${libcrypto.version}`,
    ...hashes,
    mac: macs.mac,
    macTo: macs.macTo,
    ...curve,
    seal: (key, counter, plaintext, associated) =>
      aead.seal(key, counterNonce(counter), plaintext, associated),
    sealTo(to, key, counter, plaintext, associated) {
      writeCounterNonce(kept, counter);
      aead.sealTo(to, key, kept, plaintext, associated);
    },
    open: (key, counter, sealed, associated) =>
      aead.open(key, counterNonce(counter), sealed, associated),
    openTo(to, key, counter, sealed, associated) {
      writeCounterNonce(kept, counter);
      return aead.openTo(to, key, kept, sealed, associated);
    },
    xseal(key, nonce, plaintext, associated) {
      const inner = subkey(key, nonce);
      const sealed = aead.seal(inner, innerNonce(nonce), plaintext, associated);
      inner.fill(0);
      return sealed;
    },
    xopen(key, nonce, sealed, associated) {
      const inner = subkey(key, nonce);
      const opened = aead.open(inner, innerNonce(nonce), sealed, associated);
      inner.fill(0);
      return opened;
    },
  };
}

type Sealer = (
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated: Uint8Array,
) => Uint8Array;
type SealerTo = (to: Uint8Array, ...sealed: Parameters<Sealer>) => void;
type OpenerTo = (to: Uint8Array, ...opened: Parameters<Opener>) => boolean;
type Opener = (
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associated: Uint8Array,
) => Uint8Array | undefined;

/** ChaCha20-Poly1305 with a nonce of 12 bytes (RFC 8439). */
export function chacha20Poly1305(libcrypto: Libcrypto): {
  readonly seal: Sealer;
  readonly sealTo: SealerTo;
  readonly open: Opener;
  readonly openTo: OpenerTo;
} {
  const evp = libcrypto.symbols;
  const seals = evp.EVP_CIPHER_CTX_new(), opens = evp.EVP_CIPHER_CTX_new();
  const cipher = evp.EVP_chacha20_poly1305();
  expectOk(evp.EVP_EncryptInit_ex(seals, cipher, null, 0n, null), "EVP_EncryptInit_ex");
  expectOk(evp.EVP_DecryptInit_ex(opens, cipher, null, 0n, null), "EVP_DecryptInit_ex");
  const secret = pinned(KEY_LENGTH),
    iv = pinned(NONCE_LENGTH),
    made = pinned(8),
    end = pinned(TAG_LENGTH);
  const keptText = pinned(KEPT_BYTES), keptAssociated = pinned(KEPT_BYTES);

  const load = (key: Uint8Array, nonce: Uint8Array): void => {
    expectLength("key", key, KEY_LENGTH);
    expectLength("nonce", nonce, NONCE_LENGTH);
    secret.bytes.set(key);
    iv.bytes.set(nonce);
  };

  /** Seals into `text`, which has room for plaintext and tag. */
  const sealInto = (
    text: Pinned,
    key: Uint8Array,
    nonce: Uint8Array,
    plaintext: Uint8Array,
    associated: Uint8Array,
  ): void => {
    load(key, nonce);
    const length = plaintext.length;
    text.bytes.set(plaintext);
    expectOk(
      evp.EVP_EncryptInit_ex(seals, null, null, secret.address, iv.pointer),
      "EVP_EncryptInit_ex",
    );
    if (associated.length > 0) {
      const data = bufferFor(associated.length, keptAssociated);
      data.bytes.set(associated);
      const updated = evp.EVP_EncryptUpdate(
        seals,
        null,
        made.pointer,
        data.pointer,
        associated.length,
      );
      expectOk(updated, "EVP_EncryptUpdate");
    }
    if (length > 0) {
      expectOk(
        evp.EVP_EncryptUpdate(seals, text.pointer, made.pointer, text.pointer, length),
        "EVP_EncryptUpdate",
      );
    }
    expectOk(evp.EVP_EncryptFinal_ex(seals, end.pointer, made.pointer), "EVP_EncryptFinal_ex");
    const tagAddress = text.address + BigInt(length);
    expectOk(
      evp.EVP_CIPHER_CTX_ctrl(seals, AEAD_GET_TAG, TAG_LENGTH, tagAddress),
      "EVP_CTRL_AEAD_GET_TAG",
    );
    secret.bytes.fill(0);
    expectOk(
      evp.EVP_EncryptInit_ex(seals, null, null, secret.address, iv.pointer),
      "EVP_EncryptInit_ex",
    );
  };

  const seal: Sealer = (key, nonce, plaintext, associated) => {
    const length = plaintext.length + TAG_LENGTH;
    const text = bufferFor(length, keptText);
    sealInto(text, key, nonce, plaintext, associated);
    return text.bytes.slice(0, length);
  };
  const sealTo: SealerTo = (to, key, nonce, plaintext, associated) => {
    const length = plaintext.length + TAG_LENGTH;
    const text = bufferFor(length, keptText);
    sealInto(text, key, nonce, plaintext, associated);
    to.set(text.bytes.subarray(0, length));
  };

  /** Opens the `length` bytes and the tag in `text`. Returns false when the tag is wrong. */
  const openIn = (
    text: Pinned,
    length: number,
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
  ): boolean => {
    load(key, nonce);
    expectOk(
      evp.EVP_DecryptInit_ex(opens, null, null, secret.address, iv.pointer),
      "EVP_DecryptInit_ex",
    );
    const tagged = evp.EVP_CIPHER_CTX_ctrl(
      opens,
      AEAD_SET_TAG,
      TAG_LENGTH,
      text.address + BigInt(length),
    );
    expectOk(tagged, "EVP_CTRL_AEAD_SET_TAG");
    if (associated.length > 0) {
      const data = bufferFor(associated.length, keptAssociated);
      data.bytes.set(associated);
      const updated = evp.EVP_DecryptUpdate(
        opens,
        null,
        made.pointer,
        data.address,
        associated.length,
      );
      expectOk(updated, "EVP_DecryptUpdate");
    }
    if (length > 0) {
      expectOk(
        evp.EVP_DecryptUpdate(opens, text.pointer, made.pointer, text.address, length),
        "EVP_DecryptUpdate",
      );
    }
    const right = evp.EVP_DecryptFinal_ex(opens, end.pointer, made.pointer) === 1;
    secret.bytes.fill(0);
    expectOk(
      evp.EVP_DecryptInit_ex(opens, null, null, secret.address, iv.pointer),
      "EVP_DecryptInit_ex",
    );
    return right;
  };

  const open: Opener = (key, nonce, sealed, associated) => {
    const length = sealed.length - TAG_LENGTH;
    if (length < 0) return undefined;
    const text = bufferFor(sealed.length, keptText);
    text.bytes.set(sealed);
    const right = openIn(text, length, key, nonce, associated);
    const plaintext = right ? secretCopy(text.bytes.subarray(0, length)) : undefined;
    text.bytes.fill(0, 0, length);
    return plaintext;
  };
  const openTo: OpenerTo = (to, key, nonce, sealed, associated) => {
    const length = sealed.length - TAG_LENGTH;
    if (length < 0) return false;
    const text = bufferFor(sealed.length, keptText);
    text.bytes.set(sealed);
    const right = openIn(text, length, key, nonce, associated);
    if (right) to.set(text.bytes.subarray(0, length));
    text.bytes.fill(0, 0, length);
    return right;
  };
  return { seal, sealTo, open, openTo };
}

/** The kept buffer when it is large enough, otherwise a new one. */
function bufferFor(length: number, kept: Pinned): Pinned {
  return length <= KEPT_BYTES ? kept : pinned(length);
}

/** Computes a ChaCha20 block whose counter and nonce are the first 16 bytes of `nonce`. */
function chachaBlock(libcrypto: Libcrypto): (key: Uint8Array, nonce: Uint8Array) => Uint8Array {
  const evp = libcrypto.symbols;
  const context = evp.EVP_CIPHER_CTX_new();
  const cipher = evp.EVP_chacha20();
  expectOk(evp.EVP_EncryptInit_ex(context, cipher, null, 0n, null), "EVP_EncryptInit_ex");
  const secret = pinned(KEY_LENGTH),
    iv = pinned(HCHACHA_NONCE_LENGTH),
    block = pinned(BLOCK_LENGTH),
    made = pinned(8);
  return (key, nonce) => {
    secret.bytes.set(key);
    iv.bytes.set(nonce.subarray(0, HCHACHA_NONCE_LENGTH));
    expectOk(
      evp.EVP_EncryptInit_ex(context, null, null, secret.address, iv.pointer),
      "EVP_EncryptInit_ex",
    );
    block.bytes.fill(0);
    expectOk(
      evp.EVP_EncryptUpdate(context, block.pointer, made.pointer, block.pointer, BLOCK_LENGTH),
      "EVP_EncryptUpdate",
    );
    const stream = secretMoved(block.bytes);
    secret.bytes.fill(0);
    expectOk(
      evp.EVP_EncryptInit_ex(context, null, null, secret.address, iv.pointer),
      "EVP_EncryptInit_ex",
    );
    return stream;
  };
}
