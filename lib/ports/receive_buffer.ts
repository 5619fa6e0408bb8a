/**
 * The receive buffer of a socket (socket(7)): how much of what was not yet read the kernel keeps.
 * @module
 */
import * as libc from "../../ffi/libc.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;

/**
 * Sets the receive buffer to `bytes`. What is in it stays. Without CAP_NET_ADMIN in the first user
 * namespace it becomes at most as large as net.core.rmem_max.
 *
 * @example
 * setReceiveBuffer(fd, 512 << 10);
 */
export function setReceiveBuffer(fd: number, bytes: number): void {
  if (libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) < 0) {
    libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  }
}

/**
 * The bytes that the receive buffer was set to; 0 when the kernel does not tell.
 *
 * @example
 * receiveBuffer(fd); // 7340032
 */
export function receiveBuffer(fd: number): number {
  // The kernel doubles what is set, to have room for its own structures.
  return (libc.getsockopt(fd, SOL_SOCKET, SO_RCVBUF) ?? 0) / 2;
}
