/**
 * The receiver's side of cookies (whitepaper sections 5.3 and 5.4.7). Under load, a sender must
 * prove that it receives at its address and port, with a cookie that was sent there. The data plane
 * uses this module on received datagrams in the arena.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { KEY_LENGTH, MAC_LENGTH, MESSAGE_COOKIE_REPLY } from "../base/constants.ts";
import { type CookieKeys, type CookieKeysCopy, NONCE_PREFIX_LENGTH } from "../base/cookie_keys.ts";
import { secretBytes } from "../base/secret_bytes.ts";
import type { Suite } from "../crypto/suite.ts";
import { hchacha20 } from "../crypto/xchacha.ts";
import { COOKIE_REPLY, INITIATION, mac1Offset } from "../wire/messages.ts";
import { macEquals } from "./macs.ts";

/** Bytes of an IPv6 address and a port, from which a cookie is made. */
const SOURCE_BYTES_MAX = 18;
/** Bytes of the count at the end of a nonce, as a little-endian integer. */
const COUNT_BYTES = 8;

/** Which of several checkers with the same keys one is. */
export interface CheckerShare {
  /** From 0 on. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/** Checks mac1 and mac2 of messages to our public key, and makes cookie replies. */
export class CookieChecker {
  readonly #suite: Suite;
  readonly #keys: CookieKeys;
  readonly #secretMaxAge: number;
  /** The version of the copy of the keys. */
  #version = -1;
  readonly #copy: CookieKeysCopy = {
    hasKeys: false,
    mac1Key: new Uint8Array(KEY_LENGTH),
    cookieKey: new Uint8Array(KEY_LENGTH),
    secret: secretBytes(KEY_LENGTH, "lasting"),
    noncePrefix: new Uint8Array(NONCE_PREFIX_LENGTH),
    madeAt: milliseconds(0),
  };
  /**
   * The XChaCha20 subkey of the cookie key and the nonces' prefix, 32 bytes. All nonces of a secret
   * have the same prefix, so the subkey is made once.
   */
  readonly #subkey = secretBytes(KEY_LENGTH, "lasting");
  readonly #share: CheckerShare;
  /**
   * Replies made with the present secret. A nonce is the random prefix of the secret and a count.
   * Several checkers count in steps of their number, so no two of them use the same nonce.
   */
  #replies = 0;
  readonly #source = new Uint8Array(SOURCE_BYTES_MAX);
  /** The mac or cookie that was computed last. */
  readonly #mac = new Uint8Array(MAC_LENGTH);
  readonly #cookie = secretBytes(MAC_LENGTH, "lasting");

  /**
   * @param secretMaxAge how long a secret is used, in milliseconds
   * @param share which of the checkers with these keys it is; by default the only one
   */
  constructor(
    suite: Suite,
    keys: CookieKeys,
    secretMaxAge: number,
    share: CheckerShare = { index: 0, of: 1 },
  ) {
    this.#suite = suite;
    this.#keys = keys;
    this.#secretMaxAge = secretMaxAge;
    this.#share = share;
  }

  /** Whether there is a private key. Call it before the other methods: it updates the keys. */
  get hasKeys(): boolean {
    if (this.#keys.version !== this.#version) this.#refresh();
    return this.#version >= 0 && this.#copy.hasKeys;
  }

  /**
   * Whether there is a secret that is not too old. Without one, mac2 is wrong and `reply` fails.
   */
  hasSecret(now: Milliseconds): boolean {
    const { madeAt } = this.#copy;
    return madeAt !== 0 && now - madeAt <= this.#secretMaxAge;
  }

  /** Whether mac1 of the initiation or response of `length` bytes at `at` is right. */
  checkMac1(bytes: Uint8Array, at: number, length: number): boolean {
    const mac1At = at + mac1Offset(length);
    this.#suite.macTo(this.#mac, this.#copy.mac1Key, bytes.subarray(at, mac1At));
    return macEquals(bytes, mac1At, this.#mac);
  }

  /**
   * Whether mac2 of the initiation or response of `length` bytes at `at` was made with the present
   * cookie of its source. The source is the endpoint cell at `cellAt`. A cookie of an earlier
   * secret is not accepted, so the sender gets a new one.
   */
  checkMac2(
    bytes: Uint8Array,
    at: number,
    length: number,
    cellAt: number,
    now: Milliseconds,
  ): boolean {
    if (!this.hasSecret(now) || !hasMac2(bytes, at, length)) return false;
    const mac2At = at + mac1Offset(length) + MAC_LENGTH;
    this.#makeCookie(bytes, cellAt);
    this.#suite.macTo(this.#mac, this.#cookie, bytes.subarray(at, mac2At));
    this.#cookie.fill(0);
    return macEquals(bytes, mac2At, this.#mac);
  }

  /**
   * Writes the cookie reply (64 bytes) to the message of `length` bytes at `at` to `to`. The
   * message must have a right mac1, and `hasSecret` must be true.
   */
  reply(bytes: Uint8Array, at: number, length: number, cellAt: number, to: number): void {
    bytes[to] = MESSAGE_COOKIE_REPLY;
    bytes[to + 1] = bytes[to + 2] = bytes[to + 3] = 0;
    // Initiations and responses have the sender index at the same offset.
    for (let i = 0; i < 4; i++) {
      bytes[to + COOKIE_REPLY.receiver + i] = bytes[at + INITIATION.sender + i];
    }
    const count = this.#share.index + this.#share.of * this.#replies++;
    bytes.set(this.#copy.noncePrefix, to + COOKIE_REPLY.nonce);
    writeCount(bytes, to + COOKIE_REPLY.nonce + NONCE_PREFIX_LENGTH, count);
    const mac1At = at + mac1Offset(length);
    const mac1 = bytes.subarray(mac1At, mac1At + MAC_LENGTH);
    this.#makeCookie(bytes, cellAt);
    const sealed = bytes.subarray(to + COOKIE_REPLY.cookie, to + COOKIE_REPLY.length);
    this.#suite.sealTo(sealed, this.#subkey, count, this.#cookie, mac1);
    this.#cookie.fill(0);
  }

  /**
   * Computes the cookie of a source. It depends on the port too, so hosts behind one NAT differ.
   */
  #makeCookie(bytes: Uint8Array, cellAt: number): void {
    const source = this.#source;
    const length = bytes[cellAt] === 4 ? 4 : 16;
    for (let i = 0; i < length; i++) source[i] = bytes[cellAt + 8 + i];
    source[length] = bytes[cellAt + 2];
    source[length + 1] = bytes[cellAt + 3];
    this.#suite.macTo(this.#cookie, this.#copy.secret, source.subarray(0, length + 2));
  }

  #refresh(): void {
    const copy = this.#copy;
    this.#version = this.#keys.copyTo(copy);
    hchacha20(copy.cookieKey, copy.noncePrefix, this.#subkey);
    this.#replies = 0;
  }
}

function writeCount(bytes: Uint8Array, at: number, count: number): void {
  let rest = count;
  for (let i = 0; i < COUNT_BYTES; i++) {
    bytes[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** Whether the mac2 of an initiation or response is not all zeros, as it is without a cookie. */
export function hasMac2(bytes: Uint8Array, at: number, length: number): boolean {
  const mac2At = at + mac1Offset(length) + MAC_LENGTH;
  let all = 0;
  for (let i = 0; i < MAC_LENGTH; i++) all |= bytes[mac2At + i];
  return all !== 0;
}
