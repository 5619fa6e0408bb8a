/**
 * The keys of mac1 and of cookie replies, and the secret of cookies, in shared memory. The control
 * plane writes them. The data plane keeps a copy, and checks by the version whether it is still
 * right.
 * @module
 */
import { type Milliseconds, milliseconds } from "./brands.ts";
import { KEY_LENGTH } from "./constants.ts";
import { secretBytes } from "./secret_bytes.ts";

/** Random bytes of a cookie reply's nonce, the same for all replies of a secret. 8 count follow. */
export const NONCE_PREFIX_LENGTH = 16;

const VERSION = 0;
const HAS_KEYS = 1;
const MADE_AT = 1;
const MAC1_KEY_AT = 16;
const COOKIE_KEY_AT = MAC1_KEY_AT + KEY_LENGTH;
const SECRET_AT = COOKIE_KEY_AT + KEY_LENGTH;
const NONCE_PREFIX_AT = SECRET_AT + KEY_LENGTH;

/** Bytes of the keys in shared memory. */
export const COOKIE_KEYS_BYTES = NONCE_PREFIX_AT + NONCE_PREFIX_LENGTH;

/** A copy of the keys. */
export interface CookieKeysCopy {
  /** Whether there is a private key. Without one the other fields are meaningless. */
  hasKeys: boolean;
  /** HASH("mac1----" || our public key): 32 bytes. */
  readonly mac1Key: Uint8Array;
  /** HASH("cookie--" || our public key): 32 bytes. */
  readonly cookieKey: Uint8Array;
  /** The secret of cookies, 32 bytes. */
  readonly secret: Uint8Array;
  /** The first 16 bytes of the nonces of cookie replies. */
  readonly noncePrefix: Uint8Array;
  /** When the secret was made; 0 when there is none. */
  madeAt: Milliseconds;
}

/**
 * The keys in shared memory, with one writer. Readers copy them whole.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { milliseconds } from "./brands.ts";
 * import { COOKIE_KEYS_BYTES, CookieKeys } from "./cookie_keys.ts";
 *
 * const keys = new CookieKeys(new SharedArrayBuffer(COOKIE_KEYS_BYTES), 0);
 * const random = (into: Uint8Array) =>
 *   void crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
 * keys.renewSecret(random, milliseconds(5));
 * assert.ok(keys.madeAt === 5);
 * ```
 */
export class CookieKeys {
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #bytes: Uint8Array;

  /**
   * Makes the keys, or opens those of another isolate.
   * @param buffer memory of zeros, or the memory of another isolate's keys
   * @param at offset of the keys in `buffer`, in bytes, a multiple of 8
   */
  constructor(buffer: SharedArrayBuffer, at: number) {
    this.#i32 = new Int32Array(buffer, at, 2);
    this.#f64 = new Float64Array(buffer, at, 2);
    this.#bytes = new Uint8Array(buffer, at, COOKIE_KEYS_BYTES);
  }

  /** The version, which changes with the keys. It is odd while they are being written. */
  get version(): number {
    return Atomics.load(this.#i32, VERSION);
  }

  /** When the secret was made, by the clock of `renewSecret`; 0 when there is none. */
  get madeAt(): Milliseconds {
    return milliseconds(this.#f64[MADE_AT]);
  }

  /**
   * Sets the keys that are made from our public key; undefined without a private key. The control
   * plane calls it. The secret is erased.
   */
  setKeys(
    keys: { readonly mac1Key: Uint8Array; readonly cookieKey: Uint8Array } | undefined,
  ): void {
    Atomics.add(this.#i32, VERSION, 1);
    this.#i32[HAS_KEYS] = keys === undefined ? 0 : 1;
    this.#bytes.fill(0, MAC1_KEY_AT);
    this.#f64[MADE_AT] = 0;
    if (keys !== undefined) {
      this.#bytes.set(keys.mac1Key, MAC1_KEY_AT);
      this.#bytes.set(keys.cookieKey, COOKIE_KEY_AT);
    }
    Atomics.add(this.#i32, VERSION, 1);
  }

  /**
   * Replaces the secret, which ends all cookies. The control plane calls it.
   * @param random fills an array with random bytes fit for keys
   */
  renewSecret(random: (into: Uint8Array) => void, now: Milliseconds): void {
    const fresh = secretBytes(KEY_LENGTH + NONCE_PREFIX_LENGTH);
    random(fresh);
    Atomics.add(this.#i32, VERSION, 1);
    this.#bytes.set(fresh, SECRET_AT);
    this.#f64[MADE_AT] = now;
    Atomics.add(this.#i32, VERSION, 1);
    fresh.fill(0);
  }

  /**
   * Copies the keys. The data plane calls it. Returns their version, or -1 when the control plane
   * wrote them meanwhile; the copy may then mix two versions.
   */
  copyTo(copy: CookieKeysCopy): number {
    const version = this.version;
    const bytes = this.#bytes;
    for (let i = 0; i < KEY_LENGTH; i++) {
      copy.mac1Key[i] = bytes[MAC1_KEY_AT + i];
      copy.cookieKey[i] = bytes[COOKIE_KEY_AT + i];
      copy.secret[i] = bytes[SECRET_AT + i];
    }
    for (let i = 0; i < NONCE_PREFIX_LENGTH; i++) copy.noncePrefix[i] = bytes[NONCE_PREFIX_AT + i];
    copy.hasKeys = this.#i32[HAS_KEYS] === 1;
    copy.madeAt = this.madeAt;
    return (version & 1) === 0 && this.version === version ? version : -1;
  }
}
