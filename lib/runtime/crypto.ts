/**
 * Which cryptographic implementations run: what is found and passes its self-test, the fastest first, and @noble otherwise.
 * @module
 */
import { openIpsecMb } from "../../ffi/ipsec_mb.ts";
import { jobsCipher } from "../../ffi/ipsec_mb_jobs.ts";
import { quicCipher } from "../../ffi/ipsec_mb_quic.ts";
import { aeadCipher } from "../../ffi/libcrypto_aead.ts";
import { composedCipher } from "../../ffi/libcrypto_composed.ts";
import { openLibcrypto } from "../../ffi/libcrypto.ts";
import { libcryptoSuite } from "../../ffi/libcrypto_suite.ts";
import type { Arena } from "../base/arena.ts";
import { ConfigError } from "../base/errors.ts";
import { nobleCipher } from "../crypto/noble_cipher.ts";
import { nobleSuite } from "../crypto/noble_suite.ts";
import { CIPHER_TRIAL_BYTES, cipherPasses, suitePasses } from "../crypto/self_test.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";

/** The suites that may be asked for by name. */
export type SuiteChoice = "libcrypto" | "noble";
/** The packet ciphers that may be asked for by name: libipsec-mb's, libcrypto's two and @noble's. */
export type CipherChoice = "ipsec-mb" | "composed" | "aead" | "noble";

/**
 * The suite for handshakes.
 * @param force takes this one or throws; without it, libcrypto when it is found and passes its self-test, otherwise @noble
 * @throws ConfigError when the one asked for is not to be had
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { chooseSuite } from "./crypto.ts";
 *
 * console.log(chooseSuite().name);
 * assert.ok(chooseSuite("noble").name === "noble");
 * ```
 */
export function chooseSuite(force?: SuiteChoice): Suite {
  if (force === "noble") return nobleSuite;
  const suite = libcryptoOrNothing();
  if (suite !== undefined) return suite;
  if (force === undefined) return nobleSuite;
  throw new ConfigError(force, "no libcrypto.so.3 or libcrypto.so.1.1 passes the self-test");
}

function libcryptoOrNothing(): Suite | undefined {
  const libcrypto = openLibcrypto();
  if (libcrypto === undefined) return undefined;
  try {
    const suite = libcryptoSuite(libcrypto, nobleSuite);
    return suitePasses(suite) ? suite : undefined;
  } catch {
    // A libcrypto whose build or policy lacks an algorithm.
    return undefined;
  }
}

/**
 * The cipher for data messages in this arena, of which it takes at most 2 KiB. The arena has at least 64 KiB.
 * Make one in an isolate: a second one works, but both are slower then.
 * @param force takes this one or throws; without it, the fastest that passes its self-test
 * @throws ConfigError when the one asked for is not to be had
 *
 * @example
 * ```ts
 * import { Arena } from "../base/arena.ts";
 * import { choosePacketCipher } from "./crypto.ts";
 *
 * console.log(choosePacketCipher(new Arena(65_536)).name);
 * ```
 */
export function choosePacketCipher(arena: Arena, force?: CipherChoice): PacketCipher {
  for (const [choice, make] of CIPHERS) {
    if (force !== undefined && force !== choice) continue;
    const cipher = make(arena, force === choice);
    if (cipher !== undefined && passes(arena, cipher)) return cipher;
  }
  if (force === undefined || force === "noble") return nobleCipher(arena);
  throw new ConfigError(force, "no library with this cipher passes the self-test");
}

/** Those of libraries, fastest first. One that is not asked for by name is there only where it is faster than the next one. */
const CIPHERS: readonly (readonly [
  CipherChoice,
  (arena: Arena, asked: boolean) => PacketCipher | undefined,
])[] = [
  ["ipsec-mb", ipsecMbOrNothing],
  ["composed", (arena) => of(composedCipher, arena)],
  ["aead", (arena) => of(aeadCipher, arena)],
];

function ipsecMbOrNothing(arena: Arena, asked: boolean): PacketCipher | undefined {
  const library = openIpsecMb();
  if (library === undefined || !(library.fast || asked)) return undefined;
  try {
    return library.form === "jobs" ? jobsCipher(arena, library) : quicCipher(arena, library);
  } catch {
    // A build that lacks the function.
    return undefined;
  }
}

function of(make: typeof composedCipher, arena: Arena): PacketCipher | undefined {
  const libcrypto = openLibcrypto();
  return libcrypto === undefined ? undefined : make(arena, libcrypto);
}

/** Tries the cipher in the last bytes of the arena, and puts back what was there: a second cipher with an arena of its own would cost both their speed. */
function passes(arena: Arena, cipher: PacketCipher): boolean {
  const area = arena.bytes.length - CIPHER_TRIAL_BYTES;
  const before = arena.bytes.slice(area);
  try {
    return cipherPasses(arena, area, cipher);
  } catch {
    return false;
  } finally {
    arena.bytes.set(before, area);
  }
}
