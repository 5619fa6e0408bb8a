/**
 * Two UDP sockets (IPv4 and V6ONLY IPv6) as the data plane's UdpPort: GSO, GRO, packet info, ECN.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { DATAGRAM_MAX } from "../base/constants.ts";
import type { Counters } from "../base/counter_block.ts";
import { COUNTER } from "../base/counters.ts";
import { ENDPOINT_CELL_BYTES } from "../base/endpoint.ts";
import { EAGAIN, EINVAL, EIO, EMSGSIZE } from "../base/errno.ts";
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
import { IoVectors } from "./io_vectors.ts";
import { canSourceCause, UdpQueue } from "./udp_queue.ts";
import { SOL_IP, SOL_IPV6, SOL_UDP, UDP_GRO, UDP_SEGMENT, UdpMessage } from "./udp_message.ts";

const IP_PKTINFO = 8;
const IP_RECVTOS = 13;
const IPV6_RECVPKTINFO = 49;
const IPV6_RECVTCLASS = 66;

/** Endpoints that GSO is switched off for; the oldest is tried again when there are more. */
const GSO_REFUSERS_MAX = 256;
/** Series of receives of one family, each till it is drained, before the other is asked. */
const SERIES_ALONE_MAX = 4;
/** Receives that failed in a row before the socket counts as drained. */
const TRANSIENT_ERRORS_MAX = 16;

/** Offloads to leave off for good although the kernel has them. */
export type UdpOffloads = Partial<Pick<Offloads, "gso" | "gro">>;

/** Sends and receives by sendmsg and recvmsg on nonblocking descriptors, which the caller opens, binds and closes. Socket options for what is received are set here. */
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
  readonly #arena: Arena;
  #gso = false;
  #gro = false;
  /** Kept for the sockets that come after these. */
  #wantsGro = true;
  #fd4 = -1;
  #fd6 = -1;
  /** The family that gave something last is asked first, and alone while it gives something; but not for ever. */
  #six = false;
  #gave = false;
  #seriesAlone = 0;

  /**
   * @param fd4 @param fd6 descriptors, or -1 for a family that is not there
   * @param counters where sends of several datagrams that do not go as one are counted
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

  /** Goes over to other sockets (another port, or another network namespace). The old ones may be closed afterwards. */
  replace(fd4: number, fd6: number): void {
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

  /** Goes over to other sockets as they are, only to send on them. */
  use(fd4: number, fd6: number): void {
    this.#fd4 = fd4;
    this.#fd6 = fd6;
  }

  /** Of runs that already wait in a socket the kernel no longer tells the segments' size once it is off: they are lost. */
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

  receive(at: number): number {
    this.#room.set(0, at, DATAGRAM_MAX);
    let received = this.#receiveFrom(this.#six ? this.#fd6 : this.#fd4);
    if (received === PORT_DRAINED) {
      if (this.#gave && ++this.#seriesAlone < SERIES_ALONE_MAX) {
        this.#gave = false;
        return PORT_DRAINED;
      }
      this.#seriesAlone = 0;
      const other = this.#receiveFrom(this.#six ? this.#fd4 : this.#fd6);
      if (other !== PORT_DRAINED) this.#six = !this.#six;
      received = other;
    }
    this.#gave = received !== PORT_DRAINED;
    if (this.#gave) this.#receives.readTo(this.sourceAt);
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
    if (fd < 0) return SEND_FAILED;
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
    if (count === 1 || !(errno === EIO || errno === EMSGSIZE || errno === EINVAL)) {
      return SEND_FAILED;
    }
    this.#refuseGso(cellAt);
    return this.#sendEach(fd, family, count, cellAt, ecn, hasSource);
  }

  makeSendQueue(): UdpQueue {
    return new UdpQueue(this.#arena, (family) => this.#fdOf(family));
  }

  /** The socket of a family, given by its address length; -1 for none. */
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
    return this.#io.sendmsg(fd, message.pointer, 0) >= 0 ? 0 : this.#io.errno() || EAGAIN;
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
