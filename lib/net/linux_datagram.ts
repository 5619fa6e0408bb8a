/**
 * Single datagrams from the control isolate, on the descriptors that the data plane's Worker reads: handshakes and cookie replies.
 * @module
 */
import type { Endpoint, LocalAddress } from "../base/endpoint.ts";
import { SEND_FAILED, type SendResult } from "../data/ports.ts";

/**
 * Sends one datagram. Never blocks and never throws on what the network does.
 * @param fd4 @param fd6 the sockets, or -1
 * @param bytes at most 65507
 * @param local the source address to use, when known; SEND_SOURCE_LOST says it no longer works (and the datagram went without it)
 * @param tos the whole TOS / traffic class byte: HANDSHAKE_TOS for handshake messages
 */
export function sendDatagram(
  _fd4: number,
  _fd6: number,
  _bytes: Uint8Array,
  _endpoint: Endpoint,
  _local: LocalAddress | undefined,
  _tos: number,
): SendResult {
  return SEND_FAILED;
}
