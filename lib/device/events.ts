/**
 * Makes the events of peers (lib/base/events.ts).
 * @module
 */
import type { Milliseconds, PublicKey } from "../base/brands.ts";
import { type Endpoint, sameEndpoint } from "../base/endpoint.ts";
import type { Disconnection, EventPeer, Refusal } from "../base/events.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./peer.ts";
import { pathOf } from "./peer_endpoint.ts";

/** The peer of an event, as it is now. */
export const eventPeer = ({ publicKey, description }: Peer): EventPeer => ({
  publicKey,
  description,
});

/** Call when a handshake has completed, before the peer counts as connected. */
export function tellHandshake(ctx: Context, peer: Peer, initiator: boolean): void {
  const about = { peer: eventPeer(peer), endpoint: pathOf(ctx, peer).endpoint };
  if (!peer.connected) ctx.out.event({ kind: "connected", ...about });
  peer.connected = true;
  ctx.out.event({ kind: "handshake", ...about, initiator });
}

/** Call when a peer has no session to send on any more. */
export function tellDisconnected(ctx: Context, peer: Peer, why: Disconnection): void {
  if (!peer.connected) return;
  peer.connected = false;
  ctx.out.event({ kind: "disconnected", peer: eventPeer(peer), why });
}

/** Call when an authenticated message of a peer came from another endpoint than `before`. */
export function tellRoamed(
  ctx: Context,
  peer: Peer,
  before: Endpoint,
  now: Milliseconds,
): void {
  const { endpoint } = pathOf(ctx, peer);
  if (endpoint === undefined || sameEndpoint(before, endpoint)) return;
  peer.evidence.moved(now, endpoint, before);
  ctx.out.event({ kind: "roamed", peer: eventPeer(peer), before, endpoint });
}

/**
 * Call when a message was refused. Strangers do not use up the rate of peers.
 * @param from the peer that it concerns, or the public key of a stranger, if it is known
 * @param unreported refused messages before this one that were not even reported
 */
export function tellRefused(
  ctx: Context,
  why: Refusal,
  from: Peer | PublicKey | undefined,
  endpoint: Endpoint | undefined,
  now: Milliseconds,
  unreported = 0,
): void {
  const isPeer = from !== undefined && !(from instanceof Uint8Array);
  const { ofPeers, ofStrangers } = ctx.refusals;
  const leftOut = (isPeer ? ofPeers : ofStrangers).take(now, unreported);
  if (leftOut === undefined) return;
  const peer = isPeer ? eventPeer(from) : from && { publicKey: from, description: "" };
  ctx.out.event({ kind: "refused", why, peer, endpoint, leftOut });
}
