/**
 * The data plane's copies of where its peers are. The truth is in the peer table, which the control plane and every data plane of the interface write.
 * @module
 */
import { LOCAL_INTERFACE, readEndpointCell, readLocalCell } from "../base/endpoint.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { PacketMemory } from "./memory.ts";
import type { Peer } from "./sessions.ts";

/** Keeps the cells in the arena, from which ports send, as the table has them. */
export class Endpoints {
  readonly #memory: PacketMemory;
  readonly #table: PeerTable;

  constructor(memory: PacketMemory, table: PeerTable) {
    this.#memory = memory;
    this.#table = table;
  }

  /** Call before a run is sent to the peer or compared with it: copies the cell when it has changed. One atomic load otherwise. */
  refresh(peer: Peer): void {
    const version = this.#table.endpointVersion(peer.slot);
    if (version === peer.endpointVersion) return;
    this.#copy(peer);
  }

  /** Whether the peer can be sent to. Looks into the table only when it could not before. */
  has(peer: Peer): boolean {
    const { bytes } = this.#memory;
    if (bytes[peer.cellAt] !== 0) return true;
    this.refresh(peer);
    return bytes[peer.cellAt] !== 0;
  }

  /** The peer is where the cell at `sourceAt` says: something authenticated came from there. */
  follow(peer: Peer, sourceAt: number): void {
    this.refresh(peer);
    const memory = this.#memory;
    if (memory.sameCell(peer.cellAt, sourceAt)) return;
    const { bytes } = memory;
    // The way to the peer has just changed: its packets come in by the old one for a while, and
    // nothing is kept of that.
    if (
      bytes[peer.cellAt + 1] === 0 && memory.sameEndpoint(peer.cellAt, sourceAt) &&
      !this.#table.keepsSourceBy(peer.slot, memory.u32[sourceAt + LOCAL_INTERFACE >>> 2])
    ) return;
    this.#table.writeEndpoint(
      peer.slot,
      readEndpointCell(bytes, sourceAt),
      readLocalCell(bytes, sourceAt),
    );
    this.#copy(peer);
  }

  /** Forgets from which of our addresses to write to the peer. */
  clearLocal(peer: Peer): void {
    this.#table.clearLocal(peer.slot);
  }

  #copy(peer: Peer): void {
    const { bytes } = this.#memory;
    let version = -1;
    while (version < 0) version = this.#table.copyEndpoint(peer.slot, bytes, peer.cellAt);
    peer.endpointVersion = version;
  }
}
