/**
 * The data plane: packets between the TUN device and the UDP sockets, under sessions that the control plane installs.
 * Stages of a turn: TUN to UDP (outbound.ts), then UDP to TUN (inbound.ts); commands are applied between turns.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import type { Milliseconds } from "../base/brands.ts";
import type { DataCommand, DataEvent } from "../base/messages.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";
import type { TunPort, UdpPort } from "./ports.ts";
import { DataStats } from "./stats.ts";

/** Bytes of the arena that a Dataplane and its two ports want. Most of it is touched only when many sessions or jumbo packets are there. */
export const DATAPLANE_ARENA_BYTES = 32 << 20;

/** What a data plane is made of. */
export interface DataplaneOptions {
  /** At least DATAPLANE_ARENA_BYTES, and the one that cipher, tun and udp were made with. */
  readonly arena: Arena;
  readonly cipher: PacketCipher;
  /** For mac1 of incoming handshake messages. */
  readonly suite: Suite;
  readonly table: PeerTable;
  readonly tun: TunPort;
  readonly udp: UdpPort;
  /** Gets every event at once; must not call back into the data plane. */
  readonly emit: (event: DataEvent) => void;
  readonly times?: Times;
  /**
   * One shared word: the data plane adds 1 for every `handshake-datagram` it emits, whoever handles one takes 1 off (Atomics).
   * At HANDSHAKE_QUEUE_MAX new ones are dropped. Without it the events are taken to be handled at once.
   */
  readonly handshakesWaiting?: Int32Array;
  /** Offloads to leave unused although the ports have them; all are used without it. */
  readonly offloads?: Partial<Offloads>;
}

/** Which offloads are in use. TSO and USO: super-packets from and to the TUN device; GSO and GRO: several datagrams a send or receive. */
export interface Offloads {
  readonly tso: boolean;
  readonly uso: boolean;
  readonly gso: boolean;
  readonly gro: boolean;
}

/** One interface's packets. Nothing here blocks; whoever drives it calls `turn` while it returns true and waits on the descriptors otherwise. */
export class Dataplane {
  readonly stats: DataStats = new DataStats();

  constructor(_options: DataplaneOptions) {
  }

  /** Whether the TUN device is gone for good (somebody deleted the interface): leave then. */
  get gone(): boolean {
    return false;
  }

  /** Which offloads are in use now; a kind that the kernel refused shows as off. */
  get offloads(): Offloads {
    return { tso: false, uso: false, gso: false, gro: false };
  }

  /** Applies one command. Call between turns, in order. `now` is the clock of `createdAt`. */
  apply(_command: DataCommand, _now: Milliseconds): void {
  }

  /** One bounded pass of both directions. Returns true when there was work, so that another turn may find more. */
  turn(_now: Milliseconds): boolean {
    return false;
  }
}
