/**
 * A TUN device in memory, for programs that embed the library, for tests and for the simulation.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import {
  GATHER_MAX,
  PORT_DRAINED,
  PORT_GONE,
  type TunPort,
  VNET_HEADER_BYTES,
} from "../data/ports.ts";

/**
 * The largest number of packets that wait to be read. Further packets are dropped, as in a full
 * device queue.
 */
export const MEMORY_TUN_QUEUE_MAX = 1024;

/**
 * A TunPort without offloads.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Arena } from "../base/arena.ts";
 * import { MemoryTun } from "./memory_tun.ts";
 *
 * const tun = new MemoryTun(new Arena(1 << 20), (packet) => console.log(packet.length));
 * tun.wake = () => console.log("packets are waiting");
 * tun.inject(Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2));
 * assert.ok(tun.waiting === 1);
 * tun.close();
 * ```
 */
export class MemoryTun implements TunPort {
  /** TCP super-packets are not supported. */
  readonly tso = false;
  /** UDP super-packets are not supported. */
  readonly uso = false;
  /** The device has one queue. */
  readonly queues = 1;
  /** Called after a packet was injected, so that the driver of the data plane takes a turn. */
  wake: () => void = () => {};
  /** The number of packets that did not fit into the queue. */
  dropped = 0;
  readonly #arena: Arena;
  readonly #deliver: (packet: Uint8Array) => void;
  readonly #queue: Uint8Array[] = [];
  readonly #at = new Int32Array(GATHER_MAX);
  readonly #length = new Int32Array(GATHER_MAX);
  #closed = false;

  /**
   * Makes a device without packets.
   * @param arena the memory that packets are read into and written from
   * @param deliver gets each packet that came out of the tunnel; the array is its own
   */
  constructor(arena: Arena, deliver: (packet: Uint8Array) => void) {
    this.#arena = arena;
    this.#deliver = deliver;
  }

  /** The number of packets that wait to be read. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * Injects an IP packet, to be routed and sent.
   * @returns false if the queue is full and the packet was dropped
   */
  inject(packet: Uint8Array): boolean {
    if (this.#closed || this.#queue.length >= MEMORY_TUN_QUEUE_MAX || packet.length > 65_535) {
      this.dropped++;
      return false;
    }
    this.#queue.push(packet.slice());
    this.wake();
    return true;
  }

  /** Closes the device. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.wake();
  }

  /** Reads the next packet, as `TunPort.read`. */
  read(at: number): number {
    const packet = this.#queue.shift();
    if (packet === undefined) return this.#closed ? PORT_GONE : PORT_DRAINED;
    this.#arena.bytes.fill(0, at, at + VNET_HEADER_BYTES);
    this.#arena.bytes.set(packet, at + VNET_HEADER_BYTES);
    return VNET_HEADER_BYTES + packet.length;
  }

  /** Names piece `index` of the next write, as `TunPort.gather`. */
  gather(index: number, at: number, length: number): void {
    this.#at[index] = at;
    this.#length[index] = length;
  }

  /**
   * Delivers pieces 0 to count - 1 as one packet.
   * @returns false if the device is closed or the packet has no whole header
   */
  write(count: number): boolean {
    if (this.#closed) return false;
    let total = 0;
    for (let i = 0; i < count; i++) total += this.#length[i];
    if (total < VNET_HEADER_BYTES) return false;
    const whole = new Uint8Array(total);
    let filled = 0;
    for (let i = 0; i < count; i++) {
      whole.set(this.#arena.bytes.subarray(this.#at[i], this.#at[i] + this.#length[i]), filled);
      filled += this.#length[i];
    }
    this.#deliver(whole.slice(VNET_HEADER_BYTES));
    return true;
  }
}
