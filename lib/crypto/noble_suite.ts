/**
 * The suite of @noble/ciphers, @noble/curves and @noble/hashes, which runs everywhere. Tests
 * compare the other suites with this one.
 * @module
 */
import { chacha20poly1305, xchacha20poly1305 } from "npm:@noble/ciphers@2.4.0/chacha.js";
import { x25519 } from "npm:@noble/curves@2.4.0/ed25519.js";
import { blake2s } from "npm:@noble/hashes@2.4.0/blake2.js";
import { hmac } from "npm:@noble/hashes@2.4.0/hmac.js";
import { KEY_LENGTH, MAC_LENGTH, TAG_LENGTH } from "../base/constants.ts";
import { secretMoved } from "../base/secret_bytes.ts";
import { counterNonce, XNONCE_LENGTH } from "./nonce.ts";
import { expectLength, type Suite } from "./suite.ts";

const NOTHING = new Uint8Array(0);

type Cipher = ReturnType<typeof chacha20poly1305>;

/** The @noble suite. */
export const nobleSuite: Suite = {
  name: "noble",

  hash(...parts) {
    const state = blake2s.create({ dkLen: 32 });
    for (const part of parts) state.update(part);
    return state.digest();
  },

  hashTo: (to, ...parts) => to.set(nobleSuite.hash(...parts)),

  mac(key, ...parts) {
    if (key.length < 1 || key.length > KEY_LENGTH) {
      throw new RangeError(`blake2s: a key of 1 to 32 bytes is required, ${key.length} were given`);
    }
    const state = blake2s.create({ key, dkLen: MAC_LENGTH });
    for (const part of parts) state.update(part);
    const tag = state.digest();
    state.destroy();
    return tag;
  },

  macTo: (to, key, part) => to.set(nobleSuite.mac(key, part)),

  kdf(key, input, ...outputs) {
    expectLength("key", key, KEY_LENGTH);
    const secret = hmacOf(key, input);
    outputs.forEach((output, i) => {
      const before = i === 0 ? NOTHING : outputs[i - 1];
      const made = hmacOf(secret, before, Uint8Array.of(i + 1));
      output.set(made);
      made.fill(0);
    });
    secret.fill(0);
  },

  publicKey(privateKey) {
    expectLength("private key", privateKey, KEY_LENGTH);
    return x25519.getPublicKey(privateKey);
  },

  sharedSecret(privateKey, publicKey) {
    expectLength("private key", privateKey, KEY_LENGTH);
    expectLength("public key", publicKey, KEY_LENGTH);
    try {
      return secretMoved(x25519.getSharedSecret(privateKey, publicKey));
    } catch {
      // The lengths are right, so noble threw because the result is all zeros.
      return undefined;
    }
  },

  products: (privateKey, ...points) =>
    points.map((point) => nobleSuite.sharedSecret(privateKey, point)),

  seal: (key, counter, plaintext, associated) => aead(key, counter, associated).encrypt(plaintext),

  sealTo: (to, key, counter, plaintext, associated) =>
    to.set(nobleSuite.seal(key, BigInt(counter), plaintext, associated)),

  open: (key, counter, sealed, associated) => decrypt(aead(key, counter, associated), sealed),

  openTo(to, key, counter, sealed, associated) {
    const plaintext = nobleSuite.open(key, BigInt(counter), sealed, associated);
    if (plaintext === undefined) return false;
    to.set(plaintext);
    plaintext.fill(0);
    return true;
  },

  xseal: (key, nonce, plaintext, associated) => xaead(key, nonce, associated).encrypt(plaintext),

  xopen: (key, nonce, sealed, associated) => decrypt(xaead(key, nonce, associated), sealed),
};

/** HMAC-BLAKE2s-256 of the concatenated parts. */
function hmacOf(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = hmac.create(blake2s, key);
  for (const part of parts) state.update(part);
  const tag = state.digest();
  state.destroy();
  return tag;
}

function aead(key: Uint8Array, counter: bigint, associated: Uint8Array): Cipher {
  expectLength("key", key, KEY_LENGTH);
  return chacha20poly1305(key, counterNonce(counter), associated);
}

function xaead(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array): Cipher {
  expectLength("key", key, KEY_LENGTH);
  expectLength("nonce", nonce, XNONCE_LENGTH);
  return xchacha20poly1305(key, nonce, associated);
}

function decrypt(cipher: Cipher, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < TAG_LENGTH) return undefined;
  try {
    return secretMoved(cipher.decrypt(sealed));
  } catch {
    return undefined;
  }
}
