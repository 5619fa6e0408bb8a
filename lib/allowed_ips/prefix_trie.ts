/**
 * A path-compressed binary trie over prefixes of one width (32 or 128 bits), in typed arrays. Linux
 * uses the same structure (drivers/net/wireguard/allowedips.c).
 *
 * A node is a prefix. A node of a prefix that was inserted has a peer; a node without a peer has
 * two children. So n prefixes need at most 2n - 1 nodes.
 * @module
 */
import { PEERS_MAX } from "../base/constants.ts";

/**
 * Words of a node: the offsets of two children (0 for none), one word with prefix length and peer,
 * and the key.
 */
const META = 2;
const KEY = 3;
/**
 * Words of a node's links, at the same offset in a second array: its parent, and its neighbours in
 * the list of its peer. Lookups do not read this array.
 */
const PARENT = 0;
const NEXT = 1;
const PREVIOUS = 2;

/** The low bits of META are the peer + 1, or 0 for a node without a peer. */
const PREFIX_SHIFT = 20;
const PEER_MASK = (1 << PREFIX_SHIFT) - 1;

const NODES_AT_FIRST = 64;

/** A prefix and the peer that owns it. */
export interface PrefixEntry {
  /** The key in 32-bit words, most significant first. Bits beyond the prefix are zero. */
  readonly key: Int32Array;
  readonly prefix: number;
}

/**
 * Maps prefixes to peers. Keys are 32-bit words, most significant first. Offset 0 is not a node:
 * its first word is the offset of the root.
 */
export class PrefixTrie {
  readonly #words: number;
  readonly #stride: number;
  #nodes: Int32Array;
  #links: Int32Array;
  /** The first offset that was never used. */
  #fresh: number;
  /** The first of the freed nodes. The first word of each is the offset of the next one. */
  #free = 0;
  /** The first node of each peer's list. */
  #heads = new Int32Array(0);
  #size = 0;

  /** @param bits 32 or 128 */
  constructor(bits: 32 | 128) {
    this.#words = bits / 32;
    this.#stride = bits === 32 ? 4 : 8;
    this.#nodes = new Int32Array(NODES_AT_FIRST * this.#stride);
    this.#links = new Int32Array(NODES_AT_FIRST * this.#stride);
    this.#fresh = this.#stride;
  }

  /** The number of prefixes. */
  get size(): number {
    return this.#size;
  }

  /** The number of nodes for which memory is allocated. It never shrinks. */
  get capacity(): number {
    return this.#nodes.length / this.#stride - 1;
  }

  /** The peer of the longest prefix that contains the address, or -1. For tries of 32 bits. */
  lookup32(key: number): number {
    const nodes = this.#nodes;
    let found = 0;
    let at = nodes[0];
    while (at !== 0) {
      const meta = nodes[at + META];
      const prefix = meta >>> PREFIX_SHIFT;
      if (Math.clz32(key ^ nodes[at + KEY]) < prefix) break;
      const peer = meta & PEER_MASK;
      if (peer !== 0) found = peer;
      at = nodes[at + (key >>> (31 - prefix) & 1)];
    }
    return found - 1;
  }

  /** The peer of the longest prefix that contains the address, or -1. For tries of 128 bits. */
  lookup128(key0: number, key1: number, key2: number, key3: number): number {
    const nodes = this.#nodes;
    let found = 0;
    let at = nodes[0];
    while (at !== 0) {
      const meta = nodes[at + META];
      const prefix = meta >>> PREFIX_SHIFT;
      let common = Math.clz32(key0 ^ nodes[at + KEY]);
      if (common === 32 && prefix > 32) {
        common += Math.clz32(key1 ^ nodes[at + KEY + 1]);
        if (common === 64 && prefix > 64) {
          common += Math.clz32(key2 ^ nodes[at + KEY + 2]);
          if (common === 96 && prefix > 96) common += Math.clz32(key3 ^ nodes[at + KEY + 3]);
        }
      }
      if (common < prefix) break;
      const peer = meta & PEER_MASK;
      if (peer !== 0) found = peer;
      const word = prefix < 64 ? prefix < 32 ? key0 : key1 : prefix < 96 ? key2 : key3;
      at = nodes[at + (word >>> (31 - (prefix & 31)) & 1)];
    }
    return found - 1;
  }

  /** The peer of exactly this prefix, or -1. Bits of the key beyond the prefix are ignored. */
  owner(key: Int32Array, prefix: number): number {
    const at = this.#find(key, prefix);
    return at === 0 ? -1 : (this.#nodes[at + META] & PEER_MASK) - 1;
  }

  /**
   * Adds a prefix to a peer. A prefix of another peer moves. Bits beyond the prefix are ignored.
   * @param peer 0 to PEERS_MAX - 1
   */
  insert(key: Int32Array, prefix: number, peer: number): void {
    let parent = 0;
    let at = this.#nodes[0];
    let common = 0;
    while (at !== 0) {
      const here = this.#prefixOf(at);
      common = Math.min(this.#common(at, key), prefix);
      if (common < here) break;
      if (here === prefix) {
        this.#clearPeer(at);
        this.#setPeer(at, peer);
        return;
      }
      parent = at;
      at = this.#nodes[at + bitAt(key, here)];
    }
    const leaf = this.#allocate(key, prefix);
    const side = parent === 0 ? 0 : bitAt(key, this.#prefixOf(parent));
    if (at === 0) {
      this.#link(parent, side, leaf);
    } else if (common === prefix) {
      this.#link(parent, side, leaf);
      this.#link(leaf, this.#bitOf(at, prefix), at);
    } else {
      const branch = this.#allocate(key, common);
      this.#link(parent, side, branch);
      this.#link(branch, bitAt(key, common), leaf);
      this.#link(branch, this.#bitOf(at, common), at);
    }
    this.#setPeer(leaf, peer);
  }

  /** Removes a prefix from a peer. Returns false when the peer does not own exactly this prefix. */
  remove(key: Int32Array, prefix: number, peer: number): boolean {
    const at = this.#find(key, prefix);
    if (at === 0 || (this.#nodes[at + META] & PEER_MASK) !== peer + 1) return false;
    this.#clearPeer(at);
    this.#prune(at);
    return true;
  }

  /** Removes all prefixes of a peer, in time proportional to their number. */
  removePeer(peer: number): void {
    if (peer >= this.#heads.length) return;
    while (this.#heads[peer] !== 0) {
      const at = this.#heads[peer];
      this.#clearPeer(at);
      this.#prune(at);
    }
  }

  /** The prefixes of a peer, the newest first. */
  entries(peer: number): PrefixEntry[] {
    const found: PrefixEntry[] = [];
    let at = peer < this.#heads.length ? this.#heads[peer] : 0;
    for (; at !== 0; at = this.#links[at + NEXT]) {
      const key = this.#nodes.slice(at + KEY, at + KEY + this.#words);
      found.push({ key, prefix: this.#prefixOf(at) });
    }
    return found;
  }

  #prefixOf(at: number): number {
    return this.#nodes[at + META] >>> PREFIX_SHIFT;
  }

  /** The number of leading bits that are the same in a node's key and in `key`. */
  #common(at: number, key: Int32Array): number {
    for (let i = 0; i < this.#words; i++) {
      const difference = this.#nodes[at + KEY + i] ^ key[i];
      if (difference !== 0) return 32 * i + Math.clz32(difference);
    }
    return 32 * this.#words;
  }

  #bitOf(at: number, bit: number): number {
    return this.#nodes[at + KEY + (bit >>> 5)] >>> (31 - (bit & 31)) & 1;
  }

  #find(key: Int32Array, prefix: number): number {
    let at = this.#nodes[0];
    while (at !== 0) {
      const here = this.#prefixOf(at);
      if (here > prefix || this.#common(at, key) < here) return 0;
      if (here === prefix) return at;
      at = this.#nodes[at + bitAt(key, here)];
    }
    return 0;
  }

  /** Allocates a node without children and peer. The arrays may be replaced by larger ones. */
  #allocate(key: Int32Array, prefix: number): number {
    let at = this.#free;
    if (at !== 0) {
      this.#free = this.#nodes[at];
    } else {
      at = this.#fresh;
      this.#fresh += this.#stride;
      if (this.#fresh > this.#nodes.length) {
        this.#nodes = doubled(this.#nodes);
        this.#links = doubled(this.#links);
      }
    }
    this.#nodes[at] = 0;
    this.#nodes[at + 1] = 0;
    this.#nodes[at + META] = prefix << PREFIX_SHIFT;
    for (let i = 0; i < this.#words; i++) {
      const bits = Math.min(32, Math.max(0, prefix - 32 * i));
      this.#nodes[at + KEY + i] = bits === 0 ? 0 : key[i] & -1 << (32 - bits);
    }
    return at;
  }

  #link(parent: number, side: number, child: number): void {
    this.#nodes[parent + side] = child;
    this.#links[child + PARENT] = parent;
  }

  /** Sets the peer of a node that has none. */
  #setPeer(at: number, peer: number): void {
    while (peer >= this.#heads.length) {
      const heads = new Int32Array(
        Math.min(PEERS_MAX, Math.max(NODES_AT_FIRST, 2 * this.#heads.length)),
      );
      heads.set(this.#heads);
      this.#heads = heads;
    }
    const next = this.#heads[peer];
    this.#links[at + NEXT] = next;
    this.#links[at + PREVIOUS] = 0;
    if (next !== 0) this.#links[next + PREVIOUS] = at;
    this.#heads[peer] = at;
    this.#nodes[at + META] |= peer + 1;
    this.#size++;
  }

  /** Removes the peer of a node. */
  #clearPeer(at: number): void {
    const owner = this.#nodes[at + META] & PEER_MASK;
    if (owner === 0) return;
    const next = this.#links[at + NEXT];
    const previous = this.#links[at + PREVIOUS];
    if (next !== 0) this.#links[next + PREVIOUS] = previous;
    if (previous !== 0) this.#links[previous + NEXT] = next;
    else this.#heads[owner - 1] = next;
    this.#nodes[at + META] &= ~PEER_MASK;
    this.#size--;
  }

  /** Frees a node that has no peer and fewer than two children, and then its parent likewise. */
  #prune(start: number): void {
    let at = start;
    while (at !== 0 && (this.#nodes[at + META] & PEER_MASK) === 0) {
      const left = this.#nodes[at];
      const right = this.#nodes[at + 1];
      if (left !== 0 && right !== 0) return;
      const child = left | right;
      const parent = this.#links[at + PARENT];
      const side = this.#nodes[parent] === at ? 0 : 1;
      this.#nodes[parent + side] = child;
      if (child !== 0) this.#links[child + PARENT] = parent;
      this.#nodes[at] = this.#free;
      this.#free = at;
      at = child !== 0 ? 0 : parent;
    }
  }
}

function bitAt(key: Int32Array, bit: number): number {
  return key[bit >>> 5] >>> (31 - (bit & 31)) & 1;
}

function doubled(array: Int32Array): Int32Array {
  const twice = new Int32Array(2 * array.length);
  twice.set(array);
  return twice;
}
