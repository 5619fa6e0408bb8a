/**
 * Answers packets that have no peer, with ICMP host unreachable (RFC 792) or ICMPv6 address
 * unreachable (RFC 4443). The answers are written to the TUN device. Their source is an address of
 * the interface, as for a router, or the packet's destination when no address is known.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { NO_OWN_ADDRESSES, type OwnAddresses } from "../base/own_addresses.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { type Checksum, swap16 } from "../wire/checksum.ts";
import * as Ip from "../wire/ip.ts";
import { QUEUE_MAIN } from "./bulk_flows.ts";
import type { PacketMemory } from "./memory.ts";
import { type TunPort, VNET_HEADER_BYTES } from "./ports.ts";

/** Answers per second, and answers that may follow each other at once. */
const UNREACHABLE_PER_SECOND = 100;
const UNREACHABLE_BURST = 50;

/**
 * Bytes of the longest answers: 576 (RFC 1812 section 4.3.2.3), and the least MTU of IPv6 (RFC 4443
 * section 3.1).
 */
const ANSWER4_MAX = 576;
const ANSWER6_MAX = 1280;
const HOP_LIMIT = 64;
const DESTINATION_UNREACHABLE4 = 3;
const HOST_UNREACHABLE4 = 1;
const DESTINATION_UNREACHABLE6 = 1;
const ADDRESS_UNREACHABLE6 = 3;

/** The ICMP types of queries and replies. Other types may be errors, which are never answered. */
const ICMP4_QUERIES: readonly number[] = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43];
const ICMP6_ERRORS_END = 128;

/** Writes answers at a limited rate. */
export class Unreachable {
  readonly #memory: PacketMemory;
  readonly #checksum: Checksum;
  readonly #tun: TunPort;
  readonly #counters: Counters;
  #tokens = UNREACHABLE_BURST;
  #filledAt = 0;
  #own: OwnAddresses = NO_OWN_ADDRESSES;

  constructor(memory: PacketMemory, checksum: Checksum, tun: TunPort, counters: Counters) {
    this.#memory = memory;
    this.#checksum = checksum;
    this.#tun = tun;
    this.#counters = counters;
  }

  /** Sets the source addresses of answers. */
  answerFrom(own: OwnAddresses): void {
    this.#own = own;
  }

  /**
   * Answers the packet of `length` bytes at `at`, which has a whole IPv4 or IPv6 header. Packets
   * that must not be answered, and those over the rate limit, get no answer.
   */
  answer(at: number, length: number, now: Milliseconds): void {
    const v4 = this.#memory.bytes[at] >>> 4 === 4;
    if (!(v4 ? this.#isAnswered4(at, length) : this.#isAnswered6(at, length))) return;
    if (!this.#spendToken(now)) {
      this.#counters.add(COUNTER.icmp_unreachable_limited);
      return;
    }
    const answerBytes = v4 ? this.#build4(at, length) : this.#build6(at, length);
    const { bytes, scratch } = this.#memory;
    bytes.fill(0, scratch - VNET_HEADER_BYTES, scratch);
    this.#tun.gather(0, scratch - VNET_HEADER_BYTES, VNET_HEADER_BYTES + answerBytes);
    this.#tun.write(1, QUEUE_MAIN);
    this.#counters.add(COUNTER.icmp_unreachable_sent);
  }

  #spendToken(now: Milliseconds): boolean {
    const gained = Math.max(0, now - this.#filledAt) * UNREACHABLE_PER_SECOND / 1000;
    this.#tokens = Math.min(UNREACHABLE_BURST, this.#tokens + gained);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /**
   * Whether an IPv4 packet may be answered (RFC 1122 section 3.2.2): not errors, broadcasts,
   * multicasts, later fragments, and packets whose source is not a single host.
   */
  #isAnswered4(at: number, length: number): boolean {
    const { bytes } = this.#memory;
    const source = bytes[at + Ip.IPV4_SOURCE];
    const destination = bytes[at + Ip.IPV4_DESTINATION];
    if (source === 0 || source === 127 || source >= 224 || destination >= 224) return false;
    if ((bytes[at + Ip.IPV4_FLAGS] & 0x1f) !== 0 || bytes[at + Ip.IPV4_FLAGS + 1] !== 0) {
      return false;
    }
    if (bytes[at + Ip.IPV4_PROTOCOL] !== Ip.PROTOCOL_ICMP) return true;
    const headerBytes = (bytes[at] & 15) * 4;
    return headerBytes < length && ICMP4_QUERIES.includes(bytes[at + headerBytes]);
  }

  /** Whether an IPv6 packet may be answered (RFC 4443 section 2.4 (e)). */
  #isAnswered6(at: number, length: number): boolean {
    const { bytes } = this.#memory;
    const isMulticast = (address: number) => bytes[address] === 0xff;
    const isUnspecified = (address: number) =>
      bytes.subarray(address, address + 16).every((byte) => byte === 0);
    const source = at + Ip.IPV6_SOURCE;
    if (isMulticast(source) || isUnspecified(source) || isMulticast(at + Ip.IPV6_DESTINATION)) {
      return false;
    }
    if (bytes[at + Ip.IPV6_NEXT] !== Ip.PROTOCOL_ICMPV6) return true;
    return length > Ip.IPV6_HEADER_BYTES && bytes[at + Ip.IPV6_HEADER_BYTES] >= ICMP6_ERRORS_END;
  }

  #build4(at: number, length: number): number {
    const { bytes, view, scratch } = this.#memory;
    const icmp = scratch + Ip.IPV4_HEADER_BYTES;
    const quoted = Math.min(length, ANSWER4_MAX - Ip.IPV4_HEADER_BYTES - Ip.ICMP_HEADER_BYTES);
    const total = Ip.IPV4_HEADER_BYTES + Ip.ICMP_HEADER_BYTES + quoted;
    bytes.fill(0, scratch, icmp + Ip.ICMP_HEADER_BYTES);
    bytes[scratch] = 0x45;
    view.setUint16(scratch + Ip.IPV4_LENGTH, total);
    bytes[scratch + Ip.IPV4_TTL] = HOP_LIMIT;
    bytes[scratch + Ip.IPV4_PROTOCOL] = Ip.PROTOCOL_ICMP;
    const own = this.#own.answersFrom4;
    if (own !== undefined) bytes.set(own, scratch + Ip.IPV4_SOURCE);
    else {bytes.copyWithin(
        scratch + Ip.IPV4_SOURCE,
        at + Ip.IPV4_DESTINATION,
        at + Ip.IPV4_DESTINATION + 4,
      );}
    bytes.copyWithin(scratch + Ip.IPV4_DESTINATION, at + Ip.IPV4_SOURCE, at + Ip.IPV4_SOURCE + 4);
    view.setUint16(
      scratch + Ip.IPV4_CHECKSUM,
      ~this.#checksum.sum(scratch, Ip.IPV4_HEADER_BYTES, 0),
      true,
    );
    bytes[icmp] = DESTINATION_UNREACHABLE4;
    bytes[icmp + 1] = HOST_UNREACHABLE4;
    bytes.copyWithin(icmp + Ip.ICMP_HEADER_BYTES, at, at + quoted);
    view.setUint16(icmp + 2, ~this.#checksum.sum(icmp, Ip.ICMP_HEADER_BYTES + quoted, 0), true);
    return total;
  }

  #build6(at: number, length: number): number {
    const { bytes, view, scratch } = this.#memory;
    const icmp = scratch + Ip.IPV6_HEADER_BYTES;
    const quoted = Math.min(length, ANSWER6_MAX - Ip.IPV6_HEADER_BYTES - Ip.ICMP_HEADER_BYTES);
    const icmpBytes = Ip.ICMP_HEADER_BYTES + quoted;
    bytes.fill(0, scratch, icmp + Ip.ICMP_HEADER_BYTES);
    bytes[scratch] = 0x60;
    view.setUint16(scratch + Ip.IPV6_LENGTH, icmpBytes);
    bytes[scratch + Ip.IPV6_NEXT] = Ip.PROTOCOL_ICMPV6;
    bytes[scratch + Ip.IPV6_HOP_LIMIT] = HOP_LIMIT;
    const own = this.#own.answersFrom6;
    if (own !== undefined) bytes.set(own, scratch + Ip.IPV6_SOURCE);
    else {bytes.copyWithin(
        scratch + Ip.IPV6_SOURCE,
        at + Ip.IPV6_DESTINATION,
        at + Ip.IPV6_DESTINATION + 16,
      );}
    bytes.copyWithin(scratch + Ip.IPV6_DESTINATION, at + Ip.IPV6_SOURCE, at + Ip.IPV6_SOURCE + 16);
    bytes[icmp] = DESTINATION_UNREACHABLE6;
    bytes[icmp + 1] = ADDRESS_UNREACHABLE6;
    bytes.copyWithin(icmp + Ip.ICMP_HEADER_BYTES, at, at + quoted);
    const pseudo = this.#checksum.sum(
      scratch + Ip.IPV6_SOURCE,
      32,
      (Ip.PROTOCOL_ICMPV6 << 8) + swap16(icmpBytes),
    );
    view.setUint16(icmp + 2, ~this.#checksum.sum(icmp, icmpBytes, pseudo), true);
    return Ip.IPV6_HEADER_BYTES + icmpBytes;
  }
}
