/**
 * The data plane's UdpPort over Deno.listenDatagram, without FFI and privileges, one datagram at a
 * time. It requires `--unstable-net` (or `"unstable": ["net"]`) and `--allow-net`. It has no packet
 * info and no ECN: the kernel chooses the source address.
 * @module
 */
import type { Arena } from "../base/arena.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  readEndpointCell,
  writeEndpointCell,
} from "../base/endpoint.ts";
import { errnoNumber, osError } from "../base/errno.ts";
import { ConfigError } from "../base/errors.ts";
import { formatIp, parseIp } from "../base/ip_text.ts";
import {
  GATHER_MAX,
  PORT_DRAINED,
  SEND_FAILED,
  SEND_OK,
  type SendResult,
  type UdpPort,
} from "../data/ports.ts";

/**
 * The largest number of received datagrams that wait, and of datagrams that are being sent. Further
 * datagrams are dropped, as with a full socket buffer.
 */
export const PORTABLE_QUEUE_MAX = 1024;

interface Received {
  readonly bytes: Uint8Array;
  readonly source: Endpoint;
}

/**
 * A UDP socket of the runtime for both families, or for IPv4 only where there is no IPv6.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Arena } from "../base/arena.ts";
 * import { PortableUdp } from "./portable_udp.ts";
 *
 * const arena = new Arena(1 << 20);
 * const udp = new PortableUdp(arena, 0, "127.0.0.1");
 * const came = new Promise<void>((resolve) => udp.wake = resolve);
 * udp.sendDatagram(Uint8Array.of(1, 2, 3), udp.local);
 * await came;
 * assert.ok(udp.receive(arena.allocate(65_535)) === 3);
 * await udp.close();
 * ```
 */
export class PortableUdp implements UdpPort {
  /** Each send has one datagram. */
  readonly gso = false;
  /** Each receive has one datagram. */
  readonly gro = false;
  /** Each send has one datagram. */
  readonly segmentsMax = 1;
  /** The longest UDP payload over IPv4. */
  readonly bytesMax = 65_507;
  /** The length of the last received datagram in bytes. */
  segmentSize = 0;
  /** The runtime does not report ECN bits. */
  readonly ecn = 0;
  /** The offset of the cell with the source of the last datagram. */
  readonly sourceAt: number;
  /** The local address and port. */
  readonly local: Endpoint;
  /** Called after a datagram arrived, so that the driver of the data plane takes a turn. */
  wake: () => void = () => {};
  /** The number of datagrams that did not fit into a queue. */
  dropped = 0;
  readonly #arena: Arena;
  readonly #socket: Deno.DatagramConn;
  /** Whether the socket is an IPv6 socket that serves IPv4 too, by mapped addresses. */
  readonly #mapped: boolean;
  /** The lengths in bytes of the addresses that the socket can reach. */
  readonly #families: readonly number[];
  readonly #queue: Received[] = [];
  readonly #at = new Int32Array(GATHER_MAX);
  readonly #length = new Int32Array(GATHER_MAX);
  readonly #receiving: Promise<void>;
  #sending = 0;
  #closed = false;
  #closing: Promise<void> | undefined;
  /** Called when the last send ended after the socket was closed. */
  #sent: () => void = () => {};

  /**
   * Binds a socket and receives from then on.
   * @param arena the memory that datagrams are received into and sent from
   * @param port 0 picks a free one
   * @param hostname the address to bind to; without it all of both families
   * @throws OsError `EADDRINUSE` and others that bind(2) gives
   */
  constructor(arena: Arena, port: number, hostname?: string) {
    this.#arena = arena;
    this.sourceAt = arena.allocate(ENDPOINT_CELL_BYTES);
    this.#socket = open(port, hostname);
    const address = this.#socket.addr as Deno.NetAddr;
    this.local = {
      address: parseIp(address.hostname) ?? new Uint8Array(4),
      port: address.port,
      scope: 0,
    };
    const four = !address.hostname.includes(":");
    this.#mapped = address.hostname === "::";
    this.#families = four ? [4] : this.#mapped ? [4, 16] : [16];
    this.#receiving = this.#receiveAll();
  }

  /** The local port. */
  get port(): number {
    return this.local.port;
  }

  /** Whether the socket can send to an address of this family. */
  reaches(endpoint: Endpoint): boolean {
    return this.#families.includes(endpoint.address.length);
  }

  /** Receives the next datagram, as `UdpPort.receive`. */
  receive(at: number): number {
    const next = this.#queue.shift();
    if (next === undefined) return PORT_DRAINED;
    this.#arena.bytes.set(next.bytes, at);
    writeEndpointCell(this.#arena.bytes, this.sourceAt, next.source, undefined);
    this.segmentSize = next.bytes.length;
    return next.bytes.length;
  }

  /** Names piece `index` of the next send, as `UdpPort.gather`. */
  gather(index: number, at: number, length: number): void {
    this.#at[index] = at;
    this.#length[index] = length;
  }

  /** Sends pieces 0 to count - 1, a datagram each, as `UdpPort.send`. */
  send(count: number, _segmentSize: number, cellAt: number, _ecn: number): SendResult {
    const endpoint = readEndpointCell(this.#arena.bytes, cellAt);
    if (endpoint === undefined) return SEND_FAILED;
    let result: SendResult = SEND_OK;
    for (let i = 0; i < count; i++) {
      const bytes = this.#arena.bytes.slice(this.#at[i], this.#at[i] + this.#length[i]);
      if (this.sendDatagram(bytes, endpoint) !== SEND_OK) result = SEND_FAILED;
    }
    return result;
  }

  /** Sends one datagram, for handshake messages. Errors of the network are not reported. */
  sendDatagram(bytes: Uint8Array, endpoint: Endpoint): SendResult {
    if (this.#closed || this.#sending >= PORTABLE_QUEUE_MAX) {
      this.dropped++;
      return SEND_FAILED;
    }
    if (!this.reaches(endpoint)) return SEND_FAILED;
    const isMapped = this.#mapped && endpoint.address.length === 4;
    const hostname = isMapped ? `::ffff:${formatIp(endpoint.address)}` : formatIp(endpoint.address);
    const done = () => {
      if (--this.#sending === 0 && this.#closed) this.#sent();
    };
    this.#sending++;
    this.#socket.send(bytes, { transport: "udp", hostname, port: endpoint.port }).then(done, done);
    return SEND_OK;
  }

  /**
   * Closes the socket and drops waiting datagrams.
   * @returns a promise that resolves when nothing is left of the socket
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#queue.length = 0;
    this.#socket.close();
    await this.#receiving;
    if (this.#sending > 0) await new Promise<void>((resolve) => this.#sent = resolve);
  }

  async #receiveAll(): Promise<void> {
    const buffer = new Uint8Array(65_535);
    while (!this.#closed) {
      try {
        const [bytes, from] = await this.#socket.receive(buffer);
        this.#take(bytes, from as Deno.NetAddr);
      } catch {
        // An ICMP error of an earlier send is reported here, and receiving continues. A closed
        // socket ends the loop.
        if (this.#closed) return;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }

  #take(bytes: Uint8Array, from: Deno.NetAddr): void {
    if (bytes.length === 0) return;
    if (this.#queue.length >= PORTABLE_QUEUE_MAX) {
      this.dropped++;
      return;
    }
    const mapped = from.hostname.startsWith("::ffff:") && from.hostname.includes(".");
    const address = parseIp(mapped ? from.hostname.slice(7) : from.hostname);
    if (address === undefined) return;
    this.#queue.push({ bytes: bytes.slice(), source: { address, port: from.port, scope: 0 } });
    this.wake();
  }
}

function open(port: number, hostname: string | undefined): Deno.DatagramConn {
  if (typeof Deno.listenDatagram !== "function") {
    throw new ConfigError(
      "Deno.listenDatagram",
      "not available; run the program with --unstable-net",
    );
  }
  try {
    return Deno.listenDatagram({ transport: "udp", hostname: hostname ?? "::", port });
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (hostname === undefined && (code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL")) {
      return open(port, "0.0.0.0");
    }
    if (code === "") throw error;
    throw osError("bind", `udp port ${port}`, errnoNumber(code));
  }
}
