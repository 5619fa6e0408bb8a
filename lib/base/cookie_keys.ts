/**
 * What messages to our public key are checked and answered with, in shared memory: the keys that
 * follow from the public key, and the secret that cookies are made of. The control plane writes it,
 * the data plane keeps a copy and looks whether it is still right.
 * @module
 */
import { type Milliseconds, milliseconds } from "./brands.ts";
import { KEY_LENGTH } from "./constants.ts";

/** Bytes of a cookie reply's nonce that are random for each secret; the others are a count. */
export const NONCE_PREFIX_LENGTH = 16;

const VERSION = 0;
const HAS_KEYS = 1;
const MADE_AT = 1;
const MAC1_KEY_AT = 16;
const COOKIE_KEY_AT = MAC1_KEY_AT + KEY_LENGTH;
const SECRET_AT = COOKIE_KEY_AT + KEY_LENGTH;
const NONCE_PREFIX_AT = SECRET_AT + KEY_LENGTH;

/** Bytes of it. */
export const COOKIE_KEYS_BYTES = NONCE_PREFIX_AT + NONCE_PREFIX_LENGTH;

/** A copy of it, as it was at one time. */
export interface CookieKeysCopy {
  /** False without a private key: then nothing else means anything. */
  hasKeys: boolean;
  /** HASH("mac1----" || our public key): 32 bytes. */
  readonly mac1Key: Uint8Array;
  /** HASH("cookie--" || our public key): 32 bytes. */
  readonly cookieKey: Uint8Array;
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** 16 bytes. */
  readonly noncePrefix: Uint8Array;
  /** When the secret was made; 0 for never. */
  madeAt: Milliseconds;
}

/**
 * One writer, and readers who copy it whole.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { milliseconds } from "./brands.ts";
 * import { COOKIE_KEYS_BYTES, CookieKeys } from "./cookie_keys.ts";
 *
 * const keys = new CookieKeys(new SharedArrayBuffer(COOKIE_KEYS_BYTES), 0);
 * keys.renewSecret((into) => crypto.getRandomValues(into as Uint8Array<ArrayBuffer>), milliseconds(5));
 * assert.ok(keys.madeAt === 5);
 * ```
 */
export class CookieKeys {
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #bytes: Uint8Array;

  /**
   * Makes it, or opens another isolate's.
   * @param buffer memory that is zeros at first, or another isolate's
   * @param at where it begins in it, a multiple of 8
   */
  constructor(buffer: SharedArrayBuffer, at: number) {
    this.#i32 = new Int32Array(buffer, at, 2);
    this.#f64 = new Float64Array(buffer, at, 2);
    this.#bytes = new Uint8Array(buffer, at, COOKIE_KEYS_BYTES);
  }

  /** Changes with every change; odd while there is one. */
  get version(): number {
    return Atomics.load(this.#i32, VERSION);
  }

  /** When the secret was made, as its maker wrote it; 0 for never. */
  get madeAt(): Milliseconds {
    return milliseconds(this.#f64[MADE_AT]);
  }

  /**
   * Control plane: our public key is another one; undefined without a private key. Ends the secret.
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
   * Control plane: replaces the secret, and with it all cookies. `random` fills an array with
   * unpredictable bytes.
   */
  renewSecret(random: (into: Uint8Array) => void, now: Milliseconds): void {
    const fresh = new Uint8Array(KEY_LENGTH + NONCE_PREFIX_LENGTH);
    random(fresh);
    Atomics.add(this.#i32, VERSION, 1);
    this.#bytes.set(fresh, SECRET_AT);
    this.#f64[MADE_AT] = now;
    Atomics.add(this.#i32, VERSION, 1);
    fresh.fill(0);
  }

  /**
   * Data plane: copies it. Returns the version, or -1 when it is just being changed and the copy
   * may be torn.
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
