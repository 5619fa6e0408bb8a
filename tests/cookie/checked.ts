/**
 * A cookie checker for messages outside of the arena. Its secret is renewed as by the control
 * plane.
 * @module
 */
import type { Milliseconds } from "../../lib/base/brands.ts";
import { COOKIE_KEYS_BYTES, CookieKeys } from "../../lib/base/cookie_keys.ts";
import { type Endpoint, ENDPOINT_CELL_BYTES, writeEndpointCell } from "../../lib/base/endpoint.ts";
import { CookieChecker } from "../../lib/cookie/cookie_checker.ts";
import { cookieKey, mac1Key } from "../../lib/cookie/macs.ts";
import type { Suite } from "../../lib/crypto/suite.ts";

const MESSAGE_AT = 64;
const REPLY_AT = 256;

/** Checks whole messages. */
export class Checked {
  readonly keys = new CookieKeys(new SharedArrayBuffer(COOKIE_KEYS_BYTES), 0);
  readonly checker: CookieChecker;
  readonly #bytes = new Uint8Array(REPLY_AT + 64);

  constructor(
    suite: Suite,
    publicKey: Uint8Array,
    readonly random: (into: Uint8Array) => void,
    readonly maxAge: number,
  ) {
    this.checker = new CookieChecker(suite, this.keys, maxAge);
    this.keys.setKeys({
      mac1Key: mac1Key(suite, publicKey),
      cookieKey: cookieKey(suite, publicKey),
    });
  }

  checkMac1(message: Uint8Array): boolean {
    this.#place(message);
    return this.checker.hasKeys && this.checker.checkMac1(this.#bytes, MESSAGE_AT, message.length);
  }

  checkMac2(message: Uint8Array, source: Endpoint, now: Milliseconds): boolean {
    this.#place(message, source);
    return this.checker.hasKeys &&
      this.checker.checkMac2(this.#bytes, MESSAGE_AT, message.length, 0, now);
  }

  /** Makes a cookie reply, with a new secret if there is no valid one. */
  reply(message: Uint8Array, source: Endpoint, now: Milliseconds): Uint8Array {
    if (!this.checker.hasKeys || !this.checker.hasSecret(now)) {
      this.keys.renewSecret(this.random, now);
    }
    if (!this.checker.hasKeys || !this.checker.hasSecret(now)) throw new Error("no secret");
    this.#place(message, source);
    this.checker.reply(this.#bytes, MESSAGE_AT, message.length, 0, REPLY_AT);
    return this.#bytes.slice(REPLY_AT, REPLY_AT + 64);
  }

  #place(message: Uint8Array, source?: Endpoint): void {
    // What is not written is not zero.
    this.#bytes.fill(0xa5);
    this.#bytes.set(message, MESSAGE_AT);
    if (source !== undefined) writeEndpointCell(this.#bytes, 0, source, undefined);
    if (MESSAGE_AT < ENDPOINT_CELL_BYTES) throw new Error("the message lies in the cell");
  }
}
