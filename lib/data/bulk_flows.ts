/**
 * The queues of a TUN device, and which flows use which. Each data plane that sends has two: flows
 * that send a lot use the second one, so that a ping, a name lookup or a keystroke does not wait
 * behind the super-packets of a stream. Hundreds of them may be queued, and sealing one takes some
 * 50 us. All packets of a flow go through one data plane, so that they stay in order.
 *
 * The kernel puts a flow's packets into the queue to which packets of the flow were last written
 * (drivers/net/tun.c, tun_flow_update). Flows that it has not seen for 3 s are spread over all
 * queues. So Outbound marks the flow of a super-packet, and packets of a marked flow that come in
 * are written to QUEUE_BULK.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import * as Ip from "../wire/ip.ts";

/** The queues of a data plane. QUEUE_BULK is for flows that send a lot. */
export const QUEUE_MAIN = 0;
export const QUEUE_BULK = 1;
/** The number of these. The queues of the second data plane follow those of the first one. */
export const QUEUES_EACH = 2;

/** Bytes of a packet read from the device from which on its flow is marked. */
export const BULK_PACKET_BYTES = 8192;
/** How long a mark lasts: about a second. */
const BULK_TICKS = 4;
const TICK_MS = 256;

/** Bits of the hash of a flow. Two flows with the same hash share their mark. */
const HASH_BITS = 10;
/** Bytes of the table. */
export const BULK_FLOWS_BYTES = 4 << HASH_BITS;

/** The times at which flows were last marked, by hash. Two data planes share the table. */
export class BulkFlows {
  readonly #markedAt: Int32Array;

  /** @param buffer the table of another thread; by default a new one is made */
  constructor(buffer: ArrayBuffer | SharedArrayBuffer = new ArrayBuffer(BULK_FLOWS_BYTES)) {
    this.#markedAt = new Int32Array(buffer);
  }

  /** Marks the flow of the packet at `at`, a multiple of 4. */
  mark(u32: Uint32Array, at: number, now: Milliseconds): void {
    this.#markedAt[flowHash(u32, at)] = tick(now);
  }

  /** Whether the flow of a packet was marked lately, in either direction. */
  has(u32: Uint32Array, at: number, now: Milliseconds): boolean {
    return this.#isMarked(flowHash(u32, at), now);
  }

  #isMarked(hash: number, now: Milliseconds): boolean {
    const markedAt = this.#markedAt[hash];
    return markedAt !== 0 && (tick(now) - markedAt | 0) <= BULK_TICKS;
  }

  /**
   * The queue of a device with `queues` queues to which a packet is written. The packets that
   * answer it are then read from that queue.
   */
  queueFor(u32: Uint32Array, at: number, queues: number, now: Milliseconds): number {
    if (queues === 1) return QUEUE_MAIN;
    const hash = flowHash(u32, at);
    const own = this.#isMarked(hash, now) ? QUEUE_BULK : QUEUE_MAIN;
    // The high bits of the hash, because these spread flows with neighbouring ports evenly.
    const sender = hash * (queues / QUEUES_EACH) >>> HASH_BITS;
    return sender * QUEUES_EACH + own;
  }
}

/** The time in ticks. It is never 0, which means "not marked". */
function tick(now: Milliseconds): number {
  return Math.floor(now / TICK_MS) | 1;
}

/**
 * A hash of addresses, protocol and ports, which is the same in both directions. Packets with
 * options, extension headers or fragments may get another hash, which does no harm.
 */
function flowHash(u32: Uint32Array, at: number): number {
  const word = at >>> 2;
  let sum: number;
  let protocol: number;
  let transport: number;
  if ((u32[word] & 0xf0) === 0x40) {
    protocol = u32[word + Ip.IPV4_PROTOCOL / 4 | 0] >>> 8 & 0xff;
    sum = u32[word + Ip.IPV4_SOURCE / 4] + u32[word + Ip.IPV4_DESTINATION / 4] | 0;
    transport = word + Ip.IPV4_HEADER_BYTES / 4;
  } else {
    protocol = u32[word + Ip.IPV6_LENGTH / 4] >>> 16 & 0xff;
    sum = 0;
    for (let i = Ip.IPV6_SOURCE / 4; i < Ip.IPV6_HEADER_BYTES / 4; i++) {
      sum = sum + u32[word + i] | 0;
    }
    transport = word + Ip.IPV6_HEADER_BYTES / 4;
  }
  if (protocol === Ip.PROTOCOL_TCP || protocol === Ip.PROTOCOL_UDP) {
    sum = sum + (u32[transport] & 0xffff) + (u32[transport] >>> 16) | 0;
  }
  return Math.imul(sum + protocol, 0x9e37_79b1) >>> (32 - HASH_BITS);
}
