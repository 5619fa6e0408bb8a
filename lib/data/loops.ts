/**
 * Messages of ours that come back as packets, because the way to a peer's endpoint leads into the
 * tunnel. Through another peer they go on: that is how several hops nest over one interface.
 * Through the same peer, directly or around, they would come back for ever: they are dropped, and
 * said.
 *
 * Only what comes back tells. No look-up of a route knows what rules by port, protocol, user or
 * mark do with the packet that is really sent.
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
import type { Voice } from "./voice.ts";

/**
 * How long after one of its messages came back a peer counts as carried by another. Each message
 * that follows says it anew.
 */
export const CARRIED_MS = 1_000;
/**
 * Peers in a row, each carried by the next. More are a ring: the messages of the innermost would
 * have no room left.
 */
export const HOPS_MAX = 8;

/** Where the index stands that tells whose a message is: that of a data message's receiver, or of a handshake's sender. */
const INDEX_AT = DATA.receiver;
/** Bytes of a message's type and index. */
const INDEXED_BYTES = INDEX_AT + 4;
/**
 * IPv6's fragment header (RFC 8200 section 4.5): next header u8, reserved u8, offset and flags u16,
 * identification u32.
 */
const FRAGMENT_HEADER = 44;
const FRAGMENT_HEADER_BYTES = 8;

/** What Loops works with. */
export interface LoopsParts {
  readonly memory: PacketMemory;
  readonly table: PeerTable;
  readonly peers: readonly (Peer | undefined)[];
  readonly sessions: SessionTable;
  readonly counters: Counters;
  readonly voice: Voice;
}

/** Tells nesting from loops. */
export class Loops {
  readonly #parts: LoopsParts;

  constructor(parts: LoopsParts) {
    this.#parts = parts;
  }

  /**
   * Whether the packet of `length` bytes (a whole header at least) from the TUN device must not go
   * to the peer, as it is a message that would come back again.
   */
  isLoop(to: Peer, v4: boolean, length: number, now: Milliseconds): boolean {
    const { view, tunPacket } = this.#parts.memory;
    const at = this.#udpPayload(v4);
    if (at === 0 || at + INDEXED_BYTES > tunPacket + length) return false;
    const type = view.getUint32(at, true);
    // A cookie reply has no index of a session of ours. It goes once around, in a data message,
    // which is known.
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
    this.#parts.voice.loop(from, to, now);
    return true;
  }

  /**
   * Where the payload of a UDP datagram begins, or of the first fragment of one; 0 for another
   * packet. Later fragments of a message that goes on go with it.
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

  /**
   * The peer that a message of ours was sent to; undefined when it is none of ours. Somebody
   * else's, forwarded by this machine, has other indices.
   */
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

/**
 * Whether what goes to a peer ends up in a message to another one, as far as messages came back
 * lately.
 */
function leadsTo(peer: Peer, other: Peer, now: Milliseconds): boolean {
  let at: Peer | null = peer;
  for (let hop = 0; hop < HOPS_MAX; hop++) {
    if (at === other) return true;
    if (at === null || now - at.carriedAt >= CARRIED_MS) return false;
    at = at.carrier;
  }
  return true;
}
