/**
 * The layout of the data plane's arena. Every message that is sealed or opened has a slot of its
 * own, with the 64 bytes before and 80 bytes after it that the cipher overwrites. There are few
 * slots. They are reused, so they stay in the processor's cache, and ports and cipher keep pointers
 * to them.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { ENDPOINT_CELL_BYTES } from "../base/endpoint.ts";
import { DATAGRAM_MAX, INITIATION_LENGTH, PEERS_MAX, SESSION_SLOTS } from "../base/constants.ts";

/**
 * Bytes of a small slot, and the offset of its message. The 16-byte header is before the message.
 */
export const SLOT_BYTES = 2048;
const MESSAGE_AT = 64;
/**
 * Bytes of the longest message (padded payload) of a small slot. 80 bytes follow for the cipher.
 */
export const SLOT_MESSAGE_MAX = SLOT_BYTES - MESSAGE_AT - 80;
/** Bytes of a large slot, which has room for messages of any length. */
const LARGE_SLOT_BYTES = 0x11000;

/** Small and large slots for messages to send. */
export const SEAL_SLOTS = 128;
export const SEAL_LARGE_SLOTS = 8;
/** Small and large slots for opened packets: 8 receives of 64 packets, and 16 long ones. */
export const OPEN_SLOTS = 512;
export const OPEN_LARGE_SLOTS = 16;

/** The most sessions: half of the index table. */
export const SESSIONS_MAX = SESSION_SLOTS / 2;
/**
 * Bytes of the keys of a session: the send key, and the receive key RECEIVE_KEY behind it. Each has
 * a line of the processor's cache, which also has what else a message needs, after the 32 bytes of
 * the key: when the session was created (a 64-bit float), and behind the receive key the head of
 * the replay window (replay.ts).
 */
export const SESSION_KEYS_BYTES = 128;
export const RECEIVE_KEY = 64;
/** Offset of the time from either key. */
export const KEY_CREATED_AT = 32;
/** Offset of the head of the replay window from the receive key. */
export const KEY_REPLAY = 40;

/** The most cookie replies that wait for one send, and the bytes of their slots. */
export const COOKIE_REPLIES_MAX = 32;
const COOKIE_REPLY_STRIDE = 64;

const CELL_STRIDE = 64;

/** The offsets of the regions of the arena. All are multiples of 64. */
export class PacketMemory {
  readonly bytes: Uint8Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  /** The block as 64-bit floats; index `at / 8` is the one at offset `at`. */
  readonly f64: Float64Array;
  /**
   * The IP packet that was read from the TUN device. The 10 bytes before it are its vnet header.
   */
  readonly tunPacket: number;
  /** The run of datagrams that was received. */
  readonly received: number;
  /** A packet that is built to be staged, a staged packet that is sent, or an ICMP answer. */
  readonly scratch: number;
  readonly #sealSlots: number;
  readonly #sealLarge: number;
  readonly #openSlots: number;
  readonly #openLarge: number;
  readonly #cells: number;
  readonly #keys: number;
  readonly #cookieReplies: number;
  /** The handshake message that is being answered. */
  readonly unanswered: number;
  /** The endpoint cell of that message. */
  readonly unansweredCell: number;

  constructor(readonly arena: Arena) {
    this.bytes = arena.bytes;
    this.u32 = arena.u32;
    this.view = arena.view;
    this.f64 = new Float64Array(arena.memory.buffer);
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

  /** The message of a slot for messages to send. */
  sealMessage(index: number, large: boolean): number {
    return (large
      ? this.#sealLarge + index * LARGE_SLOT_BYTES
      : this.#sealSlots + index * SLOT_BYTES) + MESSAGE_AT;
  }
  /** The message of a slot for opened packets. */
  openMessage(index: number, large: boolean): number {
    return (large
      ? this.#openLarge + index * LARGE_SLOT_BYTES
      : this.#openSlots + index * SLOT_BYTES) + MESSAGE_AT;
  }
  /** The endpoint cell of a peer (lib/base/endpoint.ts). */
  cell(peer: number): number {
    return this.#cells + peer * CELL_STRIDE;
  }
  /** The cookie reply `index`. */
  cookieReply(index: number): number {
    return this.#cookieReplies + index * COOKIE_REPLY_STRIDE;
  }
  /** The keys of the session in a row. */
  keys(row: number): number {
    return this.#keys + row * SESSION_KEYS_BYTES;
  }

  /** Whether two endpoint cells have the same endpoint. Local addresses are ignored. */
  sameEndpoint(a: number, b: number): boolean {
    const { u32 } = this;
    a >>>= 2;
    b >>>= 2;
    // The second byte is the length of the local address.
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
