/**
 * * All implementations that this machine can run. The tests run on each of them.
 * `WG_TEST_LIBCRYPTO=/path/libcrypto.so.1.1` adds another libcrypto, and
 * `WG_TEST_IPSEC_MB=/path/libIPSec_MB.so.2` another libipsec-mb.
 * @module
 */
import { type IpsecMb, openIpsecMb } from "../../ffi/ipsec_mb.ts";
import { jobsCipher } from "../../ffi/ipsec_mb_jobs.ts";
import { quicCipher } from "../../ffi/ipsec_mb_quic.ts";
import { aeadCipher } from "../../ffi/libcrypto_aead.ts";
import { composedCipher } from "../../ffi/libcrypto_composed.ts";
import { type Libcrypto, openLibcrypto } from "../../ffi/libcrypto.ts";
import { libcryptoSuite } from "../../ffi/libcrypto_suite.ts";
import { Arena } from "../../lib/base/arena.ts";
import { nobleCipher } from "../../lib/crypto/noble_cipher.ts";
import { nobleSuite } from "../../lib/crypto/noble_suite.ts";
import type { PacketCipher, Suite } from "../../lib/crypto/suite.ts";

/** The libcryptos to test: the one that the program would open, and that of the variable. */
export const LIBCRYPTOS: readonly Libcrypto[] = [
  openLibcrypto(),
  other("WG_TEST_LIBCRYPTO", openLibcrypto),
].filter((found) => found !== undefined);

/** The libipsec-mb libraries to test, likewise. */
export const IPSEC_MBS: readonly IpsecMb[] = [
  openIpsecMb(),
  other("WG_TEST_IPSEC_MB", openIpsecMb),
].filter((found) => found !== undefined);

function other<T>(variable: string, open: (files: string[]) => T | undefined): T | undefined {
  const file = Deno.env.get(variable);
  if (file === undefined) return undefined;
  const found = open([file]);
  if (found === undefined) throw new Error(`${file}: cannot be used`);
  return found;
}

/** Every suite. */
export const SUITES: readonly Suite[] = [
  nobleSuite,
  ...LIBCRYPTOS.map((libcrypto) => libcryptoSuite(libcrypto, nobleSuite)),
];

/** One way to make a packet cipher. */
export interface CipherMaker {
  readonly name: string;
  make(arena: Arena): PacketCipher;
}

/** All packet ciphers. Each is made at its use, so that a benchmark measures a single cipher. */
export const CIPHERS: readonly CipherMaker[] = [
  { name: "noble", make: nobleCipher },
  ...LIBCRYPTOS.map((libcrypto) => maker(`aead ${libcrypto.version}`, aeadCipher, libcrypto)),
  ...LIBCRYPTOS.filter((libcrypto) => libcrypto.symbols.EVP_MAC_fetch !== null)
    .map((libcrypto) => maker(`composed ${libcrypto.version}`, composedCipher, libcrypto)),
  ...IPSEC_MBS.filter(({ form, fast }) => form === "arguments" || fast).map((library) =>
    maker(
      `ipsec-mb ${library.version}`,
      library.form === "jobs" ? jobsCipher : quicCipher,
      library,
    )
  ),
];

function maker<L>(
  name: string,
  make: (arena: Arena, library: L) => PacketCipher | undefined,
  library: L,
): CipherMaker {
  return {
    name,
    make(arena) {
      const cipher = make(arena, library);
      if (cipher === undefined) throw new Error(`${name}: refused by its library`);
      return cipher;
    },
  };
}
