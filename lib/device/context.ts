/**
 * The state that the modules of one device share.
 * @module
 */
import type { PeerSlot } from "../base/brands.ts";
import type { Counters } from "../base/counter_block.ts";
import type { DataPlanes } from "../base/data_planes.ts";
import type { HandshakeMemory } from "../base/handshake_memory.ts";
import type { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { Suite } from "../crypto/suite.ts";
import type { Identity } from "../noise/ikpsk2.ts";
import type { NoiseStart } from "../noise/symmetric_state.ts";
import type { TimestampSource } from "../noise/tai64n.ts";
import type { TimerQueue } from "../timers/timer_queue.ts";
import type { AskedNames } from "./asked_names.ts";
import type { ExpiryDates } from "./expiry_dates.ts";
import type { InterfaceEvidence } from "./evidence.ts";
import type { IndexTable } from "./index_table.ts";
import type { Outputs } from "./outputs.ts";
import type { Peer } from "./peer.ts";
import type { PeerRegistry } from "./peer_registry.ts";
import type { ReceiverLoads } from "./receiver_loads.ts";
import type { RefusalLimit } from "./refusal_limit.ts";

/** Our key pair, and the checker of macs made with it. */
export interface OwnKeys {
  readonly identity: Identity;
  /** HASH("mac1----" || our public key): 32 bytes. */
  readonly mac1Key: Uint8Array;
}

/** The secrets of a handshake, 32 bytes each. They are valid during the call only. */
export interface HandshakeSecrets {
  /** Our private key. */
  readonly privateKey: Uint8Array;
  /** What one handshake has besides; undefined before the first one. */
  readonly handshake: {
    readonly peer: PeerSlot;
    readonly peerPublicKey: Uint8Array;
    readonly ephemeralPrivate: Uint8Array;
    readonly presharedKey: Uint8Array;
  } | undefined;
}

/** The shared state of one device. Each field is written by device.ts or apply_change.ts alone. */
export interface Context {
  readonly suite: Suite;
  readonly random: (into: Uint8Array) => void;
  readonly wallClock: () => bigint;
  readonly table: PeerTable;
  readonly handshakes: HandshakeMemory;
  readonly planes: DataPlanes;
  readonly counters: Counters;
  readonly times: Times;
  readonly start: NoiseStart;
  readonly timestamps: TimestampSource;
  readonly out: Outputs;
  readonly refusals: { readonly ofPeers: RefusalLimit; readonly ofStrangers: RefusalLimit };
  readonly timers: TimerQueue;
  readonly peers: PeerRegistry;
  readonly names: AskedNames;
  readonly expiries: ExpiryDates;
  readonly indices: IndexTable<Peer>;
  readonly receivers: ReceiverLoads;
  /** The last events with senders that are no peer. */
  readonly strangers: InterfaceEvidence;
  /** Our keys; undefined while no private key is set. */
  own: OwnKeys | undefined;
  /** Called with the secrets of each handshake; undefined unless a capture wants them. */
  secretsMade: ((secrets: HandshakeSecrets) => void) | undefined;
  up: boolean;
  mtu: number;
  listenPort: number;
  fwmark: number;
  rtable: number;
}
