/**
 * Where things lie in the data plane's arena. A message to be sealed or just opened has a slot of
 * its own, so that the cipher's 64 bytes before and 80 after it belong to nobody else; slots are
 * few and used again and again, which keeps them in the cache and lets ports and cipher keep
 * pointers to them.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { ENDPOINT_CELL_BYTES } from "../base/endpoint.ts";
import { DATAGRAM_MAX, INITIATION_LENGTH, PEERS_MAX, SESSION_SLOTS } from "../base/constants.ts";

/**
 * Bytes of a slot, and where its message begins; a data message's header of 16 bytes stands right
 * before it.
 */
export const SLOT_BYTES = 2048;
const MESSAGE_AT = 64;
/**
 * Longest message (padded payload) of a small slot: 64 bytes before it, tag and 80 bytes of slack
 * after it.
 */
export const SLOT_MESSAGE_MAX = SLOT_BYTES - MESSAGE_AT - 80;
/** Bytes of a slot for messages of any length. */
const LARGE_SLOT_BYTES = 0x11000;

/** Datagrams that wait for one send: small ones, and large ones. */
export const SEAL_SLOTS = 128;
export const SEAL_LARGE_SLOTS = 8;
/** Opened packets that wait to be written: small ones (8 receives of 64), and large ones. */
export const OPEN_SLOTS = 512;
export const OPEN_LARGE_SLOTS = 16;

/** Sessions that may be alive at once: half of the index table. */
export const SESSIONS_MAX = SESSION_SLOTS / 2;
/** Send key at 0, receive key at 64: the cipher wants both at multiples of 64. */
export const SESSION_KEYS_BYTES = 128;

/** Cookie replies that wait for one send, and the distance of their places. */
export const COOKIE_REPLIES_MAX = 32;
const COOKIE_REPLY_STRIDE = 64;

const CELL_STRIDE = 64;

/** The regions, as offsets of their beginnings; 64-aligned all of them. */
export class PacketMemory {
  readonly bytes: Uint8Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  /** The IP packet of a TUN read; the virtio_net_hdr stands in the 10 bytes before it. */
  readonly tunPacket: number;
  /** Received runs. */
  readonly received: number;
  /**
   * One packet: built while there is no session to send it on, taken back when there is one, or an
   * ICMP answer.
   */
  readonly scratch: number;
  readonly #sealSlots: number;
  readonly #sealLarge: number;
  readonly #openSlots: number;
  readonly #openLarge: number;
  readonly #cells: number;
  readonly #keys: number;
  readonly #cookieReplies: number;
  /** A handshake message that is being answered, and its endpoint cell. */
  readonly unanswered: number;
  readonly unansweredCell: number;

  constructor(readonly arena: Arena) {
    this.bytes = arena.bytes;
    this.u32 = arena.u32;
    this.view = arena.view;
    this.tunPacket = arena.allocate(64 + DATAGRAM_MAX + 128) + 64;
    this.received = arena.allocate(64 + DATAGRAM_MAX + 128) + 64;
    this.scratch = arena.allocate(LARGE_SLOT_BYTES) + MESSAGE_AT;
    this.#sealSlots = arena.allocate(SEAL_SLOTS * SLOT_BYTES);
    this.#sealLarge = arena.allocate(SEAL_LARGE_SLOTS * LARGE_SLOT_BYTES);
    this.#openSlots = arena.allocate(OPEN_SLOTS * SLOT_BYTES);
    this.#openLarge = arena.allocate(OPEN_LARGE_SLOTS * LARGE_SLOT_BYTES);
    this.#cells = arena.allocate(PEERS_MAX * CELL_STRIDE);
    this.#keys = arena.allocate(SESSIONS_MAX * SESSION_KEYS_BYTES);
    this.unanswered = arena.allocate(INITIATION_LENGTH);
    this.unansweredCell = arena.allocate(ENDPOINT_CELL_BYTES);
    this.#cookieReplies = arena.allocate(COOKIE_REPLIES_MAX * COOKIE_REPLY_STRIDE);
  }

  /** Where the message of a slot begins. */
  sealMessage(index: number, large: boolean): number {
    return (large
      ? this.#sealLarge + index * LARGE_SLOT_BYTES
      : this.#sealSlots + index * SLOT_BYTES) + MESSAGE_AT;
  }
  /** Where the message of a slot begins. */
  openMessage(index: number, large: boolean): number {
    return (large
      ? this.#openLarge + index * LARGE_SLOT_BYTES
      : this.#openSlots + index * SLOT_BYTES) + MESSAGE_AT;
  }
  /** A peer's endpoint cell (lib/base/endpoint.ts). */
  cell(peer: number): number {
    return this.#cells + peer * CELL_STRIDE;
  }
  /** A cookie reply that is to be sent. */
  cookieReply(index: number): number {
    return this.#cookieReplies + index * COOKIE_REPLY_STRIDE;
  }
  /** A session's keys. */
  keys(row: number): number {
    return this.#keys + row * SESSION_KEYS_BYTES;
  }

  /** Whether two endpoint cells have the same endpoint, whatever their local addresses. */
  sameEndpoint(a: number, b: number): boolean {
    const { u32 } = this;
    a >>>= 2;
    b >>>= 2;
    // The second byte is the local address' length.
    if (((u32[a] ^ u32[b]) & 0xffff_00ff) !== 0) return false;
    for (let i = 1; i < 6; i++) if (u32[a + i] !== u32[b + i]) return false;
    return true;
  }

  /** Whether two endpoint cells are equal. */
  sameCell(a: number, b: number): boolean {
    const { u32 } = this;
    a >>>= 2;
    b >>>= 2;
    for (let i = 0; i < ENDPOINT_CELL_BYTES / 4; i++) if (u32[a + i] !== u32[b + i]) return false;
    return true;
  }
}
