/**
 * What the receiver must read from the plaintexts of an authenticated but hostile peer.
 * @module
 */

/** The packet that the receiver must read from a plaintext, or undefined. */
export function packetIn(plaintext: Uint8Array): Uint8Array | undefined {
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  const version = plaintext.length === 0 ? 0 : plaintext[0] >>> 4;
  if (version === 4 && plaintext.length >= 20) {
    const length = view.getUint16(2);
    return length >= 20 && length <= plaintext.length ? plaintext.subarray(0, length) : undefined;
  }
  if (version === 6 && plaintext.length >= 40) {
    const length = 40 + view.getUint16(4);
    return length <= plaintext.length ? plaintext.subarray(0, length) : undefined;
  }
  return undefined;
}

/**
 * The bytes to compare, in hexadecimal. With DF the id is meaningless (RFC 6864), and splitting
 * increments it.
 */
export function sameButId(packet: Uint8Array): string {
  const copy = packet.slice();
  if (copy[0] >>> 4 === 4 && (copy[6] & 0x40) !== 0) copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy.toHex();
}
