/**
 * Sends handshake messages from the control isolate, on the sockets that the data plane's Worker
 * reads.
 * @module
 */
import { Arena } from "../base/arena.ts";
import {
  type Endpoint,
  ENDPOINT_CELL_BYTES,
  type LocalAddress,
  writeEndpointCell,
} from "../base/endpoint.ts";
import { SEND_FAILED, type SendResult } from "../data/ports.ts";
import { LinuxUdpPort } from "./linux_udp_port.ts";

/** Bytes of the longest datagram. */
const BYTES_MAX = 65_507;
const ARENA_BYTES = 2 * 65_536;

interface Sender {
  readonly arena: Arena;
  readonly port: LinuxUdpPort;
  readonly cellAt: number;
  readonly bytesAt: number;
}

let sender: Sender | undefined;

function makeSender(): Sender {
  const arena = new Arena(ARENA_BYTES);
  return {
    arena,
    port: new LinuxUdpPort(arena, -1, -1),
    cellAt: arena.allocate(ENDPOINT_CELL_BYTES),
    bytesAt: arena.allocate(BYTES_MAX),
  };
}

/**
 * Sends one datagram. It neither blocks nor throws.
 * @param fd4 the IPv4 socket, or -1
 * @param fd6 the IPv6 socket, or -1
 * @param bytes the datagram, at most 65507 bytes
 * @param local the source address, when known
 * @param tos the TOS or traffic class byte: HANDSHAKE_TOS for handshake messages
 * @returns SEND_SOURCE_LOST when the datagram could only be sent without `local`
 */
export function sendDatagram(
  fd4: number,
  fd6: number,
  bytes: Uint8Array,
  endpoint: Endpoint,
  local: LocalAddress | undefined,
  tos: number,
): SendResult {
  if (bytes.length > BYTES_MAX) return SEND_FAILED;
  const { arena, port, cellAt, bytesAt } = sender ??= makeSender();
  port.use(fd4, fd6);
  writeEndpointCell(arena.bytes, cellAt, endpoint, local);
  arena.bytes.set(bytes, bytesAt);
  port.gather(0, bytesAt, bytes.length);
  return port.send(1, bytes.length, cellAt, tos);
}

/** The errno of the last `sendDatagram` that failed. */
export const sendFailure = (): number => sender?.port.failure ?? 0;
