/**
 * The actions of a peer's timers. Their deadlines are computed in lib/timers.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import { COUNTER } from "../base/counters.ts";
import { handshakeRetriesMax } from "../timers/due.ts";
import { complainOfSilence } from "./complaints.ts";
import type { Context } from "./context.ts";
import { eventPeer } from "./events.ts";
import { stoppedHearing } from "./name_look_ups.ts";
import { initiate, sendKeepalive, sessionWanted } from "./outgoing.ts";
import type { Peer } from "./peer.ts";
import { forgetLocal, pathOf } from "./peer_endpoint.ts";
import { retireExpired, wipeKeys } from "./sessions.ts";

/**
 * Runs all timers that are due at `now`. A timer that is still due afterwards runs again a
 * millisecond later, so that this function always returns.
 */
export function runTimers(ctx: Context, now: Milliseconds): void {
  for (let slot = ctx.timers.popDue(now); slot !== undefined; slot = ctx.timers.popDue(now)) {
    const peer = ctx.peers.at(slot);
    if (peer !== undefined) runTimersOf(ctx, peer, now);
  }
  ctx.timers.settle(milliseconds(now + 1));
}

/** Runs the timers of a peer in the order of `Timer`. */
function runTimersOf(ctx: Context, peer: Peer, now: Milliseconds): void {
  const { timers } = peer;
  timers.markDirty();
  if (timers.expired("zeroKeyMaterial", now)) expiredZeroKeyMaterial(ctx, peer);
  if (timers.expired("expireSessions", now)) retireExpired(ctx, peer, now);
  if (timers.expired("retransmitHandshake", now)) expiredRetransmitHandshake(ctx, peer, now);
  if (timers.expired("deferredHandshake", now)) sessionWanted(ctx, peer, now, true);
  if (timers.expired("newHandshake", now)) expiredNewHandshake(ctx, peer, now);
  if (timers.expired("passiveKeepalive", now)) sendKeepalive(ctx, peer, now);
  if (timers.expired("persistentKeepalive", now)) sendKeepalive(ctx, peer, now);
  timers.expired("activity", now);
}

function expiredZeroKeyMaterial(ctx: Context, peer: Peer): void {
  ctx.out.say(`Zeroing out keys for peer ${peer.label}`, pathOf(ctx, peer).endpoint);
  wipeKeys(ctx, peer);
}

function expiredRetransmitHandshake(ctx: Context, peer: Peer, now: Milliseconds): void {
  const { endpoint } = pathOf(ctx, peer);
  const max = handshakeRetriesMax(ctx.times);
  const attempt = peer.timers.handshakeUnanswered(now, max);
  if (attempt === 0) {
    ctx.counters.addOf(COUNTER.handshake_given_up, peer.slot);
    peer.evidence.note("handshake_given_up", now, endpoint);
    complainOfSilence(ctx, peer, endpoint, now);
    // OpenBSD's number includes the first initiation.
    ctx.out.say(
      `Handshake for peer ${peer.label} did not complete after ${max + 1} retries, giving up`,
      endpoint,
    );
    ctx.out.command({ type: "staged-drop", peer: peer.slot });
    ctx.out.event({ kind: "unanswered", peer: eventPeer(peer), endpoint });
    return;
  }
  const seconds = Math.round(ctx.times.rekeyTimeout / 1_000);
  ctx.out.say(
    `Handshake for peer ${peer.label} did not complete after ${seconds} seconds, retrying (try ${attempt})`,
    endpoint,
  );
  ctx.counters.addOf(COUNTER.handshake_retried, peer.slot);
  peer.evidence.note("handshake_retried", now, endpoint);
  forgetLocal(ctx, peer);
  initiate(ctx, peer, now, true);
}

function expiredNewHandshake(ctx: Context, peer: Peer, now: Milliseconds): void {
  ctx.counters.addOf(COUNTER.handshake_unanswered, peer.slot);
  peer.evidence.note("handshake_unanswered", now, pathOf(ctx, peer).endpoint);
  const seconds = Math.round((ctx.times.keepaliveTimeout + ctx.times.rekeyTimeout) / 1_000);
  ctx.out.say(
    `Retrying handshake with peer ${peer.label} because we stopped hearing back after ${seconds} seconds`,
    pathOf(ctx, peer).endpoint,
  );
  forgetLocal(ctx, peer);
  stoppedHearing(ctx, peer, now);
  initiate(ctx, peer, now, false);
}
