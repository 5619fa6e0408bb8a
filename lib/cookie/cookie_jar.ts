/**
 * The sender's side of cookies: writes both macs on our messages to one peer and takes its cookie
 * replies (whitepaper sections 5.4.4 and 5.4.7).
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { MAC_LENGTH } from "../base/constants.ts";
import type { Suite } from "../crypto/suite.ts";
import { COOKIE_REPLY, mac1Offset } from "../wire/messages.ts";
import { cookieKey, mac1Key, mac1Of, mac2Of } from "./macs.ts";

/**
 * A cookie is left unused this long before its maker's secret ends: our message must still arrive
 * in time (Linux's COOKIE_SECRET_LATENCY).
 */
const COOKIE_LATENCY_MS = 5_000;

/** What we know of one peer's cookies. */
export class CookieJar {
  readonly #suite: Suite;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #lifetime: number;
  #cookie: Uint8Array | undefined;
  #cookieReceivedAt = 0;
  #lastMac1: Uint8Array | undefined;

  /**
   * @param publicKey the peer's
   * @param secretMaxAge milliseconds that the peer keeps its secret
   */
  constructor(suite: Suite, publicKey: Uint8Array, secretMaxAge: number) {
    this.#suite = suite;
    this.#mac1Key = mac1Key(suite, publicKey);
    this.#cookieKey = cookieKey(suite, publicKey);
    this.#lifetime = Math.max(secretMaxAge - COOKIE_LATENCY_MS, secretMaxAge / 2);
  }

  /**
   * Writes mac1, and mac2 when there is a fresh cookie, on an initiation or response that is
   * complete otherwise. Remembers mac1 for the reply.
   */
  seal(message: Uint8Array, now: Milliseconds): void {
    const at = mac1Offset(message.length);
    this.#lastMac1 = mac1Of(this.#suite, this.#mac1Key, message);
    message.set(this.#lastMac1, at);
    if (this.#cookie === undefined) return;
    if (now - this.#cookieReceivedAt > this.#lifetime) {
      this.#cookie = undefined;
      return;
    }
    message.set(mac2Of(this.#suite, this.#cookie, message), at + MAC_LENGTH);
  }

  /**
   * Takes a cookie reply (length checked). It opens only when it answers the last message sealed
   * here, and only once a message.
   * @returns whether it was taken
   */
  consume(reply: Uint8Array, now: Milliseconds): boolean {
    if (this.#lastMac1 === undefined) return false;
    const nonce = reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.cookie);
    const sealed = reply.subarray(COOKIE_REPLY.cookie, COOKIE_REPLY.length);
    const cookie = this.#suite.xopen(this.#cookieKey, nonce, sealed, this.#lastMac1);
    if (cookie === undefined) return false;
    this.#cookie = cookie;
    this.#cookieReceivedAt = now;
    this.#lastMac1 = undefined;
    return true;
  }
}
