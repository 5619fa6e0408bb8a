/**
 * Where a peer is. The answer is in the table, which data planes write as they follow every data packet, and handshakes and configuration through here.
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

/** Where the peer is now. */
export function pathOf(ctx: Context, peer: Peer): PeerPath {
  return ctx.table.readEndpoint(peer.slot);
}

/** Call when configuration or an authenticated handshake message says where the peer is. `local` undefined: let the kernel choose. */
export function moveTo(
  ctx: Context,
  peer: Peer,
  endpoint: Endpoint,
  local: LocalAddress | undefined,
): void {
  ctx.table.writeEndpoint(peer.slot, endpoint, local);
}

/** Call when our own address may be why nothing comes back: the kernel chooses again. */
export function forgetLocal(ctx: Context, peer: Peer): void {
  if (pathOf(ctx, peer).local !== undefined) ctx.table.clearLocal(peer.slot);
}
