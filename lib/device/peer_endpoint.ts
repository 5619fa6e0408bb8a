/**
 * Where a peer is. The data plane owns the answer (the table), as it follows every data packet; handshakes and configuration tell it.
 * @module
 */
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./peer.ts";

/** Where to send to a peer, and from which of our addresses. */
export interface PeerPath {
  readonly endpoint: Endpoint | undefined;
  readonly local: LocalAddress | undefined;
}

/** Where the peer is now, what the data plane was told but has not written yet included. */
export function pathOf(ctx: Context, peer: Peer): PeerPath {
  forgetArrived(ctx, peer);
  return peer.endpointOnItsWay ?? ctx.table.readEndpoint(peer.slot);
}

/** Forgets the endpoint that the data plane was told, when it stands in the table. */
export function forgetArrived(ctx: Context, peer: Peer): void {
  const told = peer.endpointOnItsWay;
  if (told !== undefined && ctx.table.endpointVersion(peer.slot) !== told.version) peer.endpointOnItsWay = undefined;
}

/** Call when configuration or an authenticated handshake message says where the peer is. */
export function moveTo(ctx: Context, peer: Peer, endpoint: Endpoint, local: LocalAddress | undefined): void {
  peer.endpointOnItsWay = { version: ctx.table.endpointVersion(peer.slot), endpoint, local };
  ctx.out.command({ type: "endpoint-set", peer: peer.slot, endpoint, local });
}

/** Call when our own address may be why nothing comes back: the kernel chooses again. */
export function forgetLocal(ctx: Context, peer: Peer): void {
  const { endpoint, local } = pathOf(ctx, peer);
  if (endpoint === undefined || local === undefined) return;
  peer.endpointOnItsWay = { version: ctx.table.endpointVersion(peer.slot), endpoint, local: undefined };
  ctx.out.command({ type: "local-clear", peer: peer.slot });
}
