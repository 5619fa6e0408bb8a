/**
 * Opens OpenSSL's libcrypto at its first use: version 3, or 1.1.1 with fewer functions. Hosts
 * without libcrypto use @noble.
 * @module
 */

/** The files that are tried, in order. The dynamic loader searches its usual folders. */
const LIBCRYPTO_FILES: readonly string[] = ["libcrypto.so.3", "libcrypto.so.1.1"];

/** EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG (openssl/evp.h). */
export const AEAD_GET_TAG = 0x10;
export const AEAD_SET_TAG = 0x11;

/** OPENSSL_INIT_NO_ATEXIT (openssl/crypto.h), since 1.1.1. */
const NO_ATEXIT = 0x0008_0000n;

/**
 * The functions. Those on the packet path have only `pointer`, i32 and u64 parameters and an i32
 * result, because Deno compiles such signatures to direct calls. `EVP_EncryptInit_ex` and
 * `EVP_DecryptInit_ex` take the key as a u64 (0n for NULL), because a key has any alignment.
 */
const SYMBOLS = {
  /** An address, because it is called once: `Deno.dlopen` would generate code for it. */
  OPENSSL_init_crypto: { type: "pointer" },
  OpenSSL_version: { parameters: ["i32"], result: "pointer" },

  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  EVP_chacha20: { parameters: [], result: "pointer" },
  EVP_chacha20_poly1305: { parameters: [], result: "pointer" },
  EVP_EncryptInit_ex: {
    parameters: ["pointer", "pointer", "pointer", "u64", "pointer"],
    result: "i32",
  },
  EVP_DecryptInit_ex: {
    parameters: ["pointer", "pointer", "pointer", "u64", "pointer"],
    result: "i32",
  },
  EVP_EncryptUpdate: {
    parameters: ["pointer", "pointer", "pointer", "pointer", "i32"],
    result: "i32",
  },
  EVP_DecryptUpdate: { parameters: ["pointer", "pointer", "pointer", "u64", "i32"], result: "i32" },
  EVP_EncryptFinal_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  EVP_DecryptFinal_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "u64"], result: "i32" },

  EVP_MD_CTX_new: { parameters: [], result: "pointer" },
  EVP_blake2s256: { parameters: [], result: "pointer" },
  EVP_DigestInit_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  EVP_DigestUpdate: { parameters: ["pointer", "pointer", "u64"], result: "i32" },
  EVP_DigestFinal_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },

  EVP_PKEY_new_raw_private_key: {
    parameters: ["i32", "pointer", "pointer", "u64"],
    result: "pointer",
  },
  EVP_PKEY_new_raw_public_key: {
    parameters: ["i32", "pointer", "pointer", "u64"],
    result: "pointer",
  },
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  EVP_PKEY_CTX_new: { parameters: ["pointer", "pointer"], result: "pointer" },
  EVP_PKEY_CTX_free: { parameters: ["pointer"], result: "void" },
  EVP_PKEY_derive_init: { parameters: ["pointer"], result: "i32" },
  EVP_PKEY_derive_set_peer: { parameters: ["pointer", "pointer"], result: "i32" },
  EVP_PKEY_derive: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  ERR_clear_error: { parameters: [], result: "void" },

  // From 3.0 on.
  EVP_CIPHER_fetch: {
    parameters: ["pointer", "buffer", "pointer"],
    result: "pointer",
    optional: true,
  },
  EVP_Cipher: { parameters: ["pointer", "pointer", "pointer", "i32"], result: "i32" },
  EVP_Cipher_from: {
    name: "EVP_Cipher",
    parameters: ["pointer", "pointer", "u64", "i32"],
    result: "i32",
  },
  EVP_MD_fetch: { parameters: ["pointer", "buffer", "pointer"], result: "pointer", optional: true },
  EVP_MAC_fetch: {
    parameters: ["pointer", "buffer", "pointer"],
    result: "pointer",
    optional: true,
  },
  EVP_MAC_CTX_new: { parameters: ["pointer"], result: "pointer", optional: true },
  EVP_MAC_CTX_set_params: { parameters: ["pointer", "pointer"], result: "i32", optional: true },
  EVP_MAC_init: {
    parameters: ["pointer", "pointer", "u64", "pointer"],
    result: "i32",
    optional: true,
  },
  EVP_MAC_update: { parameters: ["pointer", "u64", "u64"], result: "i32", optional: true },
  EVP_MAC_final: {
    parameters: ["pointer", "pointer", "pointer", "u64"],
    result: "i32",
    optional: true,
  },
  EVP_PKEY_CTX_new_from_name: {
    parameters: ["pointer", "buffer", "pointer"],
    result: "pointer",
    optional: true,
  },
  EVP_PKEY_derive_set_peer_ex: {
    parameters: ["pointer", "pointer", "i32"],
    result: "i32",
    optional: true,
  },
  EVP_PKEY_fromdata_init: { parameters: ["pointer"], result: "i32", optional: true },
  EVP_PKEY_set1_encoded_public_key: {
    parameters: ["pointer", "pointer", "u64"],
    result: "i32",
    optional: true,
  },
  EVP_PKEY_fromdata: {
    parameters: ["pointer", "pointer", "i32", "pointer"],
    result: "i32",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of an open libcrypto. Those of 3.0 are null in older versions. */
export type LibcryptoSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** An opened libcrypto. It stays open until the process ends. */
export interface Libcrypto {
  /** The file that was opened. */
  readonly file: string;
  /** Its version, e.g. `3.0.19` or `1.1.1w`. */
  readonly version: string;
  readonly symbols: LibcryptoSymbols;
}

const opened = new Map<string, Libcrypto | undefined>();

/**
 * Opens libcrypto, once for each file.
 * @param files file names or paths, tried in order
 * @returns undefined when there is none, when it is older than 1.1.1, or without the permission ffi
 */
export function openLibcrypto(files: readonly string[] = LIBCRYPTO_FILES): Libcrypto | undefined {
  for (const file of files) {
    if (!opened.has(file)) opened.set(file, openFile(file));
    const library = opened.get(file);
    if (library !== undefined) return library;
  }
  return undefined;
}

function openFile(file: string): Libcrypto | undefined {
  // Without the permission, dlopen would prompt the user.
  if (
    Deno.build.os !== "linux" || Deno.permissions.querySync({ name: "ffi" }).state !== "granted"
  ) return undefined;
  let symbols: LibcryptoSymbols;
  try {
    symbols = Deno.dlopen(file, SYMBOLS).symbols;
  } catch {
    return undefined;
  }
  leaveMemoryAtExit(symbols);
  const text = symbols.OpenSSL_version(0);
  // "OpenSSL 3.0.19 27 Jan 2026 (...)"
  const version = text === null ? "" : Deno.UnsafePointerView.getCString(text).split(" ")[1] ?? "";
  return { file, version, symbols };
}

/**
 * Has libcrypto keep its memory when the process exits. It must be called before anything else of
 * libcrypto. Otherwise exit(3) frees what libcrypto has allocated for every thread, without a lock
 * (OPENSSL_cleanup). Workers that still compute would read it, and a Worker that ends at that time
 * would free it too, with which glibc aborts the process.
 */
function leaveMemoryAtExit({ OPENSSL_init_crypto }: LibcryptoSymbols): void {
  const init = new Deno.UnsafeFnPointer(OPENSSL_init_crypto as Deno.PointerObject<never>, {
    parameters: ["u64", "pointer"],
    result: "i32",
  });
  expectOk(init.call(NO_ATEXIT, null), "OPENSSL_init_crypto");
}

/** A text as a C string, for the names of `_fetch` calls. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Checks the result of a call that cannot fail with valid arguments. @throws Error */
export function expectOk(result: number, call: string): void {
  if (result <= 0) throw new Error(`libcrypto: ${call} failed`);
}
