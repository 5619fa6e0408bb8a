/**
 * The interfaces of the TUN device and the UDP sockets that the data plane uses. lib/ports
 * implements them for Linux, lib/embed portably.
 *
 * All offsets are in bytes from the start of the arena, which the data plane and the ports share.
 * An implementation does not block, does not throw because of traffic, and does not allocate
 * packets.
 * @module
 */

/** Bytes of a struct virtio_net_hdr, which precedes every packet of a TunPort. */
export const VNET_HEADER_BYTES = 10;
/** The most pieces of one `TunPort.write` or `UdpPort.send`. */
export const GATHER_MAX = 256;

/** The result when there is nothing to read. */
export const PORT_DRAINED = 0;
/** The result when the device was deleted. */
export const PORT_GONE: number = -1;

/**
 * A TUN device. A packet that is read or written is a virtio_net_hdr (zeros without offloads) and
 * an IP packet, which may be a TSO or USO super-packet.
 */
export interface TunPort {
  /** Whether TCP super-packets are read and written. */
  readonly tso: boolean;
  /** Whether UDP super-packets are read and written. */
  readonly uso: boolean;
  /** The number of queues: one, or two for each data plane that sends (bulk_flows.ts). */
  readonly queues: number;
  /**
   * Whether the queue takes packets only while the link is up. The packets in it at the time of the
   * command that says so were queued after the link went up, and are sent.
   */
  readonly gated?: boolean;
  /**
   * Reads a header and a packet from a queue to `at`, where 10 + 65535 bytes are free. Returns the
   * bytes read, header included, or PORT_DRAINED or PORT_GONE.
   */
  read(at: number, queue: number): number;
  /** Sets piece `index` of the next write. */
  gather(index: number, at: number, length: number): void;
  /**
   * Writes pieces 0 to count - 1 as one packet to a queue. Piece 0 begins with the virtio_net_hdr.
   * @returns false when the device refused the form of the packet (EINVAL), so that the caller may
   *   write it in another form; true also when the packet was lost for another reason
   */
  write(count: number, queue: number): boolean;
}

/** The UDP sockets of both families on one port. */
export interface UdpPort {
  /** Whether one `send` may carry several datagrams. */
  readonly gso: boolean;
  /** Whether one `receive` may return several datagrams. */
  readonly gro: boolean;
  /** Switches GRO on or off. A port without GRO has no such method. */
  setGro?(on: boolean): void;
  /**
   * Makes the queue of what was not yet received short, or as long as it was. What is in it stays.
   * A port whose queue is no socket's has no such method.
   */
  setShortQueue?(on: boolean): void;
  /** The most datagrams of one `send`. */
  readonly segmentsMax: number;
  /** The most bytes of one `send`. */
  readonly bytesMax: number;
  /**
   * Bytes of each datagram of the last run received; the last datagram may be shorter. For a single
   * datagram it is 0, or its length.
   */
  readonly segmentSize: number;
  /** The ECN bits of the last run received, 0 to 3. */
  readonly ecn: number;
  /**
   * The offset of an endpoint cell (lib/base/endpoint.ts), which is constant. `receive` writes the
   * source of the run and the local address to the cell.
   */
  readonly sourceAt: number;
  /**
   * Receives a run of datagrams with the same source to `at`, where 65535 bytes are free. Returns
   * the bytes received, or PORT_DRAINED. Empty datagrams and transient errors are skipped.
   */
  receive(at: number): number;
  /** Sets piece `index`, a datagram, of the next send. */
  gather(index: number, at: number, length: number): void;
  /**
   * Sends pieces 0 to count - 1 to the endpoint cell at `cellAt`.
   * @param segmentSize bytes of each datagram; the last may be shorter
   * @param ecn the ECN bits, or the whole TOS byte for handshake messages
   * @returns SEND_SOURCE_LOST when the datagrams could only be sent without the cell's local
   *   address, which the caller then clears
   */
  send(count: number, segmentSize: number, cellAt: number, ecn: number): SendResult;
  /** The errno of the last `send` that failed; absent where there is no errno. */
  readonly failure?: number;
  /**
   * Makes a queue for single datagrams to different endpoints. Every user of a queue makes one. A
   * port to which a queue gives no advantage has no such method.
   */
  makeSendQueue?(): SendQueue;
}

/** A queue of datagrams that are sent together, in order. */
export interface SendQueue {
  /** The most datagrams in the queue. */
  readonly max: number;
  /**
   * Sets datagram `index` of the next `send`. The endpoint cell is copied now. The datagram is not
   * copied, so it must stay in memory until it is sent.
   */
  put(index: number, at: number, length: number, cellAt: number, ecn: number): void;
  /** Sends datagrams 0 to count - 1. */
  send(count: number): void;
  /** The result of datagram `index` of the last `send`. */
  result(index: number): SendResult;
  /** The errno of datagram `index`, if its result is SEND_FAILED. */
  failure?(index: number): number;
}

/** The datagrams were sent. */
export const SEND_OK = 0;
/** The datagrams were dropped: there was no route or no buffer, or a firewall refused them. */
export const SEND_FAILED = 1;
/** The datagrams were sent without the cached local address, which no longer works. */
export const SEND_SOURCE_LOST = 2;
/** SEND_OK, SEND_FAILED or SEND_SOURCE_LOST. */
export type SendResult = 0 | 1 | 2;
