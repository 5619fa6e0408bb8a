/**
 * Decides when the names of endpoints are looked up. The methods are named for the events of a peer
 * that call them. A look-up is an output of the device; name_answers.ts processes its answer.
 * @module
 */
import { type Milliseconds, milliseconds } from "../base/brands.ts";
import type { NamedEndpoint } from "../base/host_name.ts";
import { sameNamedEndpoint } from "../base/host_name.ts";
import { NOT_PENDING } from "../base/times.ts";
import type { Context } from "./context.ts";
import { EndpointName } from "./endpoint_name.ts";
import type { Peer } from "./peer.ts";
import { moveTo, pathOf } from "./peer_endpoint.ts";
import { usableSession } from "./sessions.ts";

/** Looks the peer's name up, unless that is under way or the peer is disabled. */
function lookUp(ctx: Context, peer: Peer, name: EndpointName): void {
  if (name.isAsked || peer.isDisabled) return;
  name.asked();
  ctx.names.schedule(peer);
  if (ctx.names.wait(name.named.host, peer)) ctx.out.lookUp(name.named.host);
}

/**
 * Whether what the peer sends arrives: it has a session, or was heard a moment ago, and has not
 * been silent since. Its endpoint is then left alone.
 */
export function isReached(ctx: Context, peer: Peer, now: Milliseconds): boolean {
  const heardAt = Math.max(ctx.table.receivedAt(peer.slot), peer.timers.handshakeReceivedAt);
  if (peer.endpointName !== undefined && peer.endpointName.silentAt >= heardAt) return false;
  const { keepaliveTimeout, rekeyTimeout } = ctx.times;
  return usableSession(ctx, peer, now) !== undefined ||
    now - heardAt < keepaliveTimeout + rekeyTimeout;
}

/** Gives the peer's endpoint a name. A name that it has already is looked up if that is needed. */
export function setName(ctx: Context, peer: Peer, named: NamedEndpoint, now: Milliseconds): void {
  const is = peer.endpointName;
  if (is === undefined || !sameNamedEndpoint(is.named, named)) {
    forgetName(ctx, peer);
    peer.endpointName = new EndpointName(named);
    lookUp(ctx, peer, peer.endpointName);
    return;
  }
  if (is.isUnknown || is.isAged(now) && !isReached(ctx, peer, now)) lookUp(ctx, peer, is);
}

/** Takes the name of the peer's endpoint away. Call it before a peer is removed too. */
export function forgetName(ctx: Context, peer: Peer): void {
  if (peer.endpointName === undefined) return;
  ctx.names.forget(peer.endpointName.named.host, peer);
  peer.endpointName = undefined;
}

/** Call when the interface went up. Nobody is known to be reached then. */
export function namesUp(ctx: Context, now: Milliseconds): void {
  for (const { endpointName } of ctx.peers.all()) {
    if (endpointName !== undefined) endpointName.silentAt = now;
  }
  lookUpUnknown(ctx);
}

/**
 * Looks all names up that have no address yet, and lets all others be looked up as soon as they are
 * needed. Call it also when the sockets were moved to another namespace.
 */
export function lookUpUnknown(ctx: Context): void {
  for (const peer of ctx.peers.all()) {
    const name = peer.endpointName;
    if (name === undefined) continue;
    name.forgetFailures();
    if (name.isUnknown) lookUp(ctx, peer, name);
  }
}

/** Makes the look-ups that are due. While the interface is down they wait. */
export function runLookUps(ctx: Context, now: Milliseconds): void {
  if (!ctx.up) return;
  for (let slot = ctx.names.popDue(now); slot !== undefined; slot = ctx.names.popDue(now)) {
    const peer = ctx.peers.at(slot);
    if (peer?.endpointName !== undefined) lookUp(ctx, peer, peer.endpointName);
  }
}

/** Call when a new handshake begins. */
export function handshakeBegins(ctx: Context, peer: Peer, now: Milliseconds): void {
  const name = peer.endpointName;
  if (name !== undefined && name.isAged(now) && !isReached(ctx, peer, now)) lookUp(ctx, peer, name);
}

/** Call when the peer did not answer to data for 15 s. */
export function stoppedHearing(ctx: Context, peer: Peer, now: Milliseconds): void {
  const name = peer.endpointName;
  if (name === undefined) return;
  name.silentAt = now;
  if (name.mayAsk(now)) lookUp(ctx, peer, name);
}

/**
 * Call when the last initiation got no response, before the next one is sent. The peer moves to the
 * next address of its name.
 */
export function initiationUnanswered(ctx: Context, peer: Peer, now: Milliseconds): void {
  const name = peer.endpointName;
  if (name === undefined || isReached(ctx, peer, now)) return;
  if (name.mayAsk(now)) lookUp(ctx, peer, name);
  const next = name.unanswered(pathOf(ctx, peer).endpoint);
  if (next !== undefined) moveTo(ctx, peer, next, undefined);
}

/** A random number from 0 to 1. */
export function chanceOf(ctx: Context): number {
  const bytes = new Uint8Array(2);
  ctx.random(bytes);
  return (bytes[0] << 8 | bytes[1]) / 0xffff;
}

/** When `runLookUps` is to be called; NOT_PENDING when no look-up is due by itself. */
export function lookUpsDue(ctx: Context): Milliseconds {
  return ctx.up ? ctx.names.next() : milliseconds(NOT_PENDING);
}
