/**
 * TAI64N timestamps of initiations (whitepaper section 5.1, https://cr.yp.to/libtai/tai64.html).
 * A timestamp is 8 bytes of seconds and 4 bytes of nanoseconds, big-endian. Timestamps compare as
 * byte strings.
 * @module
 */
import { TIMESTAMP_LENGTH } from "../base/constants.ts";

/** The seconds of 1970-01-01 00:00:00 UTC: 2^62 + 10, as in every implementation. */
const UNIX_EPOCH = (1n << 62n) + 10n;
const SECOND_NS = 1_000_000_000n;
/**
 * Timestamps are rounded down to 2^24 ns, 17 ms, so that peers cannot measure the host's timing.
 */
const WHITENING_NS = 1n << 24n;

/** The TAI64N timestamp of a Unix time in nanoseconds, 12 bytes. */
export function encodeTai64n(unixNs: bigint): Uint8Array {
  const bytes = new Uint8Array(TIMESTAMP_LENGTH);
  const view = new DataView(bytes.buffer);
  const ns = unixNs < 0n ? 0n : unixNs;
  view.setBigUint64(0, UNIX_EPOCH + ns / SECOND_NS);
  view.setUint32(8, Number(ns % SECOND_NS));
  return bytes;
}

/** Whether timestamp `a` is later than `b`. */
export function isLater(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < TIMESTAMP_LENGTH; i++) {
    if (a[i] !== b[i]) return a[i] > b[i];
  }
  return false;
}

/** The whole seconds from timestamp `b` to timestamp `a`; 0 when it is not later. */
export function secondsBetween(a: Uint8Array, b: Uint8Array): number {
  const seconds = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  return isLater(a, b) ? Number(seconds(a) - seconds(b)) : 0;
}

/**
 * Makes the timestamps of one identity. Each is later than the one before, also when the wall clock
 * is set back. A peer refuses an initiation whose timestamp is not later than the last one.
 */
export class TimestampSource {
  #last = -1n;

  /** @param wallClock nanoseconds since 1970; it may jump back and forth */
  constructor(readonly wallClock: () => bigint) {}

  /** The next timestamp, 12 bytes. Without a new rounded time it is the last one plus 1 ns. */
  next(): Uint8Array {
    const clock = this.wallClock();
    const whitened = clock - (clock % SECOND_NS) % WHITENING_NS;
    this.#last = whitened > this.#last ? whitened : this.#last + 1n;
    return encodeTai64n(this.#last);
  }
}
