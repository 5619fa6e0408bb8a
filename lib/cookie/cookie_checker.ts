/**
 * The receiver's side of cookies (whitepaper sections 5.3 and 5.4.7): under load, who wants an
 * answer must first show, with a cookie that was sent to its address and port, that it can receive
 * there. It works where datagrams come in, on the memory that they lie in, and takes none.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { COOKIE_LENGTH, KEY_LENGTH, MAC_LENGTH, MESSAGE_COOKIE_REPLY } from "../base/constants.ts";
import { type CookieKeys, type CookieKeysCopy, NONCE_PREFIX_LENGTH } from "../base/cookie_keys.ts";
import { CookieSealer } from "../crypto/cookie_sealer.ts";
import { KeyedBlake2s } from "../crypto/keyed_blake2s.ts";
import { COOKIE_REPLY, INITIATION, mac1Offset } from "../wire/messages.ts";
import { macEquals } from "./macs.ts";

/** Bytes of an IPv6 address and a port: the most that a cookie is made of. */
const SOURCE_BYTES_MAX = 18;
const COUNT_BYTES = 8;

/** Checks both macs of messages to our public key and makes cookie replies. */
export class CookieChecker {
  readonly #keys: CookieKeys;
  readonly #secretMaxAge: number;
  /** A copy of the keys, and the version that it is of. */
  #version = -1;
  readonly #copy: CookieKeysCopy = {
    hasKeys: false,
    mac1Key: new Uint8Array(KEY_LENGTH),
    cookieKey: new Uint8Array(KEY_LENGTH),
    secret: new Uint8Array(KEY_LENGTH),
    noncePrefix: new Uint8Array(NONCE_PREFIX_LENGTH),
    madeAt: milliseconds(0),
  };
  readonly #macs1 = new KeyedBlake2s();
  readonly #cookies = new KeyedBlake2s();
  readonly #macs2 = new KeyedBlake2s();
  readonly #sealer = new CookieSealer();
  /**
   * Replies under this secret: their nonces are what is random for each secret, and this count. No
   * nonce comes twice.
   */
  #replies = 0;
  readonly #source = new Uint8Array(SOURCE_BYTES_MAX);
  readonly #cookie = new Uint8Array(COOKIE_LENGTH);
  readonly #mac = new Uint8Array(MAC_LENGTH);

  /** @param secretMaxAge milliseconds that a secret is used */
  constructor(keys: CookieKeys, secretMaxAge: number) {
    this.#keys = keys;
    this.#secretMaxAge = secretMaxAge;
  }

  /** Whether there is a private key, so that messages can be for us. Call before the others. */
  get hasKeys(): boolean {
    if (this.#keys.version !== this.#version) this.#refresh();
    return this.#version >= 0 && this.#copy.hasKeys;
  }

  /**
   * Whether there is a secret that is not too old. Without one no mac2 is right, and no reply can
   * be made.
   */
  hasSecret(now: Milliseconds): boolean {
    const { madeAt } = this.#copy;
    return madeAt !== 0 && now - madeAt <= this.#secretMaxAge;
  }

  /** Whether mac1 of the initiation or response of `length` bytes at `at` is right. */
  checkMac1(bytes: Uint8Array, at: number, length: number): boolean {
    this.#macs1.mac(bytes, at, mac1Offset(length), this.#mac, 0);
    return macEquals(bytes, at + mac1Offset(length), this.#mac);
  }

  /**
   * Whether its mac2 was made with the cookie that its source, the endpoint cell at `cellAt`, has
   * now. A cookie of an earlier secret is not accepted: the sender asks again.
   */
  checkMac2(
    bytes: Uint8Array,
    at: number,
    length: number,
    cellAt: number,
    now: Milliseconds,
  ): boolean {
    if (!this.hasSecret(now) || !hasMac2(bytes, at, length)) return false;
    const covered = mac1Offset(length) + MAC_LENGTH;
    this.#makeCookie(bytes, cellAt);
    this.#macs2.setKey(this.#cookie);
    this.#macs2.mac(bytes, at, covered, this.#mac, 0);
    return macEquals(bytes, at + covered, this.#mac);
  }

  /**
   * Writes the cookie reply (64 bytes) to it at `to`. Its mac1 was right, and there is a secret.
   */
  reply(bytes: Uint8Array, at: number, length: number, cellAt: number, to: number): void {
    bytes[to] = MESSAGE_COOKIE_REPLY;
    bytes[to + 1] = bytes[to + 2] = bytes[to + 3] = 0;
    // The sender's index stands at one place in initiations and responses.
    for (let i = 0; i < 4; i++) {
      bytes[to + COOKIE_REPLY.receiver + i] = bytes[at + INITIATION.sender + i];
    }
    const countAt = to + COOKIE_REPLY.nonce + NONCE_PREFIX_LENGTH;
    for (let i = 0; i < NONCE_PREFIX_LENGTH; i++) {
      bytes[to + COOKIE_REPLY.nonce + i] = this.#copy.noncePrefix[i];
    }
    this.#writeCount(bytes, countAt);
    this.#makeCookie(bytes, cellAt);
    this.#sealer.seal(
      bytes,
      this.#cookie,
      at + mac1Offset(length),
      countAt,
      to + COOKIE_REPLY.cookie,
    );
  }

  /** Bound to address and port: of many behind one address, each has its own. */
  #makeCookie(bytes: Uint8Array, cellAt: number): void {
    const source = this.#source;
    const length = bytes[cellAt] === 4 ? 4 : 16;
    for (let i = 0; i < length; i++) source[i] = bytes[cellAt + 8 + i];
    source[length] = bytes[cellAt + 2];
    source[length + 1] = bytes[cellAt + 3];
    this.#cookies.mac(source, 0, length + 2, this.#cookie, 0);
  }

  #writeCount(bytes: Uint8Array, at: number): void {
    let count = this.#replies++;
    for (let i = 0; i < COUNT_BYTES; i++) {
      bytes[at + i] = count % 256;
      count = Math.floor(count / 256);
    }
  }

  #refresh(): void {
    const copy = this.#copy;
    this.#version = this.#keys.copyTo(copy);
    this.#macs1.setKey(copy.mac1Key);
    this.#cookies.setKey(copy.secret);
    this.#sealer.setKey(copy.cookieKey, copy.noncePrefix);
    copy.secret.fill(0);
    this.#replies = 0;
  }
}

/** Whether the mac2 of an initiation or response is not all zeros, as it is without a cookie. */
export function hasMac2(bytes: Uint8Array, at: number, length: number): boolean {
  const mac2At = at + mac1Offset(length) + MAC_LENGTH;
  let all = 0;
  for (let i = 0; i < MAC_LENGTH; i++) all |= bytes[mac2At + i];
  return all !== 0;
}
