/**
 * The endpoint of a peer. It is stored in the peer table. Data planes write it when a data message
 * was received from another address; handshakes and configuration write it through this module.
 * @module
 */
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import type { Context } from "./context.ts";
import type { Peer } from "./peer.ts";

/** The endpoint of a peer, and the local address from which datagrams to it are sent. */
export interface PeerPath {
  readonly endpoint: Endpoint | undefined;
  readonly local: LocalAddress | undefined;
}

/** The present endpoint and local address of a peer. */
export function pathOf(ctx: Context, peer: Peer): PeerPath {
  return ctx.table.readEndpoint(peer.slot);
}

/**
 * Sets the endpoint. Call it for configuration, and for authenticated handshake messages.
 * @param local the local address; undefined lets the kernel choose it
 */
export function moveTo(
  ctx: Context,
  peer: Peer,
  endpoint: Endpoint,
  local: LocalAddress | undefined,
): void {
  ctx.table.writeEndpoint(peer.slot, endpoint, local);
}

/** Clears the local address. Call it when that address may be the reason why no answer comes. */
export function forgetLocal(ctx: Context, peer: Peer): void {
  if (pathOf(ctx, peer).local !== undefined) ctx.table.clearLocal(peer.slot);
}
