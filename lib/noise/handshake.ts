/**
 * Handshake messages (whitepaper sections 5.4.2 to 5.4.5), without their macs: an initiation, answered by a response, gives
 * both sides a session's keys. Whoever calls finds the peer, brings the session index, the time and the randomness.
 * @module
 */
import type { SessionIndex } from "../base/brands.ts";
import {
  KEY_LENGTH,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  TAG_LENGTH,
  TIMESTAMP_LENGTH,
} from "../base/constants.ts";
import type { Suite } from "../crypto/suite.ts";
import { INITIATION, RESPONSE, writeIndex } from "../wire/messages.ts";
import {
  type Identity,
  type Initiated,
  readFirstPayload,
  readFirstStatic,
  readSecond,
  writeFirst,
  writeSecond,
} from "./ikpsk2.ts";
import { type NoiseStart, noiseStart, type SymmetricState } from "./symmetric_state.ts";

/** The Noise name of the handshake. */
export const CONSTRUCTION = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
/** The prologue. */
const IDENTIFIER = "WireGuard v1 zx2c4 Jason@zx2c4.com";

const NOTHING = new Uint8Array(0);

/** The keys of a session, 32 bytes each. */
export interface SessionKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** Where every WireGuard handshake begins. Compute it once a device. */
export function wireguardStart(suite: Suite): NoiseStart {
  return noiseStart(suite, CONSTRUCTION, new TextEncoder().encode(IDENTIFIER));
}

/** The key pair of a private key. Costs one X25519. */
export function identityOf(suite: Suite, privateKey: Uint8Array): Identity {
  return { privateKey, publicKey: suite.publicKey(privateKey) };
}

/**
 * Initiator: an initiation, its macs still zero, and what must be kept for the response. Costs two X25519.
 * @param timestamp TAI64N, 12 bytes, later than any sent to this peer before
 * @returns undefined when the peer's public key is a point of small order
 */
export function createInitiation(
  suite: Suite,
  start: NoiseStart,
  identity: Identity,
  peerStatic: Uint8Array,
  staticShared: Uint8Array,
  sender: SessionIndex,
  ephemeralPrivate: Uint8Array,
  timestamp: Uint8Array,
): { readonly message: Uint8Array; readonly initiated: Initiated } | undefined {
  const made = writeFirst(
    suite,
    start,
    identity,
    peerStatic,
    staticShared,
    ephemeralPrivate,
    timestamp,
  );
  if (made === undefined) return undefined;
  const message = new Uint8Array(INITIATION.length);
  message[0] = MESSAGE_INITIATION;
  writeIndex(message, INITIATION.sender, sender);
  message.set(made.parts.ephemeral, INITIATION.ephemeral);
  message.set(made.parts.sealedStatic, INITIATION.static);
  message.set(made.parts.sealedPayload, INITIATION.timestamp);
  return { message, initiated: made.initiated };
}

/** An initiation whose sender is not proven yet. */
export interface OpenedInitiation {
  readonly initiatorStatic: Uint8Array;
  readonly initiatorEphemeral: Uint8Array;
  readonly state: SymmetricState;
}

/** Responder: whose initiation it is (length checked by `messageKind`). Costs one X25519. Undefined: not made for us, or forged. */
export function openInitiation(
  suite: Suite,
  start: NoiseStart,
  identity: Identity,
  message: Uint8Array,
): OpenedInitiation | undefined {
  const ephemeral = message.slice(INITIATION.ephemeral, INITIATION.ephemeral + KEY_LENGTH);
  const sealedStatic = message.subarray(
    INITIATION.static,
    INITIATION.static + KEY_LENGTH + TAG_LENGTH,
  );
  const first = readFirstStatic(suite, start, identity, ephemeral, sealedStatic);
  return first && { ...first, initiatorEphemeral: ephemeral };
}

/** Responder: the timestamp of an initiation (12 bytes), with which the initiator is authenticated. Undefined: forged. */
export function openTimestamp(
  opened: OpenedInitiation,
  staticShared: Uint8Array,
  message: Uint8Array,
): Uint8Array | undefined {
  const sealed = message.subarray(
    INITIATION.timestamp,
    INITIATION.timestamp + TIMESTAMP_LENGTH + TAG_LENGTH,
  );
  return readFirstPayload(opened.state, staticShared, sealed);
}

/**
 * Responder: the response, its macs still zero, and the session's keys. Costs three X25519. Call once an initiation, after `openTimestamp`;
 * the initiation's state is wiped.
 */
export function createResponse(
  opened: OpenedInitiation,
  presharedKey: Uint8Array,
  sender: SessionIndex,
  receiver: SessionIndex,
  ephemeralPrivate: Uint8Array,
): { readonly message: Uint8Array; readonly keys: SessionKeys } | undefined {
  const { state, initiatorEphemeral, initiatorStatic } = opened;
  const parts = writeSecond(
    state,
    initiatorEphemeral,
    initiatorStatic,
    presharedKey,
    ephemeralPrivate,
    NOTHING,
  );
  if (parts === undefined) return undefined;
  const message = new Uint8Array(RESPONSE.length);
  message[0] = MESSAGE_RESPONSE;
  writeIndex(message, RESPONSE.sender, sender);
  writeIndex(message, RESPONSE.receiver, receiver);
  message.set(parts.ephemeral, RESPONSE.ephemeral);
  message.set(parts.sealedPayload, RESPONSE.empty);
  const [receiveKey, sendKey] = state.split();
  state.wipe();
  return { message, keys: { sendKey, receiveKey } };
}

/**
 * Initiator: takes the response (length and receiver checked by the caller) and gives the session's keys. Costs two X25519.
 * What was kept of the initiation stays intact, so a forged response does no harm; wipe it after success.
 */
export function consumeResponse(
  initiated: Initiated,
  identity: Identity,
  presharedKey: Uint8Array,
  message: Uint8Array,
): SessionKeys | undefined {
  const second = readSecond(initiated, identity, presharedKey, {
    ephemeral: message.subarray(RESPONSE.ephemeral, RESPONSE.ephemeral + KEY_LENGTH),
    sealedPayload: message.subarray(RESPONSE.empty, RESPONSE.empty + TAG_LENGTH),
  });
  if (second === undefined) return undefined;
  const [sendKey, receiveKey] = second.state.split();
  second.state.wipe();
  return { sendKey, receiveKey };
}

/** Erases what was kept of an initiation. */
export function wipeInitiated(initiated: Initiated): void {
  initiated.state.wipe();
  initiated.ephemeralPrivate.fill(0);
}
