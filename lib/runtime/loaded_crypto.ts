/**
 * The same choice as in crypto.ts for processes that start often: @noble, whose modules take
 * milliseconds and megabytes, is loaded only when no library passes.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";
import { libraryCipher, librarySuite } from "./library_crypto.ts";

/** The suite for handshakes and cookies, as of `chooseSuite`. */
export async function loadSuite(): Promise<Suite> {
  const suite = librarySuite();
  if (suite !== undefined) return suite;
  const { nobleSuite } = await import("../crypto/noble_suite.ts");
  return librarySuite(nobleSuite) ?? nobleSuite;
}

/** The cipher for data messages in an arena, as of `choosePacketCipher`. */
export async function loadPacketCipher(arena: Arena): Promise<PacketCipher> {
  return libraryCipher(arena) ??
    (await import("../crypto/noble_cipher.ts")).nobleCipher(arena);
}

/** Whether X25519 of the suite with this name takes the same time for every private key. */
export const takesConstantTime = (name: string): boolean => name !== "noble";
