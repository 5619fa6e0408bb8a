/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng): a section with the interface of the tunnel's
 * packets, the interface of outer datagrams, packets, decryption secrets, and statistics. Numbers
 * are little-endian, times are microseconds since 1970.
 * @module
 */
import { concatBytes } from "npm:@noble/hashes@2.4.0/utils.js";
import { peerName } from "../../base/peer_name.ts";
import { withoutControls } from "../../base/quote.ts";
import type { CapturedPacket, CapturedSecrets } from "./packet.ts";

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;
const DECRYPTION_SECRETS = 10;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Packets begin with an IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;
/** Lines of a WireGuard key log. */
const SECRETS_WIREGUARD = 0x57474b4c;

const OPTION_COMMENT = 1;
const OPTION_IF_NAME = 2;
const OPTION_IF_DESCRIPTION = 3;
const OPTION_USER_APPLICATION = 4;
const OPTION_PACKET_FLAGS = 2;
const OPTION_STATISTICS_DROPPED = 5;
const FLAG_INBOUND = 1;
const FLAG_OUTBOUND = 2;

/** The numbers of the interfaces in the file. */
const INTERFACE_OF = { inner: 0, outer: 1 } as const;

const encoder = new TextEncoder();

/** The blocks at the start of a file: the section and its two interfaces. */
export function pcapngHead(name: string, snap: number, program: string): Uint8Array {
  const section = new Uint8Array(16);
  const view = new DataView(section.buffer);
  view.setUint32(0, BYTE_ORDER_MAGIC, true);
  view.setUint16(4, 1, true);
  // The length of the section is not known.
  view.setBigInt64(8, -1n, true);
  const interfaceBlock = (label: string, description: string) => {
    const head = new Uint8Array(8);
    const fields = new DataView(head.buffer);
    fields.setUint16(0, LINKTYPE_RAW, true);
    // The outer headers are added to the recorded bytes.
    fields.setUint32(4, snap === 65_535 ? 0 : snap + 48, true);
    return block(INTERFACE_DESCRIPTION, [
      head,
      option(OPTION_IF_NAME, encoder.encode(label)),
      option(OPTION_IF_DESCRIPTION, encoder.encode(description)),
      END_OF_OPTIONS,
    ]);
  };
  return concatBytes(
    block(SECTION_HEADER, [
      section,
      option(OPTION_USER_APPLICATION, encoder.encode(program)),
      END_OF_OPTIONS,
    ]),
    interfaceBlock(name, "packets of the tunnel, decrypted"),
    interfaceBlock(`${name} outer`, "outer datagrams; their IP and UDP headers are reconstructed"),
  );
}

/** The block of a packet. Its comment is the name of the peer. */
export function pcapngPacket(packet: CapturedPacket): Uint8Array {
  const head = new Uint8Array(20);
  const view = new DataView(head.buffer);
  const microseconds = Math.round(packet.unixMs * 1000);
  view.setUint32(0, INTERFACE_OF[packet.layer], true);
  view.setUint32(4, Math.floor(microseconds / 2 ** 32), true);
  view.setUint32(8, microseconds % 2 ** 32, true);
  view.setUint32(12, packet.bytes.length, true);
  view.setUint32(16, packet.original, true);
  const flags = new Uint8Array(4);
  flags[0] = packet.sent ? FLAG_OUTBOUND : FLAG_INBOUND;
  const parts = [head, padded(packet.bytes)];
  if (packet.peer !== undefined) {
    const text = encoder.encode(withoutControls(peerName(packet.peer)));
    parts.push(option(OPTION_COMMENT, text));
  }
  parts.push(option(OPTION_PACKET_FLAGS, flags), END_OF_OPTIONS);
  return block(ENHANCED_PACKET, parts);
}

/** The block with the secrets of a handshake, which must be before its messages. Erase it. */
export function pcapngSecrets(secrets: CapturedSecrets): Uint8Array {
  const { privateKey, peerPublicKey, ephemeralPrivate, presharedKey } = secrets;
  const lines = [
    ["LOCAL_STATIC_PRIVATE_KEY", privateKey],
    ["REMOTE_STATIC_PUBLIC_KEY", peerPublicKey],
    ["LOCAL_EPHEMERAL_PRIVATE_KEY", ephemeralPrivate],
    ["PRESHARED_KEY", presharedKey],
  ] as const;
  const text = encoder.encode(
    lines.filter(([, key]) => key.some((byte) => byte !== 0))
      .map(([name, key]) => `${name} = ${key.toBase64()}\n`).join(""),
  );
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint32(0, SECRETS_WIREGUARD, true);
  view.setUint32(4, text.length, true);
  return block(DECRYPTION_SECRETS, [head, padded(text)]);
}

/** The blocks at the end of a file. @param dropped packets that were not recorded */
export function pcapngEnd(unixMs: number, dropped: number): Uint8Array {
  const microseconds = Math.round(unixMs * 1000);
  return concatBytes(
    ...Object.values(INTERFACE_OF).map((number) => {
      const head = new Uint8Array(12);
      const view = new DataView(head.buffer);
      view.setUint32(0, number, true);
      view.setUint32(4, Math.floor(microseconds / 2 ** 32), true);
      view.setUint32(8, microseconds % 2 ** 32, true);
      // The program counts what is dropped of both interfaces together.
      const count = new Uint8Array(8);
      new DataView(count.buffer).setBigUint64(0, BigInt(number === 0 ? dropped : 0), true);
      return block(INTERFACE_STATISTICS, [
        head,
        option(OPTION_STATISTICS_DROPPED, count),
        END_OF_OPTIONS,
      ]);
    }),
  );
}

const END_OF_OPTIONS = new Uint8Array(4);

function option(code: number, value: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  const view = new DataView(head.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  return concatBytes(head, padded(value));
}

function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = 12 + parts.reduce((sum, part) => sum + part.length, 0);
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  return concatBytes(head, ...parts, head.subarray(4));
}

/** The bytes with zeros up to a multiple of 4. */
function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const whole = new Uint8Array(bytes.length + 3 & ~3);
  whole.set(bytes);
  return whole;
}
