/**
 * The packets of a capture, made of its records. An outer datagram gets the IP and UDP headers that
 * it had, as far as the program knows them: the TTL is 64, and the identification is 0.
 * @module
 */
import type { PublicKey } from "../../base/brands.ts";
import {
  HANDSHAKE_SECRETS_BYTES,
  RECORD,
  RECORD_CAPTURED,
  RECORD_DIRECTION,
  RECORD_HEAD_BYTES,
  RECORD_KIND,
  RECORD_ORIGINAL,
  RECORD_PEER,
  RECORD_PORT,
  RECORD_TIME,
  RECORD_TOS,
  recordBytes,
  SENT,
} from "../../base/capture_record.ts";
import { KEY_LENGTH } from "../../base/constants.ts";
import { ENDPOINT_CELL_BYTES, readEndpointCell, readLocalCell } from "../../base/endpoint.ts";
import type { NamedPeer } from "../../base/peer_name.ts";
import * as Ip from "../../wire/ip.ts";

const TTL = 64;

/** A packet of a capture. */
export interface CapturedPacket {
  readonly layer: "inner" | "outer";
  readonly sent: boolean;
  /** Milliseconds since 1970, with fractions. */
  readonly unixMs: number;
  /** The peer; undefined when it is not known. */
  readonly peer: NamedPeer | undefined;
  /** The recorded bytes, from the IP header on. They are valid until the next record is read. */
  readonly bytes: Uint8Array;
  /** Bytes of the whole packet. */
  readonly original: number;
}

/**
 * The secrets of a handshake, 32 bytes each. All but the private key are zeros in the first ones.
 */
export interface CapturedSecrets {
  readonly privateKey: Uint8Array;
  readonly peerPublicKey: Uint8Array;
  readonly ephemeralPrivate: Uint8Array;
  readonly presharedKey: Uint8Array;
}

/** What a record tells. */
export type Captured =
  | { readonly type: "packet"; readonly packet: CapturedPacket }
  /** The number of packets so far that were dropped. */
  | { readonly type: "dropped"; readonly count: number }
  | { readonly type: "secrets"; readonly secrets: CapturedSecrets };

/** Reads the records of one capture, in order. */
export class RecordReader {
  readonly #peers = new Map<number, NamedPeer>();
  readonly #packet = new Uint8Array(Ip.IPV6_HEADER_BYTES + Ip.UDP_HEADER_BYTES + 65_535);

  /** What a record tells; undefined for one that tells nothing by itself. */
  read(record: Uint8Array): Captured | undefined {
    if (record.length < RECORD_HEAD_BYTES) return undefined;
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    const kind = record[RECORD_KIND];
    const captured = view.getUint32(RECORD_CAPTURED, true);
    if (recordBytes(kind, captured) !== record.length) return undefined;
    const slot = view.getInt32(RECORD_PEER, true);
    const original = view.getUint32(RECORD_ORIGINAL, true);
    const data = record.subarray(RECORD_HEAD_BYTES);
    switch (kind) {
      case RECORD.inner:
      case RECORD.outer: {
        const isInner = kind === RECORD.inner;
        const bytes = isInner ? data.subarray(0, captured) : this.#outer(record, view, captured);
        const packet: CapturedPacket = {
          layer: isInner ? "inner" : "outer",
          sent: record[RECORD_DIRECTION] === SENT,
          unixMs: view.getFloat64(RECORD_TIME, true),
          peer: this.#peers.get(slot),
          bytes,
          original: isInner ? original : original + bytes.length - captured,
        };
        return { type: "packet", packet };
      }
      case RECORD.peer:
        this.#peers.set(slot, {
          publicKey: data.slice(0, KEY_LENGTH) as PublicKey,
          description: new TextDecoder().decode(data.subarray(KEY_LENGTH, captured)),
        });
        return undefined;
      case RECORD.dropped:
        return { type: "dropped", count: original };
      case RECORD.secrets: {
        if (captured !== HANDSHAKE_SECRETS_BYTES) return undefined;
        const key = (index: number) => data.subarray(index * KEY_LENGTH, (index + 1) * KEY_LENGTH);
        return {
          type: "secrets",
          secrets: {
            privateKey: key(0),
            peerPublicKey: key(1),
            ephemeralPrivate: key(2),
            presharedKey: key(3),
          },
        };
      }
    }
    return undefined;
  }

  /** The datagram of a record with its headers. */
  #outer(record: Uint8Array, view: DataView, captured: number): Uint8Array {
    const cellAt = RECORD_HEAD_BYTES;
    const remote = readEndpointCell(record, cellAt);
    const size = remote?.address.length ?? 4;
    const none = new Uint8Array(size);
    const known = readLocalCell(record, cellAt)?.address;
    const local = known?.length === size ? known : none;
    const port = view.getUint32(RECORD_PORT, true);
    const here = { address: local, port };
    const there = { address: remote?.address ?? none, port: remote?.port ?? 0 };
    const [from, to] = record[RECORD_DIRECTION] === SENT ? [here, there] : [there, here];
    const original = view.getUint32(RECORD_ORIGINAL, true);
    const start = cellAt + ENDPOINT_CELL_BYTES;
    const headers = (size === 4 ? Ip.IPV4_HEADER_BYTES : Ip.IPV6_HEADER_BYTES) +
      Ip.UDP_HEADER_BYTES;
    const packet = this.#packet.subarray(0, headers + captured);
    packet.set(record.subarray(start, start + captured), headers);
    writeHeaders(packet, record[RECORD_TOS], from, to, original);
    return packet;
  }
}

interface Side {
  readonly address: Uint8Array;
  readonly port: number;
}

/**
 * Writes IP and UDP headers before a datagram of `original` bytes. The UDP checksum is 0, for none,
 * when not all of the datagram is there.
 */
function writeHeaders(
  packet: Uint8Array,
  tos: number,
  from: Side,
  to: Side,
  original: number,
): void {
  const isV4 = from.address.length === 4;
  const udp = isV4 ? Ip.IPV4_HEADER_BYTES : Ip.IPV6_HEADER_BYTES;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const udpBytes = Ip.UDP_HEADER_BYTES + original;
  packet.fill(0, 0, udp + Ip.UDP_HEADER_BYTES);
  if (isV4) {
    packet[0] = 0x45;
    packet[Ip.IPV4_TOS] = tos;
    view.setUint16(Ip.IPV4_LENGTH, udp + udpBytes);
    packet[Ip.IPV4_TTL] = TTL;
    packet[Ip.IPV4_PROTOCOL] = Ip.PROTOCOL_UDP;
    packet.set(from.address, Ip.IPV4_SOURCE);
    packet.set(to.address, Ip.IPV4_DESTINATION);
    view.setUint16(Ip.IPV4_CHECKSUM, checksum(packet.subarray(0, udp), 0));
  } else {
    view.setUint16(0, 0x6000 | tos << 4);
    view.setUint16(Ip.IPV6_LENGTH, udpBytes);
    packet[Ip.IPV6_NEXT] = Ip.PROTOCOL_UDP;
    packet[Ip.IPV6_HOP_LIMIT] = TTL;
    packet.set(from.address, Ip.IPV6_SOURCE);
    packet.set(to.address, Ip.IPV6_DESTINATION);
  }
  view.setUint16(udp, from.port);
  view.setUint16(udp + 2, to.port);
  view.setUint16(udp + Ip.UDP_LENGTH, udpBytes);
  if (packet.length !== udp + udpBytes) return;
  const addresses = isV4 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE;
  const pseudo = Ip.PROTOCOL_UDP + udpBytes;
  // The addresses are the end of the IP header, so they and the datagram are one piece.
  const sum = checksum(packet.subarray(addresses), pseudo);
  view.setUint16(udp + Ip.UDP_CHECKSUM, sum === 0 ? 0xffff : sum);
}

/** The Internet checksum (RFC 1071) of bytes and an initial sum. */
function checksum(bytes: Uint8Array, initial: number): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i++) sum += (i & 1) === 0 ? bytes[i] << 8 : bytes[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
