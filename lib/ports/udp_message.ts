/**
 * struct msghdr, socket addresses and control messages of UDP sockets, laid out in the arena
 * (sys/socket.h, linux/in.h, linux/in6.h, linux/udp.h). The control messages of an earlier send are
 * cleared, because the kernel refuses stale bytes.
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

/** struct cmsghdr: length including the header, level, type. Messages are aligned to 8 bytes. */
const CMSGHDR_BYTES = 16;
const NAME_ROOM = 32;
/** Bytes for the control messages: packet info, traffic class, segment size, and some to spare. */
const CONTROL_ROOM = 256;

/**
 * A struct msghdr with memory for its address and control messages. Fields are aligned to 4 bytes
 * and copied by words, because built-in copies take longer for so few bytes.
 */
export class UdpMessage {
  readonly pointer: Deno.PointerValue;
  readonly #bytes: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #view: DataView;
  readonly #at: number;
  readonly #nameAt: number;
  readonly #controlAt: number;
  readonly #base: bigint;
  /** Bytes of the control messages to send. */
  #controlBytes = 0;

  /** @param at offset of the struct msghdr, of zeros; by default it is allocated */
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

  /** Sets the array of pieces. `useVectors` chooses which of them a message has. */
  setVectors(vectors: IoVectors): void {
    this.#setAddress(VECTORS, vectors.address);
  }

  /** The message has the first `count` pieces. */
  useVectors(count: number): void {
    this.#view.setUint32(this.#at + VECTOR_COUNT, count, true);
  }

  /** The message has piece `index` alone. This is slow. */
  useVector(vectors: IoVectors, index: number): void {
    this.#setAddress(VECTORS, vectors.address + BigInt(index * 16));
    this.useVectors(1);
  }

  // --- sending ---

  /**
   * Sets the destination from an endpoint cell (lib/base/endpoint.ts). Returns the length of its
   * address, 4 or 16, or 0 when the cell is empty.
   */
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
   * Sets the control messages of a message to send.
   * @param family length of the destination's address, 4 or 16
   * @param segment bytes of each datagram of a run; 0 for a single datagram
   * @param sourceCellAt the endpoint cell with the source address; -1 lets the kernel choose it
   * @param tos the TOS or traffic class byte; 0 for none
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

  /**
   * Adds the local address of a cell as the source. The interface is set for link-local addresses
   * only, so the kernel chooses the route.
   */
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

  /** Adds the TOS or traffic class byte. */
  #addTos(family: number, tos: number): void {
    const at = this.#addControl(
      family === 4 ? SOL_IP : SOL_IPV6,
      family === 4 ? IP_TOS : IPV6_TCLASS,
      4,
    );
    this.#view.setInt32(at, tos, true);
  }

  // --- receiving ---

  /** Resets the lengths that the kernel overwrites. Call it before every receive. */
  prepare(): void {
    this.#view.setUint32(this.#at + NAME_LENGTH, NAME_ROOM, true);
    this.#view.setUint32(this.#at + CONTROL_LENGTH, CONTROL_ROOM, true);
  }

  /** Bytes of each datagram of the received run; 0 for a single datagram. `readTo` sets it. */
  segmentSize = 0;
  /** The ECN bits of the received run. `readTo` sets them. */
  ecn = 0;

  /**
   * Reads the addresses and control messages of a received message. Source and local address are
   * written to an endpoint cell.
   */
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

  /**
   * The offset of the data of a received control message of at least `bytes` bytes; -1 when there
   * is none.
   */
  findControl(level: number, type: number, bytes: number): number {
    const view = this.#view;
    const end = this.#controlAt +
      Math.min(CONTROL_ROOM, view.getUint32(this.#at + CONTROL_LENGTH, true));
    for (let at = this.#controlAt; at + CMSGHDR_BYTES <= end;) {
      const length = view.getUint32(at, true);
      if (length < CMSGHDR_BYTES || at + length > end) break;
      const isWanted = view.getInt32(at + 8, true) === level &&
        view.getInt32(at + 12, true) === type && length >= CMSGHDR_BYTES + bytes;
      if (isWanted) return at + CMSGHDR_BYTES;
      at += (length + 7) & ~7;
    }
    return -1;
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
      // ipi_spec_dst is the local address, also for a datagram to a broadcast address.
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
