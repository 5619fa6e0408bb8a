/**
 * The connections that a listening Unix socket of this process has accepted, and the processes at
 * their other ends.
 * @module
 */
import { EBADF } from "../lib/base/errno.ts";
import * as libc from "./libc.ts";
import { peerCredentials, unixAddress } from "./unix_socket.ts";

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SO_COOKIE = 57;
const SOCKADDR_UN_BYTES = 110;

/** A connection, and the process that connected. */
export interface AcceptedSocket {
  /** The kernel's number of the socket, which no other socket gets (SO_COOKIE). */
  readonly cookie: bigint;
  /** 0 when the process is in another process namespace. */
  readonly pid: number;
  readonly uid: number;
}

/** Finds out about descriptors. */
export class AcceptedSockets {
  readonly #bound: Uint8Array;
  readonly #name = new Uint8Array(SOCKADDR_UN_BYTES);

  /** @param path the path to which the listening socket was bound */
  constructor(path: string) {
    const bound = unixAddress(path);
    this.#bound = typeof bound === "number" ? new Uint8Array() : bound;
  }

  /**
   * The connection of a descriptor; `closed` when the descriptor is not open, and `other` when it
   * is something else than a connection that the socket has accepted.
   */
  at(fd: number): AcceptedSocket | "closed" | "other" {
    // An accepted socket has the address of the one that listens.
    this.#name.fill(0);
    const result = libc.getsockname(fd, this.#name);
    if (result < 0) return result === -EBADF ? "closed" : "other";
    if (this.#bound.length === 0) return "other";
    for (let i = 0; i < this.#bound.length; i++) {
      if (this.#name[i] !== this.#bound[i]) return "other";
    }
    if (libc.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN) !== 0) return "other";
    const cookie = new Uint8Array(8);
    if (libc.getsockoptBytes(fd, SOL_SOCKET, SO_COOKIE, cookie) < 0) return "other";
    const credentials = peerCredentials(fd);
    if (credentials === undefined) return "other";
    return { cookie: new DataView(cookie.buffer).getBigUint64(0, true), ...credentials };
  }
}
