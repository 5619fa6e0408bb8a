/**
 * Parameter lists, as libcrypto's calls take them from 3.0 on.
 * @module
 */
import { addressOf } from "./libc.ts";
import { cString } from "./libcrypto.ts";
import { pinned } from "./memory.ts";

/** Types of an OSSL_PARAM (openssl/core.h). */
export const OSSL_PARAM_UNSIGNED_INTEGER = 2;
export const OSSL_PARAM_OCTET_STRING = 5;
/** Bytes of an OSSL_PARAM: key, type and padding, data, size, size returned. */
const OSSL_PARAM_BYTES = 40;

/** One entry of a parameter list. */
export interface OsslParam {
  readonly name: string;
  readonly type: typeof OSSL_PARAM_UNSIGNED_INTEGER | typeof OSSL_PARAM_OCTET_STRING;
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * An array of OSSL_PARAM with its terminator. It keeps names and data alive. The data may be
 * changed between calls.
 */
export class OsslParams {
  readonly pointer: Deno.PointerObject;
  readonly #kept: Uint8Array[] = [];

  constructor(entries: readonly OsslParam[]) {
    const list = pinned((entries.length + 1) * OSSL_PARAM_BYTES);
    const words = new BigUint64Array(list.bytes.buffer);
    this.#kept.push(list.bytes);
    entries.forEach((entry, i) => {
      const name = cString(entry.name);
      const at = i * (OSSL_PARAM_BYTES / 8);
      words[at] = addressOf(name);
      words[at + 1] = BigInt(entry.type);
      words[at + 2] = addressOf(entry.data);
      words[at + 3] = BigInt(entry.data.length);
      this.#kept.push(name, entry.data);
    });
    this.pointer = list.pointer;
  }
}
