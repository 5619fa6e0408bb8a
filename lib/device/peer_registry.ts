/**
 * The peers of one interface, by public key and by slot, and the owners of allowed IPs.
 * @module
 */
import { type Milliseconds, type PeerSlot, peerSlot, type PublicKey } from "../base/brands.ts";
import { KEY_LENGTH, PEERS_MAX } from "../base/constants.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import type { TimersOwner } from "../timers/peer_timers.ts";
import { Peer } from "./peer.ts";

/**
 * How long a freed slot is not reused, so that late events of its last peer find no peer. It is
 * reused earlier when all other slots are in use.
 */
const SLOT_REUSE_AFTER_MS = 10_000;
/** Public keys in one buffer. */
const KEYS_PER_BUFFER = 64;

/**
 * A range as the key of a map: a string with one character for each byte of the address, and one
 * for the prefix. It needs a tenth of the memory of the range.
 */
export function rangeKey({ address, prefix }: AllowedIp): string {
  return String.fromCharCode(...address, prefix);
}

function rangeOfKey(key: string): AllowedIp {
  const address = new Uint8Array(key.length - 1);
  for (let i = 0; i < address.length; i++) address[i] = key.charCodeAt(i);
  return { address, prefix: key.charCodeAt(address.length) };
}

/** A public key as the key of a map, in hexadecimal. */
export function peerKey(publicKey: Uint8Array): string {
  return publicKey.toHex();
}

/** Peers and ranges. */
export class PeerRegistry {
  readonly #byKey = new Map<string, Peer>();
  readonly #bySlot: (Peer | undefined)[] = [];
  readonly #freedSlots: { readonly slot: PeerSlot; readonly since: number }[] = [];
  #firstFreed = 0;
  #lastNumber = 0;
  readonly #owners = new Map<string, Peer>();
  #keys = new Uint8Array(0);
  #keysUsed = 0;

  /** @param timersOwner the queue of all peers' timers */
  constructor(readonly timersOwner: TimersOwner) {}

  /** All peers, in the order in which they were made. */
  all(): IterableIterator<Peer> {
    return this.#byKey.values();
  }

  /** The number of peers. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The number of allowed IPs of all peers. */
  get rangeCount(): number {
    return this.#owners.size;
  }

  /** The peer with a public key; undefined when there is none. */
  find(publicKey: Uint8Array): Peer | undefined {
    return this.#byKey.get(peerKey(publicKey));
  }

  /** The peer in a slot; undefined when there is none. */
  at(slot: PeerSlot): Peer | undefined {
    return this.#bySlot[slot];
  }

  /** Makes a peer. There must be no peer with this key, and fewer than PEERS_MAX peers. */
  add(publicKey: PublicKey, now: Milliseconds): Peer {
    const peer = new Peer(
      this.#allocateSlot(now),
      ++this.#lastNumber,
      this.#copyKey(publicKey),
      this.timersOwner,
    );
    this.#byKey.set(peerKey(publicKey), peer);
    this.#bySlot[peer.slot] = peer;
    return peer;
  }

  /** Copies a key into a shared buffer, because an ArrayBuffer needs more memory than its key. */
  #copyKey(publicKey: PublicKey): PublicKey {
    if (this.#keysUsed === this.#keys.length) {
      this.#keys = new Uint8Array(KEYS_PER_BUFFER * KEY_LENGTH);
      this.#keysUsed = 0;
    }
    const kept = this.#keys.subarray(this.#keysUsed, this.#keysUsed += KEY_LENGTH) as PublicKey;
    kept.set(publicKey);
    return kept;
  }

  /** Removes a peer and its ranges. */
  remove(peer: Peer, now: Milliseconds): void {
    this.clearRanges(peer);
    this.#byKey.delete(peerKey(peer.publicKey));
    this.#bySlot[peer.slot] = undefined;
    this.#freedSlots.push({ slot: peer.slot, since: now });
  }

  /** The owner of a range, by its `rangeKey`. */
  ownerOf(key: string): Peer | undefined {
    return this.#owners.get(key);
  }

  /** Adds a range to a peer. A range of another peer moves. */
  addRange(peer: Peer, range: AllowedIp): void {
    const key = rangeKey(range);
    const owner = this.#owners.get(key);
    if (owner === peer) return;
    owner?.allowedIps?.delete(key);
    this.#owners.set(key, peer);
    peer.allowedIps ??= new Set();
    peer.allowedIps.add(key);
  }

  /** The ranges of a peer, in the order in which they were added. */
  rangesOf(peer: Peer): AllowedIp[] {
    return Array.from(peer.allowedIps ?? [], rangeOfKey);
  }

  /** Removes a range of a peer, if the peer owns it. */
  removeRange(peer: Peer, range: AllowedIp): void {
    const key = rangeKey(range);
    if (peer.allowedIps?.delete(key)) this.#owners.delete(key);
  }

  /** Removes all ranges of a peer. */
  clearRanges(peer: Peer): void {
    for (const key of peer.allowedIps ?? []) this.#owners.delete(key);
    peer.allowedIps = undefined;
  }

  #allocateSlot(now: Milliseconds): PeerSlot {
    const freed = this.#freedSlots[this.#firstFreed];
    if (
      freed !== undefined &&
      (now - freed.since >= SLOT_REUSE_AFTER_MS || this.#bySlot.length >= PEERS_MAX)
    ) {
      this.#firstFreed++;
      if (this.#firstFreed > 1024 && this.#firstFreed * 2 > this.#freedSlots.length) {
        this.#freedSlots.splice(0, this.#firstFreed);
        this.#firstFreed = 0;
      }
      return freed.slot;
    }
    this.#bySlot.push(undefined);
    return peerSlot(this.#bySlot.length - 1);
  }
}
