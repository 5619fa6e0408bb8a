/**
 * Known-answer tests that a suite or packet cipher must pass at start before it is used. The
 * answers are constants, because @noble would need 20 ms for them in a new process. Tests compare
 * them with @noble and with Python's hashlib.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { KEY_LENGTH, MAC_LENGTH, TAG_LENGTH } from "../base/constants.ts";
import { sameBytes } from "../base/endpoint.ts";
import { BASE_POINT, type PacketCipher, type Suite } from "./suite.ts";

/** RFC 7748 section 5.2, first vector. */
const SCALAR = Uint8Array.fromHex(
  "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
);
const POINT = Uint8Array.fromHex(
  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
);
const PRODUCT = Uint8Array.fromHex(
  "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
);
/** RFC 7748 section 6.1, Alice's keys. */
const PRIVATE = Uint8Array.fromHex(
  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
);
const PUBLIC = Uint8Array.fromHex(
  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
);

/** Hash and MAC of `pattern(61, 3)` and `pattern(32, 4)`, with the key `pattern(32, 1)`. */
const HASH = "69ad084a68f54ed6e4eb3ff46596a44f8040f400da579cf9a3e8479415332a15";
const MAC = "fc4d0383a6ebc66ce0b5eeb1a6491a58";
/** The outputs of KDF with the key `pattern(32, 1)` and the input `pattern(61, 3)`. */
const KDF_FIRST = "980d906abd8cd0479f06cc8b46a215c3da3f8fa30b48223de15b916b3775fd0d";
const KDF_SECOND = "59bf18d063efa8e8313b48681da0f362e50d5bfda30588e14c95a6132d7ec191";
/** AEAD tags of the text `pattern(61, 3)` with the associated data `pattern(32, 4)`. */
const SEAL_TAG = "8911762599ae252c21c5fe3a42994eaf";
const XSEAL_TAG = "4e96e2226cdc8831c1857be2f1918ea4";

/**
 * Tags of `pattern(length, 9)` with the key `pattern(32, length & 255)`. The lengths are: none, one
 * block of Poly1305, no multiple of 16, one block of ChaCha20, and several vectors of SIMD code.
 */
const TAGS: readonly (readonly [length: number, tag: string])[] = [
  [0, "afbad6b238a26e4f345493510c7c5b1f"],
  [16, "74ce7130c3c8a7d7418a33c503d835ad"],
  [61, "fdc24b07162fcddbcee38350dab51f60"],
  [64, "c546cd36be51ba0ab4971532adcf5f4c"],
  [515, "9f4e31b92c02b2010be1b6db8169deab"],
  [1424, "87d75dc53d64e26d84e32fa9b5b385a2"],
];

/** A fixed sequence of bytes without an obvious structure. */
function pattern(length: number, first: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = first; i < length; i++) bytes[i] = x = (x * 73 + 41 + i) & 255;
  return bytes;
}

const isHex = (bytes: Uint8Array, hex: string): boolean =>
  sameBytes(bytes, Uint8Array.fromHex(hex));

/** Whether a suite gives the known answers, and rejects a point of small order and wrong tags. */
export function suitePasses(suite: Suite): boolean {
  const key = pattern(32, 1),
    nonce = pattern(24, 2),
    text = pattern(61, 3),
    associated = pattern(32, 4);
  const shared = suite.sharedSecret(SCALAR, POINT);
  if (shared === undefined || !sameBytes(shared, PRODUCT)) return false;
  if (suite.sharedSecret(SCALAR, new Uint8Array(32)) !== undefined) return false;
  if (!sameBytes(suite.publicKey(PRIVATE), PUBLIC)) return false;
  const [base, zeros, product] = suite.products(SCALAR, BASE_POINT, new Uint8Array(32), POINT);
  if (base === undefined || !sameBytes(base, suite.publicKey(SCALAR))) return false;
  if (zeros !== undefined || product === undefined || !sameBytes(product, PRODUCT)) return false;
  if (!isHex(suite.hash(text, associated), HASH)) return false;
  const hash = text.slice(0, KEY_LENGTH);
  suite.hashTo(hash, hash, text.subarray(KEY_LENGTH), associated);
  if (!isHex(hash, HASH)) return false;
  if (!isHex(suite.mac(key, text, associated), MAC)) return false;
  const [first, second] = [key.slice(), new Uint8Array(KEY_LENGTH)];
  suite.kdf(first, text, first, second);
  if (!isHex(first, KDF_FIRST) || !isHex(second, KDF_SECOND)) return false;

  const mac = new Uint8Array(MAC_LENGTH);
  suite.macTo(mac, key, text);
  if (!sameBytes(mac, suite.mac(key, text))) return false;

  const sealedTo = new Uint8Array(text.length + TAG_LENGTH);
  suite.sealTo(sealedTo, key, 0x0304_0506_0708, text, associated);
  const alike = suite.seal(key, 0x0304_0506_0708n, text, associated);
  if (!sameBytes(sealedTo, alike)) return false;

  const counter = 0x0102_0304_0506_0708n;
  const sealed = suite.seal(key, counter, text, associated);
  if (!isHex(sealed.subarray(text.length), SEAL_TAG)) return false;
  const opened = suite.open(key, counter, sealed, associated);
  if (opened === undefined || !sameBytes(opened, text)) return false;
  const openedTo = new Uint8Array(text.length);
  if (!suite.openTo(openedTo, key, 0x0304_0506_0708, sealedTo, associated)) return false;
  if (!sameBytes(openedTo, text)) return false;
  sealedTo[0] ^= 1;
  if (suite.openTo(openedTo, key, 0x0304_0506_0708, sealedTo, associated)) return false;
  sealed[0] ^= 1;
  if (suite.open(key, counter, sealed, associated) !== undefined) return false;

  const xsealed = suite.xseal(key, nonce, text, associated);
  if (!isHex(xsealed.subarray(text.length), XSEAL_TAG)) return false;
  const xopened = suite.xopen(key, nonce, xsealed, associated);
  if (xopened === undefined || !sameBytes(xopened, text)) return false;
  xsealed[xsealed.length - 1] ^= 1;
  return suite.xopen(key, nonce, xsealed, associated) === undefined;
}

/** Bytes of the arena that `cipherPasses` overwrites. */
export const CIPHER_TRIAL_BYTES = 64 + 3 * (64 + 2048);

/**
 * Whether a packet cipher gives the known tags, opens its own messages, and rejects wrong tags.
 * @param area offset of CIPHER_TRIAL_BYTES in the arena, a multiple of 64; they are overwritten
 */
export function cipherPasses(arena: Arena, area: number, cipher: PacketCipher): boolean {
  const keyAt = area, at = area + 128, from = at + 64 + 2048 + 5, to = at + 2 * (64 + 2048);
  const counterLow = 0x89ab_cdef, counterHigh = 0x0123_4567;
  for (const [length, tag] of TAGS) {
    const text = pattern(length, 9);
    arena.bytes.set(pattern(32, length & 255), keyAt);
    cipher.forget();
    arena.bytes.set(text, at);
    cipher.seal(keyAt, counterLow, counterHigh, at, length);
    const sealed = arena.bytes.slice(at, at + length + TAG_LENGTH);
    if (!isHex(sealed.subarray(length), tag)) return false;

    arena.bytes.set(sealed, from);
    if (!cipher.open(keyAt, counterLow, counterHigh, from, length, to)) return false;
    if (!sameBytes(arena.bytes.subarray(to, to + length), text)) return false;
    for (const wrong of [length, length + TAG_LENGTH - 1]) {
      arena.bytes.set(sealed, from);
      arena.bytes[from + wrong] ^= 0x80;
      if (cipher.open(keyAt, counterLow, counterHigh, from, length, to)) return false;
    }
  }
  cipher.forget();
  return true;
}
