/**
 * Key rotation (whitepaper section 6, Linux's noise.c). A peer has three sessions: `current` is the
 * one to send on, `previous` still receives, and `next` is a responder's session that no data
 * message has confirmed yet. A replaced session receives for `rekeyTimeout` more.
 *
 * The data plane has the keys and moves its sessions in the same steps. The control plane decides
 * when a session is retired.
 * @module
 */
import { AWAITS_NOTHING } from "../base/awaited_indices.ts";
import { type Milliseconds, milliseconds, type SessionIndex } from "../base/brands.ts";
import { NOT_PENDING } from "../base/times.ts";
import { type SessionKeys, wipeInitiated } from "../noise/handshake.ts";
import type { Context } from "./context.ts";
import { eventPeer, tellDisconnected } from "./events.ts";
import type { Peer, Session } from "./peer.ts";

/** The most replaced sessions of a peer that still receive. */
const REPLACED_MAX = 3;

/** The session to send on now; undefined when there is none, or it is too old. */
export function usableSession(ctx: Context, peer: Peer, now: Milliseconds): Session | undefined {
  const { current } = peer;
  return current !== undefined && now - current.createdAt < ctx.times.rejectAfter
    ? current
    : undefined;
}

/**
 * Installs the session of a handshake. The initiator calls it after it received the response, the
 * responder before it sends the response. `ctx.handshakes.sessionKeys` must have room. The keys are
 * erased.
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
    keySlot: ctx.handshakes.sessionKeys.put(keys.sendKey, keys.receiveKey),
    ...(ctx.planes.senders === 1 ? {} : { counter: new SharedArrayBuffer(4) }),
    createdAt: now,
  });
  keys.sendKey.fill(0);
  keys.receiveKey.fill(0);
  place(ctx, peer, session, now);
  peer.timers.sessionDerived(now);
  updateExpiry(ctx, peer);
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
 * Makes `next` the current session. Call it when the data plane reports that it was confirmed.
 * Returns false when the session is no longer `next`.
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
  // Our response arrived.
  ctx.indices.awaits(localIndex, AWAITS_NOTHING);
  updateExpiry(ctx, peer);
  return true;
}

/** Retires sessions that are older than `rejectAfter`, and replaced ones whose time is over. */
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
    ctx.receivers.forget(peer);
    ctx.out.event({ kind: "key-expired", peer: eventPeer(peer) });
    tellDisconnected(ctx, peer, "expired");
  }
  if (peer.next !== undefined && peer.next.createdAt <= oldest) {
    retire(ctx, peer.next);
    peer.next = undefined;
  }
  updateExpiry(ctx, peer);
}

/** Sets the timer `expireSessions` to the time when the peer's first session expires. */
function updateExpiry(ctx: Context, peer: Peer): void {
  let oldest: number = NOT_PENDING;
  if (peer.previous !== undefined) oldest = peer.previous.createdAt;
  if (peer.current !== undefined) oldest = Math.min(oldest, peer.current.createdAt);
  if (peer.next !== undefined) oldest = Math.min(oldest, peer.next.createdAt);
  const expiry = Math.min(oldest + ctx.times.rejectAfter, peer.replaced?.[0].until ?? NOT_PENDING);
  peer.timers.sessionsChanged(milliseconds(expiry));
}

/** Retires all sessions of the peer and drops its pending initiation. */
export function wipeKeys(ctx: Context, peer: Peer): void {
  while (peer.replaced !== undefined) retireOldestReplaced(ctx, peer);
  retire(ctx, peer.previous);
  retire(ctx, peer.current);
  retire(ctx, peer.next);
  peer.previous = peer.current = peer.next = undefined;
  ctx.receivers.forget(peer);
  dropPending(ctx, peer);
  updateExpiry(ctx, peer);
}

/** Erases the initiation that waits for its response, if there is one. */
export function dropPending(ctx: Context, peer: Peer): void {
  if (peer.pending === undefined) return;
  wipeInitiated(peer.pending.initiated);
  ctx.indices.release(peer.pending.index);
  peer.pending = undefined;
}

/**
 * Lets a replaced session receive for `rekeyTimeout` more, but not past its own time. When both
 * sides renew at the same time, packets on the older session are still under way.
 */
function replace(ctx: Context, peer: Peer, session: Session | undefined, now: Milliseconds): void {
  if (session === undefined) return;
  peer.replaced ??= [];
  const { rejectAfter, rekeyTimeout } = ctx.times;
  const until = Math.min(now + rekeyTimeout, session.createdAt + rejectAfter);
  peer.replaced.push({ session, until });
  peer.replaced.sort((a, b) => a.until - b.until);
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
