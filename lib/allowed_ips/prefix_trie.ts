/**
 * A path-compressed binary trie over prefixes of one width (32 or 128 bits), in typed arrays: the structure of the kernel's drivers/net/wireguard/allowedips.c.
 * A node stands for a prefix; it has a peer when that prefix was inserted, and otherwise two children. So n prefixes take at most 2n - 1 nodes.
 * @module
 */
import { PEERS_MAX } from "../base/constants.ts";

/** Words of a node: two children (offsets; 0 is none), prefix length and peer in one word, the key. */
const META = 2;
const KEY = 3;
/** Words beside a node, at the same offset in a second array that lookups never touch: its parent, and its neighbours in the peer's list. */
const PARENT = 0;
const NEXT = 1;
const PREVIOUS = 2;

/** The low bits of META hold the peer plus one; 0 is a branch without a peer. */
const PREFIX_SHIFT = 20;
const PEER_MASK = (1 << PREFIX_SHIFT) - 1;

const NODES_AT_FIRST = 64;

/** A prefix and the peer that owns it. */
export interface PrefixEntry {
  /** The key's words, most significant first, bits beyond the prefix zero. */
  readonly key: Int32Array;
  readonly prefix: number;
}

/** Maps prefixes to peers. Keys are 32-bit words, most significant first. Offset 0 is no node: its first word holds the root. */
export class PrefixTrie {
  readonly #words: number;
  readonly #stride: number;
  #nodes: Int32Array;
  #links: Int32Array;
  /** First free offset that was never used, and the chain (by the first word) of those given back. */
  #fresh: number;
  #free = 0;
  /** First node of each peer's list. */
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

  /** Prefixes in it. */
  get size(): number {
    return this.#size;
  }

  /** Nodes it has room for before it must grow; it never shrinks. */
  get capacity(): number {
    return this.#nodes.length / this.#stride - 1;
  }

  /** The peer of the longest prefix that holds this address, or -1. For tries of 32 bits. */
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

  /** The peer of the longest prefix that holds this address, or -1. For tries of 128 bits. */
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

  /** The peer of exactly this prefix, or -1. Bits of the key beyond the prefix do not count. */
  owner(key: Int32Array, prefix: number): number {
    const at = this.#find(key, prefix);
    return at === 0 ? -1 : (this.#nodes[at + META] & PEER_MASK) - 1;
  }

  /**
   * Gives a prefix to a peer, whoever owned it before. Bits of the key beyond the prefix do not count.
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
        this.#take(at);
        this.#give(at, peer);
        return;
      }
      parent = at;
      at = this.#nodes[at + bitAt(key, here)];
    }
    const leaf = this.#make(key, prefix);
    const side = parent === 0 ? 0 : bitAt(key, this.#prefixOf(parent));
    if (at === 0) {
      this.#hang(parent, side, leaf);
    } else if (common === prefix) {
      this.#hang(parent, side, leaf);
      this.#hang(leaf, this.#bitOf(at, prefix), at);
    } else {
      const branch = this.#make(key, common);
      this.#hang(parent, side, branch);
      this.#hang(branch, bitAt(key, common), leaf);
      this.#hang(branch, this.#bitOf(at, common), at);
    }
    this.#give(leaf, peer);
  }

  /** Takes exactly this prefix from a peer. Returns false, and changes nothing, when it is not the peer's. */
  remove(key: Int32Array, prefix: number, peer: number): boolean {
    const at = this.#find(key, prefix);
    if (at === 0 || (this.#nodes[at + META] & PEER_MASK) !== peer + 1) return false;
    this.#take(at);
    this.#prune(at);
    return true;
  }

  /** Takes every prefix from a peer, in time proportional to their number. */
  removePeer(peer: number): void {
    if (peer >= this.#heads.length) return;
    while (this.#heads[peer] !== 0) {
      const at = this.#heads[peer];
      this.#take(at);
      this.#prune(at);
    }
  }

  /** The peer's prefixes, the one inserted last first. */
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

  /** How many leading bits a node's key shares with another. */
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

  /** A node without children and peer. It may replace the arrays. */
  #make(key: Int32Array, prefix: number): number {
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

  #hang(parent: number, side: number, child: number): void {
    this.#nodes[parent + side] = child;
    this.#links[child + PARENT] = parent;
  }

  /** Makes the peer own a node that nobody owns. */
  #give(at: number, peer: number): void {
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

  /** Makes nobody own a node. */
  #take(at: number): void {
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

  /** Gives back a node that nobody owns and that no longer branches, and its parent when that follows. */
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
