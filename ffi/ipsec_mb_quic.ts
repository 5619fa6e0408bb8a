/**
 * The packet cipher with the function of libipsec-mb 1.5 and 2.0 that was made for QUIC. It does
 * not depend on the manager's layout, because all values are arguments. The function accepts
 * several messages of one key, but one at a time is as fast.
 * @module
 */
import type { Arena } from "../lib/base/arena.ts";
import type { PacketCipher } from "../lib/crypto/suite.ts";
import { DIRECTION_DECRYPT, DIRECTION_ENCRYPT, type IpsecMb } from "./ipsec_mb.ts";
import { ArenaAddresses, pinned } from "./memory.ts";

/**
 * imb_quic_chacha20_poly1305(manager, key, direction, destinations, sources, lengths, nonces,
 * associated data, its length, tags, number of messages). Unreleased sources had the length of a
 * tag before the last argument. With a 1 for both, the call is safe with either signature, and the
 * self-test rejects the wrong one.
 */
const SYMBOLS = {
  imb_quic_chacha20_poly1305: {
    parameters: [
      "pointer",
      "u64",
      "i32",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
    ],
    result: "void",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * Offsets in words of 4 bytes of the memory that arguments point to: arrays with one entry each,
 * the nonce, and the tag of a message that is opened.
 */
const DESTINATIONS = 0;
const SOURCES = 2;
const LENGTHS = 4;
const NONCES = 6;
const TAGS = 8;
const NONCE = 12;
const TAG = 16;
const WORDS = 20;

const KEY_BYTES = 32;
const TAG_BYTES = 16;
/**
 * Bytes of a message that overwrites the rests of earlier ones in vector registers and on the
 * stack. It is long enough to use all of the vector code.
 */
const FORGET_BYTES = 1024;

/**
 * Makes the packet cipher; undefined when the library's own tests fail. Its functions close over
 * constants, so that the compiler calls the library directly.
 */
export function quicCipher(arena: Arena, library: IpsecMb): PacketCipher | undefined {
  const manager = library.makeManager();
  if (manager === undefined) return undefined;
  const managerPointer = manager.pointer;
  const call = Deno.dlopen(library.file, SYMBOLS).symbols.imb_quic_chacha20_poly1305;

  const addresses = new ArenaAddresses(arena), message = arena.view;
  const given = pinned(WORDS * 4), words = new Uint32Array(given.bytes.buffer);
  const at = (word: number) => given.address + BigInt(word * 4);
  const pointer = (word: number) => Deno.UnsafePointer.create(at(word));
  const destinations = pointer(DESTINATIONS), sources = pointer(SOURCES);
  const lengths = pointer(LENGTHS), nonces = pointer(NONCES), tags = pointer(TAGS);
  /** The number 1 as a pointer, an argument that needs no conversion. */
  const one = Deno.UnsafePointer.create(1n);
  const tagLow = Number(at(TAG) & 0xffff_ffffn), tagHigh = Number(at(TAG) >> 32n);
  const zeroKeyAt = arena.allocate(KEY_BYTES), forgetAt = arena.allocate(FORGET_BYTES + TAG_BYTES);
  const clear = (): void => {
    words.fill(0);
    words[NONCES] = Number(at(NONCE) & 0xffff_ffffn);
    words[NONCES + 1] = Number(at(NONCE) >> 32n);
  };
  clear();
  /** Whether a message was sealed or opened since `forget`. */
  let isUsed = false;

  const cipher: PacketCipher = {
    name: `ipsec-mb ${library.version}`,

    seal(keyAt, counterLow, counterHigh, at, length) {
      isUsed = true;
      words[NONCE + 1] = counterLow;
      words[NONCE + 2] = counterHigh;
      addresses.write(words, DESTINATIONS, at);
      addresses.write(words, SOURCES, at);
      words[LENGTHS] = length;
      addresses.write(words, TAGS, at + length);
      call(
        managerPointer,
        addresses.address(keyAt),
        DIRECTION_ENCRYPT,
        destinations,
        sources,
        lengths,
        nonces,
        nonces,
        null,
        tags,
        one,
        one,
      );
    },

    open(keyAt, counterLow, counterHigh, from, length, to) {
      isUsed = true;
      words[NONCE + 1] = counterLow;
      words[NONCE + 2] = counterHigh;
      addresses.write(words, DESTINATIONS, to);
      addresses.write(words, SOURCES, from);
      words[LENGTHS] = length;
      words[TAGS] = tagLow;
      words[TAGS + 1] = tagHigh;
      const end = from + length;
      const tag0 = message.getInt32(end, true), tag1 = message.getInt32(end + 4, true);
      const tag2 = message.getInt32(end + 8, true), tag3 = message.getInt32(end + 12, true);
      // The function reports no errors. If it writes no tag, this one is compared, which is wrong.
      words[TAG] = ~tag0;
      call(
        managerPointer,
        addresses.address(keyAt),
        DIRECTION_DECRYPT,
        destinations,
        sources,
        lengths,
        nonces,
        nonces,
        null,
        tags,
        one,
        one,
      );
      return ((words[TAG] ^ tag0) | (words[TAG + 1] ^ tag1) | (words[TAG + 2] ^ tag2) |
        (words[TAG + 3] ^ tag3)) === 0;
    },

    forget() {
      if (!isUsed) return;
      cipher.seal(zeroKeyAt, 0, 0, forgetAt, FORGET_BYTES);
      clear();
      isUsed = false;
    },
  };
  return cipher;
}
