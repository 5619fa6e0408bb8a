/**
 * The suite made of @noble's TypeScript: always there, and the readable one that the others are held against.
 * @module
 */
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { MAC_LENGTH, TAG_LENGTH } from "../base/constants.ts";
import { counterNonce } from "./nonce.ts";
import type { Suite } from "./suite.ts";

/** The @noble suite. */
export const nobleSuite: Suite = {
  name: "noble",

  hash(...parts) {
    const state = blake2s.create({ dkLen: 32 });
    for (const part of parts) state.update(part);
    return state.digest();
  },

  mac(key, ...parts) {
    const state = blake2s.create({ key, dkLen: MAC_LENGTH });
    for (const part of parts) state.update(part);
    const tag = state.digest();
    state.destroy();
    return tag;
  },

  hmac(key, ...parts) {
    const state = hmac.create(blake2s, key);
    for (const part of parts) state.update(part);
    const tag = state.digest();
    state.destroy();
    return tag;
  },

  publicKey: (privateKey) => x25519.getPublicKey(privateKey),

  sharedSecret(privateKey, publicKey) {
    // noble throws on a point of small order, and on nothing else here when both lengths are right.
    if (privateKey.length !== 32 || publicKey.length !== 32) throw new RangeError("x25519: a key has 32 bytes");
    try {
      return x25519.getSharedSecret(privateKey, publicKey);
    } catch {
      return undefined;
    }
  },

  seal: (key, counter, plaintext, associated) =>
    chacha20poly1305(key, counterNonce(counter), associated).encrypt(plaintext),

  open(key, counter, sealed, associated) {
    if (sealed.length < TAG_LENGTH) return undefined;
    const cipher = chacha20poly1305(key, counterNonce(counter), associated);
    try {
      return cipher.decrypt(sealed);
    } catch {
      return undefined;
    }
  },

  xseal: (key, nonce, plaintext, associated) => xchacha20poly1305(key, nonce, associated).encrypt(plaintext),

  xopen(key, nonce, sealed, associated) {
    if (sealed.length < TAG_LENGTH) return undefined;
    const cipher = xchacha20poly1305(key, nonce, associated);
    try {
      return cipher.decrypt(sealed);
    } catch {
      return undefined;
    }
  },
};
