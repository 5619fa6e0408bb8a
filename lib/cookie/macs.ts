/**
 * mac1 and mac2 (whitepaper section 5.4.4): every initiation and response ends with both. mac1 shows that the sender knows the receiver's
 * public key; mac2, that it owns the address it writes from.
 * @module
 */
import { MAC_LENGTH } from "../base/constants.ts";
import type { Suite } from "../crypto/suite.ts";
import { mac1Offset } from "../wire/messages.ts";

const LABEL_MAC1 = new TextEncoder().encode("mac1----");
const LABEL_COOKIE = new TextEncoder().encode("cookie--");

/** The key of mac1 for messages to the owner of a public key: 32 bytes. */
export function mac1Key(suite: Suite, publicKey: Uint8Array): Uint8Array {
  return suite.hash(LABEL_MAC1, publicKey);
}

/** The key that seals the cookies of the owner of a public key: 32 bytes. */
export function cookieKey(suite: Suite, publicKey: Uint8Array): Uint8Array {
  return suite.hash(LABEL_COOKIE, publicKey);
}

/** mac1 of an initiation or response. */
export function mac1Of(suite: Suite, key: Uint8Array, message: Uint8Array): Uint8Array {
  return suite.mac(key, message.subarray(0, mac1Offset(message.length)));
}

/** mac2 of an initiation or response that has its mac1 already. */
export function mac2Of(suite: Suite, cookie: Uint8Array, message: Uint8Array): Uint8Array {
  return suite.mac(cookie, message.subarray(0, mac1Offset(message.length) + MAC_LENGTH));
}

/** Whether `message` holds these 16 bytes at `at`. The time it takes tells nothing of where they differ. */
export function macEquals(message: Uint8Array, at: number, mac: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < MAC_LENGTH; i++) difference |= message[at + i] ^ mac[i];
  return difference === 0;
}

/** Whether mac1 of an initiation or response is right. `key` is that of our own public key. */
export function checkMac1(suite: Suite, key: Uint8Array, message: Uint8Array): boolean {
  return macEquals(message, mac1Offset(message.length), mac1Of(suite, key, message));
}
