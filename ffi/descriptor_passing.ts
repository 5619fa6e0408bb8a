/**
 * Passes descriptors between processes by datagrams of Unix sockets (unix(7), SCM_RIGHTS).
 * @module
 */
import { EMSGSIZE } from "../lib/base/errno.ts";
import { addressOf, call } from "./libc.ts";
import * as libc from "./libc.ts";
import { connectUnix, unixAddress } from "./unix_socket.ts";

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x08;
const MSG_TRUNC = 0x20;
const MSG_CMSG_CLOEXEC = 0x4000_0000;

/** The most descriptors of a message, and the most bytes of its text. */
export const PASSED_MAX = 40;
export const PASSED_TEXT_MAX = 1024;

/** struct msghdr and struct cmsghdr of 64-bit machines. */
const MSGHDR_BYTES = 56;
const CMSGHDR_BYTES = 16;
const CONTROL_BYTES = CMSGHDR_BYTES + 4 * PASSED_MAX;

/** A message with descriptors. */
export interface Passed {
  readonly text: string;
  readonly descriptors: readonly number[];
}

/** A struct msghdr of one piece of data and a control message, and the memory it points to. */
function messageHeader(data: Uint8Array, control: Uint8Array) {
  const piece = new Uint8Array(BigUint64Array.of(addressOf(data), BigInt(data.length)).buffer);
  const header = new Uint8Array(MSGHDR_BYTES);
  const view = new DataView(header.buffer);
  view.setBigUint64(16, addressOf(piece), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, addressOf(control), true);
  view.setBigUint64(40, BigInt(control.length), true);
  return { header, view, piece };
}

/**
 * Sends a message to the socket at a path. It waits in the socket's queue. Close the descriptors
 * afterwards; the message has copies.
 * @returns 0 or more, or a negated errno: -EAGAIN when the queue is full
 */
export function passDescriptors(path: string, { text, descriptors }: Passed): number {
  const data = new TextEncoder().encode(text);
  if (data.length > PASSED_TEXT_MAX || descriptors.length > PASSED_MAX) return -EMSGSIZE;
  const socket = connectUnix(path, libc.SOCK_DGRAM);
  if (socket < 0) return socket;
  const control = new Uint8Array(CMSGHDR_BYTES + 8 * Math.ceil(descriptors.length / 2));
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(CMSGHDR_BYTES + 4 * descriptors.length), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  descriptors.forEach((fd, i) => view.setInt32(CMSGHDR_BYTES + 4 * i, fd, true));
  const { header, piece } = messageHeader(data, control);
  const result = call("sendmsg", socket, header, 0, piece, control, data);
  libc.close(socket);
  return result;
}

/** A socket that receives messages with descriptors. */
export class DescriptorInbox {
  readonly #socket: number;

  private constructor(socket: number) {
    this.#socket = socket;
  }

  /**
   * Makes the socket at a path, with the mode that the umask leaves. There must be no file.
   * @returns the inbox, or a negated errno
   */
  static open(path: string): DescriptorInbox | number {
    const address = unixAddress(path);
    if (typeof address === "number") return address;
    const type = libc.SOCK_DGRAM | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC;
    const socket = libc.socket(AF_UNIX, type, 0);
    if (socket < 0) return socket;
    const result = libc.bind(socket, address);
    if (result >= 0) return new DescriptorInbox(socket);
    libc.close(socket);
    return result;
  }

  /**
   * The next message; undefined when none waits. The descriptors are closed on exec. Those of a
   * message that is too long are closed, and its text is empty.
   */
  receive(): Passed | undefined {
    const data = new Uint8Array(PASSED_TEXT_MAX);
    const control = new Uint8Array(CONTROL_BYTES);
    const { header, view, piece } = messageHeader(data, control);
    const length = call("recvmsg", this.#socket, header, MSG_CMSG_CLOEXEC, piece, control, data);
    if (length < 0) return undefined;
    const descriptors = descriptorsIn(control.subarray(0, Number(view.getBigUint64(40, true))));
    if ((view.getInt32(48, true) & (MSG_CTRUNC | MSG_TRUNC)) === 0) {
      return { text: new TextDecoder().decode(data.subarray(0, length)), descriptors };
    }
    for (const fd of descriptors) libc.close(fd);
    return { text: "", descriptors: [] };
  }

  close(): void {
    libc.close(this.#socket);
  }
}

/** The descriptors of the first control message. */
function descriptorsIn(control: Uint8Array): number[] {
  if (control.length < CMSGHDR_BYTES) return [];
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  const isRights = view.getInt32(8, true) === SOL_SOCKET && view.getInt32(12, true) === SCM_RIGHTS;
  if (!isRights) return [];
  const end = Math.min(control.length, Number(view.getBigUint64(0, true)));
  return Array.from(
    { length: Math.max(0, Math.floor((end - CMSGHDR_BYTES) / 4)) },
    (_, i) => view.getInt32(CMSGHDR_BYTES + 4 * i, true),
  );
}
