/**
 * The look-ups of names that are under way, and those that are due by themselves later.
 * @module
 */
import type { Milliseconds, PeerSlot } from "../base/brands.ts";
import { NOT_PENDING } from "../base/times.ts";
import { DeadlineHeap } from "../timers/deadline_heap.ts";
import type { Peer } from "./peer.ts";

/** The look-ups of one device. Peers with the same host share one. */
export class AskedNames {
  /** When a name is to be looked up again, by the peer's slot. */
  readonly #due = new DeadlineHeap();
  /** The peers that wait for the answer, by the host in small letters. */
  readonly #asked = new Map<string, Set<Peer>>();

  /** When the next look-up is due; NOT_PENDING when none is. */
  next(): Milliseconds {
    return this.#due.next();
  }

  /** Removes and returns a peer whose look-up is due. */
  popDue(now: Milliseconds): PeerSlot | undefined {
    return this.#due.popDue(now) as PeerSlot | undefined;
  }

  /** Sets the time at which the peer's name is looked up by itself. */
  schedule(peer: Peer): void {
    this.#due.set(peer.slot, peer.endpointName?.dueAt ?? NOT_PENDING);
  }

  /**
   * Notes that a peer waits for the addresses of a host.
   * @returns whether the look-up has to begin
   */
  wait(host: string, peer: Peer): boolean {
    const waiting = this.#asked.get(host.toLowerCase());
    if (waiting !== undefined) {
      waiting.add(peer);
      return false;
    }
    this.#asked.set(host.toLowerCase(), new Set([peer]));
    return true;
  }

  /** The peers that waited for the answer. */
  answered(host: string): readonly Peer[] {
    const waiting = this.#asked.get(host.toLowerCase());
    this.#asked.delete(host.toLowerCase());
    return [...waiting ?? []];
  }

  /** Removes a peer from those that wait for the addresses of a host, or will. */
  forget(host: string, peer: Peer): void {
    this.#due.set(peer.slot, NOT_PENDING);
    this.#asked.get(host.toLowerCase())?.delete(peer);
  }
}
