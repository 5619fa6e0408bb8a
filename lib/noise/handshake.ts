/**
 * Handshake messages without their macs (whitepaper sections 5.4.2 to 5.4.5). The initiator sends
 * an initiation, the responder answers with a response, and both derive the keys of a session. The
 * caller finds the peer and provides session indices, timestamps and random bytes.
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

/** The Noise protocol name of the handshake. */
export const CONSTRUCTION = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
/** The prologue. */
const IDENTIFIER = "WireGuard v1 zx2c4 Jason@zx2c4.com";

const NOTHING = new Uint8Array(0);

/** The keys of a session, 32 bytes each. Erase them after the last use. */
export interface SessionKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** The initial state of every WireGuard handshake. Compute it once per device. */
export function wireguardStart(suite: Suite): NoiseStart {
  return noiseStart(suite, CONSTRUCTION, new TextEncoder().encode(IDENTIFIER));
}

/** The key pair of a private key (one X25519). */
export function identityOf(suite: Suite, privateKey: Uint8Array): Identity {
  return { privateKey, publicKey: suite.publicKey(privateKey) };
}

/**
 * Makes an initiation as initiator (two X25519). Its macs are zero, and `initiated` is kept until
 * the response is received.
 * @param staticShared X25519 of our private key and `peerStatic`, 32 bytes
 * @param sender our session index
 * @param ephemeralPrivate 32 fresh random bytes
 * @param timestamp TAI64N, 12 bytes, later than any timestamp sent to this peer before
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

/** An initiation whose sender is not authenticated yet. Call `wipeOpened` when it is refused. */
export interface OpenedInitiation {
  readonly initiatorStatic: Uint8Array;
  readonly initiatorEphemeral: Uint8Array;
  readonly state: SymmetricState;
}

/**
 * Opens an initiation as responder, up to the initiator's public key (one X25519). Call it after
 * `messageKind`, which checks the length.
 * @returns undefined when the initiation is forged, or made for another public key
 */
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

/** Erases the secrets of an initiation that gets no response. */
export function wipeOpened(opened: OpenedInitiation): void {
  opened.state.wipe();
  opened.initiatorStatic.fill(0);
}

/**
 * Opens the timestamp of an initiation as responder, 12 bytes. This authenticates the initiator.
 * @returns undefined when the initiation is forged
 */
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
 * Makes a response as responder, and the keys of the session (three X25519). Its macs are zero.
 * Call it once per initiation, after `openTimestamp`. The secrets of the initiation are erased.
 * @param sender our session index
 * @param receiver the initiator's session index
 * @returns undefined when the initiator's ephemeral or static key is a point of small order
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
  initiatorStatic.fill(0);
  if (parts === undefined) {
    state.wipe();
    return undefined;
  }
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
 * Opens a response as initiator, and derives the keys of the session (two X25519). The caller has
 * checked the length and the receiver index. `initiated` is not changed, so a forged response does
 * no harm. Call `wipeInitiated` after success.
 * @returns undefined when the response is forged
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

/** Erases the secrets of an initiation. */
export function wipeInitiated(initiated: Initiated): void {
  initiated.state.wipe();
  initiated.ephemeralPrivate.fill(0);
}
