/**
 * What a capture records. The command line makes a filter, the control socket carries it, and the
 * data plane applies it before it copies anything.
 * @module
 */
import type { PeerSlot } from "./brands.ts";
import type { AllowedIp } from "./endpoint.ts";

/** The most peers or ranges that a filter names. */
export const CAPTURE_TERMS_MAX = 64;
/** The longest packet that is recorded whole, in bytes. */
export const CAPTURE_SNAP_MAX = 65_535;

/** The layers of a capture. */
export interface CaptureLayers {
  /** Packets of the tunnel, decrypted. */
  readonly inner: boolean;
  /** Outer datagrams with handshake messages and cookie replies, and those that are no message. */
  readonly handshakes: boolean;
  /** Outer datagrams with data messages. */
  readonly data: boolean;
}

/** A filter. A packet is recorded when it passes `peers` and `ranges`. */
export interface CaptureFilter extends CaptureLayers {
  /**
   * The peers whose packets are recorded; undefined for all. A received handshake message is always
   * recorded, because its sender is not known before it is opened.
   */
  readonly peers: readonly PeerSlot[] | undefined;
  /**
   * The ranges of which one contains the source or the destination of the inner packet; none for
   * all packets. With ranges, a data message that has no inner packet is not recorded.
   */
  readonly ranges: readonly AllowedIp[];
  /** The most bytes of a packet that are recorded, 1 to CAPTURE_SNAP_MAX. */
  readonly snap: number;
}

/**
 * Whether the address at `at` is in a range. The caller has checked that both are of one family.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isInRange } from "./capture_filter.ts";
 *
 * const range = { address: Uint8Array.of(10, 128, 0, 0), prefix: 9 };
 * assert.ok(isInRange(Uint8Array.of(10, 200, 0, 1), 0, range));
 * assert.ok(!isInRange(Uint8Array.of(10, 100, 0, 1), 0, range));
 * ```
 */
export function isInRange(bytes: Uint8Array, at: number, range: AllowedIp): boolean {
  const { address, prefix } = range;
  const whole = prefix >>> 3;
  for (let i = 0; i < whole; i++) if (bytes[at + i] !== address[i]) return false;
  const rest = prefix & 7;
  return rest === 0 || (bytes[at + whole] ^ address[whole]) >>> 8 - rest === 0;
}
