/**
 * A Linux TUN device opened with IFF_VNET_HDR, as the data plane's TunPort.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { DATAGRAM_MAX } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { EBADFD, EINVAL } from "../base/errno.ts";
import type { Offloads } from "../base/offloads.ts";
import {
  GATHER_MAX,
  PORT_DRAINED,
  PORT_GONE,
  type TunPort,
  VNET_HEADER_BYTES,
} from "../data/ports.ts";
import { arenaPointer, type PacketIo, packetIo, sizePointer } from "../../ffi/packet_io.ts";
import { IoVectors } from "./io_vectors.ts";

/**
 * An open TUN device and its offloads (TUNSETOFFLOAD). With them it reads and writes super-packets
 * of up to 64 KiB. `uso` needs Linux 6.2.
 */
export interface TunDescriptors extends Pick<Offloads, "tso" | "uso"> {
  /** The descriptors of the queues; see lib/data/bulk_flows.ts. */
  readonly queues: readonly number[];
}

const READ_BYTES = sizePointer(VNET_HEADER_BYTES + DATAGRAM_MAX);

/** A TunPort with read(2) and writev(2) on nonblocking descriptors. The caller closes these. */
export class LinuxTunPort implements TunPort {
  readonly tso: boolean;
  readonly uso: boolean;
  readonly queues: number;
  /** The kernel queues no packet on a link that is down. */
  readonly gated = true;
  /** The descriptors, indexed by queue. */
  readonly #fds: readonly number[];
  readonly #io: PacketIo;
  readonly #arena: Arena;
  /** Where the last packet was read to, and a pointer to it. */
  #readAt = -1;
  #readPointer: Deno.PointerValue = null;
  readonly #writes: IoVectors;
  readonly #counters: Counters | undefined;

  /** @param counters counts the packets that could not be written */
  constructor(arena: Arena, device: TunDescriptors, counters?: Counters) {
    this.#counters = counters;
    this.tso = device.tso;
    this.uso = device.uso;
    this.queues = device.queues.length;
    this.#fds = device.queues;
    this.#io = packetIo();
    this.#arena = arena;
    this.#writes = new IoVectors(arena, GATHER_MAX);
  }

  read(at: number, queue: number): number {
    if (at !== this.#readAt) {
      this.#readPointer = arenaPointer(this.#arena, at);
      this.#readAt = at;
    }
    const read = this.#io.read(this.#fds[queue], this.#readPointer, READ_BYTES);
    if (read > VNET_HEADER_BYTES) return read;
    return read < 0 && this.#io.errno() === EBADFD ? PORT_GONE : PORT_DRAINED;
  }

  gather(index: number, at: number, length: number): void {
    this.#writes.set(index, at, length);
  }

  write(count: number, queue: number): boolean {
    if (this.#io.writev(this.#fds[queue], this.#writes.pointer, count) >= 0) return true;
    if (this.#io.errno() === EINVAL) return false;
    this.#counters?.add(COUNTER.tun_write_failed);
    return true;
  }
}
