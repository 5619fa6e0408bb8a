/**
 * What waits in UDP sockets, and how many datagrams the kernel dropped because one was full.
 * @module
 */
import * as libc from "../../ffi/libc.ts";
import { type OpenedUdp, pairsOf } from "./open_udp.ts";

const SOL_SOCKET = 1;
/** socket(7): nine 32-bit words about the socket's memory (include/uapi/linux/sock_diag.h). */
const SO_MEMINFO = 55;
const WORDS = 9;
const [RMEM_ALLOC, WMEM_ALLOC, DROPS] = [0, 2, 8];

/** The state of the queues of an interface's sockets. */
export interface UdpWaiting {
  /** Bytes of kernel memory of received datagrams that were not read yet. */
  readonly receiveBytes: number;
  /** Bytes of kernel memory of datagrams that were not sent yet. */
  readonly sendBytes: number;
  /** Datagrams that were dropped since the sockets were opened: their queue was full. */
  readonly dropped: number;
}

/** Reads the queues of the sockets. A kernel that does not tell (before 4.12) gives zeros. */
export function udpWaiting(sockets: OpenedUdp): UdpWaiting {
  const words = new Uint32Array(WORDS);
  let [receiveBytes, sendBytes, dropped] = [0, 0, 0];
  for (const fd of pairsOf(sockets).flatMap(({ fd4, fd6 }) => [fd4, fd6])) {
    if (fd < 0) continue;
    words.fill(0);
    if (libc.getsockoptBytes(fd, SOL_SOCKET, SO_MEMINFO, new Uint8Array(words.buffer)) < 0) {
      continue;
    }
    receiveBytes += words[RMEM_ALLOC];
    sendBytes += words[WMEM_ALLOC];
    dropped += words[DROPS];
  }
  return { receiveBytes, sendBytes, dropped };
}
