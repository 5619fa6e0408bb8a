/**
 * TAI64N timestamps of initiations (whitepaper section 5.1, https://cr.yp.to/libtai/tai64.html): 8 bytes of seconds, 4 of nanoseconds, big-endian,
 * so that they compare as byte strings.
 * @module
 */
import { TIMESTAMP_LENGTH } from "../base/constants.ts";

/** The label of 1970-01-01 00:00:00 UTC, as every implementation takes it: 2^62 + 10 s. */
const UNIX_EPOCH = (1n << 62n) + 10n;
const SECOND_NS = 1_000_000_000n;
/** The clock's low 24 bits are kept to ourselves: fine timing of a host is nobody's business. */
const WHITENING_NS = 1n << 24n;

/** Writes the label of a Unix time in nanoseconds, as it stands. */
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

/**
 * The timestamps of one identity: each later than the one before, whatever the wall clock does. A peer refuses every initiation whose
 * timestamp did not grow, so a clock that was set back would otherwise lock us out until it has caught up.
 */
export class TimestampSource {
  #last = -1n;

  /** @param wallClock nanoseconds since 1970; may step either way */
  constructor(readonly wallClock: () => bigint) {}

  /** The next timestamp, 12 bytes. Within one step of the whitened clock they differ in its low bits, which count. */
  next(): Uint8Array {
    const clock = this.wallClock();
    const whitened = clock - (clock % SECOND_NS) % WHITENING_NS;
    this.#last = whitened > this.#last ? whitened : this.#last + 1n;
    return encodeTai64n(this.#last);
  }
}
