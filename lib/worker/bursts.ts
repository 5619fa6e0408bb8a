/**
 * Tells when a burst of small packets begins, as programs send them that send by a timer.
 * @module
 */

/** The reads from the TUN device from which on packets are a burst. A super-packet is one read. */
const BURST_READS = 16;
/** The pauses between bursts, in milliseconds. */
const PAUSE_MIN_MS = 0.2;
const PAUSE_MAX_MS = 2;

/**
 * Expects that a burst follows a short pause after a burst. The first packet of a burst is worth
 * waiting a little for the others: they are then sent together, instead of one by one while the
 * program still writes them.
 *
 * @example
 * import assert from "node:assert/strict";
 *
 * const bursts = new Bursts();
 * assert.equal(bursts.begins(39, 0.9), true);
 * assert.equal(bursts.begins(1, 0.9), false);
 */
export class Bursts {
  #reads = 0;

  /**
   * Call it after each wait for packets.
   * @param reads reads from the TUN device since the last call
   * @param waited milliseconds of the wait
   * @returns whether the packets for which it waited are likely the first ones of a burst
   */
  begins(reads: number, waited: number): boolean {
    this.#reads += reads;
    if (waited < PAUSE_MIN_MS) return false;
    const wasBurst = this.#reads >= BURST_READS && waited <= PAUSE_MAX_MS;
    this.#reads = 0;
    return wasBurst;
  }
}
