/**
 * Key rotation (whitepaper section 6; Linux's noise.c): at most three sessions a peer. `current` is used for sending, `previous` still receives,
 * `next` is ours as responder until a data message confirms it. The data plane holds the keys and moves in the same steps; this side decides
 * what is retired.
 * @module
 */
import type { Milliseconds, SessionIndex } from "../base/brands.ts";
import { type SessionKeys, wipeInitiated } from "../noise/handshake.ts";

import type { Context } from "./context.ts";
import type { Peer, Session } from "./peer.ts";

/** The session on which the peer can be sent to now. */
export function usableSession(ctx: Context, peer: Peer, now: Milliseconds): Session | undefined {
  const { current } = peer;
  return current !== undefined && now - current.createdAt < ctx.times.rejectAfter ? current : undefined;
}

/** Call when a handshake gave keys: as initiator after the response came, as responder before it is sent. */
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
  retire(ctx, peer.previous);
  if (!initiator) {
    retire(ctx, peer.next);
    peer.previous = undefined;
    peer.next = session;
    return;
  }
  if (peer.next === undefined) {
    peer.previous = peer.current;
  } else {
    retire(ctx, peer.current);
    peer.previous = peer.next;
    peer.next = undefined;
  }
  peer.current = session;
}

/** Call when the data plane says that `next` was confirmed. Returns false when the session is not the next one any more. */
export function confirmSession(ctx: Context, peer: Peer, localIndex: SessionIndex): boolean {
  if (peer.next?.localIndex !== localIndex) return false;
  retire(ctx, peer.previous);
  peer.previous = peer.current;
  peer.current = peer.next;
  peer.next = undefined;
  return true;
}

/** Retires sessions that are too old to be used. */
export function retireExpired(ctx: Context, peer: Peer, now: Milliseconds): void {
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
}

/** When the first of the peer's sessions expires; undefined when it has none. */
export function firstExpiry(ctx: Context, peer: Peer): number | undefined {
  let oldest = Infinity;
  if (peer.previous !== undefined) oldest = peer.previous.createdAt;
  if (peer.current !== undefined) oldest = Math.min(oldest, peer.current.createdAt);
  if (peer.next !== undefined) oldest = Math.min(oldest, peer.next.createdAt);
  return oldest === Infinity ? undefined : oldest + ctx.times.rejectAfter;
}

/** Erases all of the peer's sessions and the handshake under way. */
export function wipeKeys(ctx: Context, peer: Peer): void {
  retire(ctx, peer.previous);
  retire(ctx, peer.current);
  retire(ctx, peer.next);
  peer.previous = peer.current = peer.next = undefined;
  dropPending(ctx, peer);
}

/** Forgets the initiation that waits for a response, if there is one. */
export function dropPending(ctx: Context, peer: Peer): void {
  if (peer.pending === undefined) return;
  wipeInitiated(peer.pending.initiated);
  ctx.indices.release(peer.pending.index);
  peer.pending = undefined;
}

function retire(ctx: Context, session: Session | undefined): void {
  if (session === undefined) return;
  ctx.indices.release(session.localIndex);
  ctx.out.command({ type: "session-retire", localIndex: session.localIndex });
}
