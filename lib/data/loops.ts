/**
 * Detects loops. A message of ours comes back as a packet when the endpoint of its peer is routed
 * into the interface. If the packet goes to another peer, it is sent on: this is how several hops
 * nest over one interface. If it goes to the same peer, directly or through others, it would come
 * back for ever. Such a packet is dropped and reported.
 *
 * Loops are found by the messages that come back, and not by looking up routes. A look-up does not
 * know which rules by port, protocol, user or mark apply to the packet that is sent.
 * @module
 */
import type { Milliseconds } from "../base/brands.ts";
import { MESSAGE_DATA, MESSAGE_INITIATION, MESSAGE_RESPONSE } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import type { PeerTable } from "../base/peer_table.ts";
import * as Ip from "../wire/ip.ts";
import { DATA } from "../wire/messages.ts";
import type { PacketMemory } from "./memory.ts";
import type { Peer, SessionTable } from "./sessions.ts";
import type { EventReporter } from "./event_reporter.ts";

/** How long a peer counts as carried by another one, after a message of it came back. */
export const CARRIED_MS = 1_000;
/**
 * The most peers of a chain in which each is carried by the next. A longer chain counts as a loop,
 * because no room would be left for the innermost packets.
 */
export const HOPS_MAX = 8;

/** Offset of the receiver index of data messages, and of the sender index of handshake messages. */
const INDEX_AT = DATA.receiver;
/** Bytes of the type and the index of a message. */
const INDEXED_BYTES = INDEX_AT + 4;
/**
 * The fragment header of IPv6 (RFC 8200 section 4.5): next header u8, reserved u8, offset and flags
 * u16, identification u32.
 */
const FRAGMENT_HEADER = 44;
const FRAGMENT_HEADER_BYTES = 8;

/** The parts of Loops. */
export interface LoopsParts {
  readonly memory: PacketMemory;
  readonly table: PeerTable;
  readonly peers: readonly (Peer | undefined)[];
  readonly sessions: SessionTable;
  readonly counters: Counters;
  readonly events: EventReporter;
}

/** Distinguishes nested tunnels from loops. */
export class Loops {
  readonly #parts: LoopsParts;

  constructor(parts: LoopsParts) {
    this.#parts = parts;
  }

  /**
   * Whether the packet from the TUN device must not be sent to the peer, because it is a message
   * that would come back again. The packet has `length` bytes and a whole IP header.
   */
  isLoop(to: Peer, v4: boolean, length: number, now: Milliseconds): boolean {
    const { view, tunPacket } = this.#parts.memory;
    const at = this.#udpPayload(v4);
    if (at === 0 || at + INDEXED_BYTES > tunPacket + length) return false;
    const type = view.getUint32(at, true);
    // A cookie reply has no index of ours. It comes back once at most, because the data message
    // that carries it is detected.
    if (type !== MESSAGE_DATA && type !== MESSAGE_INITIATION && type !== MESSAGE_RESPONSE) {
      return false;
    }
    const from = this.#addressee(type, view.getUint32(at + INDEX_AT, true), to);
    if (from === undefined) return false;
    if (from !== to && !leadsTo(to, from, now)) {
      from.carrier = to;
      from.carriedAt = now;
      return false;
    }
    this.#parts.counters.addOf(COUNTER.tx_looped, from.slot);
    this.#parts.events.loop(from, to, now);
    return true;
  }

  /**
   * The offset of the payload of a UDP datagram, or of its first fragment; 0 for other packets.
   * Later fragments are not checked.
   */
  #udpPayload(v4: boolean): number {
    const { bytes, view, tunPacket } = this.#parts.memory;
    if (v4) {
      if (bytes[tunPacket + Ip.IPV4_PROTOCOL] !== Ip.PROTOCOL_UDP) return 0;
      if ((view.getUint16(tunPacket + Ip.IPV4_FLAGS) & 0x1fff) !== 0) return 0;
      return tunPacket + (bytes[tunPacket] & 15) * 4 + Ip.UDP_HEADER_BYTES;
    }
    const next = bytes[tunPacket + Ip.IPV6_NEXT];
    const at = tunPacket + Ip.IPV6_HEADER_BYTES;
    if (next === Ip.PROTOCOL_UDP) return at + Ip.UDP_HEADER_BYTES;
    if (
      next !== FRAGMENT_HEADER || bytes[at] !== Ip.PROTOCOL_UDP ||
      (view.getUint16(at + 2) & 0xfff8) !== 0
    ) return 0;
    return at + FRAGMENT_HEADER_BYTES + Ip.UDP_HEADER_BYTES;
  }

  /** The peer that a message of ours was sent to; undefined for messages of others. */
  #addressee(type: number, index: number, to: Peer): Peer | undefined {
    const { sessions, table, peers } = this.#parts;
    if (type === MESSAGE_DATA) {
      if (to.current?.remoteIndex === index) return to;
      return sessions.findRemote(index)?.peer;
    }
    const slot = table.handshakeAddressee(index);
    return slot === undefined ? undefined : peers[slot];
  }
}

/** Whether messages to a peer are carried, directly or through others, by messages to `other`. */
function leadsTo(peer: Peer, other: Peer, now: Milliseconds): boolean {
  let at: Peer | null = peer;
  for (let hop = 0; hop < HOPS_MAX; hop++) {
    if (at === other) return true;
    if (at === null || now - at.carriedAt >= CARRIED_MS) return false;
    at = at.carrier;
  }
  return true;
}
