/**
 * One interface in one isolate: the Device and the Dataplane of the daemon, over any TUN and UDP
 * ports that can wake it. Nothing blocks. The data plane takes turns in the event loop of the
 * isolate.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import {
  type Milliseconds,
  milliseconds,
  type PeerSlot,
  type PrivateKey,
  type PublicKey,
} from "../base/brands.ts";
import type { DeviceChange, DeviceStatus } from "../base/config.ts";
import { DEFAULT_MTU, KEY_LENGTH } from "../base/constants.ts";
import { type AllCounts, sumOfCounts } from "../base/counter_block.ts";
import { type Endpoint, type LocalAddress, sameEndpoint } from "../base/endpoint.ts";
import { type DataPlanes, dataPlanesOf } from "../base/data_planes.ts";
import { HandshakeMemory } from "../base/handshake_memory.ts";
import type { DataEvent } from "../base/messages.ts";
import { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";
import { Dataplane, type DataplaneOptions } from "../data/dataplane.ts";
import type { TunPort, UdpPort } from "../data/ports.ts";
import {
  Device,
  type DeviceEvent,
  type NameAnswer,
  type OutgoingDatagram,
} from "../device/device.ts";
import { ControlDriver } from "../worker/control.ts";

/** The number of turns in a row before other work of the isolate runs. */
const TURNS_PER_TASK = 8;
/** The longest time in which handshake messages are handled in a row. */
const SLICE_MS = 5;

/** An event of the interface. */
export type LocalEvent =
  | DeviceEvent
  /**
   * The packets of the peer go to a new endpoint from now on: an authenticated packet came from
   * there, or the name of the endpoint led there.
   */
  | {
    readonly kind: "endpoint-changed";
    readonly publicKey: PublicKey;
    /** The previous endpoint; undefined if the peer had none. */
    readonly before: Endpoint | undefined;
    readonly endpoint: Endpoint;
  }
  /** A debug message, if `debug` is on. */
  | { readonly kind: "log"; readonly line: string };

/** The parts of an interface in one isolate. */
export interface LocalOptions {
  /** The arena with which cipher, tun and udp were made, of at least DATAPLANE_ARENA_BYTES. */
  readonly arena: Arena;
  readonly suite: Suite;
  readonly cipher: PacketCipher;
  readonly tun: TunPort;
  readonly udp: UdpPort;
  /** Sends a handshake message through the socket of `udp`. */
  readonly send: (datagram: OutgoingDatagram) => void;
  /**
   * Begins to look up the host of an endpoint. Call `lookedUp` with its answer later. Without this
   * function no name resolves.
   */
  readonly lookUp?: (host: string) => void;
  readonly listenPort: number;
  readonly mtu?: number;
  /** The monotonic clock. */
  readonly now: () => Milliseconds;
  /** The wall clock in nanoseconds since 1970. */
  readonly wallClock: () => bigint;
  /** Fills the array with unpredictable bytes. */
  readonly random: (into: Uint8Array) => void;
  /** Receives events between turns. It may call any method. */
  readonly event?: (event: LocalEvent) => void;
  /** Called after each turn. It may call any method. */
  readonly afterTurn?: () => void;
  /** The times of the protocol. Only tests pass others than STANDARD_TIMES. */
  readonly times?: Times;
  /** Makes the data plane. Tests make one of several parts. */
  readonly dataplane?: (options: DataplaneOptions) => LocalDataplane;
  /** The parts of the data plane; by default one. */
  readonly planes?: DataPlanes;
}

/** The methods of a data plane that are used. */
export type LocalDataplane = Pick<Dataplane, "apply" | "turn" | "counts">;

/**
 * A running interface. Call `wake` when a port has input, as MemoryTun and PortableUdp do through
 * their own `wake`.
 */
export class LocalInterface {
  readonly #device: Device;
  readonly #dataplane: LocalDataplane;
  readonly #control: ControlDriver;
  readonly #now: () => Milliseconds;
  readonly #onEvent: ((event: LocalEvent) => void) | undefined;
  readonly #afterTurn: () => void;
  readonly #mtu: number;
  /** Events of the data plane, which the control plane handles after the turn. */
  #dataEvents: DataEvent[] = [];
  /** Events for the program, reported after the turn. */
  #events: LocalEvent[] = [];
  #configuring = false;
  #task: ReturnType<typeof setImmediate> | undefined;
  #closed = false;

  constructor(options: LocalOptions) {
    const { planes = dataPlanesOf(1) } = options;
    const table = new FollowedTable(
      (slot, before, endpoint) => this.#moved(slot, before, endpoint),
      planes,
    );
    const handshakes = new HandshakeMemory(undefined, planes.senders);
    const now = this.#now = options.now;
    const times = options.times === undefined ? {} : { times: options.times };
    this.#onEvent = options.event;
    this.#afterTurn = options.afterTurn ?? (() => {});
    this.#mtu = options.mtu ?? DEFAULT_MTU;
    this.#device = new Device({
      suite: options.suite,
      random: options.random,
      wallClock: options.wallClock,
      table,
      handshakes,
      planes,
      ...times,
    });
    const makeDataplane = options.dataplane ?? ((parts) => new Dataplane(parts));
    this.#dataplane = makeDataplane({
      arena: options.arena,
      cipher: options.cipher,
      suite: options.suite,
      table,
      handshakes,
      tun: options.tun,
      udp: options.udp,
      emit: (event) => this.#dataEvents.push(event),
      ...times,
    });
    this.#control = new ControlDriver({
      device: this.#device,
      handshakes,
      now,
      command: (commands) => {
        const at = now();
        for (const command of commands) this.#dataplane.apply(command, at);
        this.wake();
      },
      send: (datagram) => void options.send(datagram),
      ...(options.lookUp === undefined ? {} : { lookUp: options.lookUp }),
      log: (line) => this.#tell({ kind: "log", line }),
      event: (event) => this.#tell(event),
    });
    this.#control.configure({ listenPort: options.listenPort });
    this.#control.link(true, this.#mtu);
  }

  /** The counters so far. `COUNTERS` describes the names. */
  counts(): AllCounts {
    return sumOfCounts([this.#dataplane.counts(), this.#device.counters.counts()]);
  }

  /**
   * Applies a change as a whole, or not at all.
   * @throws ConfigError if a value is wrong
   */
  configure(change: DeviceChange): void {
    this.#configuring = true;
    try {
      this.#control.configure(change);
    } finally {
      this.#configuring = false;
    }
  }

  /** Processes the answer for a host. Call it once for each call of `lookUp`. */
  lookedUp(host: string, answer: NameAnswer): void {
    if (this.#closed) return;
    this.#control.lookedUp(host, answer);
    this.#tellAll();
  }

  /** Takes the interface down or up. A new one is up. */
  link(up: boolean): void {
    this.#control.link(up, this.#mtu);
  }

  /** The current status of the interface. */
  status(): DeviceStatus {
    return this.#device.status();
  }

  /**
   * Takes turns soon, because a port may have input. The turns run in their own task, so that other
   * I/O is not delayed.
   */
  wake(): void {
    if (this.#task !== undefined || this.#closed) return;
    this.#task = setImmediate(() => this.#run());
  }

  /**
   * Stops everything: keys are wiped, no timer is left, and no callback is called again. The caller
   * closes the ports.
   */
  close(): void {
    if (this.#closed) return;
    this.#control.link(false, this.#mtu);
    this.#control.configure({ privateKey: NO_KEY, replacePeers: true });
    this.#closed = true;
    this.#control.close();
    if (this.#task !== undefined) clearImmediate(this.#task);
  }

  #run(): void {
    this.#task = undefined;
    let worked = true;
    for (let i = 0; i < TURNS_PER_TASK && worked; i++) {
      worked = this.#dataplane.turn(this.#now());
      const dataEvents = this.#dataEvents;
      if (dataEvents.length > 0) this.#dataEvents = [];
      for (const event of dataEvents) this.#control.handle(event);
      if (this.#control.takeHandshakes(milliseconds(this.#now() + SLICE_MS)) > 0) worked = true;
      this.#afterTurn();
      this.#tellAll();
      if (this.#closed) return;
    }
    if (worked) this.wake();
  }

  #tell(event: LocalEvent): void {
    if (this.#onEvent === undefined) return;
    this.#events.push(event);
    this.wake();
  }

  #tellAll(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    for (const event of events) {
      if (!this.#closed) this.#onEvent?.(event);
    }
  }

  #moved(slot: PeerSlot, before: Endpoint | undefined, endpoint: Endpoint): void {
    // The program knows the endpoints that it configures.
    if (this.#configuring) return;
    const publicKey = this.#device.publicKeyAt(slot);
    if (publicKey !== undefined) {
      this.#tell({ kind: "endpoint-changed", publicKey, before, endpoint });
    }
  }
}

/** 32 zero bytes: no private key. */
const NO_KEY = new Uint8Array(KEY_LENGTH) as PrivateKey;

/** A peer table that reports changes of endpoints. */
class FollowedTable extends PeerTable {
  readonly #moved: (slot: PeerSlot, before: Endpoint | undefined, endpoint: Endpoint) => void;

  constructor(
    moved: (slot: PeerSlot, before: Endpoint | undefined, endpoint: Endpoint) => void,
    planes: DataPlanes,
  ) {
    super(undefined, planes);
    this.#moved = moved;
  }

  override writeEndpoint(
    peer: PeerSlot,
    endpoint: Endpoint | undefined,
    local: LocalAddress | undefined,
  ): void {
    const before = this.readEndpoint(peer).endpoint;
    super.writeEndpoint(peer, endpoint, local);
    if (endpoint === undefined || (before !== undefined && sameEndpoint(before, endpoint))) return;
    this.#moved(peer, before, endpoint);
  }
}
