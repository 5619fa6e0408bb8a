/**
 * The line and the object of a captured packet.
 * @module
 */
import {
  DATA_LENGTH_MIN,
  DATA_OVERHEAD,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_DATA,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
} from "../../base/constants.ts";
import { formatIp } from "../../base/ip_text.ts";
import { peerName } from "../../base/peer_name.ts";
import { withoutControls } from "../../base/quote.ts";
import * as Ip from "../../wire/ip.ts";
import { DATA, messageKind } from "../../wire/messages.ts";
import type { CapturedPacket } from "./packet.ts";

const TCP_FLAG_LETTERS = [
  [0x02, "S"],
  [0x01, "F"],
  [0x04, "R"],
  [0x08, "P"],
  [0x20, "U"],
  [0x40, "E"],
  [0x80, "W"],
  [0x10, "."],
] as const;

const ICMP_NAMES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "unreachable",
  8: "echo request",
  11: "time exceeded",
};
const ICMPV6_NAMES: Readonly<Record<number, string>> = {
  1: "unreachable",
  2: "packet too big",
  3: "time exceeded",
  128: "echo request",
  129: "echo reply",
  133: "router solicitation",
  134: "router advertisement",
  135: "neighbor solicitation",
  136: "neighbor advertisement",
};

/** A packet in words. */
interface Described {
  readonly family: "IP" | "IP6";
  readonly source: string;
  readonly destination: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly protocol: string;
  /** What the packet is, with its length. */
  readonly what: string;
}

/**
 * The line of a packet, in the manner of tcpdump(8).
 * @param time the time of the packet as text
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { packetLine } from "./text.ts";
 *
 * const bytes = new Uint8Array(20);
 * bytes.set([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 47, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
 * const packet = { sent: true, unixMs: 0, peer: undefined, bytes, original: 20 };
 * const line = packetLine({ layer: "inner", ...packet }, "12:00:00.000000");
 * assert.equal(line, "12:00:00.000000 out - IP 10.0.0.1 > 10.0.0.2: protocol 47, length 0");
 * ```
 */
export function packetLine(packet: CapturedPacket, time: string): string {
  const way = packet.sent ? "out" : "in";
  const peer = packet.peer === undefined ? "-" : withoutControls(peerName(packet.peer));
  const described = describe(packet);
  if (described === undefined) {
    return `${time} ${way} ${peer} cut off before its end, length ${packet.original}`;
  }
  const { family, source, sourcePort, destination, destinationPort, what } = described;
  const dot = (port: number | undefined) => port === undefined ? "" : `.${port}`;
  const ends = `${source}${dot(sourcePort)} > ${destination}${dot(destinationPort)}`;
  return `${time} ${way} ${peer} ${family} ${ends}: ${what}`;
}

/** The object of a packet, for `--json`. */
export function packetObject(packet: CapturedPacket): Readonly<Record<string, unknown>> {
  const { family: _, ...described } = describe(packet) ?? { family: undefined };
  return {
    time: packet.unixMs / 1000,
    layer: packet.layer,
    direction: packet.sent ? "out" : "in",
    peer: packet.peer === undefined ? null : {
      publicKey: packet.peer.publicKey.toBase64(),
      name: packet.peer.description,
    },
    ...described,
    length: packet.original,
  };
}

function describe({ bytes, layer, original }: CapturedPacket): Described | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isV4 = bytes[0] >>> 4 === 4;
  const head = isV4 ? (bytes[0] & 15) * 4 : Ip.IPV6_HEADER_BYTES;
  if (bytes.length < head || head < Ip.IPV4_HEADER_BYTES) return undefined;
  const size = isV4 ? 4 : 16;
  const from = isV4 ? Ip.IPV4_SOURCE : Ip.IPV6_SOURCE;
  const ends = {
    family: isV4 ? "IP" : "IP6",
    source: formatIp(bytes, from, size),
    destination: formatIp(bytes, from + size, size),
  } as const;
  const number = bytes[isV4 ? Ip.IPV4_PROTOCOL : Ip.IPV6_NEXT];
  const isLaterFragment = isV4 && (view.getUint16(Ip.IPV4_FLAGS) & 0x1fff) !== 0;
  const length = original - head;
  if (isLaterFragment) return { ...ends, protocol: "fragment", what: `fragment, length ${length}` };
  const room = bytes.length - head;
  const ports = () => ({
    sourcePort: view.getUint16(head),
    destinationPort: view.getUint16(head + 2),
  });
  if (number === Ip.PROTOCOL_TCP && room >= Ip.TCP_HEADER_BYTES) {
    const options = (bytes[head + Ip.TCP_OFFSET] >>> 4) * 4;
    const flags = bytes[head + Ip.TCP_FLAGS];
    const letters = TCP_FLAG_LETTERS.filter(([bit]) => (flags & bit) !== 0).map(([, one]) => one);
    const what = `TCP [${letters.join("")}], length ${length - options}`;
    return { ...ends, ...ports(), protocol: "tcp", what };
  }
  if (number === Ip.PROTOCOL_UDP && room >= Ip.UDP_HEADER_BYTES) {
    const at = head + Ip.UDP_HEADER_BYTES;
    const bytesOfData = length - Ip.UDP_HEADER_BYTES;
    const name = layer === "outer" ? `WireGuard ${message(bytes, at, bytesOfData, view)}` : "UDP";
    const protocol = layer === "outer" ? "wireguard" : "udp";
    return { ...ends, ...ports(), protocol, what: `${name}, length ${bytesOfData}` };
  }
  const isIcmp = number === Ip.PROTOCOL_ICMP || number === Ip.PROTOCOL_ICMPV6;
  if (isIcmp && room >= Ip.ICMP_HEADER_BYTES) {
    const name = number === Ip.PROTOCOL_ICMP ? "ICMP" : "ICMP6";
    const kind = (number === Ip.PROTOCOL_ICMP ? ICMP_NAMES : ICMPV6_NAMES)[bytes[head]] ??
      `type ${bytes[head]}`;
    const isEcho = kind.startsWith("echo");
    const echo = isEcho ? `, id ${view.getUint16(head + 4)}, seq ${view.getUint16(head + 6)}` : "";
    const protocol = name === "ICMP" ? "icmp" : "icmp6";
    return { ...ends, protocol, what: `${name} ${kind}${echo}, length ${length}` };
  }
  return { ...ends, protocol: `${number}`, what: `protocol ${number}, length ${length}` };
}

/** The message in a datagram, of which the first bytes may be all that is recorded. */
function message(bytes: Uint8Array, at: number, length: number, view: DataView): string {
  if (bytes.length - at < DATA.packet) return "datagram";
  switch (messageKind(bytes, at, length)) {
    case MESSAGE_INITIATION:
      return "handshake initiation";
    case MESSAGE_RESPONSE:
      return "handshake response";
    case MESSAGE_COOKIE_REPLY:
      return "cookie reply";
    case MESSAGE_DATA: {
      const counter = view.getBigUint64(at + DATA.counter, true);
      if (length === DATA_LENGTH_MIN) return `keepalive, counter ${counter}`;
      return `data of ${length - DATA_OVERHEAD} bytes, counter ${counter}`;
    }
    default:
      return "unknown datagram";
  }
}
