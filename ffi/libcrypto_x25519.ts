/**
 * X25519 (RFC 7748) of libcrypto.
 * @module
 */
import { KEY_LENGTH } from "../lib/base/constants.ts";
import { expectLength, type Suite } from "../lib/crypto/suite.ts";
import { cString, expectOk, type Libcrypto } from "./libcrypto.ts";
import { OSSL_PARAM_OCTET_STRING, OsslParams, type Pinned, pinned } from "./libcrypto_memory.ts";

/** NID_X25519, which is also EVP_PKEY_X25519. */
const X25519 = 1034;
/** EVP_PKEY_KEYPAIR: all parameters, public key, private key. */
const KEYPAIR = 0x87;
const KEY_BYTES = BigInt(KEY_LENGTH);

/** Makes an EVP_PKEY that `derive` can use out of the private key in `secret`. */
type PrivateKeyLoader = (secret: Pinned) => Deno.PointerValue;

/** Public keys and shared secrets. */
export function x25519(libcrypto: Libcrypto): Pick<Suite, "publicKey" | "sharedSecret"> {
  const evp = libcrypto.symbols;
  const secret = pinned(KEY_LENGTH), other = pinned(KEY_LENGTH), output = pinned(KEY_LENGTH);
  const length = new BigUint64Array(1);
  const lengthPointer = Deno.UnsafePointer.of(length);
  const loadPrivate = loaderFromData(libcrypto, secret) ?? loaderFromRaw(libcrypto);
  const takeOutput = (): Uint8Array => {
    const bytes = output.bytes.slice();
    output.bytes.fill(0);
    return bytes;
  };

  return {
    publicKey(privateKey) {
      expectLength("private key", privateKey, KEY_LENGTH);
      secret.bytes.set(privateKey);
      const key = evp.EVP_PKEY_new_raw_private_key(X25519, null, secret.pointer, KEY_BYTES);
      secret.bytes.fill(0);
      if (key === null) throw new Error("libcrypto: EVP_PKEY_new_raw_private_key failed");
      length[0] = KEY_BYTES;
      const got = evp.EVP_PKEY_get_raw_public_key(key, output.pointer, lengthPointer);
      evp.EVP_PKEY_free(key);
      expectOk(got, "EVP_PKEY_get_raw_public_key");
      return takeOutput();
    },

    sharedSecret(privateKey, publicKey) {
      expectLength("private key", privateKey, KEY_LENGTH);
      expectLength("public key", publicKey, KEY_LENGTH);
      secret.bytes.set(privateKey);
      other.bytes.set(publicKey);
      const own = loadPrivate(secret);
      secret.bytes.fill(0);
      const peer = evp.EVP_PKEY_new_raw_public_key(X25519, null, other.pointer, KEY_BYTES);
      const context = evp.EVP_PKEY_CTX_new(own, null);
      length[0] = KEY_BYTES;
      const ready = own !== null && peer !== null && context !== null &&
        evp.EVP_PKEY_derive_init(context) === 1 && evp.EVP_PKEY_derive_set_peer(context, peer) === 1;
      // It also fails on a result that is all zeros.
      const derived = ready && evp.EVP_PKEY_derive(context, output.pointer, lengthPointer) === 1;
      evp.EVP_PKEY_CTX_free(context);
      evp.EVP_PKEY_free(own);
      evp.EVP_PKEY_free(peer);
      if (!ready) throw new Error("libcrypto: X25519 keys were refused");
      const shared = takeOutput();
      let any = 0;
      for (const byte of shared) any |= byte;
      return derived && any !== 0 ? shared : undefined;
    },
  };
}

/** 1.1.1's way; libcrypto computes the public key as well, which takes as long as the shared secret itself. */
function loaderFromRaw(libcrypto: Libcrypto): PrivateKeyLoader {
  return (secret) => libcrypto.symbols.EVP_PKEY_new_raw_private_key(X25519, null, secret.pointer, KEY_BYTES);
}

/** 3.0's way: with a public key beside it (any, as `derive` does not look at it) the private key is taken as it is. */
function loaderFromData(libcrypto: Libcrypto, secret: Pinned): PrivateKeyLoader | undefined {
  const { EVP_PKEY_CTX_new_from_name, EVP_PKEY_fromdata_init, EVP_PKEY_fromdata } = libcrypto.symbols;
  if (EVP_PKEY_CTX_new_from_name === null || EVP_PKEY_fromdata_init === null || EVP_PKEY_fromdata === null) {
    return undefined;
  }
  const context = EVP_PKEY_CTX_new_from_name(null, cString("X25519"), null);
  if (context === null || EVP_PKEY_fromdata_init(context) !== 1) return undefined;
  const publicKey = pinned(KEY_LENGTH);
  publicKey.bytes[0] = 9;
  const params = new OsslParams([
    { name: "priv", type: OSSL_PARAM_OCTET_STRING, data: secret.bytes },
    { name: "pub", type: OSSL_PARAM_OCTET_STRING, data: publicKey.bytes },
  ]);
  const made = new BigUint64Array(1);
  const madePointer = Deno.UnsafePointer.of(made);
  return () => {
    // A pointer that is not null would be taken for a key to fill again.
    made[0] = 0n;
    if (EVP_PKEY_fromdata(context, madePointer, KEYPAIR, params.pointer) !== 1) return null;
    return Deno.UnsafePointer.create(made[0]);
  };
}
