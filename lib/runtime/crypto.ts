/**
 * Chooses the cryptographic implementations: the fastest that is found and passes its self-test,
 * otherwise @noble.
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

/** The names of the suites. */
export type SuiteChoice = "libcrypto" | "noble";
/** The names of the packet ciphers: libipsec-mb's, the two of libcrypto, and @noble's. */
export type CipherChoice = "ipsec-mb" | "composed" | "aead" | "noble";

/**
 * Chooses the suite for handshakes and cookies.
 * @param force the suite to use; by default libcrypto if it passes its self-test, otherwise @noble
 * @throws ConfigError when the suite `force` is not available
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

/** Whether X25519 of the suite with this name takes the same time for every private key. */
export const takesConstantTime = (name: string): boolean => name !== nobleSuite.name;

function libcryptoOrNothing(): Suite | undefined {
  const libcrypto = openLibcrypto();
  if (libcrypto === undefined) return undefined;
  try {
    const suite = libcryptoSuite(libcrypto, nobleSuite);
    return suitePasses(suite) ? suite : undefined;
  } catch {
    // The build or the policy of this libcrypto lacks an algorithm.
    return undefined;
  }
}

/**
 * Chooses the cipher for data messages in an arena. It allocates at most 2 KiB of the arena, which
 * has at least 64 KiB. Make one cipher per isolate, because a second one slows down both.
 * @param force the cipher to use; by default the fastest that passes its self-test
 * @throws ConfigError when the cipher `force` is not available
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

/**
 * The ciphers of libraries, the fastest first. Without being asked for by name, libipsec-mb's is
 * chosen only on processors where it is faster than libcrypto's.
 */
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
    // The build of this library lacks the function.
    return undefined;
  }
}

function of(make: typeof composedCipher, arena: Arena): PacketCipher | undefined {
  const libcrypto = openLibcrypto();
  return libcrypto === undefined ? undefined : make(arena, libcrypto);
}

/**
 * Whether the cipher passes its self-test. The test overwrites the last bytes of the arena and
 * restores them. A cipher with an arena of its own for the test would slow down both.
 */
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
