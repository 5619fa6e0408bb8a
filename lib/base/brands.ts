/**
 * Types for values that must not be mixed up. A brand exists at compile time only.
 * @module
 */

/**
 * A type of its own for a value, so that another value of the same shape cannot stand in for it.
 */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/**
 * A time of CLOCK_BOOTTIME, which counts through suspend, in milliseconds. Two values stand for no
 * time: NEVER and NOT_PENDING (times.ts).
 */
export type Milliseconds = Brand<number, "Milliseconds">;
/** A Curve25519 private key, 32 bytes. */
export type PrivateKey = Brand<Uint8Array, "PrivateKey">;
/** A Curve25519 public key, 32 bytes. */
export type PublicKey = Brand<Uint8Array, "PublicKey">;
/** A preshared symmetric key, 32 bytes; all zeros means none (whitepaper section 5.2). */
export type PresharedKey = Brand<Uint8Array, "PresharedKey">;
/**
 * The row of a peer in every table of one interface: 0 to PEERS_MAX - 1. A later peer gets the slot
 * of a removed one.
 */
export type PeerSlot = Brand<number, "PeerSlot">;
/**
 * The session index of the fields `sender` and `receiver` of messages: an unsigned 32-bit number.
 */
export type SessionIndex = Brand<number, "SessionIndex">;

/**
 * Brands a number as a time in milliseconds.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { milliseconds } from "./brands.ts";
 *
 * const now = milliseconds(performance.now() + 1);
 * assert.ok(now > 0);
 * ```
 */
export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
/**
 * Brands a number as a peer's slot.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { peerSlot } from "./brands.ts";
 *
 * assert.ok(peerSlot(7) === 7);
 * ```
 */
export const peerSlot = (value: number): PeerSlot => value as PeerSlot;
/**
 * Brands a number as a session index and makes it unsigned.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { sessionIndex } from "./brands.ts";
 *
 * assert.ok(sessionIndex(-1) === 0xffff_ffff);
 * ```
 */
export const sessionIndex = (value: number): SessionIndex => (value >>> 0) as SessionIndex;
