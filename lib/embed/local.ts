/**
 * One interface in one isolate: the same Device and Dataplane as in the daemon, over any TUN and UDP ports that can wake it.
 * Nothing blocks: turns are taken in the isolate's own event loop.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import type { Milliseconds } from "../base/brands.ts";
import type { DeviceChange, DeviceStatus } from "../base/config.ts";
import { DEFAULT_MTU } from "../base/constants.ts";
import { type AllCounts, sumOfCounts } from "../base/counter_block.ts";
import type { DataEvent } from "../base/messages.ts";
import { PeerTable } from "../base/peer_table.ts";
import type { Times } from "../base/times.ts";
import type { PacketCipher, Suite } from "../crypto/suite.ts";
import { Dataplane, type DataplaneOptions } from "../data/dataplane.ts";
import type { TunPort, UdpPort } from "../data/ports.ts";
import { Device, type OutgoingDatagram } from "../device/device.ts";
import { fillRandom } from "../runtime/entropy.ts";
import { ControlDriver, isolateNow } from "../worker/control.ts";

/** Turns in a row before the isolate's other work gets its chance. */
const TURNS_PER_TASK = 8;

/** What an in-isolate interface is made of. */
export interface LocalOptions {
  /** The one that cipher, tun and udp were made with; at least DATAPLANE_ARENA_BYTES. */
  readonly arena: Arena;
  readonly suite: Suite;
  readonly cipher: PacketCipher;
  readonly tun: TunPort;
  readonly udp: UdpPort;
  /** Sends a handshake message by the same socket as `udp`. */
  readonly send: (datagram: OutgoingDatagram) => void;
  readonly listenPort: number;
  /** Without these: the isolate's own clock, wall clock, randomness and timers. */
  readonly now?: () => Milliseconds;
  readonly wallClock?: () => bigint;
  readonly random?: (into: Uint8Array) => void;
  readonly timer?: (callback: () => void, delayMs: number) => () => void;
  /** Queues a task that takes turns; a macrotask without it, so that I/O is not starved. */
  readonly defer?: (task: () => void) => void;
  readonly log?: (line: string) => void;
  readonly times?: Times;
  /** Makes the data plane; tests make one of two halves. */
  readonly dataplane?: (options: DataplaneOptions) => LocalDataplane;
}

/** What it uses of a data plane. */
export type LocalDataplane = Pick<Dataplane, "apply" | "turn" | "counts">;

/** A running interface. Call `wake` when a port has input (MemoryTun and PortableUdp do, by their `wake`). */
export class LocalInterface {
  readonly #device: Device;
  readonly #dataplane: LocalDataplane;
  readonly #control: ControlDriver;
  readonly #now: () => Milliseconds;
  readonly #defer: (task: () => void) => void;
  readonly #log: string[] = [];
  #events: DataEvent[] = [];
  #queued = false;
  #closed = false;

  constructor(options: LocalOptions) {
    const table = new PeerTable();
    const now = this.#now = options.now ?? isolateNow;
    const times = options.times === undefined ? {} : { times: options.times };
    this.#defer = options.defer ?? ((task) => setTimeout(task, 0));
    this.#device = new Device({
      suite: options.suite,
      random: options.random ?? fillRandom,
      wallClock: options.wallClock ?? (() => BigInt(Date.now()) * 1_000_000n),
      table,
      handshakesWaiting: () => this.#events.length,
      ...times,
    });
    const makeDataplane = options.dataplane ?? ((parts) => new Dataplane(parts));
    this.#dataplane = makeDataplane({
      arena: options.arena,
      cipher: options.cipher,
      suite: options.suite,
      table,
      tun: options.tun,
      udp: options.udp,
      emit: (event) => this.#events.push(event),
      ...times,
    });
    this.#control = new ControlDriver({
      device: this.#device,
      now,
      command: (commands) => {
        const at = now();
        for (const command of commands) this.#dataplane.apply(command, at);
        this.wake();
      },
      send: options.send,
      log: (line) => (options.log ?? ((text) => this.#keep(text)))(line),
      ...(options.timer === undefined ? {} : { timer: options.timer }),
    });
    this.#control.configure({ listenPort: options.listenPort });
    this.#control.link(true, DEFAULT_MTU);
  }

  /** What was counted so far; `COUNTERS` says what each name means. */
  counts(): AllCounts {
    return sumOfCounts([this.#dataplane.counts(), this.#device.counters.counts()]);
  }

  /** The last debug messages, when no `log` was given. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Merges a change, whole or not at all. @throws ConfigError when something in it is wrong */
  configure(change: DeviceChange): void {
    this.#control.configure(change);
  }

  /** Takes the interface down or up, or changes its MTU. A new one is up, with DEFAULT_MTU. */
  link(up: boolean, mtu = DEFAULT_MTU): void {
    this.#control.link(up, mtu);
  }

  status(): DeviceStatus {
    return this.#device.status();
  }

  /** Something may be there to read: takes turns soon. */
  wake(): void {
    if (this.#queued || this.#closed) return;
    this.#queued = true;
    this.#defer(() => this.#run());
  }

  /** Stops everything; the ports are the caller's to close. */
  close(): void {
    if (this.#closed) return;
    this.#control.link(false, DEFAULT_MTU);
    this.#closed = true;
    this.#control.close();
  }

  #run(): void {
    this.#queued = false;
    if (this.#closed) return;
    let worked = true;
    for (let i = 0; i < TURNS_PER_TASK && worked; i++) {
      worked = this.#dataplane.turn(this.#now());
      if (this.#events.length === 0) continue;
      const events = this.#events;
      this.#events = [];
      for (const event of events) this.#control.handle(event);
    }
    if (worked) this.wake();
  }

  #keep(line: string): void {
    this.#log.push(line);
    if (this.#log.length > 200) this.#log.shift();
  }
}
