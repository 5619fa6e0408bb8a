/**
 * Key rotation (whitepaper section 6; Linux's noise.c): three places a peer. `current` is used for
 * sending, `previous` still receives, `next` is ours as responder until a data message confirms it;
 * what loses its place receives for another moment. The data plane holds the keys and moves in the
 * same steps; this side decides what is retired.
 * @module
 */
import { type Milliseconds, milliseconds, type SessionIndex } from "../base/brands.ts";
import { NOT_PENDING } from "../base/times.ts";
import { type SessionKeys, wipeInitiated } from "../noise/handshake.ts";
import type { Context } from "./context.ts";
import type { Peer, Session } from "./peer.ts";

/** Replaced sessions of a peer that still receive. */
const REPLACED_MAX = 3;

/** The session on which the peer can be sent to now. */
export function usableSession(ctx: Context, peer: Peer, now: Milliseconds): Session | undefined {
  const { current } = peer;
  return current !== undefined && now - current.createdAt < ctx.times.rejectAfter
    ? current
    : undefined;
}

/**
 * Call when a handshake gave keys: as initiator after the response came, as responder before it is
 * sent.
 */
export function installSession(
  ctx: Context,
  peer: Peer,
  initiator: boolean,
  localIndex: SessionIndex,
  remoteIndex: SessionIndex,
  keys: SessionKeys,
  now: Milliseconds,
): void {
  const session: Session = { localIndex, initiator, createdAt: now };
  ctx.out.command({
    type: "session-install",
    peer: peer.slot,
    initiator,
    localIndex,
    remoteIndex,
    sendKey: keys.sendKey,
    receiveKey: keys.receiveKey,
    createdAt: now,
  });
  place(ctx, peer, session, now);
  peer.timers.sessionDerived(now);
  tellExpiry(ctx, peer);
}

function place(ctx: Context, peer: Peer, session: Session, now: Milliseconds): void {
  replace(ctx, peer, peer.previous, now);
  if (!session.initiator) {
    replace(ctx, peer, peer.next, now);
    peer.previous = undefined;
    peer.next = session;
    return;
  }
  if (peer.next === undefined) {
    peer.previous = peer.current;
  } else {
    replace(ctx, peer, peer.current, now);
    peer.previous = peer.next;
    peer.next = undefined;
  }
  peer.current = session;
}

/**
 * Call when the data plane says that `next` was confirmed. Returns false when the session is not
 * the next one any more.
 */
export function confirmSession(
  ctx: Context,
  peer: Peer,
  localIndex: SessionIndex,
  now: Milliseconds,
): boolean {
  if (peer.next?.localIndex !== localIndex) return false;
  replace(ctx, peer, peer.previous, now);
  peer.previous = peer.current;
  peer.current = peer.next;
  peer.next = undefined;
  tellExpiry(ctx, peer);
  return true;
}

/** Retires sessions that are too old to be used, and those that were replaced a while ago. */
export function retireExpired(ctx: Context, peer: Peer, now: Milliseconds): void {
  while (peer.replaced !== undefined && peer.replaced[0].until <= now) {
    retireOldestReplaced(ctx, peer);
  }
  const oldest = now - ctx.times.rejectAfter;
  if (peer.previous !== undefined && peer.previous.createdAt <= oldest) {
    retire(ctx, peer.previous);
    peer.previous = undefined;
  }
  if (peer.current !== undefined && peer.current.createdAt <= oldest) {
    retire(ctx, peer.current);
    peer.current = undefined;
  }
  if (peer.next !== undefined && peer.next.createdAt <= oldest) {
    retire(ctx, peer.next);
    peer.next = undefined;
  }
  tellExpiry(ctx, peer);
}

/** Tells the timers when the first of the peer's sessions expires. */
function tellExpiry(ctx: Context, peer: Peer): void {
  let oldest: number = NOT_PENDING;
  if (peer.previous !== undefined) oldest = peer.previous.createdAt;
  if (peer.current !== undefined) oldest = Math.min(oldest, peer.current.createdAt);
  if (peer.next !== undefined) oldest = Math.min(oldest, peer.next.createdAt);
  const expiry = Math.min(oldest + ctx.times.rejectAfter, peer.replaced?.[0].until ?? NOT_PENDING);
  peer.timers.sessionsChanged(milliseconds(expiry));
}

/** Erases all of the peer's sessions and the handshake under way. */
export function wipeKeys(ctx: Context, peer: Peer): void {
  while (peer.replaced !== undefined) retireOldestReplaced(ctx, peer);
  retire(ctx, peer.previous);
  retire(ctx, peer.current);
  retire(ctx, peer.next);
  peer.previous = peer.current = peer.next = undefined;
  dropPending(ctx, peer);
  tellExpiry(ctx, peer);
}

/** Forgets the initiation that waits for a response, if there is one. */
export function dropPending(ctx: Context, peer: Peer): void {
  if (peer.pending === undefined) return;
  wipeInitiated(peer.pending.initiated);
  ctx.indices.release(peer.pending.index);
  peer.pending = undefined;
}

/**
 * A session that gave its place to another still receives for a moment. Without it, two sides that
 * renew at the same time, each on its own session, would lose what is under way.
 */
function replace(ctx: Context, peer: Peer, session: Session | undefined, now: Milliseconds): void {
  if (session === undefined) return;
  peer.replaced ??= [];
  peer.replaced.push({ session, until: now + ctx.times.rekeyTimeout });
  if (peer.replaced.length > REPLACED_MAX) retireOldestReplaced(ctx, peer);
}

function retireOldestReplaced(ctx: Context, peer: Peer): void {
  retire(ctx, peer.replaced?.shift()?.session);
  if (peer.replaced?.length === 0) peer.replaced = undefined;
}

function retire(ctx: Context, session: Session | undefined): void {
  if (session === undefined) return;
  ctx.indices.release(session.localIndex);
  ctx.out.command({ type: "session-retire", localIndex: session.localIndex });
}
