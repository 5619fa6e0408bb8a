/**
 * Layouts of the four messages (whitepaper section 5.4). Offsets are in bytes, numbers are
 * little-endian. Call `messageKind` first: it checks the length, which the accessors do not.
 * @module
 */
import * as C from "../base/constants.ts";
import { type SessionIndex, sessionIndex } from "../base/brands.ts";

/** Offsets of a handshake initiation, 148 bytes (section 5.4.2). */
export const INITIATION = {
  sender: 4,
  ephemeral: 8,
  /** The initiator's static public key, sealed: 32 + 16 bytes. */
  static: 40,
  /** The TAI64N timestamp, sealed: 12 + 16 bytes. */
  timestamp: 88,
  mac1: 116,
  mac2: 132,
  length: 148,
} as const;

/** Offsets of a handshake response, 92 bytes (section 5.4.3). */
export const RESPONSE = {
  sender: 4,
  receiver: 8,
  ephemeral: 12,
  /** The tag of an empty payload: 16 bytes. */
  empty: 44,
  mac1: 60,
  mac2: 76,
  length: 92,
} as const;

/** Offsets of a cookie reply, 64 bytes (section 5.4.7). */
export const COOKIE_REPLY = {
  receiver: 4,
  nonce: 8,
  /** The cookie, sealed: 16 + 16 bytes. */
  cookie: 32,
  length: 64,
} as const;

/** Offsets of a data message, of at least 32 bytes (section 5.4.6). */
export const DATA = {
  receiver: 4,
  counter: 8,
  packet: 16,
  lengthMin: 32,
} as const;

/** The kind of a datagram that is none of the four messages. */
export const MESSAGE_NONE = 0;

/**
 * The kind of the datagram of `length` bytes at `at`: MESSAGE_INITIATION, _RESPONSE, _COOKIE_REPLY
 * or _DATA. It is MESSAGE_NONE when the type, the three reserved bytes or the length is wrong.
 */
export function messageKind(bytes: Uint8Array, at = 0, length = bytes.length - at): number {
  if (length < C.DATA_LENGTH_MIN || (bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) !== 0) {
    return MESSAGE_NONE;
  }
  const kind = bytes[at];
  switch (kind) {
    case C.MESSAGE_INITIATION:
      return length === C.INITIATION_LENGTH ? kind : MESSAGE_NONE;
    case C.MESSAGE_RESPONSE:
      return length === C.RESPONSE_LENGTH ? kind : MESSAGE_NONE;
    case C.MESSAGE_COOKIE_REPLY:
      return length === C.COOKIE_REPLY_LENGTH ? kind : MESSAGE_NONE;
    case C.MESSAGE_DATA:
      return kind;
    default:
      return MESSAGE_NONE;
  }
}

/** Reads a session index at `at`. */
export function readIndex(bytes: Uint8Array, at: number): SessionIndex {
  return sessionIndex(bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24);
}

/** Writes a session index at `at`. */
export function writeIndex(bytes: Uint8Array, at: number, index: SessionIndex): void {
  bytes[at] = index;
  bytes[at + 1] = index >>> 8;
  bytes[at + 2] = index >>> 16;
  bytes[at + 3] = index >>> 24;
}

/** The offset of mac1 in an initiation or response of `length` bytes. mac2 follows mac1. */
export function mac1Offset(length: number): number {
  return length - 2 * C.MAC_LENGTH;
}
