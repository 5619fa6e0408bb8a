/**
 * Session indices: random, so that nobody can guess one, and unique among live ones also in their low bits, which are the data plane's slot.
 * @module
 */
import { type SessionIndex, sessionIndex } from "../base/brands.ts";
import { SESSION_SLOTS } from "../base/constants.ts";

const SLOT_MASK = SESSION_SLOTS - 1;
const INDICES_MAX = SESSION_SLOTS / 2;
/** At most every second try hits a taken slot: that all of these do has a chance of 2^-64, or the randomness is broken. */
const TRIES = 64;

/** Live indices and whom each belongs to. */
export class IndexTable<Owner> {
  readonly #bySlot = new Map<number, { readonly index: SessionIndex; readonly owner: Owner }>();
  readonly #random: (into: Uint8Array) => void;
  readonly #word = new Uint8Array(4);

  constructor(random: (into: Uint8Array) => void) {
    this.#random = random;
  }

  /** Live indices. */
  get size(): number {
    return this.#bySlot.size;
  }

  /** A fresh index for `owner`; undefined when half of the slots are taken. */
  take(owner: Owner): SessionIndex | undefined {
    if (this.#bySlot.size >= INDICES_MAX) return undefined;
    for (let tried = 0; tried < TRIES; tried++) {
      this.#random(this.#word);
      const [a, b, c, d] = this.#word;
      const index = sessionIndex(a | b << 8 | c << 16 | d << 24);
      const slot = index & SLOT_MASK;
      if (this.#bySlot.has(slot)) continue;
      this.#bySlot.set(slot, { index, owner });
      return index;
    }
    return undefined;
  }

  /** Whose index this is; undefined when it is not a live one. */
  find(index: SessionIndex): Owner | undefined {
    const entry = this.#bySlot.get(index & SLOT_MASK);
    return entry !== undefined && entry.index === index ? entry.owner : undefined;
  }

  /** Frees a live index. */
  release(index: SessionIndex): void {
    if (this.find(index) !== undefined) this.#bySlot.delete(index & SLOT_MASK);
  }
}
