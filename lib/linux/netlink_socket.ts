/**
 * A NETLINK_ROUTE socket: one request, its answers, its verdict. It stays in the network namespace it was opened in.
 * @module
 */
import { EAGAIN, EBADMSG, EMSGSIZE, ENOBUFS, osError } from "../base/errno.ts";
import {
  type NetlinkMessage,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  readMessages,
  readVerdict,
} from "../netlink/message.ts";
import { checked } from "../../ffi/errno.ts";
import * as libc from "../../ffi/libc.ts";
import { AF_NETLINK, sockaddrNetlink, timespec } from "../../ffi/structs.ts";

const NETLINK_ROUTE = 0;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_LISTEN_ALL_NSID = 8;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** The kernel fills at most 32 KiB in one part of a dump. */
const RECEIVE_BYTES = 65_536;
/** A kernel that does not answer for this long is not going to. */
const ANSWER_TIMEOUT_MS = 5_000;
/** How often a dump is begun again when the tables changed under it. */
const DUMP_ATTEMPTS = 50;

const OBJECT = "netlink route socket";

/** See the module. Not safe for use from two isolates at once. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;
  #closed = false;

  /**
   * Opens a socket in the calling thread's network namespace.
   * @param groups RTMGRP_* to subscribe to; with any, the socket does not block
   * @throws OsError
   */
  constructor(groups = 0) {
    const type = libc.SOCK_RAW | libc.SOCK_CLOEXEC | (groups === 0 ? 0 : libc.SOCK_NONBLOCK);
    this.fd = checked(libc.socket(AF_NETLINK, type, NETLINK_ROUTE), "socket", OBJECT);
    try {
      checked(libc.bind(this.fd, sockaddrNetlink(0, groups)), "bind", OBJECT);
      // Kernels before 4.20 lack some of these; then errors come without a sentence, and dumps without a filter.
      libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
      libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
      libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
      libc.setsockoptBytes(this.fd, SOL_SOCKET, SO_RCVTIMEO, timespec(ANSWER_TIMEOUT_MS, 1000));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Makes a request with NLM_F_ACK and hands every message of its answer to `take`, whose views last as long as the call.
   * @param encode the request with the sequence number it is given
   * @param call and object: for the error
   * @throws OsError with the kernel's errno and sentence
   */
  request(
    encode: (sequence: number) => Uint8Array,
    call: string,
    object: string,
    take: (message: NetlinkMessage) => void = () => {},
  ): void {
    const sequence = this.#send(encode, call, object);
    this.#answers(sequence, call, object, take);
  }

  /**
   * Makes a dump request and decodes every message of the answer; begun again when the kernel says that it was interrupted.
   * @param decode undefined leaves a message out; it must not keep views of it
   * @throws OsError
   */
  dump<T>(
    encode: (sequence: number) => Uint8Array,
    call: string,
    object: string,
    decode: (message: NetlinkMessage) => T | undefined,
  ): T[] {
    for (let attempt = 1;; attempt++) {
      const found: T[] = [];
      const sequence = this.#send(encode, call, object);
      const whole = this.#answers(sequence, call, object, (message) => {
        const decoded = decode(message);
        if (decoded !== undefined) found.push(decoded);
      });
      // Tables that never stand still are given as they were seen last.
      if (whole || attempt === DUMP_ATTEMPTS) return found;
    }
  }

  /**
   * What a subscribed socket holds, without waiting.
   * @returns false when the kernel dropped messages because nobody read for long
   * @throws OsError
   */
  pending(take: (message: NetlinkMessage) => void): boolean {
    for (let whole = true;;) {
      const length = libc.recv(this.fd, this.#buffer, libc.MSG_TRUNC | libc.MSG_DONTWAIT);
      if (length === -EAGAIN) return whole;
      if (length === -ENOBUFS || length > this.#buffer.length) whole = false;
      else this.#messages(checked(length, "recv", OBJECT)).forEach(take);
    }
  }

  /**
   * Whether a subscribed socket also gets the messages of other namespaces, those that have a number in its own.
   * @returns false when the kernel refuses: that needs CAP_NET_BROADCAST
   */
  listenEverywhere(on: boolean): boolean {
    return libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, on ? 1 : 0) >= 0;
  }

  /** Closes the socket. Harmless the second time. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    libc.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #send(encode: (sequence: number) => Uint8Array, call: string, object: string): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    checked(libc.send(this.fd, encode(this.#sequence)), call, object);
    return this.#sequence;
  }

  /** Reads up to the verdict. Returns false when a dump was interrupted. Answers to earlier requests are passed over. */
  #answers(
    sequence: number,
    call: string,
    object: string,
    take: (message: NetlinkMessage) => void,
  ): boolean {
    let whole = true;
    while (true) {
      const length = checked(libc.recv(this.fd, this.#buffer, libc.MSG_TRUNC), call, object);
      if (length > this.#buffer.length) throw osError(call, object, EMSGSIZE);
      for (const message of this.#messages(length)) {
        if (message.sequence !== sequence || message.type === NLMSG_NOOP) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) whole = false;
        if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) {
          take(message);
          continue;
        }
        const verdict = readVerdict(message);
        if (verdict === undefined) throw osError(call, object, EBADMSG);
        if (verdict.errno !== 0) throw osError(call, object, verdict.errno, verdict.detail);
        return whole;
      }
    }
  }

  #messages(length: number): NetlinkMessage[] {
    const messages = readMessages(this.#buffer.subarray(0, length));
    if (messages === undefined) throw osError("recv", OBJECT, EBADMSG);
    return messages;
  }
}
