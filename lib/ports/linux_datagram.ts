/**
 * Single datagrams from the control isolate, on the descriptors that the data plane's Worker reads: handshakes and cookie replies.
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

/** Longest datagram. */
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
 * Sends one datagram. Never blocks and never throws on what the network does.
 * @param fd4 @param fd6 the sockets, or -1
 * @param bytes at most 65507
 * @param local the source address to use, when known; SEND_SOURCE_LOST says it no longer works (and the datagram went without it)
 * @param tos the whole TOS / traffic class byte: HANDSHAKE_TOS for handshake messages
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
