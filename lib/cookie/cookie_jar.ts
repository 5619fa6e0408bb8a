/**
 * The sender's side of cookies: writes mac1 and mac2 of messages to one peer, and opens the peer's
 * cookie replies (whitepaper sections 5.4.4 and 5.4.7).
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { MAC_LENGTH } from "../base/constants.ts";
import { secretMoved } from "../base/secret_bytes.ts";
import type { Suite } from "../crypto/suite.ts";
import { COOKIE_REPLY, mac1Offset } from "../wire/messages.ts";
import { cookieKey, mac1Key, mac1Of, mac2Of } from "./macs.ts";

/**
 * How long before the end of the peer's secret a cookie is no longer used, because a message needs
 * time to arrive (Linux's COOKIE_SECRET_LATENCY).
 */
const COOKIE_LATENCY_MS = 5_000;

/** The cookie that one peer has sent. */
export class CookieJar {
  readonly #suite: Suite;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #lifetime: number;
  #cookie: Uint8Array | undefined;
  #cookieReceivedAt = 0;
  #lastMac1: Uint8Array | undefined;

  /**
   * @param publicKey the peer's public key
   * @param secretMaxAge how long the peer uses a secret, in milliseconds
   */
  constructor(suite: Suite, publicKey: Uint8Array, secretMaxAge: number) {
    this.#suite = suite;
    this.#mac1Key = mac1Key(suite, publicKey);
    this.#cookieKey = cookieKey(suite, publicKey);
    this.#lifetime = Math.max(secretMaxAge - COOKIE_LATENCY_MS, secretMaxAge / 2);
  }

  /**
   * Writes mac1 to an initiation or response that is complete otherwise, and mac2 when there is a
   * valid cookie. mac1 is kept, because the cookie reply to the message is sealed with it.
   */
  seal(message: Uint8Array, now: Milliseconds): void {
    const at = mac1Offset(message.length);
    this.#lastMac1 = mac1Of(this.#suite, this.#mac1Key, message);
    message.set(this.#lastMac1, at);
    if (this.#cookie === undefined) return;
    if (now - this.#cookieReceivedAt > this.#lifetime) return this.wipe();
    message.set(mac2Of(this.#suite, this.#cookie, message), at + MAC_LENGTH);
  }

  /**
   * Opens a cookie reply, whose length must be right, and keeps the cookie. Only one reply to the
   * last message is accepted.
   * @returns whether the reply was accepted
   */
  consume(reply: Uint8Array, now: Milliseconds): boolean {
    if (this.#lastMac1 === undefined) return false;
    const nonce = reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.cookie);
    const sealed = reply.subarray(COOKIE_REPLY.cookie, COOKIE_REPLY.length);
    const cookie = this.#suite.xopen(this.#cookieKey, nonce, sealed, this.#lastMac1);
    if (cookie === undefined) return false;
    this.wipe();
    this.#cookie = secretMoved(cookie, "lasting");
    this.#cookieReceivedAt = now;
    this.#lastMac1 = undefined;
    return true;
  }

  /** Erases the cookie. */
  wipe(): void {
    this.#cookie?.fill(0);
    this.#cookie = undefined;
  }
}
