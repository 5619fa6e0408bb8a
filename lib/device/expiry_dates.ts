/**
 * The dates from which on peers are disabled (disabled_peers.ts).
 * @module
 */
import { milliseconds } from "../base/brands.ts";
import { NOT_PENDING } from "../base/times.ts";
import type { Peer } from "./peer.ts";

/** The dates of one device's peers. */
export class ExpiryDates {
  /** The peers with a date. */
  readonly peers = new Set<Peer>();
  /** When the wall clock is read next; NOT_PENDING while no peer has a date. */
  lookAt = milliseconds(NOT_PENDING);
  /**
   * The last date that has passed, and the next one, in Unix milliseconds. While the wall clock is
   * in between, no peer changes.
   */
  from = -Infinity;
  until = Infinity;
}
