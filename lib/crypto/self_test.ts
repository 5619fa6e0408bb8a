/**
 * What an implementation must show at start before it is used: agreement with @noble, and refusal of what is wrong. It takes a few milliseconds.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { TAG_LENGTH } from "../base/constants.ts";
import { sameBytes } from "../base/endpoint.ts";
import { nobleSuite } from "./noble_suite.ts";
import type { PacketCipher, Suite } from "./suite.ts";

/** RFC 7748 section 5.2, first vector; an X25519 of @noble would take most of the time of this test. */
const SCALAR = Uint8Array.fromHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
const POINT = Uint8Array.fromHex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
const PRODUCT = Uint8Array.fromHex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
/** RFC 7748 section 6.1, Alice's keys. */
const PRIVATE = Uint8Array.fromHex("77076d0a7318a57d3c16c17251b26645f39e44b0a28b6b40f4a4a4d47b7f2b1c");
const PUBLIC = Uint8Array.fromHex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");

/** Lengths of messages: none, a keepalive's neighbours, one that is no multiple of 16, and one over several vectors. */
const LENGTHS = [0, 16, 61, 64, 515, 1424];

/** Bytes that look like nothing, the same in every run. */
function pattern(length: number, first: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = first; i < length; i++) bytes[i] = x = (x * 73 + 41 + i) & 255;
  return bytes;
}

/** Whether a suite gives what @noble gives, and rejects a point of small order and wrong tags. */
export function suitePasses(suite: Suite): boolean {
  const key = pattern(32, 1), nonce = pattern(24, 2), text = pattern(61, 3), associated = pattern(32, 4);
  const shared = suite.sharedSecret(SCALAR, POINT);
  if (shared === undefined || !sameBytes(shared, PRODUCT)) return false;
  if (suite.sharedSecret(SCALAR, new Uint8Array(32)) !== undefined) return false;
  if (!sameBytes(suite.publicKey(PRIVATE), PUBLIC)) return false;
  if (!sameBytes(suite.hash(text, associated), nobleSuite.hash(text, associated))) return false;
  if (!sameBytes(suite.mac(key, text, associated), nobleSuite.mac(key, text, associated))) return false;
  if (!sameBytes(suite.hmac(key, text, associated), nobleSuite.hmac(key, text, associated))) return false;

  const counter = 0x0102_0304_0506_0708n;
  const sealed = suite.seal(key, counter, text, associated);
  if (!sameBytes(sealed, nobleSuite.seal(key, counter, text, associated))) return false;
  const opened = suite.open(key, counter, sealed, associated);
  if (opened === undefined || !sameBytes(opened, text)) return false;
  sealed[0] ^= 1;
  if (suite.open(key, counter, sealed, associated) !== undefined) return false;

  const xsealed = suite.xseal(key, nonce, text, associated);
  if (!sameBytes(xsealed, nobleSuite.xseal(key, nonce, text, associated))) return false;
  const xopened = suite.xopen(key, nonce, xsealed, associated);
  if (xopened === undefined || !sameBytes(xopened, text)) return false;
  xsealed[xsealed.length - 1] ^= 1;
  return suite.xopen(key, nonce, xsealed, associated) === undefined;
}

/** Whether a packet cipher seals as @noble does, opens what it sealed, and rejects wrong tags. It takes 9 KiB of the arena. */
export function cipherPasses(arena: Arena, cipher: PacketCipher): boolean {
  const keyAt = arena.take(64), at = arena.take(64 + 2048) + 64;
  const from = arena.take(64 + 2048) + 64 + 5, to = arena.take(64 + 2048) + 64;
  const counterLow = 0x89ab_cdef, counterHigh = 0x0123_4567;
  for (const length of LENGTHS) {
    const key = pattern(32, length & 255), text = pattern(length, 9);
    arena.bytes.set(key, keyAt);
    cipher.forget();
    arena.bytes.set(text, at);
    cipher.seal(keyAt, counterLow, counterHigh, at, length);
    const sealed = arena.bytes.slice(at, at + length + TAG_LENGTH);
    if (!sameBytes(sealed, nobleSuite.seal(key, 0x0123_4567_89ab_cdefn, text, new Uint8Array(0)))) return false;

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
