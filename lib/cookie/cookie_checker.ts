/**
 * The receiver's side of cookies (whitepaper sections 5.3 and 5.4.7): under load, who wants an answer must first show, with a cookie that
 * was sent to its address and port, that it can receive there.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { COOKIE_LENGTH, KEY_LENGTH, MAC_LENGTH, MESSAGE_COOKIE_REPLY } from "../base/constants.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { Suite } from "../crypto/suite.ts";
import { COOKIE_REPLY, INITIATION, mac1Offset, readIndex, writeIndex } from "../wire/messages.ts";
import { checkMac1, cookieKey, mac1Key, mac2Of, macEquals } from "./macs.ts";

/** What a cookie checker borrows from its owner. */
export interface CookieCheckerOptions {
  readonly suite: Suite;
  /** Fills the array with unpredictable bytes. */
  readonly random: (into: Uint8Array) => void;
  /** Milliseconds after which the secret is replaced, and with it all cookies. */
  readonly secretMaxAge: number;
}

/** Checks both macs of messages to one public key and makes cookie replies. Make a new one when the key changes. */
export class CookieChecker {
  /** HASH("mac1----" || our public key), for the data plane too. */
  readonly mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #options: CookieCheckerOptions;
  readonly #secret = new Uint8Array(KEY_LENGTH);
  #secretMadeAt: Milliseconds | undefined;

  constructor(options: CookieCheckerOptions, publicKey: Uint8Array) {
    this.#options = options;
    this.mac1Key = mac1Key(options.suite, publicKey);
    this.#cookieKey = cookieKey(options.suite, publicKey);
  }

  /** Whether an initiation's or response's mac1 is right. */
  checkMac1(message: Uint8Array): boolean {
    return checkMac1(this.#options.suite, this.mac1Key, message);
  }

  /** Whether mac2 was made with the cookie that this source has now. A cookie of the secret before is not accepted: the sender asks again. */
  checkMac2(message: Uint8Array, source: Endpoint, now: Milliseconds): boolean {
    if (this.#secretMadeAt === undefined || now - this.#secretMadeAt > this.#options.secretMaxAge) {
      return false;
    }
    const mac2 = mac2Of(this.#options.suite, this.#cookieOf(source), message);
    return macEquals(message, mac1Offset(message.length) + MAC_LENGTH, mac2);
  }

  /** The cookie reply (64 bytes) to an initiation or response whose mac1 was right. */
  reply(message: Uint8Array, source: Endpoint, now: Milliseconds): Uint8Array {
    const { suite, random, secretMaxAge } = this.#options;
    if (this.#secretMadeAt === undefined || now - this.#secretMadeAt > secretMaxAge) {
      random(this.#secret);
      this.#secretMadeAt = now;
    }
    const reply = new Uint8Array(COOKIE_REPLY.length);
    reply[0] = MESSAGE_COOKIE_REPLY;
    writeIndex(reply, COOKIE_REPLY.receiver, readIndex(message, INITIATION.sender));
    const nonce = reply.subarray(COOKIE_REPLY.nonce, COOKIE_REPLY.cookie);
    random(nonce);
    const mac1At = mac1Offset(message.length);
    const mac1 = message.subarray(mac1At, mac1At + MAC_LENGTH);
    reply.set(
      suite.xseal(this.#cookieKey, nonce, this.#cookieOf(source), mac1),
      COOKIE_REPLY.cookie,
    );
    return reply;
  }

  /** Bound to address and port: of many behind one address, each has its own. */
  #cookieOf(source: Endpoint): Uint8Array {
    const port = Uint8Array.of(source.port >>> 8, source.port & 255);
    const cookie = this.#options.suite.mac(this.#secret, source.address, port);
    if (cookie.length !== COOKIE_LENGTH) {
      throw new Error("cookie: the suite's MAC has another length");
    }
    return cookie;
  }
}
