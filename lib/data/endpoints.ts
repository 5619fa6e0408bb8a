/**
 * The data plane's copies of peers' endpoints. The originals are in the peer table, which the
 * control plane and all data planes of the interface write.
 * @module
 */
import { LOCAL_INTERFACE, readEndpointCell, readLocalCell } from "../base/endpoint.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { EventReporter } from "./event_reporter.ts";
import type { PacketMemory } from "./memory.ts";
import type { Peer } from "./sessions.ts";

/**
 * Keeps the endpoint cells in the arena equal to those of the table. Ports send from these cells.
 */
export class Endpoints {
  readonly #memory: PacketMemory;
  readonly #table: PeerTable;
  readonly #events: EventReporter;

  constructor(memory: PacketMemory, table: PeerTable, events: EventReporter) {
    this.#memory = memory;
    this.#table = table;
    this.#events = events;
  }

  /**
   * Copies the peer's cell if it has changed. Call it before the cell is used. Without a change it
   * costs one atomic load.
   */
  refresh(peer: Peer): void {
    const version = this.#table.endpointVersion(peer.slot);
    if (version === peer.endpointVersion) return;
    this.#copy(peer);
  }

  /** Whether the peer has an endpoint. The table is read only while the copy has none. */
  has(peer: Peer): boolean {
    const { bytes } = this.#memory;
    if (bytes[peer.cellAt] !== 0) return true;
    this.refresh(peer);
    return bytes[peer.cellAt] !== 0;
  }

  /** Sets the endpoint to the cell at `sourceAt`, from which an authenticated message came. */
  follow(peer: Peer, sourceAt: number): void {
    this.refresh(peer);
    const memory = this.#memory;
    if (memory.sameCell(peer.cellAt, sourceAt)) return;
    const { bytes } = memory;
    // The route to the peer has just changed. Packets that still come in by the old interface do
    // not set the local address again.
    if (
      bytes[peer.cellAt + 1] === 0 && memory.sameEndpoint(peer.cellAt, sourceAt) &&
      !this.#table.keepsSourceBy(peer.slot, memory.u32[sourceAt + LOCAL_INTERFACE >>> 2])
    ) return;
    const before = memory.sameEndpoint(peer.cellAt, sourceAt)
      ? undefined
      : readEndpointCell(bytes, peer.cellAt);
    this.#table.writeEndpoint(
      peer.slot,
      readEndpointCell(bytes, sourceAt),
      readLocalCell(bytes, sourceAt),
    );
    this.#copy(peer);
    if (before !== undefined) this.#events.moved(peer.slot, before);
  }

  /** Clears the peer's local address. The kernel then chooses the source of datagrams. */
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
