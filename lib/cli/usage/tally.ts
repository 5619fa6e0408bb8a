/**
 * The bytes of peers, and how many passed between two readings of a peer's counters. Pure.
 * @module
 */

/** Bytes in each direction, as the interface sees them. */
export interface Bytes {
  readonly received: number;
  readonly sent: number;
}

/** Counters of a peer, and whose they are. */
export interface Counted extends Bytes {
  /** The process of the interface (`InterfaceFacts.instance`); empty when it does not tell. */
  readonly instance: string;
  /** The peer within that process (`PeerStatus.number`); UNNUMBERED when it does not tell. */
  readonly number: number;
}

/** A peer of an interface. */
export interface PeerName {
  readonly interface: string;
  /** In base64. */
  readonly publicKey: string;
  /** The description; empty when there is none. */
  readonly name: string;
}

/** The counters of a peer at one time. */
export interface Reading extends PeerName, Counted {}

/** The bytes of a peer in a day `YYYY-MM-DD` or a month `YYYY-MM`. */
export interface Used extends PeerName, Bytes {
  readonly time: string;
}

/** The number of a peer whose process tells none: the kernel's, another implementation's. */
export const UNNUMBERED = -1;

/**
 * The bytes that passed since an earlier reading. Counters of another process or another peer began
 * at 0, so all that they have is new. Without instance and number, counters that are smaller than
 * before have begun anew.
 * @param before undefined when there was no reading
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { transferred } from "./tally.ts";
 *
 * const before = { instance: "a", number: 0, received: 100, sent: 10 };
 * assert.deepEqual(transferred(before, { ...before, received: 150 }), { received: 50, sent: 0 });
 * assert.deepEqual(transferred(before, { ...before, instance: "b" }), { received: 100, sent: 10 });
 * ```
 */
export function transferred(before: Counted | undefined, now: Counted): Bytes {
  const all: Bytes = { received: now.received, sent: now.sent };
  if (before === undefined) return all;
  if (before.instance !== now.instance || before.number !== now.number) return all;
  const received = now.received - before.received;
  const sent = now.sent - before.sent;
  if (received >= 0 && sent >= 0) return { received, sent };
  return now.number === UNNUMBERED ? all : { received: 0, sent: 0 };
}
