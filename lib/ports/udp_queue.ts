/**
 * Sends datagrams to several endpoints with one sendmmsg(2). GSO does not help single datagrams,
 * and a system call for each of them would cost a quarter more.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EHOSTUNREACH,
  EINVAL,
  ENETUNREACH,
} from "../base/errno.ts";
import {
  SEND_FAILED,
  SEND_OK,
  SEND_SOURCE_LOST,
  type SendQueue,
  type SendResult,
} from "../data/ports.ts";
import { arenaPointer, type PacketIo, packetIo } from "../../ffi/packet_io.ts";
import { mayBePending } from "./error_queue.ts";
import { IoVectors } from "./io_vectors.ts";
import { MMSGHDR_BYTES, UdpMessage } from "./udp_message.ts";

const QUEUE_MAX = 32;

/** A queued datagram, with memory for its address and control messages. */
class Queued {
  readonly message: UdpMessage;
  readonly pieces: IoVectors;
  readonly pointer: Deno.PointerValue;
  family = 0;
  ecn = 0;
  hasSource = false;
  result: SendResult = SEND_OK;
  /** The errno when `result` is SEND_FAILED. */
  failure = 0;

  constructor(arena: Arena, at: number) {
    this.message = new UdpMessage(arena, at);
    this.pieces = new IoVectors(arena, 1);
    this.message.setVectors(this.pieces);
    this.message.useVectors(1);
    this.pointer = arenaPointer(arena, at);
  }
}

/** A SendQueue on the sockets of both families. */
export class UdpQueue implements SendQueue {
  readonly max = QUEUE_MAX;
  readonly #fdOf: (family: number) => number;
  readonly #bytes: Uint8Array;
  readonly #io: PacketIo = packetIo();
  readonly #queued: readonly Queued[];

  /**
   * @param fdOf returns the present socket of a family (4 or 16), or -1; sockets may be replaced
   *   while datagrams are queued
   */
  constructor(arena: Arena, fdOf: (family: number) => number) {
    this.#bytes = arena.bytes;
    this.#fdOf = fdOf;
    const at = arena.allocate(QUEUE_MAX * MMSGHDR_BYTES);
    this.#queued = Array.from(
      { length: QUEUE_MAX },
      (_, i) => new Queued(arena, at + i * MMSGHDR_BYTES),
    );
  }

  put(index: number, at: number, length: number, cellAt: number, ecn: number): void {
    const queued = this.#queued[index];
    const { message } = queued;
    queued.pieces.set(0, at, length);
    queued.family = message.addressTo(cellAt);
    queued.ecn = ecn;
    queued.hasSource = this.#bytes[cellAt + 1] === queued.family;
    message.setControl(queued.family, 0, queued.hasSource ? cellAt : -1, ecn);
  }

  /**
   * Sends the queued datagrams. Each call sends datagrams of one family. A datagram at which the
   * kernel stops is sent again alone.
   */
  send(count: number): void {
    let from = 0;
    while (from < count) {
      const first = this.#queued[from];
      let to = from + 1;
      while (to < count && this.#queued[to].family === first.family) to++;
      const fd = this.#fdOf(first.family);
      const sent = fd < 0 ? 0 : Math.max(0, this.#io.sendmmsg(fd, first.pointer, to - from, 0));
      for (let i = 0; i < sent; i++) this.#queued[from + i].result = SEND_OK;
      from += sent;
      if (from < to) {
        const stopped = this.#queued[from++];
        stopped.result = this.#sendAlone(stopped);
      }
    }
  }

  result(index: number): SendResult {
    return this.#queued[index].result;
  }

  failure(index: number): number {
    return this.#queued[index].failure;
  }

  #sendAlone(queued: Queued): SendResult {
    const { message, hasSource } = queued;
    const fd = this.#fdOf(queued.family);
    queued.failure = fd < 0 ? EAFNOSUPPORT : this.#sendOnce(fd, queued);
    if (queued.failure === 0) return SEND_OK;
    if (!hasSource || !canSourceCause(queued.failure)) return SEND_FAILED;
    message.setControl(queued.family, 0, -1, queued.ecn);
    queued.failure = this.#sendOnce(fd, queued);
    return queued.failure === 0 ? SEND_SOURCE_LOST : SEND_FAILED;
  }

  /** Sends a datagram. Returns 0 or the errno. */
  #sendOnce(fd: number, { pointer }: Queued): number {
    for (let again = 0;; again++) {
      if (this.#io.sendmsg(fd, pointer, 0) >= 0) return 0;
      const errno = this.#io.errno() || EAGAIN;
      if (!mayBePending(errno, again)) return errno;
    }
  }
}

/**
 * Whether a wrong source address can be the reason why a send failed: the address is no longer
 * local, or a rule for it is `unreachable` or `prohibit`.
 */
export function canSourceCause(errno: number): boolean {
  return errno === EINVAL || errno === ENETUNREACH || errno === EADDRNOTAVAIL ||
    errno === EHOSTUNREACH ||
    errno === EACCES;
}
