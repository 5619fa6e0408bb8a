/**
 * X25519 (RFC 7748) of libcrypto.
 * @module
 */
import { KEY_LENGTH } from "../lib/base/constants.ts";
import { secretMoved } from "../lib/base/secret_bytes.ts";
import { BASE_POINT, expectLength, type Suite } from "../lib/crypto/suite.ts";
import { cString, type Libcrypto } from "./libcrypto.ts";
import { OSSL_PARAM_OCTET_STRING, OsslParams } from "./libcrypto_params.ts";
import { type Pinned, pinned } from "./memory.ts";

/** NID_X25519, which equals EVP_PKEY_X25519. */
const X25519 = 1034;
/** EVP_PKEY_PUBLIC_KEY and EVP_PKEY_KEYPAIR: the parts of a new key. */
const PUBLIC_KEY = 0x86;
const KEYPAIR = 0x87;
const KEY_BYTES = BigInt(KEY_LENGTH);

/** Makes EVP_PKEYs from the bytes in `secret` and `other`, and sets the peer of a context. */
interface Keys {
  /** Makes our key, which the caller frees. */
  own(): Deno.PointerValue;
  /** Makes the peer's key, which the caller releases with `releasePeer`. */
  peer(): Deno.PointerValue;
  releasePeer(peer: Deno.PointerValue): void;
  setPeer(context: Deno.PointerValue, peer: Deno.PointerValue): number;
}

/** Public keys and shared secrets with libcrypto. */
export function x25519(
  libcrypto: Libcrypto,
): Pick<Suite, "publicKey" | "sharedSecret" | "products"> {
  const evp = libcrypto.symbols;
  const secret = pinned(KEY_LENGTH), other = pinned(KEY_LENGTH), output = pinned(KEY_LENGTH);
  const length = new BigUint64Array(1);
  const lengthPointer = Deno.UnsafePointer.of(length);
  const keys = keysFromData(libcrypto, secret, other) ?? keysFromRaw(libcrypto, secret, other);

  /** Writes the product of the key in `context` and the point in `other` to `output`. */
  const multiply = (context: Deno.PointerValue): boolean => {
    const peer = keys.peer();
    length[0] = KEY_BYTES;
    const ready = peer !== null && keys.setPeer(context, peer) === 1;
    const derived = ready && evp.EVP_PKEY_derive(context, output.pointer, lengthPointer) === 1;
    keys.releasePeer(peer);
    if (!ready) throw refused();
    // Not every version refuses zeros itself.
    return derived && !isZero(output.bytes);
  };

  const products: Suite["products"] = (privateKey, ...points) => {
    expectLength("private key", privateKey, KEY_LENGTH);
    for (const point of points) expectLength("public key", point, KEY_LENGTH);
    secret.bytes.set(privateKey);
    const own = keys.own();
    secret.bytes.fill(0);
    const context = evp.EVP_PKEY_CTX_new(own, null);
    try {
      if (own === null || context === null || evp.EVP_PKEY_derive_init(context) !== 1) {
        throw refused();
      }
      return points.map((point) => {
        other.bytes.set(point);
        return multiply(context) ? secretMoved(output.bytes) : undefined;
      });
    } finally {
      evp.EVP_PKEY_CTX_free(context);
      evp.EVP_PKEY_free(own);
    }
  };

  return {
    products,
    sharedSecret: (privateKey, publicKey) => products(privateKey, publicKey)[0],
    publicKey(privateKey) {
      // libcrypto's own function for a public key is slower.
      const [made] = products(privateKey, BASE_POINT);
      if (made === undefined) throw new Error("libcrypto: X25519 of the base point failed");
      return made;
    },
  };
}

const refused = () => new Error("libcrypto: X25519 keys were refused");

/** Whether all bytes are zero. It runs in constant time. */
function isZero(bytes: Uint8Array): boolean {
  let any = 0;
  for (let i = 0; i < bytes.length; i++) any |= bytes[i];
  return any === 0;
}

/** The keys with version 1.1.1, which also computes our public key. This doubles the time. */
function keysFromRaw(libcrypto: Libcrypto, secret: Pinned, other: Pinned): Keys {
  const evp = libcrypto.symbols;
  return {
    own: () => evp.EVP_PKEY_new_raw_private_key(X25519, null, secret.pointer, KEY_BYTES),
    peer: () => evp.EVP_PKEY_new_raw_public_key(X25519, null, other.pointer, KEY_BYTES),
    releasePeer: evp.EVP_PKEY_free,
    setPeer: evp.EVP_PKEY_derive_set_peer,
  };
}

/**
 * The keys with version 3. The private key is given with a public key, so that libcrypto does not
 * compute it; `derive` does not read it, so any public key will do. One peer's key is made and
 * filled again each time, because making a key takes some microseconds.
 */
function keysFromData(libcrypto: Libcrypto, secret: Pinned, other: Pinned): Keys | undefined {
  const { EVP_PKEY_CTX_new_from_name, EVP_PKEY_fromdata_init, EVP_PKEY_fromdata } =
    libcrypto.symbols;
  const { EVP_PKEY_set1_encoded_public_key, EVP_PKEY_derive_set_peer_ex } = libcrypto.symbols;
  if (
    EVP_PKEY_CTX_new_from_name === null || EVP_PKEY_fromdata_init === null ||
    EVP_PKEY_fromdata === null ||
    EVP_PKEY_set1_encoded_public_key === null || EVP_PKEY_derive_set_peer_ex === null
  ) return undefined;
  const context = EVP_PKEY_CTX_new_from_name(null, cString("X25519"), null);
  if (context === null || EVP_PKEY_fromdata_init(context) !== 1) return undefined;
  const publicPart = { name: "pub", type: OSSL_PARAM_OCTET_STRING, data: other.bytes } as const;
  const pair = new OsslParams([
    { name: "priv", type: OSSL_PARAM_OCTET_STRING, data: secret.bytes },
    publicPart,
  ]);
  const alone = new OsslParams([publicPart]);
  const made = new BigUint64Array(1);
  const madePointer = Deno.UnsafePointer.of(made);
  const make = (selection: number, params: OsslParams): Deno.PointerValue => {
    // libcrypto would fill the key of a pointer that is not null.
    made[0] = 0n;
    if (EVP_PKEY_fromdata(context, madePointer, selection, params.pointer) !== 1) return null;
    return Deno.UnsafePointer.create(made[0]);
  };
  const peer = make(PUBLIC_KEY, alone);
  return {
    own: () => make(KEYPAIR, pair),
    peer: () =>
      EVP_PKEY_set1_encoded_public_key(peer, other.pointer, KEY_BYTES) === 1 ? peer : null,
    releasePeer: () => {},
    // Any 32 bytes are a public key, so it is not validated.
    setPeer: (derivation, peer) => EVP_PKEY_derive_set_peer_ex(derivation, peer, 0),
  };
}
