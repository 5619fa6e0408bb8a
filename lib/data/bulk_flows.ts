/**
 * Which flows have a lot to send. The TUN device keeps those in a queue of their own, so that a ping, a name lookup or a keystroke does not wait
 * behind the super-packets of a stream: hundreds of them may be in line, and each takes some 50 us to seal.
 *
 * The kernel puts a flow's packets into the queue that packets of that flow were last written to (drivers/net/tun.c, tun_flow_update), and spreads flows
 * that it has not seen for 3 s over all queues. So Outbound marks a flow that it read a super-packet of, and what comes in for it is written to QUEUE_BULK.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import * as Ip from "../wire/ip.ts";

/** The queues of a TUN device: for everything, and for flows with a lot to send. */
export const QUEUE_MAIN = 0;
export const QUEUE_BULK = 1;

/** From so many bytes on a packet of the device is a sign that its flow has more. */
export const BULK_PACKET_BYTES = 8192;
/** A flow is looked at as one with little to send again after a second or so without such a packet. */
const BULK_TICKS = 4;
const TICK_MS = 256;

/** Flows are told apart by so many bits of a hash. Two with the same share their mark: the lesser one may wait. */
const HASH_BITS = 10;
/** Bytes of the table, for the one who makes it. */
export const BULK_FLOWS_BYTES = 4 << HASH_BITS;

/** When which flow was last marked, by hash; in memory that the data planes of an interface share where there are two. */
export class BulkFlows {
  readonly #markedAt: Int32Array;

  /** @param buffer another thread's; without it a table of its own is made */
  constructor(buffer: ArrayBuffer | SharedArrayBuffer = new ArrayBuffer(BULK_FLOWS_BYTES)) {
    this.#markedAt = new Int32Array(buffer);
  }

  /** The flow of the packet at `at` (a multiple of 4) has a lot to send. */
  mark(u32: Uint32Array, at: number, now: Milliseconds): void {
    this.#markedAt[flowHash(u32, at)] = tick(now);
  }

  /** Whether the flow of a packet, seen from either end, had a lot to send lately. */
  has(u32: Uint32Array, at: number, now: Milliseconds): boolean {
    const markedAt = this.#markedAt[flowHash(u32, at)];
    return markedAt !== 0 && (tick(now) - markedAt | 0) <= BULK_TICKS;
  }
}

/** Never 0, which is "not marked". */
function tick(now: Milliseconds): number {
  return Math.floor(now / TICK_MS) | 1;
}

/** Of addresses, protocol and ports, and the same for both directions. Packets with options, extensions or fragments may get another number: no harm. */
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
