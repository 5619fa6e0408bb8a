/**
 * The Noise pattern IKpsk2 (whitepaper section 5.4.2 and 5.4.3): `-> e, es, s, ss` and `<- e, ee,
 * se, psk`. A comment at the end of a line names the token that the line processes.
 *
 * The functions make and read the parts of messages. handshake.ts puts the parts into WireGuard's
 * layout. The published test vectors of Noise concatenate them.
 *
 * Every function returns undefined when a shared secret is all zeros or a tag is wrong.
 * @module
 */
import { KEY_LENGTH, TAG_LENGTH } from "../base/constants.ts";
import { secretBytes } from "../base/secret_bytes.ts";
import { BASE_POINT, type Suite } from "../crypto/suite.ts";
import { type NoiseStart, SymmetricState } from "./symmetric_state.ts";

/** Our static key pair, 32 bytes each. */
export interface Identity {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** The parts of the first message. */
export interface FirstParts {
  readonly ephemeral: Uint8Array;
  readonly sealedStatic: Uint8Array;
  readonly sealedPayload: Uint8Array;
}

/** The state that the initiator keeps until it receives the second message. */
export interface Initiated {
  readonly state: SymmetricState;
  readonly ephemeralPrivate: Uint8Array;
}

/** The parts of the second message. */
export interface SecondParts {
  readonly ephemeral: Uint8Array;
  readonly sealedPayload: Uint8Array;
}

/**
 * Makes the first message as initiator.
 * @param staticShared X25519 of our static private key and `responderStatic`, computed once per
 *   peer
 * @param ephemeralPrivate 32 fresh random bytes, which the result keeps
 */
export function writeFirst(
  suite: Suite,
  start: NoiseStart,
  identity: Identity,
  responderStatic: Uint8Array,
  staticShared: Uint8Array,
  ephemeralPrivate: Uint8Array,
  payload: Uint8Array,
): { readonly parts: FirstParts; readonly initiated: Initiated } | undefined {
  const state = new SymmetricState(suite, start);
  const [ephemeral, ephemeralStatic] = suite.products(
    ephemeralPrivate,
    BASE_POINT,
    responderStatic,
  );
  if (ephemeral === undefined || ephemeralStatic === undefined) return undefined;
  state.mixHash(responderStatic); // the pre-message <- s
  state.mixHash(ephemeral); // e
  state.mixKey(ephemeral); // e, as in every pattern with psk
  const sealedStatic = state.mixKeyAndSeal(ephemeralStatic, identity.publicKey); // es, s
  ephemeralStatic.fill(0);
  const sealedPayload = state.mixKeyAndSeal(staticShared, payload); // ss, payload
  return {
    parts: { ephemeral, sealedStatic, sealedPayload },
    initiated: { state, ephemeralPrivate },
  };
}

/**
 * Reads the first half of the first message as responder: the initiator's static public key, not
 * authenticated yet. Look the peer up, then call `readFirstPayload`.
 */
export function readFirstStatic(
  suite: Suite,
  start: NoiseStart,
  identity: Identity,
  ephemeral: Uint8Array,
  sealedStatic: Uint8Array,
): { readonly initiatorStatic: Uint8Array; readonly state: SymmetricState } | undefined {
  const ephemeralStatic = suite.sharedSecret(identity.privateKey, ephemeral);
  if (ephemeralStatic === undefined) return undefined;
  const state = new SymmetricState(suite, start);
  state.mixHash(identity.publicKey); // the pre-message <- s
  state.mixHash(ephemeral); // e
  state.mixKey(ephemeral); // e, as in every pattern with psk
  const initiatorStatic = secretBytes(KEY_LENGTH);
  const isRight = state.mixKeyAndOpen(ephemeralStatic, sealedStatic, initiatorStatic); // es, s
  ephemeralStatic.fill(0);
  if (isRight) return { initiatorStatic, state };
  state.wipe();
  return undefined;
}

/** Reads the payload of the first message as responder. This authenticates the initiator. */
export function readFirstPayload(
  state: SymmetricState,
  staticShared: Uint8Array,
  sealedPayload: Uint8Array,
): Uint8Array | undefined {
  const payload = new Uint8Array(sealedPayload.length - TAG_LENGTH);
  return state.mixKeyAndOpen(staticShared, sealedPayload, payload) // ss, payload
    ? payload
    : undefined;
}

/** Makes the second message as responder. Afterwards `state.split()` returns the transport keys. */
export function writeSecond(
  state: SymmetricState,
  initiatorEphemeral: Uint8Array,
  initiatorStatic: Uint8Array,
  presharedKey: Uint8Array,
  ephemeralPrivate: Uint8Array,
  payload: Uint8Array,
): SecondParts | undefined {
  const [ephemeral, bothEphemeral, ephemeralStatic] = state.suite.products(
    ephemeralPrivate,
    BASE_POINT,
    initiatorEphemeral,
    initiatorStatic,
  );
  if (ephemeral === undefined || bothEphemeral === undefined || ephemeralStatic === undefined) {
    bothEphemeral?.fill(0);
    ephemeralStatic?.fill(0);
    return undefined;
  }
  mixSecond(state, ephemeral, bothEphemeral, ephemeralStatic); // e, ee, se
  return { ephemeral, sealedPayload: state.mixPskAndSeal(presharedKey, payload) }; // psk, payload
}

/**
 * Reads the second message as initiator. Afterwards `state.split()` returns the transport keys.
 * `initiated` is not changed, so a forged message does not prevent the true one.
 */
export function readSecond(
  initiated: Initiated,
  identity: Identity,
  presharedKey: Uint8Array,
  parts: SecondParts,
): { readonly payload: Uint8Array; readonly state: SymmetricState } | undefined {
  const { suite } = initiated.state;
  const bothEphemeral = suite.sharedSecret(initiated.ephemeralPrivate, parts.ephemeral);
  const ephemeralStatic = suite.sharedSecret(identity.privateKey, parts.ephemeral);
  // Both are of the same point, so both are undefined or none is.
  if (bothEphemeral === undefined || ephemeralStatic === undefined) return undefined;
  const state = initiated.state.clone();
  mixSecond(state, parts.ephemeral, bothEphemeral, ephemeralStatic); // e, ee, se
  const payload = new Uint8Array(parts.sealedPayload.length - TAG_LENGTH);
  const isRight = state.mixPskAndOpen(presharedKey, parts.sealedPayload, payload); // psk, payload
  if (isRight) return { payload, state };
  state.wipe();
  return undefined;
}

function mixSecond(
  state: SymmetricState,
  ephemeral: Uint8Array,
  bothEphemeral: Uint8Array,
  ephemeralStatic: Uint8Array,
): void {
  state.mixHash(ephemeral); // e
  state.mixKey(ephemeral); // e, as in every pattern with psk
  state.mixKey(bothEphemeral); // ee
  state.mixKey(ephemeralStatic); // se
  bothEphemeral.fill(0);
  ephemeralStatic.fill(0);
}
