/**
 * Inner packets for the data plane's tests: builders, and the plain twin of splitting and merging,
 * which knows nothing of arenas.
 * @module
 */

/** The parts one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The Internet checksum (RFC 1071) as the RFC writes it: big-endian words. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += part[i] << 8 | (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const put16 = (bytes: Uint8Array, at: number, value: number) => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
};
const get16 = (bytes: Uint8Array, at: number) => bytes[at] << 8 | bytes[at + 1];

/** What a packet is made of. */
export interface PacketSpec {
  readonly v6: boolean;
  readonly udp: boolean;
  /** Last byte of the addresses (10.0.0.N, fd00::N). */
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
  readonly id?: number;
  readonly flags?: number;
  readonly tos?: number;
  readonly ttl?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly tcpFlags?: number;
  readonly window?: number;
  /** A multiple of 4 bytes. */
  readonly tcpOptions?: Uint8Array;
  /** A multiple of 4 bytes. */
  readonly ipOptions?: Uint8Array;
  /** A destination options header of 8 bytes between IPv6 and the transport. */
  readonly extension?: boolean;
}

const pseudoHeader = (packet: Uint8Array, protocol: number, length: number): Uint8Array => {
  const addresses = packet[0] >>> 4 === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  return Uint8Array.of(...addresses, 0, 0, length >>> 8, length & 255, 0, 0, 0, protocol);
};

/** Where the transport header of a packet made here begins, and which it is. */
export function transportOf(packet: Uint8Array): { start: number; protocol: number } {
  if (packet[0] >>> 4 === 4) return { start: (packet[0] & 15) * 4, protocol: packet[9] };
  return packet[6] === 60
    ? { start: 48, protocol: packet[40] }
    : { start: 40, protocol: packet[6] };
}

/** Sets the length fields and checksums of a packet anew. */
export function finish(packet: Uint8Array): Uint8Array {
  const { start, protocol } = transportOf(packet);
  if (packet[0] >>> 4 === 4) {
    put16(packet, 2, packet.length);
    put16(packet, 10, 0);
    put16(packet, 10, internetChecksum(packet.subarray(0, start)));
  } else put16(packet, 4, packet.length - 40);
  const transport = packet.subarray(start);
  if (protocol === 17) put16(transport, 4, transport.length);
  const sumAt = protocol === 17 ? 6 : 16;
  put16(transport, sumAt, 0);
  const sum = internetChecksum(pseudoHeader(packet, protocol, transport.length), transport);
  put16(transport, sumAt, protocol === 17 && sum === 0 ? 0xffff : sum);
  return packet;
}

/** A finished packet. */
export function makePacket(spec: PacketSpec): Uint8Array {
  const { v6, udp, payload, ipOptions = new Uint8Array(), tcpOptions = new Uint8Array() } = spec;
  const protocol = udp ? 17 : 6;
  const ports = [
    spec.sourcePort >>> 8,
    spec.sourcePort,
    spec.destinationPort >>> 8,
    spec.destinationPort,
  ];
  const u32 = (value: number) => [value >>> 24, value >>> 16, value >>> 8, value];
  const transport = udp ? [...ports, 0, 0, 0, 0] : [
    ...ports,
    ...u32(spec.sequence ?? 1),
    ...u32(spec.acknowledgement ?? 7),
    (5 + tcpOptions.length / 4) << 4,
    spec.tcpFlags ?? 0x10,
    (spec.window ?? 500) >>> 8,
    spec.window ?? 500,
    0,
    0,
    0,
    0,
    ...tcpOptions,
  ];
  const id = spec.id ?? 0;
  const tos = spec.tos ?? 0;
  const ip = v6
    ? [
      0x60 | tos >>> 4,
      tos << 4,
      0,
      0,
      0,
      0,
      spec.extension ? 60 : protocol,
      spec.ttl ?? 64,
      ...[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, spec.source],
      ...[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, spec.destination],
      ...(spec.extension ? [protocol, 0, 1, 4, 0, 0, 0, 0] : []),
    ]
    : [
      0x40 | 5 + ipOptions.length / 4,
      tos,
      0,
      0,
      id >>> 8,
      id,
      spec.flags ?? 0x40,
      0,
      spec.ttl ?? 64,
      protocol,
      0,
      0,
      10,
      0,
      0,
      spec.source,
      10,
      0,
      0,
      spec.destination,
      ...ipOptions,
    ];
  const packet = new Uint8Array(ip.length + transport.length + payload.length);
  packet.set(ip);
  packet.set(transport, ip.length);
  packet.set(payload, ip.length + transport.length);
  return finish(packet);
}

/** A packet as it goes through a TUN device: the virtio_net_hdr's fields, and the bytes. */
export interface TunFrame {
  readonly needsChecksum: boolean;
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly checksumStart: number;
  readonly checksumOffset: number;
  readonly packet: Uint8Array;
}

/** A frame without offloads. */
export const plainFrame = (packet: Uint8Array): TunFrame => ({
  needsChecksum: false,
  gsoType: 0,
  gsoSize: 0,
  checksumStart: 0,
  checksumOffset: 0,
  packet,
});

/**
 * Leaves a finished packet's transport checksum to whoever gets it, as the kernel does with
 * TUN_F_CSUM; `gsoSize` 0 makes no super-packet of it.
 */
export function offload(packet: Uint8Array, gsoSize: number, cwr = false): TunFrame {
  const { start, protocol } = transportOf(packet);
  const checksumOffset = protocol === 17 ? 6 : 16;
  const transport = packet.slice();
  put16(transport, start + checksumOffset, pseudoSum(packet));
  const tcpType = packet[0] >>> 4 === 4 ? 1 : 4;
  const gsoType = gsoSize === 0 ? 0 : protocol === 17 ? 5 : tcpType | (cwr ? 0x80 : 0);
  return {
    needsChecksum: true,
    gsoType,
    gsoSize,
    checksumStart: start,
    checksumOffset,
    packet: transport,
  };
}

/** The frame's bytes with its header of 10 bytes. */
export function frameBytes(frame: TunFrame): Uint8Array {
  const bytes = new Uint8Array(10 + frame.packet.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = frame.needsChecksum ? 1 : 0;
  bytes[1] = frame.gsoType;
  view.setUint16(4, frame.gsoSize, true);
  view.setUint16(6, frame.checksumStart, true);
  view.setUint16(8, frame.checksumOffset, true);
  bytes.set(frame.packet, 10);
  return bytes;
}

/** The frame in written bytes. */
export function parseFrame(bytes: Uint8Array): TunFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    needsChecksum: (bytes[0] & 1) !== 0,
    gsoType: bytes[1],
    gsoSize: view.getUint16(4, true),
    checksumStart: view.getUint16(6, true),
    checksumOffset: view.getUint16(8, true),
    packet: bytes.slice(10),
  };
}

/**
 * The checksum of a packet's pseudo-header, not inverted, which the kernel expects in the place of
 * the transport checksum that it is to complete.
 */
function pseudoSum(packet: Uint8Array): number {
  const { start, protocol } = transportOf(packet);
  return ~internetChecksum(pseudoHeader(packet, protocol, packet.length - start)) & 0xffff;
}

/**
 * The super-packet with the sum of its pseudo-header where its transport checksum goes. For twins
 * of the outbound way, which computes the sums of all segments itself, whatever is in this place.
 */
export function withPseudoSum(frame: TunFrame): TunFrame {
  const { start, protocol } = transportOf(frame.packet);
  const checksumOffset = protocol === 17 ? 6 : 16;
  const packet = frame.packet.slice();
  put16(packet, start + checksumOffset, pseudoSum(packet));
  return { ...frame, checksumOffset, packet };
}

/**
 * The plain twin: the packets that a frame stands for, as they would be on a wire without offloads.
 * @throws Error if a super-packet has not the checksum of its pseudo-header
 */
export function packetsOf(frame: TunFrame): Uint8Array[] {
  if (frame.gsoType === 0) {
    const packet = frame.packet.slice();
    if (!frame.needsChecksum) return [packet];
    const transport = packet.subarray(frame.checksumStart);
    const sum = internetChecksum(transport);
    put16(transport, frame.checksumOffset, sum === 0 && frame.checksumOffset === 6 ? 0xffff : sum);
    return [packet];
  }
  const { packet, checksumStart: start, gsoSize } = frame;
  const v4 = packet[0] >>> 4 === 4;
  const udp = frame.gsoType === 5;
  const sum = get16(packet, start + frame.checksumOffset);
  if (sum !== pseudoSum(packet)) {
    throw new Error(`a super-packet with ${sum} for the sum of its pseudo-header`);
  }
  const headers = start + (udp ? 8 : (packet[start + 12] >>> 4) * 4);
  const payload = packet.subarray(headers);
  const count = Math.max(1, Math.ceil(payload.length / gsoSize));
  return Array.from({ length: count }, (_, i) => {
    const part = payload.subarray(i * gsoSize, (i + 1) * gsoSize);
    const segment = concat(packet.subarray(0, headers), part);
    if (v4) put16(segment, 4, get16(packet, 4) + i & 0xffff);
    if (!udp) {
      const view = new DataView(segment.buffer);
      view.setUint32(start + 4, view.getUint32(start + 4) + i * gsoSize >>> 0);
      if (i < count - 1) segment[start + 13] &= ~0x09;
      if (i > 0) segment[start + 13] &= ~0x80;
    }
    return finish(segment);
  });
}

/**
 * What keeps packets in order: addresses, protocol and ports (a fragment's too: those here all have
 * them).
 */
export function flowOf(packet: Uint8Array): string {
  const { start, protocol } = transportOf(packet);
  const addresses = packet[0] >>> 4 === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  return `${protocol} ${addresses.toHex()} ${packet.subarray(start, start + 4).toHex()}`;
}
