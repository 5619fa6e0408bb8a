/**
 * mac1 and mac2, with which every initiation and response ends (whitepaper section 5.4.4). mac1
 * proves that the sender knows the receiver's public key. mac2 proves that the sender receives at
 * its source address.
 * @module
 */
import { MAC_LENGTH } from "../base/constants.ts";
import type { Suite } from "../crypto/suite.ts";
import { mac1Offset } from "../wire/messages.ts";

const LABEL_MAC1 = new TextEncoder().encode("mac1----");
const LABEL_COOKIE = new TextEncoder().encode("cookie--");

/** The key of mac1 in messages to a public key, 32 bytes. */
export function mac1Key(suite: Suite, publicKey: Uint8Array): Uint8Array {
  return suite.hash(LABEL_MAC1, publicKey);
}

/** The key that seals the cookies of a public key, 32 bytes. */
export function cookieKey(suite: Suite, publicKey: Uint8Array): Uint8Array {
  return suite.hash(LABEL_COOKIE, publicKey);
}

/** Computes mac1 of an initiation or response, 16 bytes. */
export function mac1Of(suite: Suite, key: Uint8Array, message: Uint8Array): Uint8Array {
  return suite.mac(key, message.subarray(0, mac1Offset(message.length)));
}

/** Computes mac2 of an initiation or response that has its mac1, 16 bytes. */
export function mac2Of(suite: Suite, cookie: Uint8Array, message: Uint8Array): Uint8Array {
  return suite.mac(cookie, message.subarray(0, mac1Offset(message.length) + MAC_LENGTH));
}

/** Whether the 16 bytes of `message` at `at` equal `mac`. It runs in constant time. */
export function macEquals(message: Uint8Array, at: number, mac: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < MAC_LENGTH; i++) difference |= message[at + i] ^ mac[i];
  return difference === 0;
}

/** The last mac that was computed to be compared. */
const computed = new Uint8Array(MAC_LENGTH);

/** Whether mac1 of an initiation or response is right. `key` is that of our own public key. */
export function checkMac1(suite: Suite, key: Uint8Array, message: Uint8Array): boolean {
  const at = mac1Offset(message.length);
  suite.macTo(computed, key, message.subarray(0, at));
  return macEquals(message, at, computed);
}
