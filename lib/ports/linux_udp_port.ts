/**
 * Two UDP sockets (IPv4 and V6ONLY IPv6) as the data plane's UdpPort: GSO, GRO, packet info, ECN.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { DATAGRAM_MAX } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { ENDPOINT_CELL_BYTES } from "../base/endpoint.ts";
import { EAFNOSUPPORT, EAGAIN, EINVAL, EIO, EMSGSIZE } from "../base/errno.ts";
import type { Offloads } from "../base/offloads.ts";
import {
  GATHER_MAX,
  PORT_DRAINED,
  SEND_FAILED,
  SEND_OK,
  SEND_SOURCE_LOST,
  type SendResult,
  type UdpPort,
} from "../data/ports.ts";
import * as libc from "../../ffi/libc.ts";
import { type PacketIo, packetIo } from "../../ffi/packet_io.ts";
import { mayBePending } from "./error_queue.ts";
import { IoVectors } from "./io_vectors.ts";
import { receiveBuffer, setReceiveBuffer } from "./receive_buffer.ts";
import { canSourceCause, UdpQueue } from "./udp_queue.ts";
import { SOL_IP, SOL_IPV6, SOL_UDP, UDP_GRO, UDP_SEGMENT, UdpMessage } from "./udp_message.ts";

const IP_PKTINFO = 8;
const IP_RECVTOS = 13;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVTCLASS = 66;

/** The most endpoints without GSO. One more drops the oldest, for which GSO is tried again. */
const GSO_REFUSERS_MAX = 256;
/** How often one socket may be drained in a row before the other socket is read. */
const SERIES_ALONE_MAX = 4;
/**
 * The most receives in a row from one socket before the other socket is read. A flood that comes
 * faster than it is read never empties its socket.
 */
const RECEIVES_IN_ROW_MAX = 32;
/** Receives that may fail in a row before the socket counts as drained. */
const TRANSIENT_ERRORS_MAX = 16;

/**
 * Bytes of the receive buffer of a short queue. It has room for about 1,300 small datagrams; a long
 * one has room for 18,000, which in a flood take most of a second to read.
 */
const SHORT_QUEUE_BYTES = 512 << 10;

/** Offloads that are never used. */
export type UdpOffloads = Partial<Pick<Offloads, "gso" | "gro">>;

/**
 * A UdpPort with sendmsg(2) and recvmsg(2) on nonblocking sockets. The caller opens, binds and
 * closes the sockets. The port sets the options for received control messages.
 */
export class LinuxUdpPort implements UdpPort {
  readonly segmentsMax = 64;
  readonly bytesMax = 65_507;
  readonly sourceAt: number;
  readonly #bytes: Uint8Array;
  readonly #io: PacketIo;
  readonly #sends: UdpMessage;
  readonly #pieces: IoVectors;
  readonly #receives: UdpMessage;
  readonly #room: IoVectors;
  readonly #offloads: UdpOffloads;
  readonly #counters: Counters | undefined;
  readonly #gsoRefusers = new Set<string>();
  #failure = 0;
  readonly #arena: Arena;
  #gso = false;
  #gro = false;
  /** Whether GRO is wanted, for sockets that replace these. */
  #wantsGro = true;
  #fd4 = -1;
  #fd6 = -1;
  #hasShortQueue = false;
  /** The receive buffers, in bytes, that the sockets with a short queue had before. */
  readonly #longBuffers = new Map<number, number>();
  /** Whether the IPv6 socket is read first. It received last, or it is its turn. */
  #six = false;
  /** Whether the last receive returned datagrams. */
  #gave = false;
  /** How often the same socket was drained in a row. */
  #seriesAlone = 0;
  /** Receives in a row from the same socket. */
  #inRow = 0;

  /**
   * @param fd4 the IPv4 socket, or -1
   * @param fd6 the IPv6 socket, or -1
   * @param counters counts the sends that the kernel refused to segment
   */
  constructor(
    arena: Arena,
    fd4: number,
    fd6: number,
    offloads: UdpOffloads = {},
    counters?: Counters,
  ) {
    this.#counters = counters;
    this.#arena = arena;
    this.#bytes = arena.bytes;
    this.#io = packetIo();
    this.#offloads = offloads;
    this.#pieces = new IoVectors(arena, GATHER_MAX);
    this.#room = new IoVectors(arena, 1);
    this.#sends = new UdpMessage(arena);
    this.#sends.setVectors(this.#pieces);
    this.#receives = new UdpMessage(arena);
    this.#receives.setVectors(this.#room);
    this.#receives.useVectors(1);
    this.sourceAt = arena.allocate(ENDPOINT_CELL_BYTES);
    this.replace(fd4, fd6);
  }

  get gso(): boolean {
    return this.#gso;
  }
  get gro(): boolean {
    return this.#gro;
  }
  get segmentSize(): number {
    return this.#receives.segmentSize;
  }
  get ecn(): number {
    return this.#receives.ecn;
  }

  /** Uses other sockets from now on. The caller may close the old ones afterwards. */
  replace(fd4: number, fd6: number): void {
    this.setShortQueue(false);
    this.use(fd4, fd6);
    this.#gsoRefusers.clear();
    this.#gso = false;
    if (fd4 >= 0) {
      libc.setsockopt(fd4, SOL_IP, IP_PKTINFO, 1);
      libc.setsockopt(fd4, SOL_IP, IP_RECVTOS, 1);
    }
    if (fd6 >= 0) {
      libc.setsockopt(fd6, SOL_IPV6, IPV6_RECVPKTINFO, 1);
      libc.setsockopt(fd6, SOL_IPV6, IPV6_RECVTCLASS, 1);
    }
    for (const fd of [fd4, fd6]) {
      if (fd < 0) continue;
      // A kernel without UDP_SEGMENT (before 4.18) answers ENOPROTOOPT.
      if (this.#offloads.gso !== false && libc.getsockopt(fd, SOL_UDP, UDP_SEGMENT) !== undefined) {
        this.#gso = true;
      }
    }
    this.setGro(this.#wantsGro);
  }

  /** Uses other sockets from now on, for sending only. Their options are not changed. */
  use(fd4: number, fd6: number): void {
    this.#fd4 = fd4;
    this.#fd6 = fd6;
  }

  /**
   * Switches GRO on or off. Runs that wait in a socket when GRO is switched off are lost, because
   * the kernel no longer reports their segment size.
   */
  setGro(on: boolean): void {
    this.#wantsGro = on;
    this.#gro = false;
    const value = on && this.#offloads.gro !== false ? 1 : 0;
    for (const fd of [this.#fd4, this.#fd6]) {
      // A kernel without UDP_GRO (before 5.0) answers ENOPROTOOPT.
      if (fd >= 0 && libc.setsockopt(fd, SOL_UDP, UDP_GRO, value) >= 0 && value === 1) {
        this.#gro = true;
      }
    }
  }

  setShortQueue(on: boolean): void {
    if (on === this.#hasShortQueue) return;
    this.#hasShortQueue = on;
    if (on) {
      for (const fd of [this.#fd4, this.#fd6]) {
        const bytes = fd < 0 ? 0 : receiveBuffer(fd);
        if (bytes <= SHORT_QUEUE_BYTES) continue;
        setReceiveBuffer(fd, SHORT_QUEUE_BYTES);
        this.#longBuffers.set(fd, bytes);
      }
    } else {
      for (const [fd, bytes] of this.#longBuffers) setReceiveBuffer(fd, bytes);
      this.#longBuffers.clear();
    }
  }

  receive(at: number): number {
    this.#room.set(0, at, DATAGRAM_MAX);
    if (this.#inRow === RECEIVES_IN_ROW_MAX) {
      this.#six = !this.#six;
      this.#inRow = 0;
      // If this socket is empty, the first one is read on.
      this.#gave = false;
    }
    let received = this.#receiveFrom(this.#six ? this.#fd6 : this.#fd4);
    if (received === PORT_DRAINED) {
      if (this.#gave && ++this.#seriesAlone < SERIES_ALONE_MAX) {
        this.#gave = false;
        this.#inRow = 0;
        return PORT_DRAINED;
      }
      this.#seriesAlone = 0;
      const other = this.#receiveFrom(this.#six ? this.#fd4 : this.#fd6);
      if (other !== PORT_DRAINED) this.#six = !this.#six;
      this.#inRow = 0;
      received = other;
    }
    this.#gave = received !== PORT_DRAINED;
    if (this.#gave) {
      this.#inRow++;
      this.#receives.readTo(this.sourceAt);
    }
    return received;
  }

  #receiveFrom(fd: number): number {
    if (fd < 0) return PORT_DRAINED;
    for (let i = 0; i < TRANSIENT_ERRORS_MAX; i++) {
      this.#receives.prepare();
      const received = this.#io.recvmsg(fd, this.#receives.pointer, 0);
      if (received > 0) return received;
      if (received < 0 && this.#io.errno() === EAGAIN) return PORT_DRAINED;
    }
    return PORT_DRAINED;
  }

  gather(index: number, at: number, length: number): void {
    this.#pieces.set(index, at, length);
  }

  send(count: number, segmentSize: number, cellAt: number, ecn: number): SendResult {
    const message = this.#sends;
    const family = message.addressTo(cellAt);
    const fd = this.#fdOf(family);
    if (fd < 0) {
      this.#failure = EAFNOSUPPORT;
      return SEND_FAILED;
    }
    const hasSource = this.#bytes[cellAt + 1] === family;
    if (
      count > 1 && this.#gsoRefusers.size > 0 && this.#gsoRefusers.has(this.#endpointKey(cellAt))
    ) {
      return this.#sendEach(fd, family, count, cellAt, ecn, hasSource);
    }
    message.useVectors(count);
    const segment = count > 1 ? segmentSize : 0;
    let errno = this.#sendOnce(fd, family, cellAt, ecn, segment, hasSource);
    if (errno === 0) return SEND_OK;
    if (hasSource && canSourceCause(errno)) {
      errno = this.#sendOnce(fd, family, cellAt, ecn, segment, false);
      if (errno === 0) return SEND_SOURCE_LOST;
    }
    this.#failure = errno;
    if (count === 1 || !(errno === EIO || errno === EMSGSIZE || errno === EINVAL)) {
      return SEND_FAILED;
    }
    this.#refuseGso(cellAt);
    return this.#sendEach(fd, family, count, cellAt, ecn, hasSource);
  }

  /** The errno of the last `send` that failed; 0 before the first. */
  get failure(): number {
    return this.#failure;
  }

  makeSendQueue(): UdpQueue {
    return new UdpQueue(this.#arena, (family) => this.#fdOf(family));
  }

  /** The socket of a family, given by the length of its addresses (4 or 16); -1 for none. */
  #fdOf(family: number): number {
    return family === 4 ? this.#fd4 : family === 16 ? this.#fd6 : -1;
  }

  /** Sends the pieces in use as one message. Returns 0 or the errno. */
  #sendOnce(
    fd: number,
    family: number,
    cellAt: number,
    ecn: number,
    segment: number,
    hasSource: boolean,
  ): number {
    const message = this.#sends;
    message.setControl(family, segment, hasSource ? cellAt : -1, ecn);
    for (let again = 0;; again++) {
      if (this.#io.sendmsg(fd, message.pointer, 0) >= 0) return 0;
      const errno = this.#io.errno() || EAGAIN;
      if (!mayBePending(errno, again)) return errno;
    }
  }

  /** Sends each piece as a datagram of its own. */
  #sendEach(
    fd: number,
    family: number,
    count: number,
    cellAt: number,
    ecn: number,
    hasSource: boolean,
  ): SendResult {
    const message = this.#sends;
    let sent = 0;
    let isSourceLost = false;
    for (let i = 0; i < count; i++) {
      message.useVector(this.#pieces, i);
      let errno = this.#sendOnce(fd, family, cellAt, ecn, 0, hasSource && !isSourceLost);
      if (errno !== 0 && hasSource && !isSourceLost && canSourceCause(errno)) {
        errno = this.#sendOnce(fd, family, cellAt, ecn, 0, false);
        isSourceLost = errno === 0;
      }
      if (errno === 0) sent++;
      else this.#failure = errno;
    }
    message.setVectors(this.#pieces);
    if (sent > 0 && sent < count) this.#counters?.add(COUNTER.udp_part_failed, count - sent);
    return sent === 0 ? SEND_FAILED : isSourceLost ? SEND_SOURCE_LOST : SEND_OK;
  }

  #refuseGso(cellAt: number): void {
    this.#counters?.add(COUNTER.udp_gso_refused);
    if (this.#gsoRefusers.size >= GSO_REFUSERS_MAX) {
      const [oldest] = this.#gsoRefusers;
      this.#gsoRefusers.delete(oldest);
    }
    this.#gsoRefusers.add(this.#endpointKey(cellAt));
  }

  #endpointKey(cellAt: number): string {
    // Lengths, port, scope and address, but not the local address.
    return this.#bytes.subarray(cellAt + 2, cellAt + 24).toHex();
  }
}
