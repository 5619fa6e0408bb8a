/**
 * A netlink socket. It sends a request and reads the answers up to the acknowledgement or the end
 * of the dump. It stays in the network namespace in which it was opened.
 * @module
 */
import { EAGAIN, EBADMSG, EMSGSIZE, ENOBUFS, osError } from "../base/errno.ts";
import {
  type NetlinkMessage,
  NLM_F_ACK,
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
/** The protocol of nf_tables, for the constructor. */
export const NETLINK_NETFILTER = 12;
/** The protocol of generic netlink. */
export const NETLINK_GENERIC = 16;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_LISTEN_ALL_NSID = 8;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** Bytes of the receive buffer. The kernel sends a dump in parts of at most 32 KiB. */
const RECEIVE_BYTES = 65_536;
/** How long a request waits for its answer. */
const ANSWER_TIMEOUT_MS = 5_000;
/** The most attempts of a dump that changes of the tables interrupt. */
const DUMP_ATTEMPTS = 50;

const OBJECT = "netlink socket";

/** A netlink socket. Use it from one isolate only. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;
  #closed = false;

  /**
   * Opens a socket in the calling thread's network namespace.
   * @param groups RTMGRP_* to subscribe to; a socket with groups does not block
   * @param protocol NETLINK_*; rtnetlink if it is absent
   * @param opened the descriptor of such a socket that another process opened, in its namespace
   * @throws OsError
   */
  constructor(groups = 0, protocol: number = NETLINK_ROUTE, opened?: number) {
    if (opened !== undefined) {
      this.fd = opened;
      return;
    }
    const type = libc.SOCK_RAW | libc.SOCK_CLOEXEC | (groups === 0 ? 0 : libc.SOCK_NONBLOCK);
    this.fd = checked(libc.socket(AF_NETLINK, type, protocol), "socket", OBJECT);
    try {
      checked(libc.bind(this.fd, sockaddrNetlink(0, groups)), "bind", OBJECT);
      // Kernels before 4.20 lack some of these. Errors have no text then, and dumps no filter.
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
   * Sends a request with NLM_F_ACK and calls `onMessage` for every message of the answer.
   * @param encode encodes the request with a sequence number
   * @param call the call in errors, e.g. `RTM_NEWLINK`
   * @param object the object in errors
   * @param onMessage its argument is valid during the call only
   * @throws OsError with the kernel's errno and text
   */
  request(
    encode: (sequence: number) => Uint8Array,
    call: string,
    object: string,
    onMessage: (message: NetlinkMessage) => void = () => {},
  ): void {
    const sequence = this.#send(encode, call, object);
    this.#answers(sequence, call, object, onMessage);
  }

  /**
   * Sends a batch of requests at once and reads the acknowledgement of each that asks for one.
   * @param encode encodes the requests; the first has the given sequence number, and each other one
   *   the number after that of the one before it
   * @throws OsError with the first error that the kernel reported
   */
  batch(
    encode: (sequence: number) => readonly Uint8Array[],
    call: string,
    object: string,
  ): void {
    const first = (this.#sequence + 1) >>> 0;
    const requests = encode(first);
    this.#sequence = (this.#sequence + requests.length) >>> 0;
    const whole = new Uint8Array(requests.reduce((sum, { length }) => sum + align4(length), 0));
    let at = 0;
    for (const request of requests) {
      whole.set(request, at);
      at += align4(request.length);
    }
    checked(libc.send(this.fd, whole), call, object);
    for (let left = requests.filter(asksForAck).length; left > 0;) {
      const length = checked(libc.recv(this.fd, this.#buffer, libc.MSG_TRUNC), call, object);
      if (length > this.#buffer.length) throw osError(call, object, EMSGSIZE);
      for (const message of this.#messages(length)) {
        const isOfBatch = (message.sequence - first) >>> 0 < requests.length;
        if (message.type !== NLMSG_ERROR || !isOfBatch) continue;
        throwRefusal(message, call, object);
        left--;
      }
    }
  }

  /**
   * Sends a dump request and decodes every message of the answer. A dump that a change of the
   * tables interrupted is sent again.
   * @param decode returns undefined to leave a message out; its argument is valid during the call
   *   only
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
      // After the last attempt an interrupted dump is returned as it is.
      if (whole || attempt === DUMP_ATTEMPTS) return found;
    }
  }

  /**
   * Reads all waiting messages of a subscribed socket, without blocking.
   * @returns false when the kernel dropped messages because the socket was not read in time
   * @throws OsError
   */
  pending(onMessage: (message: NetlinkMessage) => void): boolean {
    for (let whole = true;;) {
      const length = libc.recv(this.fd, this.#buffer, libc.MSG_TRUNC | libc.MSG_DONTWAIT);
      if (length === -EAGAIN) return whole;
      if (length === -ENOBUFS || length > this.#buffer.length) whole = false;
      else this.#messages(checked(length, "recv", OBJECT)).forEach(onMessage);
    }
  }

  /**
   * Switches messages of other namespaces on or off: of those that have a number (nsid) in the
   * socket's own.
   * @returns false when the kernel refuses, because CAP_NET_BROADCAST is required
   */
  listenEverywhere(on: boolean): boolean {
    return libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, on ? 1 : 0) >= 0;
  }

  /** Closes the socket. Further calls do nothing. */
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

  /**
   * Reads answers up to the acknowledgement or the end of the dump. Answers to earlier requests are
   * skipped. Returns false when the dump was interrupted.
   */
  #answers(
    sequence: number,
    call: string,
    object: string,
    onMessage: (message: NetlinkMessage) => void,
  ): boolean {
    let whole = true;
    while (true) {
      const length = checked(libc.recv(this.fd, this.#buffer, libc.MSG_TRUNC), call, object);
      if (length > this.#buffer.length) throw osError(call, object, EMSGSIZE);
      for (const message of this.#messages(length)) {
        if (message.sequence !== sequence || message.type === NLMSG_NOOP) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) whole = false;
        if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) {
          onMessage(message);
          continue;
        }
        throwRefusal(message, call, object);
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

const align4 = (length: number): number => (length + 3) & ~3;

/** Whether the request has NLM_F_ACK. Its flags are bytes 6 and 7. */
const asksForAck = (request: Uint8Array): boolean => (request[6] & NLM_F_ACK) !== 0;

/** @throws OsError if the answer is an error, or malformed */
function throwRefusal(message: NetlinkMessage, call: string, object: string): void {
  const verdict = readVerdict(message);
  if (verdict === undefined) throw osError(call, object, EBADMSG);
  if (verdict.errno !== 0) throw osError(call, object, verdict.errno, verdict.detail);
}
