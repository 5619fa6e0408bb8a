/**
 * The cryptographic implementations of libraries. None is used before it passes its self-test.
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
import { CIPHER_TRIAL_BYTES, cipherPasses, suitePasses } from "../crypto/self_test.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";

/** The names of libraries' packet ciphers: libipsec-mb's, and the two of libcrypto. */
export type LibraryCipher = "ipsec-mb" | "composed" | "aead";

/**
 * The suite of libcrypto; undefined when there is none that passes the self-test.
 * @param keyed the suite whose keyed BLAKE2s is used with versions before 3.0, which have none
 */
export function librarySuite(keyed?: Suite): Suite | undefined {
  const libcrypto = openLibcrypto();
  if (libcrypto === undefined) return undefined;
  try {
    const suite = libcryptoSuite(libcrypto, keyed);
    return suitePasses(suite) ? suite : undefined;
  } catch {
    // The build or the policy of this libcrypto lacks an algorithm.
    return undefined;
  }
}

/**
 * The fastest packet cipher of a library that passes its self-test; undefined for none. It
 * allocates at most 2 KiB of the arena, which has at least 64 KiB.
 * @param only the cipher to use; by default the fastest
 */
export function libraryCipher(arena: Arena, only?: LibraryCipher): PacketCipher | undefined {
  for (const [name, make] of CIPHERS) {
    if (only !== undefined && only !== name) continue;
    const cipher = make(arena, only === name);
    if (cipher !== undefined && passes(arena, cipher)) return cipher;
  }
  return undefined;
}

/**
 * The ciphers of libraries, the fastest first. Without being asked for by name, libipsec-mb's is
 * chosen only on processors where it is faster than libcrypto's.
 */
const CIPHERS: readonly (readonly [
  LibraryCipher,
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
