/**
 * The allowed IPs of all peers, searched by longest prefix (whitepaper section 2, cryptokey
 * routing). Outbound packets are looked up by destination, inbound packets by source.
 * @module
 */
import { ALLOWED_IPS_MAX, PEERS_MAX } from "../base/constants.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import { PrefixTrie } from "./prefix_trie.ts";

/**
 * The recent addresses of each family, a power of two. A look-up in the trie reads a node for each
 * step, and with many peers most of them have left the processor's cache. An address has one place,
 * where the next address of this place replaces it.
 */
const RECENT = 2048;
/** Words of a recent address: its peer + KNOWN, or 0 for none, and the words of the address. */
const RECENT4_WORDS = 2;
const RECENT6_WORDS = 8;
/** Makes -1, an address without a peer, a number above 0. */
const KNOWN = 2;

/** The place of an address whose words are combined in `word`. */
const recentPlace = (word: number): number => (word ^ word >>> 11 ^ word >>> 22) & (RECENT - 1);

/** Maps ranges to peers. A peer is a number from 0 to PEERS_MAX - 1. A range has one owner. */
export class AllowedIps {
  readonly #trie4 = new PrefixTrie(32);
  readonly #trie6 = new PrefixTrie(128);
  readonly #key = new Int32Array(4);
  /** What was looked up last, of both families. Every change clears it. */
  readonly #recent4 = new Int32Array(RECENT * RECENT4_WORDS);
  readonly #recent6 = new Int32Array(RECENT * RECENT6_WORDS);
  #hasRecent = false;

  /** The number of ranges of both families. */
  get size(): number {
    return this.#trie4.size + this.#trie6.size;
  }

  /**
   * The peer of the IPv4 address in the 4 bytes at `at`, or -1. It allocates nothing, and does not
   * check the length.
   * @example
   * ```ts
   * import { strictEqual } from "node:assert/strict";
   * const ranges = new AllowedIps();
   * ranges.insert(Uint8Array.of(10, 0, 0, 0), 8, 1);
   * ranges.insert(Uint8Array.of(10, 7, 0, 0), 16, 2);
   * const packet = Uint8Array.of(0, 0, 10, 7, 1, 1);
   * strictEqual(ranges.lookup4(packet, 2), 2);
   * ```
   */
  lookup4(bytes: Uint8Array, at: number): number {
    const key = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    const recent = this.#recent4;
    const entry = recentPlace(key) * RECENT4_WORDS;
    const known = recent[entry];
    if (known !== 0 && recent[entry + 1] === key) return known - KNOWN;
    const peer = this.#trie4.lookup32(key);
    this.#hasRecent = true;
    recent[entry] = peer + KNOWN;
    recent[entry + 1] = key;
    return peer;
  }

  /**
   * The peer of the IPv6 address in the 16 bytes at `at`, or -1. It allocates nothing, and does not
   * check the length.
   */
  lookup6(bytes: Uint8Array, at: number): number {
    const key0 = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    const key1 = bytes[at + 4] << 24 | bytes[at + 5] << 16 | bytes[at + 6] << 8 | bytes[at + 7];
    const key2 = bytes[at + 8] << 24 | bytes[at + 9] << 16 | bytes[at + 10] << 8 | bytes[at + 11];
    const key3 = bytes[at + 12] << 24 | bytes[at + 13] << 16 | bytes[at + 14] << 8 | bytes[at + 15];
    const recent = this.#recent6;
    const entry = recentPlace(key0 ^ key1 ^ key2 ^ key3) * RECENT6_WORDS;
    const known = recent[entry];
    if (
      known !== 0 && recent[entry + 4] === key3 && recent[entry + 3] === key2 &&
      recent[entry + 2] === key1 && recent[entry + 1] === key0
    ) return known - KNOWN;
    const peer = this.#trie6.lookup128(key0, key1, key2, key3);
    this.#hasRecent = true;
    recent[entry] = peer + KNOWN;
    recent[entry + 1] = key0;
    recent[entry + 2] = key1;
    recent[entry + 3] = key2;
    recent[entry + 4] = key3;
    return peer;
  }

  /**
   * Adds a range to a peer. A range of another peer moves. Host bits are ignored.
   * @param address 4 or 16 bytes
   * @param prefix 0 to 32, or 0 to 128
   * @returns false, and nothing changes, when there are ALLOWED_IPS_MAX ranges already
   * @throws RangeError when an argument is out of range, which is a mistake of the caller
   */
  insert(address: Uint8Array, prefix: number, peer: number): boolean {
    const trie = this.#prepare(address, prefix, peer);
    if (this.size >= ALLOWED_IPS_MAX && trie.owner(this.#key, prefix) === -1) return false;
    trie.insert(this.#key, prefix, peer);
    return true;
  }

  /**
   * Removes a range from a peer. Returns false when the peer does not own exactly this range.
   * @throws RangeError when an argument is out of range
   */
  remove(address: Uint8Array, prefix: number, peer: number): boolean {
    return this.#prepare(address, prefix, peer).remove(this.#key, prefix, peer);
  }

  /** Removes all ranges of a peer. */
  removePeer(peer: number): void {
    this.#forgetRecent();
    this.#trie4.removePeer(peer);
    this.#trie6.removePeer(peer);
  }

  /** The peer that owns exactly this range, or -1. Host bits are ignored. */
  owner(address: Uint8Array, prefix: number): number {
    return this.#prepare(address, prefix, 0).owner(this.#key, prefix);
  }

  /** The peer's ranges, IPv4 before IPv6, and in each family the newest first. */
  ranges(peer: number): AllowedIp[] {
    return [...this.#trie4.entries(peer), ...this.#trie6.entries(peer)].map(({ key, prefix }) => {
      const address = new Uint8Array(4 * key.length);
      for (let i = 0; i < address.length; i++) address[i] = key[i >>> 2] >>> (24 - 8 * (i & 3));
      return { address, prefix };
    });
  }

  /** The number of trie nodes for which memory is allocated, of both families. */
  get capacity(): number {
    return this.#trie4.capacity + this.#trie6.capacity;
  }

  #forgetRecent(): void {
    if (!this.#hasRecent) return;
    this.#hasRecent = false;
    this.#recent4.fill(0);
    this.#recent6.fill(0);
  }

  /**
   * Checks the arguments, writes the address to `#key` and forgets the recent addresses. Returns
   * the trie.
   */
  #prepare(address: Uint8Array, prefix: number, peer: number): PrefixTrie {
    const length = address.length;
    if (length !== 4 && length !== 16) {
      throw new RangeError(`allowed IP: an address of ${length} bytes; 4 or 16 bytes are required`);
    }
    if (!Number.isInteger(prefix) || prefix < 0 || prefix > 8 * length) {
      throw new RangeError(`allowed IP: prefix ${prefix}; 0 to ${8 * length} is required`);
    }
    if (!Number.isInteger(peer) || peer < 0 || peer >= PEERS_MAX) {
      throw new RangeError(`allowed IP: peer ${peer}; 0 to ${PEERS_MAX - 1} is required`);
    }
    for (let i = 0; i < length; i += 4) {
      this.#key[i >>> 2] = address[i] << 24 | address[i + 1] << 16 | address[i + 2] << 8 |
        address[i + 3];
    }
    this.#forgetRecent();
    return length === 4 ? this.#trie4 : this.#trie6;
  }
}
