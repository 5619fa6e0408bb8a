/**
 * The two ends of the data plane, as it sees them: the TUN device and the UDP sockets. Implementations are in lib/ports (Linux through FFI) and lib/embed (portable).
 * All offsets are bytes into the arena that both sides were made with. Nothing here blocks, throws on traffic, or allocates a packet.
 * @module
 */

/** Bytes of a struct virtio_net_hdr, which stands before every packet of a TunPort. */
export const VNET_HEADER_BYTES = 10;
/** Pieces that one `TunPort.write` or `UdpPort.send` gathers at most. */
export const GATHER_MAX = 256;

/** Nothing was there to read, or the packet was dropped because a queue was full. */
export const PORT_DRAINED = 0;
/** The device is gone for good. */
export const PORT_GONE: number = -1;

/** A TUN device. What is read and written is a virtio_net_hdr (all zeros where offloads are off) and an IP packet, perhaps a TSO/USO super-packet. */
export interface TunPort {
  /** Whether the device agreed to hand out and take super-packets of TCP. */
  readonly tso: boolean;
  /** Whether it hands out and takes super-packets of UDP. */
  readonly uso: boolean;
  /** How many queues it has: with two, QUEUE_BULK gets the packets of flows that were last written to it (bulk_flows.ts). */
  readonly queues: 1 | 2;
  /** Reads header and packet from a queue to `at` (room: 10 + 65535 bytes). Returns the bytes read with the header, PORT_DRAINED or PORT_GONE. */
  read(at: number, queue: number): number;
  /** Names piece `index` of the next write. */
  gather(index: number, at: number, length: number): void;
  /**
   * Writes pieces 0 to count - 1 as one (super-)packet to a queue; piece 0 begins with the virtio_net_hdr. Returns false only when the device refused its form (EINVAL):
   * the caller may write it another way. A packet lost for another reason (no memory, link down) gives true.
   */
  write(count: number, queue: number): boolean;
}

/** The UDP sockets of both families on one port. */
export interface UdpPort {
  /** Whether `send` may be given several datagrams at once. */
  readonly gso: boolean;
  /** Whether `receive` may deliver several datagrams. */
  readonly gro: boolean;
  /** Lets `receive` deliver several where that can be, or keeps it from that. A port that never does needs none. */
  setGro?(on: boolean): void;
  /** Most datagrams that one `send` takes. */
  readonly segmentsMax: number;
  /** Most bytes that one `send` takes. */
  readonly bytesMax: number;
  /** Of the last `receive`: bytes of each datagram in the run (the last may be shorter); the whole length when there is one. */
  readonly segmentSize: number;
  /** Of the last `receive`: ECN bits of the outer header, 0 to 3. */
  readonly ecn: number;
  /** Of the last `receive`: where the run came from and was written to, as an endpoint cell (lib/base/endpoint.ts) at this constant offset. */
  readonly sourceAt: number;
  /** Receives a run of datagrams of one flow to `at` (room: 65535 bytes). Returns the bytes received or PORT_DRAINED. Empty datagrams and transient errors are passed over. */
  receive(at: number): number;
  /** Names piece `index`, one datagram, of the next send. */
  gather(index: number, at: number, length: number): void;
  /**
   * Sends pieces 0 to count - 1, each a datagram of `segmentSize` bytes (the last may be shorter), to the endpoint cell at `cellAt` with these ECN bits
   * (the whole TOS byte for handshake messages).
   * When the cell's local address no longer works the port sends without it and returns `SEND_SOURCE_LOST`; the caller forgets it.
   */
  send(count: number, segmentSize: number, cellAt: number, ecn: number): SendResult;
  /**
   * Makes a queue for single datagrams one after the other, to endpoints of their own; whoever
   * sends
   * such makes one. A port where a call for each costs no more has none.
   */
  makeSendQueue?(): SendQueue;
}

/** Datagrams that are sent together, in order. */
export interface SendQueue {
  /** How many there may be. */
  readonly max: number;
  /** Makes datagram `index` of the next `send`, to the endpoint cell at `cellAt` as it is now. The datagram itself stays where it is until then. */
  put(index: number, at: number, length: number, cellAt: number, ecn: number): void;
  /** Sends datagrams 0 to count - 1. */
  send(count: number): void;
  /** What became of datagram `index` of the last `send`. */
  result(index: number): SendResult;
}

/** What became of a send. */
export const SEND_OK = 0;
/** Dropped: no route, no buffer space, refused. */
export const SEND_FAILED = 1;
/** Sent, but not from the cached local address, which is to be forgotten. */
export const SEND_SOURCE_LOST = 2;
/** SEND_OK, SEND_FAILED or SEND_SOURCE_LOST. */
export type SendResult = 0 | 1 | 2;
