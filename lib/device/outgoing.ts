/**
 * Sends initiations, and keepalives through the data plane.
 * @module
 */
import { AWAITS_COOKIE, AWAITS_RESPONSE } from "../base/awaited_indices.ts";
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { KEY_LENGTH } from "../base/constants.ts";
import { COUNTER } from "../base/counters.ts";
import { secretBytes, secretMoved } from "../base/secret_bytes.ts";
import { CookieJar } from "../cookie/cookie_jar.ts";
import { createInitiation } from "../noise/handshake.ts";
import type { Context } from "./context.ts";
import { handshakeBegins, initiationUnanswered } from "./name_look_ups.ts";
import type { Peer } from "./peer.ts";
import { pathOf } from "./peer_endpoint.ts";
import { dropPending, usableSession } from "./sessions.ts";

/**
 * X25519 of our private key and the peer's public key, 32 bytes. It is computed at the first use,
 * and undefined when it is all zeros.
 */
export function staticSharedOf(ctx: Context, peer: Peer): Uint8Array | undefined {
  if (ctx.own === undefined) return undefined;
  if (peer.staticShared === undefined) {
    const shared = ctx.suite.sharedSecret(ctx.own.identity.privateKey, peer.publicKey);
    peer.staticShared = shared === undefined ? null : secretMoved(shared, "lasting");
  }
  return peer.staticShared ?? undefined;
}

/** The peer's cookie jar, made at the first use. */
export function cookieJarOf(ctx: Context, peer: Peer): CookieJar {
  return peer.cookieJar ??= new CookieJar(ctx.suite, peer.publicKey, ctx.times.cookieSecret);
}

/**
 * Call when a peer has no session to send on, or its session is due for renewal. Begins a
 * handshake, unless the peer has got a new session meanwhile.
 * @param deferred whether the timer `deferredHandshake` calls, and not the data plane
 */
export function sessionWanted(
  ctx: Context,
  peer: Peer,
  now: Milliseconds,
  deferred: boolean,
): void {
  const session = usableSession(ctx, peer, now);
  const { rekeyAfter, rekeyTimeout } = ctx.times;
  const fresh = deferred ? rekeyAfter : Math.min(rekeyAfter, rekeyTimeout);
  if (session !== undefined && now - session.createdAt < fresh) {
    ctx.table.clearWanted(peer.slot);
    return;
  }
  if (deferred && ctx.own === undefined) ctx.table.clearWanted(peer.slot);
  else initiate(ctx, peer, now, false);
}

/** Sends a keepalive, or begins a handshake when the peer has no session to send on. */
export function sendKeepalive(ctx: Context, peer: Peer, now: Milliseconds): void {
  if (usableSession(ctx, peer, now) === undefined) initiate(ctx, peer, now, false);
  else ctx.out.command({ type: "keepalive-send", peer: peer.slot });
}

/**
 * Sends an initiation. It is deferred when a handshake message was sent to the peer less than
 * `rekeyTimeout` ago, or when no private key is set. A disabled peer gets none.
 * @param retry whether this repeats an initiation that got no response
 */
export function initiate(ctx: Context, peer: Peer, now: Milliseconds, retry: boolean): void {
  const { rekeyTimeout, rekeyTimeoutJitter } = ctx.times;
  if (!ctx.up || peer.isDisabled) return;
  const { timers } = peer;
  if (!retry) timers.handshakeWanted();
  if (ctx.own === undefined) return timers.handshakeDeferred(milliseconds(now + rekeyTimeout));
  if (now < timers.handshakeAllowedAt) return timers.handshakeDeferred(timers.handshakeAllowedAt);
  ctx.table.clearWanted(peer.slot);
  // Also packets that go on and persistent keepalives repeat an initiation.
  if (peer.pending === undefined) handshakeBegins(ctx, peer, now);
  else initiationUnanswered(ctx, peer, now);
  timers.handshakeInitiated(now, randomUpTo(ctx, rekeyTimeoutJitter));
  sendInitiation(ctx, peer, now);
}

function sendInitiation(ctx: Context, peer: Peer, now: Milliseconds): void {
  const { endpoint, local } = pathOf(ctx, peer);
  if (endpoint === undefined) {
    ctx.counters.addOf(COUNTER.handshake_no_endpoint, peer.slot);
    peer.evidence.note("handshake_no_endpoint", now);
    ctx.out.say(`Unable to send handshake initiation to peer ${peer.label}: it has no endpoint`);
    return;
  }
  const staticShared = staticSharedOf(ctx, peer);
  if (ctx.own === undefined || staticShared === undefined) {
    ctx.counters.addOf(COUNTER.handshake_weak_key, peer.slot);
    peer.evidence.note("handshake_weak_key", now, endpoint);
    ctx.out.say(
      `Unable to send handshake initiation to peer ${peer.label}: its public key is of small order`,
      endpoint,
    );
    return;
  }
  dropPending(ctx, peer);
  const index = ctx.indices.allocate(
    peer,
    ctx.receivers.next(peer, ctx.table.rxBytes(peer.slot), now),
  );
  if (index === undefined) {
    ctx.counters.addOf(COUNTER.handshake_no_index, peer.slot);
    return;
  }
  const ephemeral = secretBytes(KEY_LENGTH);
  ctx.random(ephemeral);
  const { identity } = ctx.own;
  tellSecrets(ctx, peer, identity.privateKey, ephemeral);
  const timestamp = ctx.timestamps.next();
  const made = createInitiation(
    ctx.suite,
    ctx.start,
    identity,
    peer.publicKey,
    staticShared,
    index,
    ephemeral,
    timestamp,
  );
  if (made === undefined) {
    ctx.counters.addOf(COUNTER.handshake_weak_key, peer.slot);
    ephemeral.fill(0);
    ctx.indices.release(index);
    return;
  }
  peer.pending = { index, initiated: made.initiated };
  cookieJarOf(ctx, peer).seal(made.message, now);
  ctx.out.say(`Sending handshake initiation to peer ${peer.label}`, endpoint);
  ctx.table.handshakeLeaves(peer.slot, index);
  ctx.indices.awaits(index, AWAITS_RESPONSE | AWAITS_COOKIE);
  ctx.out.datagram({ bytes: made.message, endpoint, local, peer: peer.slot });
}

/** Tells a capture that wants them the secrets of a handshake that begins. */
export function tellSecrets(
  { secretsMade }: Context,
  peer: Peer,
  privateKey: Uint8Array,
  ephemeralPrivate: Uint8Array,
): void {
  if (secretsMade === undefined) return;
  const { slot, publicKey, presharedKey } = peer;
  const handshake = { peer: slot, peerPublicKey: publicKey, ephemeralPrivate, presharedKey };
  secretsMade({ privateKey, handshake });
}

/** A random number of milliseconds from 0 to `max`, inclusive. */
function randomUpTo(ctx: Context, max: number): Milliseconds {
  const bytes = new Uint8Array(4);
  ctx.random(bytes);
  const fraction = (bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) >>> 0;
  return milliseconds(Math.floor(fraction / 2 ** 32 * (max + 1)));
}
