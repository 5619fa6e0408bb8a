/**
 * Makes, parses and checks keys for programs. A key is 32 bytes. Its text is 44 characters of
 * base64, as in wg(8) and ifconfig. No message shows a key.
 * @module
 */
import type { PresharedKey, PrivateKey, PublicKey } from "../base/brands.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import { ConfigError } from "../base/errors.ts";
import { KEY_TEXT_LENGTH } from "../base/key_text.ts";
import { clamp } from "../base/private_key.ts";
import { nobleSuite } from "../crypto/noble_suite.ts";
import { fillRandom } from "../runtime/entropy.ts";

/**
 * The points of Curve25519 whose order is 8 or less, as u-coordinates without the highest bit,
 * which X25519 ignores (RFC 7748 section 5). X25519 of any private key and one of these is all
 * zeros, so no handshake can use them.
 */
const SMALL_ORDER_POINTS: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/**
 * Makes a private key.
 *
 * @example
 * ```ts
 * import { formatKey, makePrivateKey, publicKeyOf } from "./keys.ts";
 *
 * const privateKey = makePrivateKey();
 * console.log(formatKey(publicKeyOf(privateKey)));
 * ```
 *
 * @returns 32 random bytes from the operating system, with the five bits set that Curve25519 fixes
 * (RFC 7748 section 5)
 */
export function makePrivateKey(): PrivateKey {
  const key = randomKey();
  clamp(key);
  return key as PrivateKey;
}

/**
 * Makes a preshared key.
 *
 * @example
 * ```ts
 * import { formatKey, makePresharedKey } from "./keys.ts";
 *
 * console.log(formatKey(makePresharedKey()).length); // 44
 * ```
 *
 * @returns 32 random bytes from the operating system
 */
export function makePresharedKey(): PresharedKey {
  return randomKey() as PresharedKey;
}

/**
 * The public key that belongs to a private key: X25519 of it and the base point (RFC 7748 section
 * 6.1).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatKey, publicKeyOf } from "./keys.ts";
 *
 * const key = publicKeyOf("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=");
 * assert.ok(formatKey(key) === "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
 * ```
 *
 * @param privateKey 44 characters of base64, or 32 bytes
 * @returns 32 bytes
 * @throws ConfigError as `parsePrivateKey`
 */
export function publicKeyOf(privateKey: string | Uint8Array): PublicKey {
  return nobleSuite.publicKey(parsePrivateKey(privateKey)) as PublicKey;
}

/**
 * Parses and checks a private key.
 *
 * @example
 * ```ts
 * import { parsePrivateKey } from "./keys.ts";
 *
 * const key = parsePrivateKey("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=");
 * console.log(key.length); // 32
 * ```
 *
 * @param key 44 characters of base64, or 32 bytes
 * @param word how an error names the key
 * @returns a copy of 32 bytes
 * @throws ConfigError when the key has another form or length, or is all zeros
 */
export function parsePrivateKey(key: string | Uint8Array, word = "privateKey"): PrivateKey {
  const bytes = parseKey(key, word);
  if (isZero(bytes)) {
    throw new ConfigError(word, "all bytes are zero; 32 random bytes are required");
  }
  return bytes as PrivateKey;
}

/**
 * Parses and checks a public key.
 *
 * @example
 * ```ts
 * import { ConfigError } from "../base/errors.ts";
 * import { parsePublicKey } from "./keys.ts";
 *
 * try {
 *   parsePublicKey("hSDwCYkwp1R0i33ctD73Wg2", "peers[0].publicKey");
 * } catch (error) {
 *   if (!(error instanceof ConfigError)) throw error;
 *   // peers[0].publicKey: 23 characters; 44 characters of base64 are required
 *   console.log(error.message);
 * }
 * ```
 *
 * @param key 44 characters of base64, or 32 bytes
 * @param word how an error names the key
 * @returns a copy of 32 bytes
 * @throws ConfigError when the key has another form or length, or is a point of small order
 */
export function parsePublicKey(key: string | Uint8Array, word = "publicKey"): PublicKey {
  const bytes = parseKey(key, word);
  const point = bytes.slice();
  point[31] &= 0x7f;
  if (SMALL_ORDER_POINTS.includes(point.toHex())) {
    throw new ConfigError(
      word,
      "a point of small order; the public key of a private key is required",
    );
  }
  return bytes as PublicKey;
}

/**
 * Parses and checks a preshared key.
 *
 * @example
 * ```ts
 * import { formatKey, makePresharedKey, parsePresharedKey } from "./keys.ts";
 *
 * const text = formatKey(makePresharedKey());
 * console.log(parsePresharedKey(text).length); // 32
 * ```
 *
 * @param key 44 characters of base64, or 32 bytes
 * @param word how an error names the key
 * @returns a copy of 32 bytes
 * @throws ConfigError when the key has another form or length, or is all zeros, which means no
 * preshared key
 */
export function parsePresharedKey(key: string | Uint8Array, word = "presharedKey"): PresharedKey {
  const bytes = parseKey(key, word);
  if (isZero(bytes)) {
    throw new ConfigError(word, "all bytes are zero; 32 random bytes are required");
  }
  return bytes as PresharedKey;
}

/**
 * The text of a key.
 *
 * @example
 * ```ts
 * import { formatKey } from "./keys.ts";
 *
 * // AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
 * console.log(formatKey(new Uint8Array(32).fill(1)));
 * ```
 *
 * @param key 32 bytes
 * @returns 44 characters of base64
 * @throws ConfigError when the key has another length
 */
export function formatKey(key: Uint8Array): string {
  return parseKey(key, "key").toBase64();
}

function randomKey(): Uint8Array {
  const key = new Uint8Array(KEY_LENGTH);
  fillRandom(key);
  return key;
}

/**
 * Parses a key from base64, or copies its bytes.
 * @throws ConfigError if the key has another form or length
 */
function parseKey(key: string | Uint8Array, word: string): Uint8Array {
  if (typeof key !== "string") {
    if (!(key instanceof Uint8Array)) {
      throw new ConfigError(
        word,
        `${kindOf(key)}; 44 characters of base64 or 32 bytes are required`,
      );
    }
    if (key.length === KEY_LENGTH) return key.slice();
    throw new ConfigError(word, `${key.length} bytes; ${KEY_LENGTH} bytes are required`);
  }
  const required = `${KEY_TEXT_LENGTH} characters of base64 are required`;
  if (key.length !== KEY_TEXT_LENGTH) {
    throw new ConfigError(word, `${key.length} characters; ${required}`);
  }
  try {
    const bytes = Uint8Array.fromBase64(key, { lastChunkHandling: "strict" });
    if (bytes.length === KEY_LENGTH) return bytes;
  } catch {
    // The error below says more than that of the runtime.
  }
  throw new ConfigError(word, `not base64 of ${KEY_LENGTH} bytes; ${required}`);
}

const isZero = (key: Uint8Array): boolean => key.every((byte) => byte === 0);

/** The name of a value's type, for messages to programs without types. */
const kindOf = (value: unknown): string => value === null ? "null" : typeof value;
