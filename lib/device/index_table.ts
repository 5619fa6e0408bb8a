/**
 * Allocates session indices. They are random, so that nobody can guess one. The low 18 bits of an
 * index are its slot in the data plane, so these are unique among the indices in use. The data
 * plane is told what an index waits for.
 * @module
 */
import { type AwaitedIndices, AWAITS_NOTHING } from "../base/awaited_indices.ts";
import { type SessionIndex, sessionIndex } from "../base/brands.ts";
import { SESSION_SLOTS } from "../base/constants.ts";
import { receiverByte } from "../base/data_planes.ts";

const SLOT_MASK = SESSION_SLOTS - 1;
const INDICES_MAX = SESSION_SLOTS / 2;
/**
 * How often a random index is tried. At most half of the slots are in use, so all tries fail with a
 * probability of at most 2^-64.
 */
const TRIES = 64;

/** The indices in use and their owners. */
export class IndexTable<Owner> {
  readonly #bySlot = new Map<number, { readonly index: SessionIndex; readonly owner: Owner }>();
  readonly #random: (into: Uint8Array) => void;
  readonly #awaited: AwaitedIndices;
  readonly #receivers: number;
  readonly #word = new Uint8Array(4);

  /** @param receivers the number of data planes that receive */
  constructor(random: (into: Uint8Array) => void, awaited: AwaitedIndices, receivers = 1) {
    this.#random = random;
    this.#awaited = awaited;
    this.#receivers = receivers;
  }

  /** The number of indices in use. */
  get size(): number {
    return this.#bySlot.size;
  }

  /**
   * Allocates an index for `owner`; undefined when half of the slots are in use.
   * @param receiver the data plane that receives the session's messages
   */
  allocate(owner: Owner, receiver = 0): SessionIndex | undefined {
    if (this.#bySlot.size >= INDICES_MAX) return undefined;
    for (let tried = 0; tried < TRIES; tried++) {
      this.#random(this.#word);
      const [a, b, c, d] = this.#word;
      const index = sessionIndex(
        a | b << 8 | c << 16 | receiverByte(d, receiver, this.#receivers) << 24,
      );
      const slot = index & SLOT_MASK;
      if (this.#bySlot.has(slot)) continue;
      this.#bySlot.set(slot, { index, owner });
      return index;
    }
    return undefined;
  }

  /** The owner of an index; undefined when the index is not in use. */
  find(index: SessionIndex): Owner | undefined {
    const entry = this.#bySlot.get(index & SLOT_MASK);
    return entry !== undefined && entry.index === index ? entry.owner : undefined;
  }

  /**
   * What a live index waits for from now on: AWAITS_ values of lib/base/awaited_indices.ts. A new
   * one waits for nothing.
   */
  awaits(index: SessionIndex, what: number): void {
    this.#awaited.set(index, what);
  }

  /** Frees an index. */
  release(index: SessionIndex): void {
    if (this.find(index) === undefined) return;
    this.#awaited.set(index, AWAITS_NOTHING);
    this.#bySlot.delete(index & SLOT_MASK);
  }
}
