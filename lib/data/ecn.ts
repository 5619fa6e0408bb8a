/**
 * Explicit congestion notification in tunnels (RFC 6040). Outbound, the inner bits are copied to
 * the outer header. Inbound, the new inner bits are made from both.
 * @module
 */
import { fold16 } from "../wire/checksum.ts";
import * as Ip from "../wire/ip.ts";

const DROP = -1;
/** RFC 6040 figure 4: a row for the inner bits, a column for the outer bits. */
const DECAPSULATED: readonly (readonly number[])[] = [
  [Ip.ECN_NOT_ECT, Ip.ECN_NOT_ECT, Ip.ECN_NOT_ECT, DROP],
  [Ip.ECN_ECT1, Ip.ECN_ECT1, Ip.ECN_ECT1, Ip.ECN_CE],
  [Ip.ECN_ECT0, Ip.ECN_ECT1, Ip.ECN_ECT0, Ip.ECN_CE],
  [Ip.ECN_CE, Ip.ECN_CE, Ip.ECN_CE, Ip.ECN_CE],
];

/** The ECN bits, 0 to 3, of the IP packet at `at`. */
export function ecnOf(bytes: Uint8Array, at: number): number {
  return bytes[at] >>> 4 === 4 ? bytes[at + Ip.IPV4_TOS] & 3 : bytes[at + 1] >>> 4 & 3;
}

/**
 * Sets the ECN bits of the IP packet at `at` from its own bits and those of the outer header (0 to
 * 3), and updates an IPv4 checksum (RFC 1624).
 * @returns false when the packet must be dropped: the outer bits are CE, and the inner ones Not-ECT
 */
export function carryEcn(bytes: Uint8Array, view: DataView, at: number, outer: number): boolean {
  const v4 = bytes[at] >>> 4 === 4;
  const inner = ecnOf(bytes, at);
  const ecn = DECAPSULATED[inner][outer];
  if (ecn === DROP) return false;
  if (ecn === inner) return true;
  if (!v4) {
    bytes[at + 1] = bytes[at + 1] & ~0x30 | ecn << 4;
    return true;
  }
  bytes[at + Ip.IPV4_TOS] = bytes[at + Ip.IPV4_TOS] & ~3 | ecn;
  const sum = (~view.getUint16(at + Ip.IPV4_CHECKSUM) & 0xffff) + (~inner & 0xffff) + ecn;
  view.setUint16(at + Ip.IPV4_CHECKSUM, ~fold16(sum));
  return true;
}
