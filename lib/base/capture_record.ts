/**
 * The records of a capture: packets, and what a reader must know about them. They have the same
 * bytes in the rings (capture_ring.ts) and on the control socket.
 *
 * - 0 to 3: length of the record in bytes, a multiple of 8
 * - 4: kind, one of RECORD
 * - 5: RECEIVED or SENT
 * - 6: the TOS byte of the outer header
 * - 8 to 15: time, a 64-bit float: milliseconds of CLOCK_BOOTTIME in a ring, since 1970 on the
 *   control socket
 * - 16 to 19: the peer's slot, -1 for none
 * - 20 to 23: bytes of the whole packet; for RECORD.dropped the number of packets
 * - 24 to 27: bytes of it that are recorded
 * - 28 to 31: our UDP port, which only the control socket has
 * - 32: the endpoint cell of a datagram (endpoint.ts), then the packet
 *
 * Numbers are little-endian, as all machines that the program runs on have them.
 * @module
 */
import { ENDPOINT_CELL_BYTES } from "./endpoint.ts";

/** The kinds of records. */
export const RECORD = {
  /** The end of a ring's memory, which has no packet. */
  end: 0,
  /** A packet of the tunnel. */
  inner: 1,
  /** An outer datagram without its IP and UDP headers. */
  outer: 2,
  /** A peer: its public key (32 bytes) and its description (UTF-8). Before its first packet. */
  peer: 3,
  /** The number of packets so far that had no room. */
  dropped: 4,
  /** The secrets of a handshake, HANDSHAKE_SECRETS_BYTES. Before its first message of ours. */
  secrets: 5,
} as const;

/** The directions of packets. */
export const RECEIVED = 0;
export const SENT = 1;

/** Offsets of the fields. */
export const RECORD_LENGTH = 0;
export const RECORD_KIND = 4;
export const RECORD_DIRECTION = 5;
export const RECORD_TOS = 6;
export const RECORD_TIME = 8;
export const RECORD_PEER = 16;
export const RECORD_ORIGINAL = 20;
export const RECORD_CAPTURED = 24;
export const RECORD_PORT = 28;
export const RECORD_HEAD_BYTES = 32;

/** The longest record in bytes: a datagram of 65535 bytes. */
export const RECORD_BYTES_MAX: number = recordBytes(RECORD.outer, 65_535);

/**
 * Bytes of the secrets of a handshake, 32 each: our private key, the peer's public key, our
 * ephemeral private key and the preshared key. All but the first are zeros in the record at the
 * start of a capture: with our private key, received initiations can be read.
 */
export const HANDSHAKE_SECRETS_BYTES = 128;

/**
 * The length of a record with `captured` bytes of packet.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { RECORD, recordBytes } from "./capture_record.ts";
 *
 * assert.ok(recordBytes(RECORD.inner, 1) === 40);
 * ```
 */
export function recordBytes(kind: number, captured: number): number {
  const cell = kind === RECORD.outer ? ENDPOINT_CELL_BYTES : 0;
  return (RECORD_HEAD_BYTES + cell + captured + 7) & ~7;
}
