/**
 * The peers of one interface: by key, by slot, in the order in which they were made; and who owns which allowed range.
 * @module
 */
import { type Milliseconds, type PeerSlot, peerSlot, type PublicKey } from "../base/brands.ts";
import { KEY_LENGTH, PEERS_MAX } from "../base/constants.ts";
import type { AllowedIp } from "../base/endpoint.ts";
import type { TimersOwner } from "../timers/peer_timers.ts";
import { Peer } from "./peer.ts";

/** A slot is not given away again for this long, so that events of its last peer that are still under way find nobody. */
const SLOT_REST_MS = 10_000;
/** Public keys in one buffer. */
const KEYS_TOGETHER = 64;

/** A range as a map's key, a character for each byte: a tenth of the memory that the range itself takes. */
export function rangeKey({ address, prefix }: AllowedIp): string {
  return String.fromCharCode(...address, prefix);
}

function rangeOfKey(key: string): AllowedIp {
  const address = new Uint8Array(key.length - 1);
  for (let i = 0; i < address.length; i++) address[i] = key.charCodeAt(i);
  return { address, prefix: key.charCodeAt(address.length) };
}

/** A public key as a map's key. */
export function peerKey(publicKey: Uint8Array): string {
  return publicKey.toHex();
}

/** Peers and ranges. */
export class PeerRegistry {
  readonly #byKey = new Map<string, Peer>();
  readonly #bySlot: (Peer | undefined)[] = [];
  readonly #resting: { readonly slot: PeerSlot; readonly since: number }[] = [];
  #restingFrom = 0;
  #lastNumber = 0;
  readonly #owners = new Map<string, Peer>();
  #keys = new Uint8Array(0);
  #keysUsed = 0;

  /** @param timersOwner who is told when the timers of a peer change */
  constructor(readonly timersOwner: TimersOwner) {}

  /** Peers in the order in which they were made. */
  all(): IterableIterator<Peer> {
    return this.#byKey.values();
  }

  /** How many there are. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Allowed ranges of all peers together. */
  get rangeCount(): number {
    return this.#owners.size;
  }

  /** The peer with this public key. */
  find(publicKey: Uint8Array): Peer | undefined {
    return this.#byKey.get(peerKey(publicKey));
  }

  /** The peer of a slot; undefined when it was removed. */
  at(slot: PeerSlot): Peer | undefined {
    return this.#bySlot[slot];
  }

  /** Makes a peer; the caller checked that there is none with this key and that PEERS_MAX is not reached. */
  add(publicKey: PublicKey, now: Milliseconds): Peer {
    const peer = new Peer(
      this.#takeSlot(now),
      ++this.#lastNumber,
      this.#keepKey(publicKey),
      this.timersOwner,
    );
    this.#byKey.set(peerKey(publicKey), peer);
    this.#bySlot[peer.slot] = peer;
    return peer;
  }

  /** Many keys share a buffer: one of its own takes as much memory as four keys. */
  #keepKey(publicKey: PublicKey): PublicKey {
    if (this.#keysUsed === this.#keys.length) {
      this.#keys = new Uint8Array(KEYS_TOGETHER * KEY_LENGTH);
      this.#keysUsed = 0;
    }
    const kept = this.#keys.subarray(this.#keysUsed, this.#keysUsed += KEY_LENGTH) as PublicKey;
    kept.set(publicKey);
    return kept;
  }

  /** Forgets a peer and its ranges. */
  remove(peer: Peer, now: Milliseconds): void {
    this.clearRanges(peer);
    this.#byKey.delete(peerKey(peer.publicKey));
    this.#bySlot[peer.slot] = undefined;
    this.#resting.push({ slot: peer.slot, since: now });
  }

  /** Whose a range is, by its `rangeKey`. */
  ownerOf(key: string): Peer | undefined {
    return this.#owners.get(key);
  }

  /** Gives a range to a peer; whoever had it loses it. */
  addRange(peer: Peer, range: AllowedIp): void {
    const key = rangeKey(range);
    const owner = this.#owners.get(key);
    if (owner === peer) return;
    owner?.allowedIps?.delete(key);
    this.#owners.set(key, peer);
    peer.allowedIps ??= new Set();
    peer.allowedIps.add(key);
  }

  /** A peer's ranges, in the order in which they were added. */
  rangesOf(peer: Peer): AllowedIp[] {
    return Array.from(peer.allowedIps ?? [], rangeOfKey);
  }

  /** Takes a range from a peer, if it has it. */
  removeRange(peer: Peer, range: AllowedIp): void {
    const key = rangeKey(range);
    if (peer.allowedIps?.delete(key)) this.#owners.delete(key);
  }

  /** Takes all ranges from a peer. */
  clearRanges(peer: Peer): void {
    for (const key of peer.allowedIps ?? []) this.#owners.delete(key);
    peer.allowedIps = undefined;
  }

  #takeSlot(now: Milliseconds): PeerSlot {
    const rested = this.#resting[this.#restingFrom];
    if (
      rested !== undefined &&
      (now - rested.since >= SLOT_REST_MS || this.#bySlot.length >= PEERS_MAX)
    ) {
      this.#restingFrom++;
      if (this.#restingFrom > 1024 && this.#restingFrom * 2 > this.#resting.length) {
        this.#resting.splice(0, this.#restingFrom);
        this.#restingFrom = 0;
      }
      return rested.slot;
    }
    this.#bySlot.push(undefined);
    return peerSlot(this.#bySlot.length - 1);
  }
}
