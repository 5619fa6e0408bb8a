/**
 * The packet cipher of @noble/ciphers, for hosts without libcrypto. Tests compare the other packet
 * ciphers with this one.
 * @module
 */
import { chacha20poly1305 } from "npm:@noble/ciphers@2.4.0/chacha.js";
import type { Arena } from "../base/arena.ts";
import { KEY_LENGTH, TAG_LENGTH } from "../base/constants.ts";
import { NONCE_LENGTH } from "./nonce.ts";
import type { PacketCipher } from "./suite.ts";

/** Makes the packet cipher of @noble/ciphers. It allocates an object for each message. */
export function nobleCipher(arena: Arena): PacketCipher {
  const bytes = arena.bytes;
  const nonce = new Uint8Array(NONCE_LENGTH);
  const nonceView = new DataView(nonce.buffer);

  const cipherFor = (keyAt: number, counterLow: number, counterHigh: number) => {
    nonceView.setUint32(4, counterLow, true);
    nonceView.setUint32(8, counterHigh, true);
    return chacha20poly1305(bytes.subarray(keyAt, keyAt + KEY_LENGTH), nonce);
  };

  return {
    name: "noble",
    seal(keyAt, counterLow, counterHigh, at, length) {
      const message = bytes.subarray(at, at + length);
      cipherFor(keyAt, counterLow, counterHigh).encrypt(
        message,
        bytes.subarray(at, at + length + TAG_LENGTH),
      );
    },
    open(keyAt, counterLow, counterHigh, from, length, to) {
      const sealed = bytes.subarray(from, from + length + TAG_LENGTH);
      try {
        cipherFor(keyAt, counterLow, counterHigh).decrypt(sealed, bytes.subarray(to, to + length));
        return true;
      } catch {
        return false;
      }
    },
    forget() {},
  };
}
