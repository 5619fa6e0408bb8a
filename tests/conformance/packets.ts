/**
 * IP packets for the scenarios: UDP with different payloads and right checksums.
 * @module
 */

/** 10.9.N.1 and fd00::N:1, the addresses of interface N inside the tunnel. */
export const address4 = (n: number) => new Uint8Array([10, 9, n, 1]);
export const address6 = (n: number) =>
  new Uint8Array([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n, 0, 1]);

/**
 * A UDP packet from one inner address to another (both of one family) with `length` payload bytes
 * that begin with `mark`.
 */
export function udpPacket(
  source: Uint8Array,
  destination: Uint8Array,
  mark: number,
  length: number,
): Uint8Array {
  const four = source.length === 4;
  const head = four ? 20 : 40;
  const packet = new Uint8Array(head + 8 + length);
  const view = new DataView(packet.buffer);
  if (four) {
    packet[0] = 0x45;
    view.setUint16(2, packet.length);
    packet[8] = 64;
    packet[9] = 17;
    packet.set(source, 12);
    packet.set(destination, 16);
    view.setUint16(10, checksum(packet.subarray(0, 20), 0));
  } else {
    packet[0] = 0x60;
    view.setUint16(4, 8 + length);
    packet[6] = 17;
    packet[7] = 64;
    packet.set(source, 8);
    packet.set(destination, 24);
  }
  view.setUint16(head, 4000);
  view.setUint16(head + 2, 5000);
  view.setUint16(head + 4, 8 + length);
  for (let i = 0; i < length; i++) packet[head + 8 + i] = (mark * 31 + i * 7) & 255;
  if (length >= 4) view.setUint32(head + 8, mark);
  const pseudo = new Uint8Array([
    ...source,
    ...destination,
    0,
    17,
    (8 + length) >> 8,
    (8 + length) & 255,
  ]);
  view.setUint16(head + 6, checksum(packet.subarray(head), sum(pseudo)) || 0xffff);
  return packet;
}

/** The mark of a packet that `udpPacket` made with at least 4 payload bytes. */
export function markOf(packet: Uint8Array): number {
  const head = packet[0] >> 4 === 4 ? 20 : 40;
  return new DataView(packet.buffer, packet.byteOffset).getUint32(head + 8);
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i] << 8 | (bytes[i + 1] ?? 0);
  return total;
}

function checksum(bytes: Uint8Array, start: number): number {
  let total = start + sum(bytes);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}
