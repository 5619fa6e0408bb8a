/**
 * struct msghdr, socket addresses and control messages of UDP sockets, laid out in the arena (sys/socket.h, linux/in.h, linux/in6.h, linux/udp.h).
 * The control room of a message to be sent holds exactly what that message says; nothing of an earlier one is left in it.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { ENDPOINT_CELL_BYTES } from "../base/endpoint.ts";
import { arenaAddress, arenaPointer } from "../../ffi/packet_io.ts";
import type { IoVectors } from "./io_vectors.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;

export const SOL_IP = 0;
const IP_TOS = 1;
const IP_PKTINFO = 8;
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;
export const SOL_IPV6 = 41;
const IPV6_PKTINFO = 50;
const IPV6_TCLASS = 67;

/** struct msghdr: name, name length, iov, iov count, control, control length, flags. */
const MSGHDR_BYTES = 56;
/** struct mmsghdr: a struct msghdr and the bytes sent. */
export const MMSGHDR_BYTES = 64;
const NAME = 0;
const NAME_LENGTH = 8;
const VECTORS = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;

/** struct cmsghdr: length with itself, level, type; each message begins at a multiple of 8. */
const CMSGHDR_BYTES = 16;
const NAME_ROOM = 32;
/** Enough for a packet info, a traffic class, and a segment size with their headers; and for what a kernel may add. */
const CONTROL_ROOM = 256;

/** One struct msghdr with its address and control rooms. Everything stands at multiples of 4, and is moved by words: built-in copies cost more than they move. */
export class UdpMessage {
  readonly pointer: Deno.PointerValue;
  readonly #bytes: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #view: DataView;
  readonly #at: number;
  readonly #nameAt: number;
  readonly #controlAt: number;
  readonly #base: bigint;
  /** Of what is to be sent: bytes of the control messages so far. */
  #controlBytes = 0;

  /** @param at where the struct msghdr is to be, zeroed; anywhere without it */
  constructor(arena: Arena, at: number = arena.allocate(MSGHDR_BYTES)) {
    this.#bytes = arena.bytes;
    this.#u32 = arena.u32;
    this.#view = arena.view;
    this.#at = at;
    this.#nameAt = arena.allocate(NAME_ROOM);
    this.#controlAt = arena.allocate(CONTROL_ROOM);
    this.#base = arenaAddress(arena);
    this.pointer = arenaPointer(arena, this.#at);
    this.#setAddress(NAME, this.#base + BigInt(this.#nameAt));
    this.#setAddress(CONTROL, this.#base + BigInt(this.#controlAt));
  }

  #setAddress(field: number, address: bigint): void {
    this.#view.setBigUint64(this.#at + field, address, true);
  }

  /** The pieces; `useVectors` chooses among them a message. */
  setVectors(vectors: IoVectors): void {
    this.#setAddress(VECTORS, vectors.address);
  }

  /** Uses the first `count` pieces. */
  useVectors(count: number): void {
    this.#view.setUint32(this.#at + VECTOR_COUNT, count, true);
  }

  /** Uses one piece, `index`, alone. Slow. */
  useVector(vectors: IoVectors, index: number): void {
    this.#setAddress(VECTORS, vectors.address + BigInt(index * 16));
    this.useVectors(1);
  }

  // --- sending ---

  /** Addresses the message to the endpoint in a cell (lib/base/endpoint.ts). Returns the family's address length, 4 or 16; 0 when the cell is empty. */
  addressTo(cellAt: number): number {
    const bytes = this.#bytes;
    const name = this.#nameAt;
    const length = bytes[cellAt];
    this.#clear(name, NAME_ROOM);
    bytes[name + 2] = bytes[cellAt + 2];
    bytes[name + 3] = bytes[cellAt + 3];
    if (length === 4) {
      bytes[name] = AF_INET;
      this.#move(name + 4, cellAt + 8, 4);
      this.#view.setUint32(this.#at + NAME_LENGTH, SOCKADDR_IN_BYTES, true);
    } else if (length === 16) {
      bytes[name] = AF_INET6;
      this.#move(name + 8, cellAt + 8, 16);
      this.#move(name + 24, cellAt + 4, 4);
      this.#view.setUint32(this.#at + NAME_LENGTH, SOCKADDR_IN6_BYTES, true);
    } else return 0;
    return length;
  }

  #clear(at: number, length: number): void {
    for (let word = at >>> 2; word < (at + length) >>> 2; word++) this.#u32[word] = 0;
  }

  #move(to: number, from: number, length: number): void {
    const u32 = this.#u32;
    for (let i = 0; i < length >>> 2; i++) u32[(to >>> 2) + i] = u32[(from >>> 2) + i];
  }

  /**
   * Sets the control messages of a message to be sent to a family: it is a run of datagrams of `segment` bytes (0: a single one), it goes from the local
   * address in a cell (-1: the kernel chooses), with a TOS or traffic class byte (0: none).
   */
  setControl(family: number, segment: number, sourceCellAt: number, tos: number): void {
    this.#clear(this.#controlAt, this.#controlBytes);
    this.#controlBytes = 0;
    if (segment > 0) this.#view.setUint16(this.#addControl(SOL_UDP, UDP_SEGMENT, 2), segment, true);
    if (sourceCellAt >= 0) this.#addSource(sourceCellAt);
    if (tos !== 0) this.#addTos(family, tos);
    this.#view.setUint32(this.#at + CONTROL_LENGTH, this.#controlBytes, true);
  }

  #addControl(level: number, type: number, dataBytes: number): number {
    const view = this.#view;
    const at = this.#controlAt + this.#controlBytes;
    view.setUint32(at, CMSGHDR_BYTES + dataBytes, true);
    view.setInt32(at + 8, level, true);
    view.setInt32(at + 12, type, true);
    this.#controlBytes += CMSGHDR_BYTES + ((dataBytes + 7) & ~7);
    return at + CMSGHDR_BYTES;
  }

  /** The local address in the cell as the source; the route stays the kernel's choice, but for link-local addresses. */
  #addSource(cellAt: number): void {
    const bytes = this.#bytes;
    if (bytes[cellAt + 1] === 4) {
      // struct in_pktinfo: interface, source, destination.
      const at = this.#addControl(SOL_IP, IP_PKTINFO, 12);
      this.#move(at + 4, cellAt + 28, 4);
    } else if (bytes[cellAt + 1] === 16) {
      // struct in6_pktinfo: source, interface.
      const at = this.#addControl(SOL_IPV6, IPV6_PKTINFO, 20);
      this.#move(at, cellAt + 28, 16);
      const isLinkLocal = bytes[cellAt + 28] === 0xfe && (bytes[cellAt + 29] & 0xc0) === 0x80;
      if (isLinkLocal) this.#move(at + 16, cellAt + 24, 4);
    }
  }

  /** The TOS or traffic class byte. */
  #addTos(family: number, tos: number): void {
    const at = this.#addControl(
      family === 4 ? SOL_IP : SOL_IPV6,
      family === 4 ? IP_TOS : IPV6_TCLASS,
      4,
    );
    this.#view.setInt32(at, tos, true);
  }

  // --- receiving ---

  /** Resets what the kernel overwrites. Call before every receive. */
  prepare(): void {
    this.#view.setUint32(this.#at + NAME_LENGTH, NAME_ROOM, true);
    this.#view.setUint32(this.#at + CONTROL_LENGTH, CONTROL_ROOM, true);
  }

  /** Bytes of each datagram of the received run (0: there is one), and its ECN bits; set by `readTo`. */
  segmentSize = 0;
  ecn = 0;

  /** Writes where a received message came from, and was written to, into a cell; reads the rest of its control messages. */
  readTo(cellAt: number): void {
    const bytes = this.#bytes;
    const view = this.#view;
    const name = this.#nameAt;
    this.#clear(cellAt, ENDPOINT_CELL_BYTES);
    const v4 = bytes[name] === AF_INET;
    bytes[cellAt] = v4 ? 4 : 16;
    bytes[cellAt + 2] = bytes[name + 2];
    bytes[cellAt + 3] = bytes[name + 3];
    if (v4) this.#move(cellAt + 8, name + 4, 4);
    else {
      this.#move(cellAt + 8, name + 8, 16);
      this.#move(cellAt + 4, name + 24, 4);
    }
    this.segmentSize = 0;
    this.ecn = 0;
    const end = this.#controlAt +
      Math.min(CONTROL_ROOM, view.getUint32(this.#at + CONTROL_LENGTH, true));
    let at = this.#controlAt;
    while (at + CMSGHDR_BYTES <= end) {
      const length = view.getUint32(at, true);
      if (length < CMSGHDR_BYTES || at + length > end) break;
      this.#readControl(at, length - CMSGHDR_BYTES, cellAt);
      at += (length + 7) & ~7;
    }
  }

  #readControl(at: number, dataBytes: number, cellAt: number): void {
    const bytes = this.#bytes;
    const view = this.#view;
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    const data = at + CMSGHDR_BYTES;
    if (level === SOL_UDP && type === UDP_GRO && dataBytes >= 4) {
      this.segmentSize = view.getInt32(data, true);
    } else if (level === SOL_IP && type === IP_TOS && dataBytes >= 1) this.ecn = bytes[data] & 3;
    else if (level === SOL_IPV6 && type === IPV6_TCLASS && dataBytes >= 4) {
      this.ecn = bytes[data] & 3;
    } else if (level === SOL_IP && type === IP_PKTINFO && dataBytes >= 12) {
      // The address to answer from (ipi_spec_dst), which a broadcast's destination would not be.
      bytes[cellAt + 1] = 4;
      this.#move(cellAt + 24, data, 4);
      this.#move(cellAt + 28, data + 4, 4);
    } else if (level === SOL_IPV6 && type === IPV6_PKTINFO && dataBytes >= 20) {
      bytes[cellAt + 1] = 16;
      this.#move(cellAt + 24, data + 16, 4);
      this.#move(cellAt + 28, data, 16);
    }
  }
}
