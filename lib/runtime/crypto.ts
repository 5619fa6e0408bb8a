/**
 * Chooses the cryptographic implementations: the fastest that is found and passes its self-test,
 * otherwise @noble.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { ConfigError } from "../base/errors.ts";
import { nobleCipher } from "../crypto/noble_cipher.ts";
import { nobleSuite } from "../crypto/noble_suite.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";
import { libraryCipher, librarySuite } from "./library_crypto.ts";

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
  const suite = librarySuite(nobleSuite);
  if (suite !== undefined) return suite;
  if (force === undefined) return nobleSuite;
  throw new ConfigError(force, "no libcrypto.so.3 or libcrypto.so.1.1 passes the self-test");
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
  if (force === "noble") return nobleCipher(arena);
  const cipher = libraryCipher(arena, force);
  if (cipher !== undefined) return cipher;
  if (force === undefined) return nobleCipher(arena);
  throw new ConfigError(force, "no library with this cipher passes the self-test");
}
